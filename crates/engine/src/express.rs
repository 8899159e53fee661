//! Express executions: the same language without the commit.
//!
//! A synchronous one is decided where its caller waits, without a hop to any other thread, for as
//! long as it needs nothing but itself. Once it waits for a task or for a moment, a shard carries it
//! on, like any other execution but for the journal: nothing of it is written, and what it lets out
//! waits for nobody. Nothing is run again: when the server dies, the caller hears of no end.
//!
//! An asynchronous one has a durable record of its start before its caller is told of it. It is run
//! again from the start after a crash, [`RESTARTS_MAX`] times at most, each time counted durably
//! before it is run. That it ended is noted without haste, together with whatever is written next.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use stepwell_asl::{EventKind, Execution, Input, Origin, Recorder};
use stepwell_model::{EntityId, ExecutionStatus, Failure, MachineType, Timestamp};
use stepwell_model::{Partition, error_names};
use stepwell_value::Payload;
use tokio::sync::oneshot;

use crate::catalogue::Resolved;
use crate::catalogue::{Revision, qualified_arn};
use crate::commons::Commons;
use crate::engine::Engine;
use crate::messages::{Counts, ExpressEar, Message, Reply, StartEar};
use crate::metrics::{Ended, News};
use crate::recent::Kept;
use crate::requests::{EngineError, ExecutionStarted, ExpressEnded, ExpressKey, MachineKey, StartExpress};
use crate::shard::Surroundings;

/// How often an asynchronous execution is run again after the server died, before it counts as what
/// kills the server. Source: the project's reliability notes, the row on Express.
pub(crate) const RESTARTS_MAX: usize = 3;

/// How often an execution that needs only itself goes on where its caller waits. One that is longer,
/// perhaps endless, is carried on by a shard, which has timers and forgets what it has recorded.
const ROUNDS_HERE: u32 = 8;

/// Room for the events of a short execution from the start.
const EVENTS: usize = 32;

/// The memory that AWS bills in steps of, in megabytes.
const BILLED_MEMORY_STEP_MB: u64 = 64;

/// What AWS counts for an execution before its definition and data, in bytes. Source: the pricing
/// examples, where the smallest execution takes about 50 MB.
const BASE_MEMORY_BYTES: u64 = 50_000_000;

/// An execution that is about to begin.
#[derive(Debug)]
pub struct ExpressStart {
    /// What it runs.
    pub(crate) revision: Arc<Revision>,
    /// The version that it was started as.
    pub(crate) version: Option<u64>,
    /// The alias that it was started through.
    pub(crate) alias: Option<Arc<str>>,
    /// What it is for good.
    pub(crate) origin: Arc<Origin>,
    /// Which one.
    pub(crate) key: ExpressKey,
    /// Its input.
    pub(crate) input: Payload,
    /// The partition that it is to live in.
    pub(crate) partition: Partition,
}

/// An execution that began where its caller waits, and now waits itself.
#[derive(Debug)]
pub struct ExpressUnderWay {
    pub(crate) revision: Arc<Revision>,
    pub(crate) key: ExpressKey,
    pub(crate) execution: Execution,
    pub(crate) recorder: Recorder,
    pub(crate) partition: Partition,
    pub(crate) ear: ExpressEar,
}

impl Engine {
    /// Runs an Express execution and waits for its end. Nothing of it is kept, and it is never run
    /// again.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`], [`EngineError::MachineDeleting`],
    /// [`EngineError::WrongMachineType`] if the machine is a Standard one,
    /// [`EngineError::PayloadTooLarge`], [`EngineError::Busy`], [`EngineError::Stopped`],
    /// [`EngineError::Damaged`] if its definition can no longer be read.
    pub async fn start_sync(&self, request: StartExpress) -> Result<ExpressEnded, EngineError> {
        let commons = self.commons();
        if commons.stopped().is_some() {
            return Err(commons.stopped_error());
        }
        let mut here = commons.begin_sync(request)?;
        loop {
            match here.go_on(commons, self.now())? {
                ExpressRound::Ended(ended) => return Ok(*ended),
                // Others on this thread get their turn.
                ExpressRound::GoesOn => yield_once().await,
                ExpressRound::Waits => break,
            }
        }
        let (reply, answer) = oneshot::channel();
        let (shard, message) = here.hand_over(commons, reply);
        self.call(shard, message)?;
        self.hear(answer).await
    }

    /// Starts an Express execution and comes back once its start is durable.
    ///
    /// # Errors
    ///
    /// As [`Engine::start_sync`].
    pub async fn start_express(&self, request: StartExpress) -> Result<(ExpressKey, Timestamp), EngineError> {
        let (reply, answer) = oneshot::channel();
        let (key, (shard, message)) = self.commons().start_express(request, reply)?;
        self.call(shard, message)?;
        let started = self.hear(answer).await?;
        Ok((key, started.started_at))
    }
}

/// A synchronous Express execution that is decided where its caller waits.
pub struct ExpressHere {
    revision: Arc<Revision>,
    key: ExpressKey,
    execution: Execution,
    recorder: Recorder,
    partition: Partition,
    rounds: u32,
    /// What it hears next.
    next: Input,
}

/// What came of a round of an [`ExpressHere`].
pub enum ExpressRound {
    /// It has ended.
    Ended(Box<ExpressEnded>),
    /// It has more to do by itself.
    GoesOn,
    /// A shard is to carry it on.
    Waits,
}

impl ExpressHere {
    /// Decides as far as its fuel takes it.
    ///
    /// # Errors
    ///
    /// [`EngineError::Damaged`] if the language refuses what it is told.
    pub fn go_on(&mut self, commons: &Commons, now: Timestamp) -> Result<ExpressRound, EngineError> {
        // No token is ever asked for here: Express machines wait for none.
        let entity = EntityId { partition: 0, number: 0 };
        let ExpressHere { revision, execution, recorder, .. } = self;
        let elapsed_ms = &*commons.options.stopwatch;
        let world = Surroundings { commons, place: &revision.key.place, entity, elapsed_ms };
        let mut fuel = commons.options.fuel;
        let now = recorder.events.last().map_or(now, |event| event.at.max(now));
        let input = std::mem::replace(&mut self.next, Input::Continue);
        let decided =
            catch_unwind(AssertUnwindSafe(|| execution.handle(input, now, &world, &mut fuel, recorder)));
        match decided {
            Ok(Ok(())) => (),
            Ok(Err(refused)) => return Err(EngineError::Damaged(refused.to_string())),
            Err(_panic) => return Err(EngineError::Damaged("the language panicked".to_owned())),
        }
        if execution.status() != ExecutionStatus::Running {
            let ended = commons.express_ended(execution, revision, self.key.clone());
            let news = News {
                started_at: Some(ended.started_at),
                ended: Ended::of(execution),
                open: (false, false),
                at: ended.closed_at,
            };
            commons.count_express(revision, recorder, &news);
            commons.tell_express(revision, recorder, execution, &mut Kept::default(), Some(&ended));
            commons.changes.tell_machine(&revision.key);
            return Ok(ExpressRound::Ended(Box::new(ended)));
        }
        self.rounds += 1;
        let goes_on = recorder.effects.is_empty() && execution.has_work() && self.rounds < ROUNDS_HERE;
        Ok(if goes_on { ExpressRound::GoesOn } else { ExpressRound::Waits })
    }

    /// Which one it is.
    pub fn key(&self) -> &ExpressKey {
        &self.key
    }

    /// Addresses it to the shard that carries it on; `reply` hears of its end.
    pub fn hand_over(self, commons: &Commons, reply: Reply<ExpressEnded>) -> (usize, Message) {
        let ExpressHere { revision, key, execution, recorder, partition, rounds: _, next: _ } = self;
        let ear = ExpressEar::Caller(reply);
        let under_way = ExpressUnderWay { revision, key, execution, recorder, partition, ear };
        (commons.shard_of(partition), Message::AdoptExpress(Box::new(under_way)))
    }
}

impl Commons {
    /// Begins a synchronous Express execution; nothing of it is decided yet.
    ///
    /// # Errors
    ///
    /// As [`Engine::start_sync`].
    pub fn begin_sync(&self, request: StartExpress) -> Result<ExpressHere, EngineError> {
        let start = self.express_start(request)?;
        let ExpressStart { revision, origin, key, input, partition, version: _, alias: _ } = start;
        let mut recorder = Recorder::default();
        recorder.events.reserve(EVENTS);
        let execution = Execution::new(origin);
        let next = Input::Start { input, seed: (self.options.seed)() };
        Ok(ExpressHere { revision, key, execution, recorder, partition, rounds: 0, next })
    }

    /// Addresses the durable start of an Express execution.
    pub fn start_express(
        &self,
        request: StartExpress,
        reply: Reply<ExecutionStarted>,
    ) -> Result<(ExpressKey, (usize, Message)), EngineError> {
        let start = self.express_start(request)?;
        let (key, shard) = (start.key.clone(), self.shard_of(start.partition));
        let ear = StartEar::Caller(reply);
        Ok((key, (shard, Message::StartExpress { start: Box::new(start), name_key: None, ear })))
    }

    /// Finds what a start is about, and names it.
    pub(crate) fn express_start(&self, request: StartExpress) -> Result<ExpressStart, EngineError> {
        let StartExpress { machine, qualifier, name, input, synchronous, seconds_max } = request;
        let Resolved { machine, revision, version, alias } = self.resolve(&machine, qualifier.as_deref())?;
        if machine.machine_type != MachineType::Express {
            return Err(EngineError::WrongMachineType);
        }
        if input.text().len() > self.options.limits.payload_bytes_max {
            return Err(EngineError::PayloadTooLarge);
        }
        // Nothing that was acknowledged is dropped, so what cannot be carried is not begun.
        if self.express_open.load(Ordering::Relaxed) >= self.options.express_open_max {
            return Err(EngineError::Busy);
        }
        let name = name.unwrap_or_else(|| self.random_name());
        let key = ExpressKey { machine: machine.key.clone(), name, id: self.random_name() };
        let origin =
            self.express_origin(&revision, &key, (version, alias.as_deref()), synchronous, seconds_max)?;
        Ok(ExpressStart { revision, version, alias, origin, key, input, partition: self.next_partition() })
    }

    /// What an Express execution is for good; `way` is the version and the alias that it was started
    /// by, `seconds_max` what is left to its parent.
    pub(crate) fn express_origin(
        &self,
        revision: &Revision,
        key: &ExpressKey,
        way: (Option<u64>, Option<&str>),
        synchronous: bool,
        seconds_max: Option<u64>,
    ) -> Result<Arc<Origin>, EngineError> {
        let definition = revision.parsed().map_err(|why| EngineError::Damaged(why.to_owned()))?.clone();
        let mut limits = self.options.limits;
        limits.execution_seconds_max = limits.express_seconds_max.min(seconds_max.unwrap_or(u64::MAX));
        // AWS bounds an Express execution in time alone.
        limits.history_events_max = u64::MAX;
        Ok(Arc::new(Origin {
            definition,
            execution_arn: express_arn(key).into(),
            execution_name: key.name.clone(),
            machine_arn: revision.machine_arn.clone(),
            version_arn: way.0.map(|version| qualified_arn(&revision.key, &version.to_string()).into()),
            alias_arn: way.1.map(|alias| qualified_arn(&revision.key, alias).into()),
            machine_name: revision.key.name.clone(),
            role_arn: revision.role_arn.clone(),
            region: revision.key.place.region.clone(),
            limits,
            synchronous,
        }))
    }

    /// What is told of an execution that has ended.
    pub(crate) fn express_ended(
        &self,
        execution: &Execution,
        revision: &Revision,
        key: ExpressKey,
    ) -> ExpressEnded {
        let status = execution.status();
        let mut failure = execution.failure().cloned();
        if status == ExecutionStatus::TimedOut {
            // The event says nothing; the answer names the error (from memory of AWS's answers).
            let named = Failure { error: Some(error_names::TIMEOUT.into()), cause: None };
            failure = failure.filter(|failure| failure.error.is_some()).or(Some(named));
        }
        let output = execution.output().cloned();
        let data = execution.input().text().len() + output.as_ref().map_or(0, |output| output.text().len());
        let bytes = BASE_MEMORY_BYTES + (revision.definition.len() + data) as u64;
        ExpressEnded {
            key,
            status,
            started_at: execution.started_at(),
            closed_at: execution.closed_at().unwrap_or(execution.started_at()),
            input: execution.input().clone(),
            output,
            failure,
            billed_memory_mb: bytes.div_ceil(BILLED_MEMORY_STEP_MB * 1_000_000) * BILLED_MEMORY_STEP_MB,
        }
    }

    /// Counts what was recorded of an Express execution.
    pub(crate) fn count_express(&self, revision: &Revision, recorder: &Recorder, news: &News) {
        if news.started_at.is_some() || news.ended.is_some() || news.open.0 != news.open.1 {
            revision.meter(&self.metrics).count(news);
        }
        let mut counts = Counts { started: u64::from(news.started_at.is_some()), ..Counts::default() };
        if let Some(ended) = news.ended {
            counts.closed[usize::from(ended.status.code())] += 1;
        }
        counts.events = recorder.events.len() as u64;
        let entered = |event: &&stepwell_asl::Event| matches!(event.kind, EventKind::StateEntered { .. });
        counts.transitions = recorder.events.iter().filter(entered).count() as u64;
        self.stats.count(&counts);
    }

    /// Hands what was recorded to those who want to know, and forgets it.
    pub(crate) fn tell_express(
        &self,
        revision: &Revision,
        recorder: &mut Recorder,
        execution: &Execution,
        kept: &mut Kept,
        ended: Option<&ExpressEnded>,
    ) {
        let logs = self.options.history_log.is_some() && revision.execution_log().is_some();
        let events = std::mem::take(&mut recorder.events);
        match (logs, self.recent.is_on()) {
            (false, false) => (),
            (false, true) => self.recent.gather(kept, events),
            (true, false) => self.log_history(revision, execution.origin(), 0, events),
            (true, true) => {
                self.recent.gather(kept, events.clone());
                self.log_history(revision, execution.origin(), 0, events);
            }
        }
        if let Some(ended) = ended.filter(|_| self.recent.is_on()) {
            self.recent.keep(std::mem::take(kept), execution.origin(), revision.number, ended.clone());
        }
    }

    /// A name that nobody can foretell: a UUID.
    pub(crate) fn random_name(&self) -> Arc<str> {
        let seed = &self.options.seed;
        let random = (u128::from(seed()) << 64) | u128::from(seed());
        let mut text = uuid::Uuid::encode_buffer();
        let uuid = uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid();
        Arc::from(&*uuid.hyphenated().encode_lower(&mut text))
    }
}

/// The ARN of an Express execution.
pub fn express_arn(key: &ExpressKey) -> String {
    let ExpressKey { machine: MachineKey { place, name: machine }, name, id } = key;
    // Written once for each execution, and so without the detour by `Arn`.
    let (region, account) = (&place.region, &place.account);
    ["arn:aws:states:", region, ":", account, ":express:", machine, ":", name, ":", id].concat()
}

/// Lets others on the same thread get on.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

//! The simulated world: the engine's shards on virtual time, a store that crashes, targets, workers
//! and callers that do as chance has it.
//!
//! The engine is what it is in production but for its threads: the same shards, the same language,
//! the same rules of release. What chance decides: when a shard has its turn, how many turns share a
//! commit, whether a commit fails and whether it landed all the same, how long a task takes and how
//! it ends, whether its outcome is told twice, when the clock jumps, and when everything is lost.

mod furnish;
mod sweep;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;

use stepwell_engine::{
    ActivityKey, ActivityTask, Commons, EngineError, EngineOptions, ExecutionKey, ExecutionStarted,
    ExpressKey, MachineKey, Measured, Message, Place, Poller, Release, Shard, StartExecution, StartExpress,
    TaskAnswer, Turn, seeds_from,
};
use stepwell_model::{Failure, Limits, Resource, TaskRef, Timestamp};
use stepwell_store::{Batch, FailedCommit, MemoryStore, Store};
use stepwell_task::{Done, Integration, Target, TaskOutcome, TaskRequest};
use stepwell_value::Payload;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::Options;
use crate::checks::{
    Ledger, Violation, all_executions, ensure, is_ended, is_not_waited_for, open_executions,
    open_ones_are_counted, replay_equals_memory,
};
use crate::machines;
use crate::random::Random;

/// How many steps a run may take before it counts as stuck.
const STEPS_MAX: u64 = 400_000;
/// How many times everything is lost at most: after that the world has to come to rest.
const CRASHES_MAX: u64 = 12;
/// Nothing may take longer than this, in milliseconds: a day.
const TIME_MAX: u64 = 24 * 3600 * 1000;

/// How long a commit takes at most while nothing else happens, in milliseconds.
const COMMIT_MAX: u64 = 5_000;

/// What happened in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Executions that were started.
    pub executions: u64,
    /// Times that everything was lost.
    pub crashes: u64,
    /// Commits that went well.
    pub commits: u64,
    /// Executions that were swept when their retention ended.
    pub swept: u64,
    /// Calls that reached a target.
    pub effects: u64,
    /// Tasks that reached a worker.
    pub hand_outs: u64,
    /// Redrives that were followed.
    pub redrives: u64,
    /// Executions that tasks started, as far as something of them is written.
    pub children: u64,
    /// Express executions whose tasks reached a target.
    pub express: u64,
    /// Steps of the world.
    pub steps: u64,
    /// Of all that was written, in order: two runs with the same one were the same run.
    pub digest: u64,
}

/// What is going to happen.
enum Happening {
    /// A caller wants an execution.
    Start(Wish),
    /// A caller wants an Express execution.
    StartExpress(Wish),
    /// A caller wants to stop one.
    Stop(ExecutionKey),
    /// A caller wants to redrive one, under this token.
    Redrive(ExecutionKey, Arc<str>),
    /// A worker wants a task.
    Poll(usize),
    /// Somebody says something with a token.
    Answer(TaskRef, Arc<str>, TaskAnswer),
    /// A target answers the process that called it.
    Outcome { process: u64, task: TaskRef, outcome: TaskOutcome },
    /// A round of the sweep begins.
    Sweep,
    /// The clock is set.
    Clock(i64),
    /// Everything but the store is lost.
    Crash,
}

#[derive(Clone)]
struct Wish {
    machine: MachineKey,
    name: Option<Arc<str>>,
    input: Payload,
}

/// A call that waits for its answer.
enum Call {
    Start(Wish, Heard<ExecutionStarted>),
    StartExpress(Wish, ExpressKey, Heard<ExecutionStarted>),
    Stop(ExecutionKey, Heard<Timestamp>),
    Redrive(ExecutionKey, Arc<str>, Heard<Timestamp>),
    Poll(usize, Heard<Option<ActivityTask>>),
    Answer(TaskRef, Arc<str>, TaskAnswer, Heard<()>),
    /// The sweep waits until all that shards had decided is durable.
    Sweep(Timestamp, Vec<Heard<()>>),
}

type Heard<T> = oneshot::Receiver<Result<T, EngineError>>;

/// When something is let out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// As soon as it is decided.
    AtOnce,
    /// When it is durable.
    Durable,
}

/// Says where a task would wait; the world does the rest.
struct Targets {
    slots: usize,
}

impl Integration for Targets {
    fn target(&self, request: &TaskRequest) -> Option<Result<Target, Failure>> {
        let name: Arc<str> = match &request.resource {
            Resource::LambdaFunction { arn } => arn.clone(),
            Resource::Service { service, .. } if &**service == "sqs" => service.clone(),
            Resource::Service { .. } | Resource::Activity { .. } => return None,
        };
        let idempotent = &*name == machines::IDEMPOTENT;
        Some(Ok(Target { name, slots: self.slots, idempotent }))
    }

    fn start(&self, _request: TaskRequest, _done: Done) {}

    fn cancel(&self, _task: TaskRef) {}
}

/// One life of the engine.
struct Process {
    commons: Arc<Commons>,
    shards: Vec<Shard>,
    inbox: Vec<Vec<Message>>,
    /// Decided, and not written yet.
    pending: VecDeque<(usize, Turn)>,
}

/// See the documentation of the module.
pub struct World {
    options: Options,
    random: Random,
    store: Arc<MemoryStore>,
    process: Process,
    /// Which life of the engine this is.
    life: u64,
    /// True time in milliseconds; never goes back.
    time: u64,
    /// What the clock adds to it.
    clock_offset: i64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    last_happening: u64,
    calls: Vec<Call>,
    tokens: BTreeMap<Arc<str>, TaskRef>,
    /// The tasks that were sent in this life of the engine.
    sent: BTreeSet<TaskRef>,
    /// The last row that was decided when the last round of the sweep began.
    decided_before_round: u64,
    ledger: Ledger,
    report: Report,
}

impl World {
    /// A world of its own.
    pub fn new(options: Options) -> Result<World, Violation> {
        let mut random = Random::new(options.seed);
        let store = Arc::new(MemoryStore::new([random.draw() as u8; 32]));
        let retention_seconds = *random.pick(&[20, 120, 7_776_000]);
        let began = Timestamp::from_epoch_ms(EPOCH);
        let process = Process::open(&store, &mut random, began, retention_seconds, options)?;
        let mut world = World {
            options,
            random,
            store,
            process,
            life: 0,
            time: 0,
            clock_offset: 0,
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            last_happening: 0,
            calls: Vec::new(),
            tokens: BTreeMap::new(),
            sent: BTreeSet::new(),
            decided_before_round: 0,
            ledger: Ledger { retention_seconds, ..Ledger::default() },
            report: Report { digest: 0xcbf2_9ce4_8422_2325, ..Report::default() },
        };
        world.furnish()?;
        Ok(world)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_epoch_ms((EPOCH + self.time).saturating_add_signed(self.clock_offset))
    }

    fn plan(&mut self, at: u64, happening: Happening) {
        self.last_happening += 1;
        self.queue.push(Reverse((at, self.last_happening)));
        self.happenings.insert(self.last_happening, happening);
    }

    fn plan_in(&mut self, wait: std::ops::RangeInclusive<u64>, happening: Happening) {
        let at = self.time + self.random.within(wait);
        self.plan(at, happening);
    }

    /// Runs until everything has come to rest, and checks that all is as it should be.
    pub fn run(mut self) -> Result<Report, Violation> {
        loop {
            self.report.steps += 1;
            ensure(self.report.steps < STEPS_MAX, || "it never comes to rest".to_owned())?;
            self.hear_answers()?;
            if self.happen()? || self.work()? {
                continue;
            }
            self.check_queues()?;
            if self.is_over()? {
                return self.finish();
            }
            let next = self.next_moment().ok_or_else(|| self.stuck("nothing will ever happen"))?;
            self.time = self.time.max(next);
            if self.time > TIME_MAX {
                return Err(self.stuck("it has not ended within a day"));
            }
        }
    }

    fn stuck(&self, what: &str) -> Violation {
        let open = open_executions(&*self.store).unwrap_or_default();
        let open: Vec<_> = open.into_iter().map(|entity| (entity, self.last_event(entity))).collect();
        Violation(format!("{what}; open: {open:?}"))
    }

    fn last_event(&self, entity: stepwell_model::EntityId) -> String {
        let history = self.process.commons.history_of_entity(entity);
        let last = history.ok().and_then(|history| history.last().map(|event| event.kind.type_name()));
        last.unwrap_or_default()
    }

    /// Nothing is open, nothing is asked for, nothing is under way.
    fn is_over(&self) -> Result<bool, Violation> {
        let is_idle = |happening: &Happening| match happening {
            Happening::Poll(_) | Happening::Sweep | Happening::Clock(_) | Happening::Crash => true,
            Happening::Outcome { process, .. } => *process != self.life,
            Happening::Start(_)
            | Happening::StartExpress(_)
            | Happening::Stop(_)
            | Happening::Redrive(..)
            | Happening::Answer(..) => false,
        };
        Ok(self.process.pending.is_empty()
            && self.happenings.values().all(is_idle)
            && self.calls.iter().all(|call| matches!(call, Call::Poll(..)))
            && open_executions(&*self.store)?.is_empty())
    }

    /// What is scheduled and not started stands in a queue, and nothing else does but what is to be
    /// sent again after a crash.
    fn check_queues(&self) -> Result<(), Violation> {
        let queued = self.process.commons.dispatcher().queued_tasks();
        let queued: BTreeSet<TaskRef> = queued.into_iter().collect();
        let (mut scheduled, mut outstanding) = (BTreeSet::new(), BTreeSet::new());
        for shard in &self.process.shards {
            let standard = shard.residents().map(|(entity, execution, _)| (entity, execution));
            for (entity, execution) in standard.chain(shard.express_executions()) {
                for task in execution.outstanding() {
                    let scheduled_event_id = task.task.scheduled_event_id;
                    let reference = TaskRef { execution: entity, scheduled_event_id };
                    outstanding.insert(reference);
                    if !task.started {
                        scheduled.insert(reference);
                    }
                }
            }
        }
        let lost: Vec<_> = scheduled.difference(&queued).collect();
        ensure(lost.is_empty(), || format!("{lost:?} are in no queue"))?;
        let dead: Vec<_> = queued.difference(&outstanding).collect();
        ensure(dead.is_empty(), || format!("{dead:?} are queued, and nobody waits for them"))
    }

    fn finish(mut self) -> Result<Report, Violation> {
        let commons = self.process.commons.clone();
        self.ledger.all_are_there(&commons)?;
        let dispatcher = commons.dispatcher();
        ensure(dispatcher.running() == 0, || format!("slots are lost: {:?}", dispatcher.running_tasks()))?;
        ensure(dispatcher.queued() == 0, || "tasks of closed executions are queued".to_owned())?;
        drop(dispatcher);
        for shard in &self.process.shards {
            let residents = shard.residents().count() + shard.express_executions().count();
            ensure(residents == 0, || "closed executions are in memory".to_owned())?;
        }
        self.report.executions = self.report.swept;
        for row in all_executions(&*self.store)? {
            self.ledger.history(&*self.store, &commons, &row)?;
            self.report.executions += 1;
        }
        (self.report.children, self.report.express) = self.ledger.offspring.counts();
        self.report.effects = self.ledger.effects.values().map(|keys| keys.len() as u64).sum();
        self.report.hand_outs = self.ledger.hand_outs.len() as u64;
        self.report.redrives = self.ledger.redrives.len() as u64;
        Ok(self.report)
    }

    fn next_moment(&self) -> Option<u64> {
        let planned = self.queue.peek().map(|Reverse((at, _))| *at);
        let wakes = self.process.shards.iter().filter_map(Shard::next_wake).map(|wake| {
            // The true time at which the clock will show that moment.
            wake.epoch_ms.saturating_sub(EPOCH).saturating_add_signed(-self.clock_offset)
        });
        planned.into_iter().chain(wakes).min()
    }

    /// Lets the next happening happen, if its time has come.
    fn happen(&mut self) -> Result<bool, Violation> {
        let Some(Reverse((at, id))) = self.queue.peek().copied() else { return Ok(false) };
        if at > self.time {
            return Ok(false);
        }
        self.queue.pop();
        let happening = self.happenings.remove(&id).expect("it was planned");
        match happening {
            Happening::Start(wish) => {
                let (reply, heard) = oneshot::channel();
                let Wish { machine, name, input } = wish.clone();
                let start = StartExecution { machine, qualifier: None, name, input, trace_header: None };
                let call = self.process.commons.start(start, reply);
                self.process.post(call.map_err(|error| Violation(error.to_string()))?);
                self.calls.push(Call::Start(wish, heard));
            }
            Happening::StartExpress(wish) => {
                let (reply, heard) = oneshot::channel();
                let Wish { machine, name, input } = wish.clone();
                let start = StartExpress {
                    machine,
                    qualifier: None,
                    name,
                    input,
                    synchronous: false,
                    seconds_max: None,
                };
                let call = self.process.commons.start_express(start, reply);
                let (key, call) = call.map_err(|error| Violation(error.to_string()))?;
                self.process.post(call);
                self.calls.push(Call::StartExpress(wish, key, heard));
            }
            Happening::Stop(key) => {
                let (reply, heard) = oneshot::channel();
                self.ledger.offspring.wants_stop(&key);
                let failure = Failure::new("Stopped", "by chance");
                let call = self.process.commons.stop(key.clone(), failure, reply);
                self.process.post(call);
                self.calls.push(Call::Stop(key, heard));
            }
            Happening::Redrive(key, token) => {
                let (reply, heard) = oneshot::channel();
                let call = self.process.commons.redrive(key.clone(), Some(token.clone()), reply);
                self.process.post(call);
                self.calls.push(Call::Redrive(key, token, heard));
            }
            Happening::Poll(worker) => self.poll(worker),
            Happening::Answer(task, token, answer) => {
                let (reply, heard) = oneshot::channel();
                let call = self.process.commons.answer(&place(), &token, answer.clone(), reply);
                self.process.post(call.map_err(|error| Violation(error.to_string()))?);
                self.calls.push(Call::Answer(task, token, answer, heard));
            }
            Happening::Outcome { process, task, outcome } => {
                if process == self.life {
                    let shard = self.process.commons.shard_of(task.execution.partition);
                    self.process.post((shard, Message::Outcome { task, outcome }));
                }
            }
            Happening::Sweep => self.begin_sweep()?,
            Happening::Clock(jump) => self.clock_offset += jump,
            Happening::Crash => self.crash()?,
        }
        Ok(true)
    }

    fn poll(&mut self, worker: usize) {
        let (reply, heard) = oneshot::channel();
        let activity = machines::ACTIVITIES[worker % machines::ACTIVITIES.len()];
        let deadline = self.now().after_seconds(60);
        let found = {
            let mut dispatcher = self.process.commons.dispatcher();
            let poller = Poller {
                id: dispatcher.new_poller(),
                activity: Arc::new(ActivityKey { place: place(), name: activity.into() }),
                worker_name: Some(format!("worker-{worker}").into()),
                deadline,
                has_chosen: false,
                reply,
            };
            dispatcher.poll(poller)
        };
        if let Some((task, poller)) = found {
            let shard = self.process.commons.shard_of(task.execution.partition);
            self.process.post((shard, Message::HandOut { task, poller }));
        }
        // Now and then a worker hangs up at once; what it would have been given goes to another.
        if self.random.percent(5) {
            drop(heard);
            self.plan_in(1..=2_000, Happening::Poll(worker));
        } else {
            self.calls.push(Call::Poll(worker, heard));
        }
    }

    /// Gives a shard its turn, or writes. False if there is nothing to do at this moment.
    fn work(&mut self) -> Result<bool, Violation> {
        let now = self.now();
        let process = &self.process;
        let has_work = |index: usize| {
            let shard = &process.shards[index];
            let is_due = shard.next_wake().is_some_and(|wake| wake <= now);
            !process.inbox[index].is_empty() || shard.has_work() || is_due
        };
        let busy: Vec<usize> = (0..process.shards.len()).filter(|index| has_work(*index)).collect();
        let is_soon = self.next_moment().is_some_and(|next| next <= self.time + COMMIT_MAX);
        let is_last = busy.is_empty() && !is_soon;
        if !self.process.pending.is_empty() && (is_last || self.random.percent(40)) {
            self.commit()?;
            return Ok(true);
        }
        // Without a commit and with nothing to decide, time passes: a commit takes its while.
        if busy.is_empty() {
            return Ok(false);
        }
        let process = &mut self.process;
        let index = *self.random.pick(&busy);
        let messages = std::mem::take(&mut process.inbox[index]);
        let mut turn = process.shards[index].turn(messages, now);
        for release in std::mem::take(&mut turn.at_once) {
            self.let_out(release, When::AtOnce)?;
        }
        let process = &mut self.process;
        for (to, message) in turn.posts.drain(..) {
            process.inbox[to].push(message);
        }
        if turn.is_empty() {
            return Ok(true);
        }
        if self.options.release_before_commit {
            for release in std::mem::take(&mut turn.releases) {
                self.let_out(release, When::Durable)?;
            }
        }
        self.process.pending.push_back((index, turn));
        Ok(true)
    }

    /// Writes some of the turns that wait, and lets out what they release; or fails to.
    fn commit(&mut self) -> Result<(), Violation> {
        let count = self.random.within(1..=self.process.pending.len() as u64) as usize;
        let mut turns: Vec<(usize, Turn)> = self.process.pending.drain(..count).collect();
        let mut batch = Batch::default();
        for (_, turn) in &mut turns {
            batch.chunks.append(&mut turn.chunks);
        }
        let may_crash = self.report.crashes < CRASHES_MAX;
        if !batch.chunks.is_empty() {
            let mut is_ordered = false;
            if may_crash && self.random.percent(self.options.crash_percent) {
                let outcome = *self.random.pick(&[FailedCommit::Lost, FailedCommit::Landed]);
                self.store.fail_next_commit(outcome);
                is_ordered = true;
            }
            for chunk in &batch.chunks {
                self.digest(&chunk.header.row.to_be_bytes());
                self.digest(&chunk.body);
            }
            self.ledger.offspring.are_about_to_begin(&*self.store, &self.process.commons, &batch.chunks)?;
            if let Err(error) = self.store.commit(&batch) {
                ensure(is_ordered, || format!("a batch was refused: {error}"))?;
                return self.crash();
            }
            self.report.commits += 1;
            turns.iter().flat_map(|(_, turn)| &turn.measured).for_each(Measured::count);
            open_ones_are_counted(&*self.store, &self.process.commons, &place())?;
            self.ledger.offspring.have_begun(&*self.store, self.ledger.expired_before, &batch.chunks)?;
        }
        // Everything may be lost in the midst of letting out, too.
        let last = match may_crash && self.random.percent(self.options.crash_percent) {
            true => self.random.below(4),
            false => u64::MAX,
        };
        let mut let_out = 0;
        for (index, turn) in turns {
            for release in turn.releases {
                if let_out == last {
                    return self.crash();
                }
                let_out += 1;
                self.let_out(release, When::Durable)?;
            }
            self.process.shards[index].committed(turn.number);
        }
        for shard in &self.process.shards {
            replay_equals_memory(&*self.store, &self.process.commons, shard)?;
        }
        Ok(())
    }

    fn digest(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.report.digest = (self.report.digest ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn let_out(&mut self, release: Release, when: When) -> Result<(), Violation> {
        if let Release::HandOut(reply, task, handed) = &release {
            // Workers hang up at once or stay, so this one had gone before the task was started.
            ensure(!reply.is_closed(), || format!("{task:?} was handed to a worker that had gone"))?;
            self.tokens.insert(handed.task_token.clone(), *task);
        }
        match release.answer() {
            Some(Release::RunTask { integration: _, request }) => {
                self.sent.insert(request.task);
                self.run_task(request, when)
            }
            Some(Release::Tell(partition, message)) => {
                match &message {
                    Message::RunExpress { parent, .. } => {
                        self.sent.insert(*parent);
                    }
                    Message::DropExpress { parent } => {
                        let is_sent = self.sent.contains(parent);
                        ensure(is_sent, || format!("what {parent:?} runs was dropped before it was run"))?;
                    }
                    _ => (),
                }
                let shard = self.process.commons.shard_of(partition);
                self.process.post((shard, message));
                Ok(())
            }
            Some(Release::CancelTask { integration: _, task }) => {
                ensure(self.sent.contains(&task), || format!("{task:?} was cancelled before it was sent"))
            }
            None => Ok(()),
            Some(
                Release::Started(..)
                | Release::Stopped(..)
                | Release::Done(..)
                | Release::ExpressEnded(..)
                | Release::HandOut(..),
            ) => Ok(()),
        }
    }

    /// A call reaches its target: here is the effect.
    fn run_task(&mut self, request: TaskRequest, when: When) -> Result<(), Violation> {
        let task = request.task;
        let resource = request.resource.event_resource();
        let idempotent = resource == machines::IDEMPOTENT;
        let commons = self.process.commons.clone();
        let row = self.store.execution(task.execution).map_err(|error| Violation(error.to_string()))?;
        // Of an Express execution that a task runs there is nothing in the store.
        let is_express = row.map_or(when == When::AtOnce, |row| self.ledger.offspring.is_express(&row));
        match is_express {
            true => self.ledger.offspring.effect(&*self.store, task, self.life)?,
            false => {
                self.ledger.effect(&*self.store, &commons, task, &request.idempotency_key, idempotent)?
            }
        }
        let outcome = match self.random.below(10) {
            0..=6 => {
                TaskOutcome::Succeeded(Payload::trusted(format!("{{\"n\": {}}}", self.random.below(10))))
            }
            7 | 8 => TaskOutcome::Failed(Failure::new("Oops", "by chance")),
            _ => {
                self.ledger.may_be_unknown.insert(task);
                TaskOutcome::Unknown
            }
        };
        let process = self.life;
        let takes = *self.random.pick(&[0, 5, 400, 9_000, 50_000]);
        if self.random.percent(10) {
            let outcome = outcome.clone();
            self.plan_in(0..=takes + 3_000, Happening::Outcome { process, task, outcome });
        }
        if request.resource.waits_for_token() && !matches!(outcome, TaskOutcome::Failed(_)) {
            let token = request.parameters.value().get("MessageBody").and_then(|token| token.as_str());
            let token: Arc<str> =
                token.ok_or_else(|| Violation("a message without a token".to_owned()))?.into();
            // It may well be faster than the reply to its own request.
            let answer = self.answer();
            self.plan_in(0..=takes + 20_000, Happening::Answer(task, token, answer));
        }
        self.plan_in(takes / 2..=takes, Happening::Outcome { process, task, outcome });
        Ok(())
    }

    fn answer(&mut self) -> TaskAnswer {
        match self.random.percent(75) {
            true => TaskAnswer::Succeeded(Payload::trusted("{\"n\": 3}")),
            false => TaskAnswer::Failed(Failure::new("Oops", "by a worker")),
        }
    }

    /// Callers hear what there is to hear; those whose call was lost call again.
    fn hear_answers(&mut self) -> Result<(), Violation> {
        let mut sweeps = Vec::new();
        for call in std::mem::take(&mut self.calls) {
            match call {
                Call::Start(wish, mut heard) => match heard.try_recv() {
                    Ok(Ok(started)) => self.acknowledge(started)?,
                    Ok(Err(EngineError::ExecutionExists)) => (),
                    Ok(Err(error)) => return Err(Violation(format!("a start was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Start(wish, heard)),
                    // A start without a name would be another execution: as fair as any.
                    Err(TryRecvError::Closed) => self.plan_in(10..=3_000, Happening::Start(wish)),
                },
                Call::StartExpress(wish, key, mut heard) => match heard.try_recv() {
                    Ok(Ok(_)) => self.ledger.offspring.acknowledge(&key)?,
                    Ok(Err(error)) => return Err(Violation(format!("a start was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::StartExpress(wish, key, heard)),
                    Err(TryRecvError::Closed) => self.plan_in(10..=3_000, Happening::StartExpress(wish)),
                },
                Call::Stop(key, mut heard) => match heard.try_recv() {
                    Ok(Ok(_)) if self.is_expired(&key)? => (),
                    Ok(Ok(closed_at)) => self.ledger.is_closed(&self.process.commons, &key, closed_at)?,
                    Ok(Err(EngineError::NoSuchExecution)) => (),
                    Ok(Err(error)) => return Err(Violation(format!("a stop was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Stop(key, heard)),
                    Err(TryRecvError::Closed) => self.plan_in(10..=3_000, Happening::Stop(key)),
                },
                Call::Redrive(key, token, mut heard) => match heard.try_recv() {
                    Ok(Ok(_)) if self.is_expired(&key)? => (),
                    Ok(Ok(redriven_at)) => {
                        let commons = self.process.commons.clone();
                        self.ledger.redriven(&commons, key, token, redriven_at)?;
                    }
                    Ok(Err(EngineError::NotRedrivable(_) | EngineError::NoSuchExecution)) => (),
                    Ok(Err(error)) => return Err(Violation(format!("a redrive was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Redrive(key, token, heard)),
                    Err(TryRecvError::Closed) => self.plan_in(10..=3_000, Happening::Redrive(key, token)),
                },
                Call::Poll(worker, mut heard) => match heard.try_recv() {
                    Ok(Ok(Some(task))) => self.take(worker, task)?,
                    Ok(Ok(None)) => self.plan_in(1..=2_000, Happening::Poll(worker)),
                    Ok(Err(error)) => return Err(Violation(format!("a poll was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Poll(worker, heard)),
                    Err(TryRecvError::Closed) => self.plan_in(10..=3_000, Happening::Poll(worker)),
                },
                Call::Answer(task, token, answer, mut heard) => match heard.try_recv() {
                    Ok(Ok(())) if answer == TaskAnswer::Heartbeat => (),
                    Ok(Ok(())) => is_ended(&self.process.commons, task)?,
                    Ok(Err(EngineError::TaskEnded)) => {
                        is_not_waited_for(&*self.store, &self.process.commons, task)?
                    }
                    Ok(Err(error)) => return Err(Violation(format!("a token was answered: {error}"))),
                    Err(TryRecvError::Empty) => self.calls.push(Call::Answer(task, token, answer, heard)),
                    Err(TryRecvError::Closed) => {
                        self.plan_in(10..=3_000, Happening::Answer(task, token, answer));
                    }
                },
                Call::Sweep(before, mut heard) => {
                    let mut is_lost = false;
                    heard.retain_mut(|heard| match heard.try_recv() {
                        Ok(answer) => {
                            is_lost |= answer.is_err();
                            false
                        }
                        Err(TryRecvError::Empty) => true,
                        Err(TryRecvError::Closed) => {
                            is_lost = true;
                            false
                        }
                    });
                    match (is_lost, heard.is_empty()) {
                        // Of another life: the next round begins anew.
                        (true, _) => (),
                        (false, true) => sweeps.push(before),
                        (false, false) => self.calls.push(Call::Sweep(before, heard)),
                    }
                }
            }
        }
        // When all that was answered before has been heard: it may speak of what goes now.
        sweeps.into_iter().try_for_each(|before| self.sweep(before))
    }

    fn acknowledge(&mut self, started: ExecutionStarted) -> Result<(), Violation> {
        match self.is_expired(&started.key)? {
            true => Ok(()),
            false => self.ledger.acknowledge(&self.process.commons, started),
        }
    }

    /// A worker has a task: it works, beats or not, and answers or not.
    fn take(&mut self, worker: usize, handed: ActivityTask) -> Result<(), Violation> {
        let token = handed.task_token;
        let task = self.tokens.get(&token).copied();
        let task = task.ok_or_else(|| Violation("a token that was never let out".to_owned()))?;
        let commons = self.process.commons.clone();
        self.ledger.hand_out(&*self.store, &commons, task)?;
        let takes = *self.random.pick(&[100, 3_000, 20_000]);
        if self.random.percent(50) {
            for beat in 1..=3 {
                let heartbeat = Happening::Answer(task, token.clone(), TaskAnswer::Heartbeat);
                self.plan(self.time + takes * beat / 4, heartbeat);
            }
        }
        if self.random.percent(92) {
            let answer = self.answer();
            if self.random.percent(10) {
                self.plan_in(takes..=takes + 500, Happening::Answer(task, token.clone(), answer.clone()));
            }
            self.plan_in(takes..=takes + 500, Happening::Answer(task, token, answer));
        }
        self.plan_in(takes..=takes + 1_000, Happening::Poll(worker));
        Ok(())
    }

    /// Everything but the store is lost, and begins anew.
    fn crash(&mut self) -> Result<(), Violation> {
        self.report.crashes += 1;
        self.life += 1;
        self.sent.clear();
        self.store.reopen();
        let now = self.now();
        let retention_seconds = self.ledger.retention_seconds;
        self.process = Process::open(&self.store, &mut self.random, now, retention_seconds, self.options)?;
        self.ledger.crash(&*self.store, &self.process.commons)?;
        self.ledger.all_are_there(&self.process.commons)?;
        // Some time passes before the server is there again.
        self.time += *self.random.pick(&[0, 50, 5_000, 100_000]);
        Ok(())
    }
}

/// When the world begins, in milliseconds since the epoch.
const EPOCH: u64 = 1_700_000_000_000;

fn place() -> Place {
    Place { account: "123456789012".into(), region: "us-east-1".into() }
}

impl Process {
    fn open(
        store: &Arc<MemoryStore>,
        random: &mut Random,
        now: Timestamp,
        retention_seconds: u64,
        options: Options,
    ) -> Result<Process, Violation> {
        let options = EngineOptions {
            limits: Limits { retention_seconds, ..Limits::default() },
            shards: random.within(1..=4) as usize,
            resident_max: *random.pick(&[0, 1, 100]),
            fuel: *random.pick(&[1, 3, 256]),
            seed: seeds_from(random.draw()),
            // The simulated world has no clock that runs while an expression is evaluated.
            stopwatch: Arc::new(|| 0),
            ..options.engine()
        };
        let targets: Arc<dyn Integration> = Arc::new(Targets { slots: random.within(1..=4) as usize });
        let commons = Commons::open(store.clone(), vec![targets], options, now);
        let commons = Arc::new(commons.map_err(|error| Violation(error.to_string()))?);
        let shards = Shard::open_all(&commons).map_err(|error| Violation(error.to_string()))?;
        let inbox = shards.iter().map(|_| Vec::new()).collect();
        Ok(Process { commons, shards, inbox, pending: VecDeque::new() })
    }

    fn post(&mut self, (shard, message): (usize, Message)) {
        self.inbox[shard].push(message);
    }
}

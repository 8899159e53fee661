//! Express executions that wait for something: carried on like the others, but for the journal.
//!
//! Of one that was started asynchronously there is a chunk with its start, one more for each time
//! that it is run again after a crash, and a mark that it ended. What it lets out waits for the
//! chunk that says that it runs, and from then on for nothing. Marks are written with the next
//! turn that writes anyhow, or after [`MARKS_WAIT_MS`].

use std::sync::atomic::Ordering;

use stepwell_asl::{EventKind, Execution, Input, Recorder, decode, encode};
use stepwell_model::{EntityId, ExecutionStatus, MachineType, TaskRef, Timestamp};
use stepwell_store::{Chunk, ChunkHeader, ExecutionRow, NameKey, Opening};
use stepwell_value::Payload;

use super::{NEVER, Resident, Shard};
use crate::commons::{Commons, store_error};
use crate::express::{ExpressStart, ExpressUnderWay, RESTARTS_MAX};
use crate::messages::{ChildNews, ExpressEar, Message, Release};
use crate::metrics::{Ended, News};
use crate::options::LogLevel;
use crate::recent::Kept;
use crate::requests::{EngineError, ExpressEnded, ExpressKey};

/// How long the mark of an end waits for a commit to go along with, in milliseconds. One that is
/// lost costs a run after a crash.
const MARKS_WAIT_MS: u64 = 1_000;

/// How many marks wait at most.
const MARKS_MAX: usize = 4_096;

/// What an execution has beside if it is an Express one.
pub(super) struct Express {
    key: ExpressKey,
    ear: ExpressEar,
    record: Record,
    /// The last turn whose commit something waits for that it lets out: what it lets out later must
    /// not overtake that.
    held_until: u64,
    /// Whether its start has been counted.
    counted: bool,
    /// Whether its end has been told: it stays for the commit of its start alone.
    is_over: bool,
    /// Its history so far, if somebody may ask for it.
    kept: Kept,
}

/// What the journal says of it.
enum Record {
    /// Nothing, ever.
    None,
    /// That it runs, once the turn under way is durable.
    Due,
    /// That it runs.
    Written,
}

/// The end of an execution of which the journal says that it runs.
pub(super) struct Mark {
    entity: EntityId,
    row: u64,
    status: ExecutionStatus,
}

/// Marks on their way.
#[derive(Default)]
pub(super) struct Marks {
    waiting: Vec<Mark>,
    since: Option<Timestamp>,
    /// Somebody waits until all is written.
    pub(super) hurry: bool,
}

impl Marks {
    fn push(&mut self, mark: Mark, now: Timestamp) {
        self.waiting.push(mark);
        self.since.get_or_insert(now);
    }

    /// When they are written even if nothing else is.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.since.map(|since| Timestamp::from_epoch_ms(since.epoch_ms.saturating_add(MARKS_WAIT_MS)))
    }

    pub(super) fn are_due(&self, now: Timestamp) -> bool {
        let late = self.due().is_some_and(|due| due <= now);
        !self.waiting.is_empty() && (late || self.hurry || self.waiting.len() >= MARKS_MAX)
    }
}

impl Resident {
    /// Whether what it lets out in this turn waits for the commit.
    pub(super) fn holds_back(&mut self, turn: u64, committed: u64) -> bool {
        let Some(express) = &mut self.express else { return true };
        let waits = match express.record {
            Record::None => false,
            Record::Due => true,
            Record::Written => self.turn.max(express.held_until) > committed,
        };
        if waits {
            express.held_until = turn;
        }
        waits
    }

    fn of_express(express: Express, start: &ExpressStart, row: u64) -> Resident {
        Resident {
            execution: Execution::new(start.origin.clone()),
            revision: start.revision.clone(),
            parent: None,
            express: Some(Box::new(express)),
            opening: None,
            row,
            snapshot_event_id: 0,
            turn: 0,
            recorder: Recorder::default(),
            tasks: Default::default(),
            armed: NEVER,
            counted_open: false,
            touched: false,
            queued: false,
            parked_at: None,
        }
    }
}

impl Shard {
    /// Takes in an Express execution; `dismiss` lets it go.
    fn admit(&mut self, entity: EntityId, resident: Resident) {
        self.commons.express_open.fetch_add(1, Ordering::Relaxed);
        self.residents.insert(entity, Box::new(resident));
    }

    fn dismiss(&self) {
        self.commons.express_open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Carries on what began where its caller waits.
    pub(super) fn adopt_express(&mut self, under_way: ExpressUnderWay) {
        let ExpressUnderWay { revision, key, execution, mut recorder, partition, ear } = under_way;
        // The clock may have been set back since: no time goes back in an execution.
        self.now = recorder.events.iter().map(|event| event.at).fold(self.now, Timestamp::max);
        let entity = self.commons.new_entity(partition);
        let has_work = execution.has_work();
        self.effects.extend(recorder.effects.drain(..).map(|effect| (entity, effect)));
        let resident = Resident {
            execution,
            revision,
            parent: None,
            express: Some(Box::new(Express {
                key,
                ear,
                record: Record::None,
                held_until: 0,
                counted: false,
                is_over: false,
                kept: Kept::default(),
            })),
            opening: None,
            row: 0,
            snapshot_event_id: 0,
            turn: 0,
            recorder,
            tasks: Default::default(),
            armed: NEVER,
            counted_open: false,
            touched: false,
            queued: false,
            parked_at: None,
        };
        self.admit(entity, resident);
        self.touch(entity);
        if has_work {
            self.go_on_later(entity);
        }
    }

    /// Runs an execution for a task of another one; nothing of it is written.
    pub(super) fn run_express(&mut self, start: &ExpressStart, parent: TaskRef) {
        let entity = self.commons.new_entity(start.partition);
        let ear = ExpressEar::Task(parent);
        let express = Express {
            key: start.key.clone(),
            ear,
            record: Record::None,
            held_until: 0,
            counted: false,
            is_over: false,
            kept: Kept::default(),
        };
        self.admit(entity, Resident::of_express(express, start, 0));
        self.express_tasks.insert(parent, entity);
        self.begin_express(entity, start.input.clone());
    }

    /// Starts an execution durably; one that was started under the same key before is the same.
    pub(super) fn start_express(
        &mut self,
        start: &ExpressStart,
        name_key: Option<NameKey>,
    ) -> (Option<EntityId>, Result<(ExpressKey, Timestamp), EngineError>) {
        if let Some(name_key) = &name_key {
            match self.started_before(start, name_key) {
                Ok(None) => (),
                Ok(Some((entity, key, started_at))) => return (Some(entity), Ok((key, started_at))),
                Err(error) => return (None, Err(error)),
            }
        }
        let entity = self.commons.new_entity(start.partition);
        let ear = ExpressEar::Nobody;
        let express = Express {
            key: start.key.clone(),
            ear,
            record: Record::Due,
            held_until: 0,
            counted: false,
            is_over: false,
            kept: Kept::default(),
        };
        let mut resident = Resident::of_express(express, start, 0);
        resident.opening = Some(Opening {
            machine: start.revision.machine,
            revision: start.revision.number,
            name: format!("{}:{}", start.key.name, start.key.id).into(),
            name_key,
            started_at: self.now,
            version: start.version,
            alias: start.alias.clone(),
            trace_header: None,
        });
        self.admit(entity, resident);
        if let Some(name_key) = name_key {
            self.names.insert(name_key, entity);
        }
        self.begin_express(entity, start.input.clone());
        match self.residents.contains_key(&entity) {
            true => (Some(entity), Ok((start.key.clone(), self.now))),
            false => (None, Err(EngineError::Damaged("the execution could not be started".to_owned()))),
        }
    }

    fn begin_express(&mut self, entity: EntityId, input: Payload) {
        let seed = (self.commons.options.seed)();
        // Refused or set aside, it has told its caller.
        let _ = self.decide(entity, Input::Start { input, seed });
    }

    fn started_before(
        &self,
        start: &ExpressStart,
        name_key: &NameKey,
    ) -> Result<Option<(EntityId, ExpressKey, Timestamp)>, EngineError> {
        let entity = match self.names.get(name_key) {
            Some(entity) => Some(*entity),
            None => self.commons.store.execution_by_name(name_key).map_err(store_error)?,
        };
        let Some(entity) = entity else { return Ok(None) };
        if let Some(resident) = self.residents.get(&entity)
            && let Some(express) = &resident.express
        {
            return Ok(Some((entity, express.key.clone(), resident.execution.started_at())));
        }
        let Some(row) = self.commons.store.execution(entity).map_err(store_error)? else { return Ok(None) };
        let key = express_key(start.revision.key.clone(), &row.opening.name);
        Ok(Some((entity, key, row.opening.started_at)))
    }

    /// The task that ran an execution is over.
    pub(super) fn drop_express(&mut self, parent: TaskRef) {
        if let Some(entity) = self.express_tasks.get(&parent).copied() {
            let failure = stepwell_model::Failure::default();
            // Its own tasks are cancelled by this; nobody hears of its end.
            let _ = self.decide(entity, Input::Stop { failure });
        }
    }

    /// What comes of an Express execution that this turn touched: perhaps a chunk.
    pub(super) fn seal_express(&mut self, entity: EntityId) -> Option<Chunk> {
        let resident = self.residents.get_mut(&entity)?;
        let Resident { execution, revision, recorder, express, opening, turn, row, counted_open, .. } =
            &mut **resident;
        let express = express.as_mut()?;
        if express.is_over {
            recorder.events.clear();
            return None;
        }
        let status = execution.status();
        let has_ended = status != ExecutionStatus::Running;
        let was_counted = std::mem::replace(&mut express.counted, true);
        let news = News {
            started_at: (!was_counted).then(|| execution.started_at()),
            ended: Ended::of(execution),
            open: (std::mem::replace(counted_open, !has_ended), !has_ended),
            at: self.now,
        };
        self.commons.count_express(revision, recorder, &news);

        let mut chunk = None;
        if let Record::Due = express.record {
            // The start says what it began with; that it runs again says nothing more.
            let start = recorder.events.first().filter(|_| opening.is_some());
            let body = encode(start.map(std::slice::from_ref).unwrap_or_default());
            let events = u64::from(start.is_some());
            *turn = self.turn;
            express.record = Record::Written;
            let opening = opening.take();
            if let Some(name_key) = opening.as_ref().and_then(|opening| opening.name_key) {
                self.fresh.push_back((self.turn, name_key));
            }
            let header = ChunkHeader {
                entity,
                row: 0,
                previous_row: 0,
                first_event_id: events,
                last_event_id: events,
                at: self.now,
                opening,
                parent: None,
                redrives: None,
                status,
                next_due: None,
                parked: false,
            };
            chunk = Some(Chunk { header, body: body.into() });
        } else if has_ended && let Record::Written = express.record {
            self.marks.push(Mark { entity, row: *row, status }, self.now);
        }
        if !has_ended {
            self.commons.tell_express(revision, recorder, execution, &mut express.kept, None);
            if !was_counted {
                self.commons.changes.tell_machine(&revision.key);
            }
            return chunk;
        }
        let ended = self.commons.express_ended(execution, revision, express.key.clone());
        self.commons.tell_express(revision, recorder, execution, &mut express.kept, Some(&ended));
        self.commons.changes.tell_machine(&revision.key);
        let ear = std::mem::replace(&mut express.ear, ExpressEar::Nobody);
        express.is_over = true;
        self.dismiss();
        self.tell_end(ear, Ok(ended));
        match chunk {
            Some(_) => self.closing.push_back((self.turn, entity)),
            None => {
                self.residents.remove(&entity);
            }
        }
        chunk
    }

    fn tell_end(&mut self, ear: ExpressEar, ended: Result<ExpressEnded, EngineError>) {
        match ear {
            ExpressEar::Caller(reply) => self.at_once.push(Release::ExpressEnded(reply, ended)),
            ExpressEar::Task(task) => {
                self.express_tasks.remove(&task);
                let news = ChildNews::ExpressEnded(ended.map(Box::new));
                self.at_once.push(Release::Tell(task.execution.partition, Message::Child { task, news }));
            }
            ExpressEar::Nobody => (),
        }
    }

    /// An Express execution made the language panic: it has failed, and is not run again.
    pub(super) fn give_up_express(&mut self, entity: EntityId, resident: Resident, reason: &str) {
        let Some(express) = resident.express.filter(|express| !express.is_over) else { return };
        self.dismiss();
        if resident.counted_open {
            let ended = Ended {
                status: ExecutionStatus::Failed,
                began_at: resident.execution.started_at(),
                at: self.now,
            };
            let news = News { started_at: None, ended: Some(ended), open: (true, false), at: self.now };
            resident.revision.meter(&self.commons.metrics).count(&news);
        }
        // Of one that is run again the journal says that it runs, whatever becomes of this turn.
        if resident.row != 0 {
            let mark = Mark { entity, row: resident.row, status: ExecutionStatus::Failed };
            self.marks.push(mark, self.now);
        }
        self.tell_end(express.ear, Err(EngineError::Damaged(reason.to_owned())));
    }

    /// Runs an asynchronous execution again that was under way when the last run ended. The error
    /// says what cannot be read.
    pub(super) fn run_again(&mut self, entity: EntityId, chunks: &[Chunk]) -> Result<(), String> {
        let revision = revision_of(&self.commons, chunks).ok_or("its revision is gone")?;
        let opening = chunks.first().and_then(|chunk| chunk.header.opening.as_ref());
        let opening = opening.ok_or("the journal has no beginning")?;
        let row = chunks.last().map_or(0, |chunk| chunk.header.row);
        self.stubs.remove(&entity.to_u64());
        let restarts = chunks.len() - 1;
        if restarts >= RESTARTS_MAX {
            let text = format!("an Express execution was run again {restarts} times, and is given up");
            self.commons.log(LogLevel::Error, "express_given_up", text, Some(entity));
            self.marks.push(Mark { entity, row, status: ExecutionStatus::Failed }, self.now);
            return Ok(());
        }
        let events = decode(&chunks[0].body).map_err(|error| error.to_string())?;
        let Some(EventKind::ExecutionStarted { input, .. }) = events.first().map(|event| &event.kind) else {
            return Err("the journal does not start an execution".to_owned());
        };
        let key = express_key(revision.key.clone(), &opening.name);
        let way = (opening.version, opening.alias.as_deref());
        let origin = self.commons.express_origin(&revision, &key, way, false, None);
        let origin = origin.map_err(|error| error.to_string())?;
        let (partition, input) = (entity.partition, input.clone());
        let (version, alias) = (opening.version, opening.alias.clone());
        let start = ExpressStart { revision, version, alias, origin, key, input, partition };
        let ear = ExpressEar::Nobody;
        let express = Express {
            key: start.key.clone(),
            ear,
            record: Record::Due,
            held_until: 0,
            counted: true,
            is_over: false,
            kept: Kept::default(),
        };
        self.admit(entity, Resident::of_express(express, &start, row));
        self.begin_express(entity, start.input.clone());
        Ok(())
    }

    /// The chunks of the marks that are to be written with this turn; rows come later.
    pub(super) fn seal_marks(&mut self) -> Vec<Chunk> {
        self.marks.since = None;
        self.marks.hurry = false;
        let body: std::sync::Arc<[u8]> = encode(&[]).into();
        let now = self.now;
        let chunk = |mark: Mark| {
            let header = ChunkHeader {
                entity: mark.entity,
                row: 0,
                previous_row: mark.row,
                first_event_id: 0,
                last_event_id: 1,
                at: now,
                opening: None,
                parent: None,
                redrives: None,
                status: mark.status,
                next_due: None,
                parked: false,
            };
            Chunk { header, body: body.clone() }
        };
        std::mem::take(&mut self.marks.waiting).into_iter().map(chunk).collect()
    }
}

impl Commons {
    /// Whether this is an Express execution.
    pub(super) fn is_of_express(&self, row: &ExecutionRow) -> bool {
        let revision = self.revision(row.opening.revision);
        revision.is_some_and(|revision| revision.machine_type == MachineType::Express)
    }
}

/// Whether these are the chunks of an Express execution.
pub(super) fn is_express(commons: &Commons, chunks: &[Chunk]) -> bool {
    revision_of(commons, chunks).is_some_and(|revision| revision.machine_type == MachineType::Express)
}

fn revision_of(commons: &Commons, chunks: &[Chunk]) -> Option<std::sync::Arc<crate::catalogue::Revision>> {
    commons.revision(chunks.first()?.header.opening.as_ref()?.revision)
}

/// The key of an execution by what its opening calls it: name and id.
fn express_key(machine: crate::requests::MachineKey, opened_as: &str) -> ExpressKey {
    let (name, id) = opened_as.rsplit_once(':').unwrap_or((opened_as, ""));
    ExpressKey { machine, name: name.into(), id: id.into() }
}

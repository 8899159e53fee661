//! A shard: the single owner of some partitions and of everything in them.
//!
//! A shard is a plain struct without a thread and without a clock. What drives it calls
//! [`Shard::turn`] with what there is to hear and the present moment, writes the chunks it gets
//! back, and lets out the releases once they are durable; then it says [`Shard::committed`]. The
//! shard goes on deciding meanwhile: its memory runs ahead of the store, only what the world can
//! see waits.
//!
//! An execution is *resident* (in memory as a whole), a *stub* (it only waits: its next due moment
//! is all there is in memory), *lent* (it is being decided on another thread), *set aside* (its journal or
//! definition cannot be read, or it made the language panic), or closed and forgotten.

mod children;
mod express;
mod loans;
mod ready;
mod recovery;
mod redrive;
mod residence;
mod snapshots;
mod start;
mod tasks;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stepwell_asl::{Effect, Event, EventKind, Execution, Input, Recorder, Refused, World, encode};
use stepwell_model::{EntityId, ExecutionStatus, Partition, TaskRef, Timestamp};
use stepwell_store::{Chunk, ChunkHeader, NameKey, Opening, Parent, Redrives};

use crate::catalogue::{ActivityKey, Revision};
use crate::changes::concerns_lists;
use crate::commons::Commons;
use crate::entity_map::EntityMap;
use crate::express::express_arn;
use crate::fail_point::{FailPoint, pass};
use crate::history_log::LoggedHistory;
use crate::messages::{ChildStarted, Counts, Message, Release, StartEar, Turn};
use crate::metrics::{Ended, Measured, News};
use crate::options::LogLevel;
use crate::requests::{EngineError, ExecutionKey, ExecutionStarted, Place};

pub(crate) use loans::LENT_MAX;
use loans::Lent;
pub use loans::Loan;
use ready::{ReadyQueue, Refusal, Unwritten};
pub use residence::replay;
pub(crate) use residence::{origin_of, origin_of_opening};
use start::Wanted;
use tasks::Held;

/// How many messages one turn hears.
const MESSAGES_PER_TURN: usize = 1_024;
/// How many timers fire in one turn: each may have to read a journal.
const TIMERS_PER_TURN: usize = 512;
/// How many journals one turn reads because the server was started again.
const RECOVERIES_PER_TURN: usize = 128;
/// How many bytes of payload one turn takes in before it ends.
const BYTES_PER_TURN: usize = 8 * 1024 * 1024;
/// How many events one turn records before it ends.
const EVENTS_PER_TURN: usize = 65_536;
/// Nothing is due.
const NEVER: u64 = u64::MAX;

/// See the documentation of the module.
pub struct Shard {
    index: usize,
    commons: Arc<Commons>,
    /// The latest moment used: time never goes back here.
    now: Timestamp,
    /// The number of the turn under way.
    turn: u64,
    /// The last turn that is known to be durable.
    committed: u64,
    residents: EntityMap<EntityId, Box<Resident>>,
    /// When the timer of each stub goes off, by the packed identity: two integers each, because
    /// there may be millions.
    stubs: EntityMap<u64, u64>,
    /// Moments and packed identities. An entry counts only if it is what its execution is armed
    /// with; all others are left over.
    timers: BinaryHeap<Reverse<(u64, u64)>>,
    aside: EntityMap<EntityId, Arc<str>>,
    /// Names that the store may not know yet.
    names: HashMap<NameKey, EntityId>,
    backlog: VecDeque<Message>,
    /// Executions that have more to do.
    ready: ReadyQueue<EntityId>,
    /// Those that are being decided elsewhere.
    lent: EntityMap<EntityId, Lent>,
    refused: ReadyQueue<Refusal>,
    /// Whether tasks that cannot be sent fail in the next turn, whatever that one hears.
    is_their_turn: bool,
    unwritten: Unwritten,
    recovering: VecDeque<EntityId>,
    /// Those of the residents that only wait, by when they were last touched.
    parked: BTreeMap<u64, EntityId>,
    touches: u64,
    /// What happens when a turn is durable, in the order of turns.
    fresh: VecDeque<(u64, NameKey)>,
    closing: VecDeque<(u64, EntityId)>,
    /// Express executions that a task of another execution runs, by that task.
    express_tasks: HashMap<TaskRef, EntityId>,
    /// Tasks that wait for the end of an open execution, by the execution.
    watchers: EntityMap<EntityId, Vec<TaskRef>>,
    marks: express::Marks,
    /// What could not be heard because a read failed, and when it is heard again.
    unheard: VecDeque<(Timestamp, Message)>,
    snapshots: snapshots::Snapshots,
    /// Room for the events of executions that are started.
    rooms: Vec<Vec<Event>>,

    // Of the turn under way.
    touched: Vec<EntityId>,
    effects: VecDeque<(EntityId, Effect)>,
    releases: Vec<(Option<EntityId>, Release)>,
    posts: Vec<(usize, Message)>,
    at_once: Vec<Release>,
    bytes: usize,
    events: usize,
}

/// An execution in memory.
struct Resident {
    execution: Execution,
    revision: Arc<Revision>,
    /// The task that started it.
    parent: Option<Parent>,
    /// What it has beside if it is an Express one.
    express: Option<Box<express::Express>>,
    /// Not written yet.
    opening: Option<Opening>,
    /// The row of its last chunk; 0 if there is none.
    row: u64,
    /// The last history event that is in its snapshot; 0 if there is none that this run knows of, 1 if it is
    /// of no use.
    snapshot_event_id: u64,
    /// The turn of its last chunk, if it was decided in this run.
    turn: u64,
    recorder: Recorder,
    /// Its tasks, by the ids of their `…Scheduled` events.
    tasks: BTreeMap<u64, Held>,
    /// The moment of its earliest entry among the timers.
    armed: u64,
    /// Whether it was counted among the open ones when it was last sealed.
    counted_open: bool,
    /// Whether it is among the touched.
    touched: bool,
    /// Whether it is among the ready.
    queued: bool,
    /// Its place among the parked.
    parked_at: Option<u64>,
}

impl Resident {
    fn key(&self) -> ExecutionKey {
        let name = self.execution.origin().execution_name.clone();
        ExecutionKey { machine: self.revision.key.clone(), name }
    }

    fn is_open(&self) -> bool {
        self.execution.status() == ExecutionStatus::Running
    }

    /// The task that started it and waits for its end. Once it was redriven it is for whoever did that.
    fn awaited_by(&self) -> Option<TaskRef> {
        let parent = self.parent.filter(|parent| parent.waits && self.execution.redrive_count() == 0);
        parent.map(|parent| parent.task)
    }

    /// Whether it is closed, and all of it is durable as of this turn.
    fn is_forgettable(&self, committed: u64) -> bool {
        !self.is_open() && self.turn <= committed && self.recorder.events.is_empty()
    }

    /// Whether it only waits: for a moment, for somebody outside who has all he needs, or in a queue.
    fn only_waits(&self) -> bool {
        self.is_open()
            && self.express.is_none()
            && self.execution.is_parked()
            && !self.execution.has_work()
            && !self.queued
            && self.tasks.values().all(|task| task.is_outside() || task.is_queued())
    }
}

/// Why an input changed nothing.
enum Deaf {
    /// The language refused it.
    Refused,
    /// The execution is set aside.
    Aside(Arc<str>),
}

/// What the language may ask.
pub(crate) struct Surroundings<'a> {
    pub(crate) commons: &'a Commons,
    pub(crate) place: &'a Place,
    pub(crate) entity: EntityId,
    pub(crate) elapsed_ms: &'a dyn Fn() -> u64,
}

impl World for Surroundings<'_> {
    fn task_token(&self, scheduled_event_id: u64) -> Arc<str> {
        let task = TaskRef { execution: self.entity, scheduled_event_id };
        self.commons.keys.token(self.place, task).into()
    }

    fn activity_exists(&self, activity_arn: &str) -> bool {
        let key = ActivityKey::of_arn(activity_arn);
        key.is_some_and(|key| self.commons.catalogue().activity(&key).is_some())
    }

    fn elapsed_ms(&self) -> u64 {
        (self.elapsed_ms)()
    }
}

impl Shard {
    /// One turn: hears `messages` after those that are left over, lets due timers fire, and lends
    /// what has more to do, as far as a turn's bounds allow.
    pub fn turn(&mut self, messages: impl IntoIterator<Item = Message>, now: Timestamp) -> Turn {
        // Nothing ends at a moment whose retention is over, wherever the clock was set back to.
        self.now = self.now.max(now).max(self.commons.expired_before());
        self.turn += 1;
        self.backlog.extend(messages);
        while let Some((_, message)) = self.unheard.pop_front_if(|(again, _)| *again <= self.now) {
            self.backlog.push_back(message);
        }
        if self.index == 0 {
            self.commons.dispatcher().expire(now);
        }
        self.recover_some();
        self.hear();
        self.fire_timers();
        self.refuse_some();
        // What is due and was not looked at comes first.
        let is_full = self.is_full();
        let mut turn = self.seal();
        if !is_full {
            turn.loans = self.lend();
        }
        turn
    }

    /// All turns up to this one are durable.
    pub fn committed(&mut self, turn: u64) {
        self.committed = self.committed.max(turn);
        self.unwritten.committed(turn);
        while let Some((turn, name)) = self.fresh.front()
            && *turn <= self.committed
        {
            self.names.remove(name);
            self.fresh.pop_front();
        }
        while let Some((turn, entity)) = self.closing.front().copied()
            && turn <= self.committed
        {
            // It may be open again, or have been closed again since; then that is another entry.
            if self.residents.get(&entity).is_some_and(|resident| resident.is_forgettable(self.committed)) {
                self.residents.remove(&entity);
            }
            self.closing.pop_front();
        }
        self.evict();
        self.gauge();
    }

    /// Whether another turn would get on without hearing anything.
    pub fn has_work(&self) -> bool {
        !self.backlog.is_empty() || self.may_lend() || self.may_refuse() || !self.recovering.is_empty()
    }

    /// Whether it has as much to hear as a turn hears: more can wait where it is.
    pub fn is_behind(&self) -> bool {
        self.backlog.len() >= MESSAGES_PER_TURN
    }

    /// When a turn is wanted if nothing comes before.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let timer = self.timers.peek().map(|Reverse((due, _))| Timestamp::from_epoch_ms(*due));
        let worker = if self.index == 0 { self.commons.dispatcher().next_deadline() } else { None };
        let unheard = self.unheard.front().map(|(again, _)| *again);
        timer.into_iter().chain(worker).chain(unheard).chain(self.marks.due()).min()
    }

    /// The number of the last turn.
    pub fn last_turn(&self) -> u64 {
        self.turn
    }

    /// The executions in memory that have journals, whether all of each is durable, and its journal's
    /// last row. In no order. For the simulator, which compares them with their journals.
    pub fn residents(&self) -> impl Iterator<Item = (EntityId, &Execution, bool)> {
        let standard = self.residents.iter().filter(|(_, resident)| resident.express.is_none());
        standard.map(|(entity, resident)| {
            let durable = resident.turn <= self.committed && resident.recorder.events.is_empty();
            (*entity, &resident.execution, durable)
        })
    }

    /// The Express executions in memory: of what they do there is no journal. In no order. For the
    /// simulator.
    pub fn express_executions(&self) -> impl Iterator<Item = (EntityId, &Execution)> {
        let express = self.residents.iter().filter(|(_, resident)| resident.express.is_some());
        express.map(|(entity, resident)| (*entity, &resident.execution))
    }

    /// The executions that are set aside, and why.
    pub fn set_aside_executions(&self) -> impl Iterator<Item = (EntityId, &str)> {
        self.aside.iter().map(|(entity, reason)| (*entity, &**reason))
    }

    fn is_full(&self) -> bool {
        self.bytes >= BYTES_PER_TURN || self.events >= EVENTS_PER_TURN
    }

    fn hear(&mut self) {
        for _ in 0..MESSAGES_PER_TURN {
            if self.is_full() {
                return;
            }
            let Some(message) = self.backlog.pop_front() else { return };
            self.bytes += message.bytes();
            self.hear_one(message);
            self.settle();
        }
    }

    /// Hears a message, or has it wait for the execution that it concerns. Its effects are left to `settle`.
    fn hear_one(&mut self, message: Message) {
        let Some(message) = self.unless_lent(message) else { return };
        match message {
            Message::Start { machine, qualifier, name, partition, input, trace_header, parent, ear } => {
                let wanted = Wanted { machine, qualifier, name, partition, input, trace_header, parent };
                self.hear_start(wanted, ear);
            }
            Message::StartExpress { start, name_key, ear } => {
                let (entity, answer) = self.start_express(&start, name_key);
                match ear {
                    StartEar::Parent(_) if is_unread(&answer) => {
                        self.hear_later(Message::StartExpress { start, name_key, ear });
                    }
                    StartEar::Caller(reply) => {
                        let answer = answer.map(|(key, started_at)| ExecutionStarted {
                            arn: express_arn(&key).into(),
                            key: ExecutionKey { machine: key.machine, name: key.name },
                            started_at,
                        });
                        self.releases.push((entity, Release::Started(reply, answer)));
                    }
                    StartEar::Parent(parent) => {
                        let answer = answer.map(|(key, started_at)| {
                            let arn = express_arn(&key).into();
                            ChildStarted { arn, started_at, stop: None }
                        });
                        self.answer_parent(entity, parent, answer);
                    }
                }
            }
            Message::RunExpress { start, parent } => self.run_express(&start, parent),
            Message::AdoptExpress(under_way) => self.adopt_express(*under_way),
            Message::DropExpress { parent } => self.drop_express(parent),
            Message::Child { task, news } => self.hear_child(task, news),
            Message::Watch { key, home, parent } => self.watch(&key, &home, parent),
            Message::AskParent { key, home, parent } => self.answer_child(key, home, parent),
            Message::StopChild { key, home, parent } => self.stop_child_of(&key, &home, parent),
            Message::Stop { key, home, failure, reply } => {
                pass(FailPoint::BeforeStop);
                let (entity, answer) = self.stop(&key, &home, failure);
                pass(FailPoint::AfterStop);
                self.releases.push((entity, Release::Stopped(reply, answer)));
            }
            Message::Redrive { key, home, client_token, reply } => {
                pass(FailPoint::BeforeRedrive);
                let (entity, answer) = self.redrive(&key, &home, client_token);
                pass(FailPoint::AfterRedrive);
                self.releases.push((entity, Release::Stopped(reply, answer)));
            }
            Message::Answer { task, answer, reply } => {
                pass(FailPoint::BeforeAnswer);
                let answer = self.answer(task, answer);
                pass(FailPoint::AfterAnswer);
                self.releases.push((Some(task.execution), Release::Done(reply, answer)));
            }
            Message::Outcome { task, outcome } => {
                pass(FailPoint::BeforeResult);
                self.outcome(task, outcome);
                pass(FailPoint::AfterResult);
            }
            Message::SlotGranted { task } => self.slot_granted(task),
            Message::HandOut { task, poller } => self.worker_came(task, poller),
            Message::Returned(loan) => self.take_back(*loan),
            Message::Barrier { reply } => {
                self.marks.hurry = true;
                self.releases.push((None, Release::Done(reply, Ok(()))));
            }
        }
    }

    /// Lets an execution that is resident decide. Its effects are left to `settle`.
    fn decide(&mut self, entity: EntityId, input: Input) -> Result<(), Deaf> {
        self.touch(entity);
        let Some(resident) = self.residents.get_mut(&entity) else {
            return Err(self.deaf(entity));
        };
        let Resident { execution, recorder, revision, queued, .. } = &mut **resident;
        let elapsed_ms = &*self.commons.options.stopwatch;
        let world = Surroundings { commons: &self.commons, place: &revision.key.place, entity, elapsed_ms };
        // What is dear only hears here, and goes on elsewhere. But a moment that has come is not heard twice.
        let given = match input {
            Input::Tick => self.commons.options.fuel,
            _ if revision.is_dear() => 0,
            _ => self.commons.options.fuel,
        };
        let mut fuel = given;
        let before = recorder.events.len();
        let now = self.now;
        // A panic must not take the other executions of the shard with it. What it leaves half done
        // is this one execution, which is dropped.
        let outcome =
            catch_unwind(AssertUnwindSafe(|| execution.handle(input, now, &world, &mut fuel, recorder)));
        match outcome {
            Ok(answer) => {
                self.events += recorder.events.len() - before;
                if is_dear(given, fuel, &recorder.events[before..]) {
                    revision.note_price(true);
                }
                self.effects.extend(recorder.effects.drain(..).map(|effect| (entity, effect)));
                if execution.has_work() && !*queued {
                    *queued = true;
                    self.ready.push(revision.machine, entity);
                }
                answer.map_err(|refused| match refused {
                    Refused::Closed | Refused::NoSuchTask | Refused::WrongPhase | Refused::NotRedrivable => {
                        Deaf::Refused
                    }
                })
            }
            Err(panic) => {
                let reason = format!("the language panicked: {}", panic_text(&*panic));
                self.set_aside(entity, reason);
                Err(self.deaf(entity))
            }
        }
    }

    fn deaf(&self, entity: EntityId) -> Deaf {
        match self.aside.get(&entity) {
            Some(reason) => Deaf::Aside(reason.clone()),
            None => Deaf::Refused,
        }
    }

    /// Carries out the effects of what was decided, and of what they led to.
    fn settle(&mut self) {
        while let Some((entity, effect)) = self.effects.pop_front() {
            match effect {
                Effect::ScheduleTask(spec) => self.schedule(entity, spec),
                Effect::CancelTask { scheduled_event_id, resource: _ } => {
                    self.cancel(TaskRef { execution: entity, scheduled_event_id });
                }
            }
        }
    }

    fn touch(&mut self, entity: EntityId) {
        let Some(resident) = self.residents.get_mut(&entity) else { return };
        if !resident.touched {
            resident.touched = true;
            self.touched.push(entity);
        }
        if let Some(at) = resident.parked_at.take() {
            self.parked.remove(&at);
        }
    }

    /// Tells another shard something, or this one later in this turn.
    fn post(&mut self, partition: Partition, message: Message) {
        let shard = self.commons.shard_of(partition);
        if shard == self.index {
            self.backlog.push_back(message);
        } else {
            self.posts.push((shard, message));
        }
    }

    /// Ends a turn: one chunk for each execution that recorded something.
    fn seal(&mut self) -> Turn {
        let touched = std::mem::take(&mut self.touched);
        let mut counts = Counts::default();
        let mut chunks = Vec::with_capacity(touched.len());
        let mut history = Vec::new();
        let mut changed: Vec<Arc<Revision>> = Vec::new();
        let is_watched = self.commons.changes.are_places_watched();
        let mut measured = Vec::with_capacity(touched.len());
        for entity in &touched {
            let Some(resident) = self.residents.get_mut(entity) else { continue };
            // It stands here twice if it was forgotten and loaded again within the turn.
            if !std::mem::take(&mut resident.touched) {
                continue;
            }
            if resident.express.is_some() {
                chunks.extend(self.seal_express(*entity));
                self.arm(*entity);
                continue;
            }
            if !resident.recorder.events.is_empty() {
                let body = catch_unwind(AssertUnwindSafe(|| encode(&resident.recorder.events)));
                match body {
                    Ok(body) => {
                        let (chunk, events) = self.seal_chunk(*entity, body.into(), &mut counts);
                        if is_watched && concerns_lists(&chunk.header, &events) {
                            self.note_changed(*entity, &mut changed);
                        }
                        measured.extend(self.measure(*entity, chunk.header.opening.is_some()));
                        chunks.push(chunk);
                        history.extend(self.logged(*entity, events));
                    }
                    Err(panic) => {
                        self.set_aside(*entity, format!("the codec panicked: {}", panic_text(&*panic)));
                        continue;
                    }
                }
            }
            self.arm(*entity);
            self.park(*entity);
        }
        let rows = self.commons.rows(chunks.len());
        for (chunk, row) in chunks.iter_mut().zip(rows) {
            let resident = self.residents.get_mut(&chunk.header.entity).expect("it was touched just now");
            chunk.header.row = row;
            chunk.header.previous_row = std::mem::replace(&mut resident.row, row);
        }
        if !chunks.is_empty() || self.marks.are_due(self.now) {
            let mut marks = self.seal_marks();
            let rows = self.commons.rows(marks.len());
            for (mark, row) in marks.iter_mut().zip(rows) {
                mark.header.row = row;
            }
            chunks.append(&mut marks);
        }
        self.marks.hurry = false;
        self.bytes = 0;
        self.events = 0;
        self.touched = touched;
        self.touched.clear();
        #[cfg(feature = "sabotage")]
        crate::sabotage::hurry(self.commons.options.sabotage, &mut self.releases, &mut self.at_once);
        self.gauge();
        self.unwritten.add(self.turn, counts.events);
        let snapshots = if chunks.is_empty() { Vec::new() } else { self.snapshots.take() };
        Turn {
            number: self.turn,
            chunks,
            snapshots,
            releases: self.releases.drain(..).map(|(_, release)| release).collect(),
            posts: std::mem::take(&mut self.posts),
            at_once: std::mem::take(&mut self.at_once),
            counts,
            measured,
            history,
            changed,
            loans: Vec::new(),
        }
    }

    /// Notes that lists of executions of a revision change.
    fn note_changed(&self, entity: EntityId, changed: &mut Vec<Arc<Revision>>) {
        let revision = self.residents.get(&entity).map(|resident| &resident.revision);
        // Of many executions in a turn most are of the same one.
        let new = revision.filter(|new| changed.last().is_none_or(|last| !Arc::ptr_eq(last, new)));
        changed.extend(new.cloned());
    }

    /// What became of an execution in this turn, if it is to be counted.
    fn measure(&mut self, entity: EntityId, is_new: bool) -> Option<Measured> {
        let resident = self.residents.get_mut(&entity)?;
        let is_open = resident.is_open();
        let was_open = std::mem::replace(&mut resident.counted_open, is_open);
        if !is_new && is_open && was_open {
            return None;
        }
        let news = News {
            started_at: is_new.then(|| resident.execution.started_at()),
            ended: Ended::of(&resident.execution),
            open: (was_open, is_open),
            at: self.now,
        };
        Some(Measured { meter: resident.revision.meter(&self.commons.metrics).clone(), news })
    }

    /// What an execution logs of the events of its chunk. If it logs nothing, nobody needs them any more.
    fn logged(&mut self, entity: EntityId, events: Vec<Event>) -> Option<LoggedHistory> {
        let is_heard = self.commons.options.history_log.is_some();
        let resident = self.residents.get(&entity).filter(|_| is_heard);
        let log =
            resident.and_then(|resident| Some((&resident.execution, resident.revision.execution_log()?)));
        let Some((execution, logging)) = log else {
            self.keep_room(events);
            return None;
        };
        LoggedHistory::of(logging, execution.origin(), execution.redrive_count(), events)
    }

    /// The chunk of what `entity` recorded, and the events in it; its rows come later.
    fn seal_chunk(&mut self, entity: EntityId, body: Arc<[u8]>, counts: &mut Counts) -> (Chunk, Vec<Event>) {
        let resident = self.residents.get_mut(&entity).expect("the caller has just seen it");
        let events = std::mem::take(&mut resident.recorder.events);
        resident.turn = self.turn;
        counts.events += events.len() as u64;
        for event in &events {
            match event.kind {
                EventKind::StateEntered { .. } => counts.transitions += 1,
                EventKind::ExecutionRedriven { .. } => counts.redriven += 1,
                _ => {}
            }
        }
        let status = resident.execution.status();
        let only_waits = resident.only_waits();
        let is_open = resident.is_open();
        let opening = resident.opening.take();
        if let Some(opening) = &opening {
            counts.started += 1;
            if let Some(name_key) = opening.name_key {
                self.fresh.push_back((self.turn, name_key));
            }
        }
        let parent = opening.as_ref().and(resident.parent);
        // A child tells its parent of its end, and a parent stops its child; but what is said of that may be
        // lost in a crash, so both are loaded after a restart, to ask. So is one that has to be queued anew.
        let is_loaded = resident.awaited_by().is_some()
            || resident.tasks.values().any(|task| task.is_child() || task.is_queued());
        let next_due = resident.execution.next_due().filter(|_| is_open);
        let last_event_id = resident.execution.last_event_id();
        let count = resident.execution.redrive_count();
        let redrives = resident.execution.redriven_at().map(|last_at| Redrives { count, last_at });
        if !is_open {
            counts.closed[usize::from(status.code())] += 1;
            self.closing.push_back((self.turn, entity));
            if std::mem::take(&mut resident.snapshot_event_id) > 0 {
                self.snapshots.drop_of(entity);
            }
            self.tell_of_end(entity);
        }
        let header = ChunkHeader {
            entity,
            row: 0,
            previous_row: 0,
            first_event_id: events.iter().map(|event| event.id).find(|id| *id > 0).unwrap_or(0),
            last_event_id,
            // What was lent was decided a little earlier; when it was closed, its history says.
            at: events.last().map_or(self.now, |event| event.at),
            opening,
            parent,
            status,
            next_due,
            parked: only_waits && !is_loaded,
            redrives,
        };
        (Chunk { header, body }, events)
    }

    /// Leaves an execution alone from now on, with its history as it is.
    fn set_aside(&mut self, entity: EntityId, reason: String) {
        let reason: Arc<str> = reason.into();
        self.commons.log(LogLevel::Error, "execution_set_aside", reason.to_string(), Some(entity));
        self.effects.retain(|(of, _)| *of != entity);
        self.stubs.remove(&entity.to_u64());
        // What it had promised in this turn does not hold: it is not written.
        let mut unsent = Vec::new();
        for (of, release) in std::mem::take(&mut self.releases) {
            if of != Some(entity) {
                self.releases.push((of, release));
                continue;
            }
            if let Release::RunTask { request, .. } = &release {
                unsent.push(request.task);
            }
            let failed = release.fail(EngineError::Damaged(reason.to_string()));
            self.releases.extend(failed.map(|release| (None, release)));
        }
        for task in unsent {
            self.free(task);
        }
        let Some(resident) = self.residents.remove(&entity) else {
            self.commons.dispatcher().forget_all_of(entity);
            self.tell_of_damage(entity, None, &reason);
            self.aside.insert(entity, reason);
            return;
        };
        if let Some(at) = resident.parked_at {
            self.parked.remove(&at);
        }
        for scheduled_event_id in resident.tasks.keys() {
            let task = TaskRef { execution: entity, scheduled_event_id: *scheduled_event_id };
            self.commons.dispatcher().forget(task);
        }
        if resident.express.is_some() {
            if let Some(name_key) = resident.opening.as_ref().and_then(|opening| opening.name_key) {
                self.names.remove(&name_key);
            }
            return self.give_up_express(entity, *resident, &reason);
        }
        match resident.opening {
            // It was never written, so it never was.
            Some(opening) => {
                if let Some(name_key) = opening.name_key {
                    self.names.remove(&name_key);
                }
            }
            None => {
                self.tell_of_damage(entity, resident.parent, &reason);
                self.aside.insert(entity, reason);
            }
        }
    }

    fn gauge(&self) {
        let in_memory = self.residents.len() + self.lent.len();
        self.commons.stats.gauge(self.index, in_memory, self.stubs.len(), self.aside.len());
    }
}

/// Whether a read failed over this answer.
fn is_unread<T>(answer: &Result<T, EngineError>) -> bool {
    matches!(answer, Err(EngineError::Stopped(_)))
}

/// Whether what is left of the fuel was used up by time, not by the states that were entered.
fn is_dear(given: u32, left: u32, events: &[Event]) -> bool {
    let is_entry = |event: &&Event| matches!(event.kind, EventKind::StateEntered { .. });
    given > 0 && left == 0 && events.iter().filter(is_entry).count() < given as usize
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "without a word",
    }
}

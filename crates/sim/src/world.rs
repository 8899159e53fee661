//! The simulated world: the engine's shards on virtual time, a store that crashes, targets, workers
//! and callers that do as chance has it.
//!
//! The engine is what it is in production but for its threads: the same shards, the same language,
//! the same rules of release. What chance decides: when a shard has its turn, how many turns share a
//! commit, whether a commit fails and whether it landed all the same, how long a task takes and how
//! it ends, whether its outcome is told twice, when the clock jumps, and when everything is lost.

mod calls;
mod changes;
mod fate;
mod furnish;
mod report;
mod sweep;
mod targets;
mod writes;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stepwell_engine::{
    Change, Commons, EngineOptions, ExecutionKey, Loan, MachineKey, Message, Place, Shard, Stopwatch,
    TaskAnswer, Turn, seeds_from,
};
use stepwell_model::{EntityId, Limits, MachineType, TaskRef, Timestamp};
use stepwell_task::{Integration, TaskOutcome};
use stepwell_value::Payload;

use crate::Options;
use crate::checks::{Ledger, Violation, all_executions, ensure, open_executions};
use crate::disk::{Disk, SpoiltSnapshot};
use crate::faults::Fault;
use crate::random::Random;
use crate::results::results;
use crate::trace::Trace;
use calls::Call;
pub use report::Report;
use targets::Targets;

/// How many steps a run may take for each start before it counts as stuck.
const STEPS_MAX: u64 = 16_000;
/// How many times everything is lost at most, and once more for so many starts: after that the world has
/// to come to rest.
const CRASHES_MAX: u64 = 12;
const STARTS_PER_CRASH: u64 = 100;
/// Nothing may take longer than this after the last that was planned and beside what the clock was set
/// by, in milliseconds: a day.
const TIME_MAX: u64 = 24 * 3600 * 1000;

/// As long as no more executions than this are in memory, all of them are compared with the store after
/// each commit.
const RESIDENTS_FEW: u64 = 40;
/// So many executions and queued tasks are looked at for each turn when the queues are checked: where there
/// are more, all are looked at after as many turns as that takes.
const LOOKED_AT_PER_TURN: u64 = 100;
/// A shard that has so many events decided and not written goes on with nothing before they are, and then
/// knows of tasks that are in no queue yet.
const EVENTS_UNWRITTEN: u64 = 2_048;

/// How many looks at the stopwatch take a millisecond: an expression is begun and ended with one.
const LOOKS_A_MS: u64 = 4;

/// How long a commit takes at most while nothing else happens, in milliseconds.
const COMMIT_MAX: u64 = 5_000;

/// What is going to happen.
#[derive(Debug)]
enum Happening {
    /// A caller wants an execution.
    Start(Wish),
    /// A caller wants an Express execution.
    StartExpress(Wish),
    /// A caller wants an Express execution, and waits for its end.
    StartSync(Wish),
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
    /// A machine gets another definition, a version or an alias.
    Change(usize),
    /// A round of the sweep begins.
    Sweep,
    /// The clock is set.
    Clock(i64),
    /// A bit flips on the disk.
    Flip,
    /// Everything but the store is lost, by a kill or a power failure.
    Crash,
}

#[derive(Debug, Clone)]
struct Wish {
    machine: MachineKey,
    /// A version of it, or an alias.
    qualifier: Option<Arc<str>>,
    name: Option<Arc<str>>,
    input: Payload,
    /// Whether what it names was there when it was asked for.
    is_sure: bool,
}

/// When something is let out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// As soon as it is decided.
    AtOnce,
    /// When it is durable.
    Durable,
}

/// What waits for a commit.
enum Pending {
    /// A turn of the shard of this index.
    Turn(usize, Turn),
    /// A change of the catalogue.
    Change(Change),
}

impl Pending {
    /// The turn of a shard, if it is one.
    fn turn(&self) -> Option<(usize, &Turn)> {
        match self {
            Pending::Turn(shard, turn) => Some((*shard, turn)),
            Pending::Change(_) => None,
        }
    }
}

/// One life of the engine.
struct Process {
    commons: Arc<Commons>,
    shards: Vec<Shard>,
    inbox: Vec<Vec<Message>>,
    /// How many messages may wait for a shard before calls are refused.
    calls_max: usize,
    /// Decided, and not written yet: turns, and at most one change of the catalogue.
    pending: VecDeque<Pending>,
    /// Being decided apart from its shard.
    lent: Vec<(usize, Loan)>,
    stopwatch: Stopwatch,
}

/// See the documentation of the module.
pub struct World {
    options: Options,
    random: Random,
    store: Arc<Disk>,
    process: Process,
    /// Which life of the engine this is.
    life: u64,
    /// True time in milliseconds; never goes back.
    time: u64,
    /// What the clock adds to it, and by how much it was set in all.
    clock_offset: i64,
    clock_moved: u64,
    /// How long it takes until everybody has wanted what they want.
    spread: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    last_happening: u64,
    calls: Vec<Call>,
    /// Whether the engine may have answered since calls were looked at.
    may_have_told: bool,
    /// In the order in which they were created.
    machines: Vec<(MachineKey, MachineType)>,
    tokens: BTreeMap<Arc<str>, TaskRef>,
    /// The tasks that were sent in this life of the engine.
    sent: BTreeSet<TaskRef>,
    /// Of these, those whose target has not answered.
    under_way: BTreeSet<TaskRef>,
    /// Those whose target has.
    told: BTreeSet<TaskRef>,
    /// How many outcomes were told again, and have not been heard.
    doubled: u64,
    /// Whether a read has failed; a caller may hear of it when the process has ended already.
    reads_failed: bool,
    /// The moment that was read last from the clock.
    last_reading: Timestamp,
    /// Whether the clock was set back, and nobody has seen it yet.
    clock_went_back: bool,
    trace: Trace,
    /// How many turns shards have had, and after how many of them the queues were looked at last.
    turns: u64,
    turns_checked: u64,
    /// How many commits had gone well when all journals were read anew last.
    commits_when_read: u64,
    /// The last row that was decided when the last round of the sweep began.
    decided_before_round: u64,
    ledger: Ledger,
    report: Report,
}

impl World {
    /// A world of its own.
    pub fn new(options: Options) -> Result<World, Violation> {
        let mut random = Random::new(options.seed);
        let store = Arc::new(Disk::new([random.draw() as u8; 32]));
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
            clock_moved: 0,
            spread: 60_000,
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            last_happening: 0,
            calls: Vec::new(),
            may_have_told: false,
            machines: Vec::new(),
            tokens: BTreeMap::new(),
            sent: BTreeSet::new(),
            under_way: BTreeSet::new(),
            told: BTreeSet::new(),
            doubled: 0,
            reads_failed: false,
            last_reading: Timestamp::default(),
            clock_went_back: false,
            trace: Trace::new(options.trace),
            turns: 0,
            turns_checked: 0,
            commits_when_read: 0,
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

    /// Runs until everything has come to rest, and checks that all is as it should be. What it did is
    /// told as well, if that is wanted.
    pub fn run(mut self) -> (String, Result<Report, Violation>) {
        let outcome = self.come_to_rest();
        (self.trace.into_text(), outcome.map(|()| self.report))
    }

    fn come_to_rest(&mut self) -> Result<(), Violation> {
        loop {
            self.report.steps += 1;
            ensure(self.report.steps < STEPS_MAX * self.options.starts_max.max(25), || {
                "it never comes to rest".to_owned()
            })?;
            if std::mem::take(&mut self.may_have_told) {
                self.hear_answers()?;
            }
            if self.happen()? {
                continue;
            }
            if self.work()? {
                self.may_have_told = true;
                continue;
            }
            self.check_queues()?;
            self.check_orphans()?;
            if self.is_over()? {
                return self.finish();
            }
            let next = self.next_moment().ok_or_else(|| self.stuck("nothing will ever happen"))?;
            self.time = self.time.max(next);
            if self.time > TIME_MAX + self.spread + self.clock_moved {
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
            Happening::Poll(_)
            | Happening::Sweep
            | Happening::Clock(_)
            | Happening::Flip
            | Happening::Crash => true,
            Happening::Outcome { process, .. } => *process != self.life,
            Happening::Start(_)
            | Happening::StartExpress(_)
            | Happening::StartSync(_)
            | Happening::Stop(_)
            | Happening::Redrive(..)
            | Happening::Change(_) => false,
            Happening::Answer(task, ..) => self.is_aside(task.execution),
        };
        Ok(self.process.pending.is_empty()
            && self.process.lent.is_empty()
            && self.happenings.values().all(is_idle)
            && self.calls.iter().all(|call| matches!(call, Call::Poll(..)))
            && open_executions(&*self.store)?.into_iter().all(|entity| self.is_aside(entity)))
    }

    /// Whether an execution cannot be read, and is not in memory either: it will not end.
    fn is_aside(&self, entity: EntityId) -> bool {
        let mut residents = self.process.shards.iter().flat_map(Shard::residents);
        self.ledger.damaged.contains(&entity) && !residents.any(|(resident, ..)| resident == entity)
    }

    /// What is scheduled and not started stands in a queue, and nothing else does but what is to be
    /// sent again after a crash. Looked at after each turn, or, where there is much, after each that is
    /// its share of the work.
    fn check_queues(&mut self) -> Result<(), Violation> {
        let since = self.turns - self.turns_checked;
        let much = self.in_memory() + self.process.commons.dispatcher().queued() as u64;
        // Nobody sees what is lent.
        if !self.process.lent.is_empty() || since == 0 || since < much / LOOKED_AT_PER_TURN {
            return Ok(());
        }
        self.turns_checked = self.turns;
        let queued = self.process.commons.dispatcher().queued_tasks();
        let queued: BTreeSet<TaskRef> = queued.into_iter().collect();
        let (mut scheduled, mut outstanding) = (BTreeSet::new(), BTreeSet::new());
        for (index, shard) in self.process.shards.iter().enumerate() {
            let turns = self.process.pending.iter().filter_map(Pending::turn);
            let unwritten: u64 =
                turns.filter(|(of, _)| *of == index).map(|(_, turn)| turn.counts.events).sum();
            let goes_on = unwritten < EVENTS_UNWRITTEN;
            let standard = shard.residents().map(|(entity, execution, _)| (entity, execution));
            for (entity, execution) in standard.chain(shard.express_executions()) {
                for task in execution.outstanding() {
                    let scheduled_event_id = task.task.scheduled_event_id;
                    let reference = TaskRef { execution: entity, scheduled_event_id };
                    outstanding.insert(reference);
                    if !task.started && goes_on {
                        scheduled.insert(reference);
                    }
                }
            }
        }
        // What is queued of an execution that was dropped from memory, its journal tells.
        let stubs: BTreeSet<EntityId> = queued.difference(&outstanding).map(|task| task.execution).collect();
        for entity in stubs {
            let journals = &mut self.ledger.journals;
            let journal = journals.read(&*self.store, &self.process.commons, entity)?;
            let tasks = journal.map(|journal| journal.execution.outstanding()).unwrap_or_default();
            let waiting = tasks.into_iter().filter(|task| !task.started);
            outstanding.extend(
                waiting.map(|task| TaskRef {
                    execution: entity,
                    scheduled_event_id: task.task.scheduled_event_id,
                }),
            );
        }
        let lost: Vec<_> = scheduled.difference(&queued).collect();
        ensure(lost.is_empty(), || format!("{lost:?} are in no queue"))?;
        let dead: Vec<_> = queued.difference(&outstanding).collect();
        ensure(dead.is_empty(), || format!("{dead:?} are queued, and nobody waits for them"))
    }

    /// Whoever was to be stopped is, when there is nothing left to do.
    fn check_orphans(&mut self) -> Result<(), Violation> {
        if !self.process.pending.is_empty() {
            return Ok(());
        }
        let moment = (self.time, self.now());
        let Ledger { orphans, journals, damaged, .. } = &mut self.ledger;
        orphans.check(&*self.store, &self.process.commons, journals, damaged, moment)
    }

    /// Whether everything may be lost once more.
    fn may_crash(&self) -> bool {
        self.report.crashes < CRASHES_MAX + self.options.starts_max / STARTS_PER_CRASH
    }

    /// Whether everything is lost now, over a commit or after it. The larger the world, the more seldom: it
    /// has more commits, and is to be struck late as well as early.
    fn is_struck(&mut self) -> bool {
        let commits = 1.max(self.options.crowd() / 4);
        self.may_crash() && self.random.below(100 * commits) < self.options.crash_percent
    }

    /// How many executions are in memory, as the engine counts them.
    fn in_memory(&self) -> u64 {
        self.process.commons.stats().resident
    }

    fn finish(&mut self) -> Result<(), Violation> {
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
        for row in all_executions(&self.store)? {
            self.ledger.history(&self.store, &commons, &row)?;
            self.report.executions += 1;
            if let Ok(history) = commons.history_of_entity(row.entity)
                && !self.ledger.offspring.is_express(&row)
            {
                for event in &history {
                    let text = || format!("{:?}, event {}: {:?}", row.entity, event.id, event.kind);
                    self.trace.note(self.time, text);
                }
                self.report.results += results(&history).map_err(Violation)?;
            }
        }
        (self.report.children, self.report.express) = self.ledger.offspring.counts();
        self.report.effects = self.ledger.effects.values().map(|keys| keys.len() as u64).sum();
        self.report.hand_outs = self.ledger.hand_outs.len() as u64;
        self.report.redrives = self.ledger.redrives.len() as u64;
        Ok(())
    }

    fn next_moment(&self) -> Option<u64> {
        let planned = self.queue.peek().map(|Reverse((at, _))| *at);
        let wakes = self.process.shards.iter().filter_map(Shard::next_wake).map(|wake| {
            // The true time at which the clock will show that moment.
            wake.epoch_ms.saturating_sub(EPOCH).saturating_add_signed(-self.clock_offset)
        });
        planned.into_iter().chain(wakes).min()
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
        if !self.process.lent.is_empty() && (is_last || self.random.percent(40)) {
            self.give_back();
            return Ok(true);
        }
        // Without either and with nothing to decide, time passes: both take their while.
        if busy.is_empty() {
            return Ok(false);
        }
        let process = &mut self.process;
        let index = *self.random.pick(&busy);
        let messages = std::mem::take(&mut process.inbox[index]);
        let is_due = process.shards[index].next_wake().is_some_and(|wake| wake <= now);
        self.report.inputs += messages.len() as u64 + u64::from(is_due);
        let late_before = process.commons.stats().late_outcomes;
        let fails_after = self.random.percent(self.options.read_error_percent).then(|| self.random.below(6));
        if fails_after.is_some() {
            self.report.faults.inject(Fault::ReadError);
        }
        self.turns += 1;
        let spoils =
            self.random.percent(self.options.spoilt_snapshot_percent).then(|| match self.random.below(4) {
                0 => SpoiltSnapshot::Missing,
                1 => SpoiltSnapshot::Stale,
                2 => SpoiltSnapshot::Damaged(self.random.below(1 << 20) as usize),
                _ => SpoiltSnapshot::Foreign,
            });
        self.store.begin_reads(fails_after, spoils);
        let mut turn = process.shards[index].turn(messages, now);
        let reads = self.store.end_reads();
        let late = process.commons.stats().late_outcomes - late_before;
        self.read_clock();
        self.have_read(reads)?;
        self.count_late(late);
        for release in std::mem::take(&mut turn.at_once) {
            self.let_out(release, When::AtOnce)?;
        }
        let process = &mut self.process;
        for (to, message) in turn.posts.drain(..) {
            process.inbox[to].push(message);
        }
        process.lent.extend(turn.loans.drain(..).map(|loan| (index, loan)));
        if turn.is_empty() {
            return Ok(true);
        }
        if self.options.release_before_commit {
            for release in std::mem::take(&mut turn.releases) {
                self.let_out(release, When::Durable)?;
            }
        }
        self.ledger.routes.are_followed(&turn.chunks)?;
        self.process.pending.push_back(Pending::Turn(index, turn));
        Ok(true)
    }

    /// Something that is lent has been decided, and goes back to its shard.
    fn give_back(&mut self) {
        let process = &mut self.process;
        let (shard, mut loan) =
            process.lent.swap_remove(self.random.below(process.lent.len() as u64) as usize);
        loan.decide(&*process.stopwatch);
        process.post((shard, Message::Returned(Box::new(loan))));
    }
}

/// When the world begins, in milliseconds since the epoch.
const EPOCH: u64 = 1_700_000_000_000;

fn place() -> Place {
    Place { account: "123456789012".into(), region: "us-east-1".into() }
}

impl Process {
    /// A process as it begins, on what the disk has.
    fn open(
        store: &Arc<Disk>,
        random: &mut Random,
        now: Timestamp,
        retention_seconds: u64,
        options: Options,
    ) -> Result<Process, Violation> {
        let crowd = options.crowd();
        // Nothing takes time in this world; but whoever looks often finds that it took some.
        let looks = AtomicU64::new(0);
        let stopwatch: Stopwatch = Arc::new(move || looks.fetch_add(1, Ordering::Relaxed) / LOOKS_A_MS);
        let options = EngineOptions {
            limits: Limits { retention_seconds, ..Limits::default() },
            shards: random.within(1..=4) as usize,
            resident_max: *random.pick(&[0, 1, 100, 100_000]),
            snapshot_events: *random.pick(&[1, 7, 128]),
            express_open_max: *random.pick(&[1, 4, 100_000, 100_000]) * crowd,
            fuel: *random.pick(&[1, 3, 256]),
            seed: seeds_from(random.draw()),
            stopwatch: stopwatch.clone(),
            ..options.engine()
        };
        let targets: Arc<dyn Integration> =
            Arc::new(Targets { slots: (random.within(1..=4) * crowd) as usize });
        let commons = Commons::open(store.clone(), vec![targets], options, now);
        let commons = Arc::new(commons.map_err(|error| Violation(error.to_string()))?);
        let shards = Shard::open_all(&commons).map_err(|error| Violation(error.to_string()))?;
        let inbox = shards.iter().map(|_| Vec::new()).collect();
        let calls_max = *random.pick(&[1, 8, 4_096]);
        let (pending, lent) = (VecDeque::new(), Vec::new());
        Ok(Process { commons, shards, inbox, calls_max, pending, lent, stopwatch })
    }

    fn post(&mut self, (shard, message): (usize, Message)) {
        self.inbox[shard].push(message);
    }

    /// Tells a shard what a caller wants, as a mailbox does. False if that is full.
    fn call(&mut self, (shard, message): (usize, Message)) -> bool {
        let has_room = self.inbox[shard].len() < self.calls_max;
        if has_room {
            self.inbox[shard].push(message);
        }
        has_room
    }
}

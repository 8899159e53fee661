//! What must hold, whatever happens: written down apart from the engine, and checked against the
//! store and against what the world saw.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stepwell_asl::CLIENT_TOKEN_SECONDS;
use stepwell_engine::{Commons, ExecutionKey, ExecutionStarted, Place, Shard};
use stepwell_model::{
    EntityId, HistoryEvent, HistoryEventKind, MachineType, TaskEvent, TaskRef, Timestamp, error_names,
};
use stepwell_store::{ExecutionRow, OpenExecution, Store, StoreError};

use crate::disk::Disk;
use crate::journals::Journals;
use crate::offspring::Offspring;
use crate::orphans::Orphans;
use crate::results::results;
use crate::routes::Routes;

/// A promise was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(pub String);

/// Fails with the text unless it holds.
pub fn ensure(holds: bool, text: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(text())) }
}

/// What the world saw; it survives every crash.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The calls that reached a target, with their keys.
    pub effects: BTreeMap<TaskRef, Vec<String>>,
    /// How often each task was handed to a worker.
    pub hand_outs: BTreeMap<TaskRef, u64>,
    /// Which starts were acknowledged, and how.
    pub started: BTreeMap<String, ExecutionStarted>,
    /// Which redrives were acknowledged, by the execution's name and start and the token of the
    /// request, and when they were.
    pub redrives: BTreeMap<(String, Timestamp, Arc<str>), Timestamp>,
    /// Attempts of which nobody can know: under way at a crash, or said to be so by a target.
    pub may_be_unknown: BTreeSet<TaskRef>,
    /// How long closed executions are kept.
    pub retention_seconds: u64,
    /// Of executions that tasks start, and of Express ones.
    pub offspring: Offspring,
    /// Of those that tasks start and wait for.
    pub orphans: Orphans,
    /// Executions of which the engine has read something damaged.
    pub damaged: BTreeSet<EntityId>,
    /// The latest moment before which closed executions were said to be gone.
    pub expired_before: Timestamp,
    /// What is durable of each execution.
    pub journals: Journals,
    /// What the machines are, and lead to.
    pub routes: Routes,
}

impl Ledger {
    /// A call reaches its target.
    pub fn effect(
        &mut self,
        store: &dyn Store,
        commons: &Commons,
        task: TaskRef,
        key: &str,
        idempotent: bool,
    ) -> Result<(), Violation> {
        is_started(store, commons, &mut self.journals, task)?;
        let keys = self.effects.entry(task).or_default();
        keys.push(key.to_owned());
        ensure(keys.iter().all(|other| other == key), || format!("{task:?} was sent with two keys"))?;
        ensure(idempotent || keys.len() == 1, || format!("{task:?} was sent twice"))
    }

    /// A task reaches a worker.
    pub fn hand_out(&mut self, store: &dyn Store, commons: &Commons, task: TaskRef) -> Result<(), Violation> {
        is_started(store, commons, &mut self.journals, task)?;
        let count = self.hand_outs.entry(task).or_default();
        *count += 1;
        ensure(*count == 1, || format!("{task:?} was handed out twice"))
    }

    /// A start is acknowledged.
    pub fn acknowledge(&mut self, commons: &Commons, started: ExecutionStarted) -> Result<(), Violation> {
        self.is_there(commons, &started)?;
        let name = format!("{}/{}", started.key.machine.name, started.key.name);
        match self.started.get(&name) {
            // A name is free again when the retention of its execution has ended, not earlier.
            Some(before) if *before != started && self.may_follow(before.started_at, started.started_at) => {
                self.started.insert(name, started);
                Ok(())
            }
            Some(before) => ensure(*before == started, || format!("{name} was started twice")),
            None => {
                self.started.insert(name, started);
                Ok(())
            }
        }
    }

    /// Whether an execution that was started then may have the name of one that was not closed before
    /// `since`: the retention ended in between, or the clock was ahead and said so.
    fn may_follow(&self, since: Timestamp, started_at: Timestamp) -> bool {
        started_at >= since
            && (started_at >= since.after_seconds(self.retention_seconds) || since < self.expired_before)
    }

    fn is_there(&self, commons: &Commons, started: &ExecutionStarted) -> Result<(), Violation> {
        let name = &started.key.name;
        let view = commons
            .execution(&started.key)
            .map_err(|error| Violation(format!("{name} was acknowledged and cannot be read: {error}")))?;
        // A start that nobody heard of may have taken the name, once it was free again.
        let is_same = view.started_at == started.started_at;
        ensure(is_same || self.may_follow(started.started_at, view.started_at), || {
            format!("{name} has another beginning")
        })
    }

    /// The store knows that an execution of which somebody was told that it is closed is, unless it has
    /// been redriven since, or its name is another's.
    pub fn is_closed(
        &self,
        commons: &Commons,
        key: &ExecutionKey,
        closed_at: Timestamp,
    ) -> Result<(), Violation> {
        let view = commons.execution(key).map_err(|error| Violation(format!("{}: {error}", key.name)))?;
        let is_another = self.may_follow(closed_at, view.started_at);
        ensure(view.closed_at.is_some() || view.redrive_count > 0 || is_another, || {
            format!("{} was stopped and is open", key.name)
        })
    }

    /// A redrive is acknowledged.
    pub fn redriven(
        &mut self,
        commons: &Commons,
        key: ExecutionKey,
        token: Arc<str>,
        redriven_at: Timestamp,
    ) -> Result<(), Violation> {
        let name = format!("{}/{}", key.machine.name, key.name);
        let view = commons.execution(&key).map_err(|error| Violation(format!("{name}: {error}")))?;
        if self.may_follow(redriven_at, view.started_at) {
            return Ok(());
        }
        let history = commons.history(&key).map_err(|error| Violation(format!("{name}: {error}")))?;
        let is_it = |event: &HistoryEvent| {
            matches!(event.kind, HistoryEventKind::ExecutionRedriven { .. }) && event.timestamp == redriven_at
        };
        ensure(history.iter().any(is_it), || format!("{name} was redriven and does not know it"))?;
        // When a name is free again, another execution may have it.
        if let Some(before) = self.redrives.insert((name.clone(), view.started_at, token), redriven_at) {
            let is_forgotten = redriven_at >= before.after_seconds(CLIENT_TOKEN_SECONDS);
            ensure(before == redriven_at || is_forgotten, || format!("{name} was redriven twice at once"))?;
        }
        Ok(())
    }

    /// The execution of this name that was started then is gone.
    pub fn forget(&mut self, name: &str, started_at: Timestamp) {
        self.started.retain(|_, started| &*started.key.name != name || started.started_at != started_at);
        self.offspring.forget(name);
    }

    /// Everything that was acknowledged is still there.
    pub fn all_are_there(&self, commons: &Commons) -> Result<(), Violation> {
        self.started.values().try_for_each(|started| self.is_there(commons, started))
    }

    /// Notes what is under way at a crash.
    pub fn crash(&mut self, store: &Disk, commons: &Commons) -> Result<(), Violation> {
        self.journals.forget();
        for open in open_executions(store)? {
            let row = store.execution(open).map_err(store_broken)?;
            if row.is_none_or(|row| self.offspring.is_express(&row)) {
                continue;
            }
            let Some(journal) = self.journals.read(store, commons, open)? else { continue };
            for outstanding in journal.execution.outstanding() {
                if outstanding.started && !outstanding.submitted {
                    let scheduled_event_id = outstanding.task.scheduled_event_id;
                    self.may_be_unknown.insert(TaskRef { execution: open, scheduled_event_id });
                }
            }
        }
        self.offspring.crash(store, self.expired_before)
    }

    /// What must hold of every history in the end.
    pub fn history(&self, store: &Disk, commons: &Commons, row: &ExecutionRow) -> Result<(), Violation> {
        if self.offspring.is_express(row) {
            return self.offspring.express_journal(store, row, self.damaged.contains(&row.entity));
        }
        let entity = row.entity;
        let history =
            commons.history_of_entity(entity).map_err(|error| Violation(format!("{entity:?}: {error}")))?;
        self.offspring.history(store, commons, row, &history)?;
        results(&history).map_err(|what| Violation(format!("{entity:?}: {what}")))?;
        let mut redrives = 0;
        for (at, event) in history.iter().enumerate() {
            let broken = |what: &str| Violation(format!("{entity:?}, event {}: {what}", event.id));
            if event.id != at as u64 + 1 {
                return Err(broken("the ids have a gap"));
            }
            if event.previous_event_id >= event.id {
                return Err(broken("it follows what came later"));
            }
            if at > 0 && event.timestamp < history[at - 1].timestamp {
                return Err(broken("time went back"));
            }
            let next = history.get(at + 1).map(|event| &event.kind);
            let is_redriven = matches!(next, Some(HistoryEventKind::ExecutionRedriven { .. }));
            // What cannot be read has its end where it is.
            let is_cut = next.is_none() && self.damaged.contains(&entity);
            if is_terminal(event) != (next.is_none() || is_redriven) && !is_cut {
                return Err(broken("the end is not the end"));
            }
            if let HistoryEventKind::ExecutionRedriven { redrive_count } = event.kind {
                redrives += 1;
                if redrive_count != redrives || event.previous_event_id + 1 != event.id {
                    return Err(broken("it is not the redrive of what ended before it"));
                }
            }
            if let HistoryEventKind::StateExited { name, .. } = &event.kind
                && let Some(seconds) = wait_seconds(name)
            {
                let entered = &history[event.previous_event_id as usize - 1];
                if event.timestamp < entered.timestamp.after_seconds(seconds) {
                    return Err(broken("a wait ended early"));
                }
            }
            if let HistoryEventKind::Task(_, TaskEvent::Failed(failure)) = &event.kind
                && failure.error_name() == error_names::OUTCOME_UNKNOWN
            {
                let scheduled_event_id = scheduled(&history, event);
                let task = TaskRef { execution: entity, scheduled_event_id };
                if !self.may_be_unknown.contains(&task) {
                    return Err(broken("its outcome was known"));
                }
            }
        }
        Ok(())
    }
}

fn is_terminal(event: &HistoryEvent) -> bool {
    matches!(
        event.kind,
        HistoryEventKind::ExecutionSucceeded { .. }
            | HistoryEventKind::ExecutionFailed(_)
            | HistoryEventKind::ExecutionAborted(_)
            | HistoryEventKind::ExecutionTimedOut(_)
    )
}

/// `Wait-30-5` waits for 30 seconds.
fn wait_seconds(name: &str) -> Option<u64> {
    name.strip_prefix("Wait-")?.split('-').next()?.parse().ok()
}

/// The id of the event that scheduled the task of `event`.
fn scheduled(history: &[HistoryEvent], event: &HistoryEvent) -> u64 {
    let mut at = event;
    while !matches!(at.kind, HistoryEventKind::Task(_, TaskEvent::Scheduled { .. }))
        && at.previous_event_id > 0
    {
        at = &history[at.previous_event_id as usize - 1];
    }
    at.id
}

/// Whether the store knows that a task was started.
pub fn is_started(
    store: &dyn Store,
    commons: &Commons,
    journals: &mut Journals,
    task: TaskRef,
) -> Result<(), Violation> {
    let broken = |what: &str| Violation(format!("{task:?} was let out {what}"));
    let journal = journals.read(store, commons, task.execution)?;
    let journal = journal.ok_or_else(|| broken("of an execution that is not durable"))?;
    let is_started = journal.started.contains(&task.scheduled_event_id);
    ensure(is_started, || broken("before its start was durable").0)
}

/// Whether the store knows how a task ended that somebody was told has ended.
pub fn is_ended(
    store: &dyn Store,
    commons: &Commons,
    journals: &mut Journals,
    task: TaskRef,
) -> Result<(), Violation> {
    let journal = journals.read(store, commons, task.execution)?;
    let has_ended = journal.is_some_and(|journal| journal.ended.contains(&task.scheduled_event_id));
    ensure(has_ended, || format!("{task:?} was acknowledged and is not durable"))
}

/// Whether the store knows that a task of which somebody was told that it has ended has.
pub fn is_not_waited_for(
    store: &dyn Store,
    commons: &Commons,
    journals: &mut Journals,
    task: TaskRef,
) -> Result<(), Violation> {
    // It was there when the token was let out; that it went in its time is checked when it goes.
    let Some(journal) = journals.read(store, commons, task.execution)? else { return Ok(()) };
    let waits = journal.execution.outstanding().iter().any(|outstanding| {
        outstanding.started && outstanding.task.scheduled_event_id == task.scheduled_event_id
    });
    ensure(!waits, || format!("{task:?} is waited for, and its answer was refused"))
}

/// Replay of the journal equals the live execution, for each of which all is durable and that is asked of.
/// None is set aside but those that are damaged.
pub fn replay_equals_memory(
    store: &dyn Store,
    commons: &Commons,
    shard: &Shard,
    ledger: &mut Ledger,
    is_asked: impl Fn(EntityId) -> bool,
) -> Result<(), Violation> {
    for (entity, live, is_durable) in shard.residents() {
        if is_durable && is_asked(entity) {
            let journal = ledger.journals.read(store, commons, entity)?;
            let is_same = journal.is_some_and(|journal| journal.execution == *live);
            ensure(is_same, || {
                format!("{entity:?} in memory is not what its journal says:\n{live:?}\n{:?}", ledger.journals)
            })?;
        }
    }
    match shard.set_aside_executions().find(|(entity, _)| !ledger.damaged.contains(entity)) {
        Some((entity, reason)) => Err(Violation(format!("{entity:?} was set aside: {reason}"))),
        None => Ok(()),
    }
}

/// A store that cannot be read.
pub fn store_broken(error: StoreError) -> Violation {
    Violation(error.to_string())
}

/// All executions in the store.
pub fn all_executions(store: &Disk) -> Result<Vec<ExecutionRow>, Violation> {
    let mut all = Vec::new();
    for entity in store.entities() {
        all.extend(store.execution(entity).map_err(store_broken)?);
    }
    Ok(all)
}

/// The executions that are open in the store.
pub fn open_executions(store: &dyn Store) -> Result<Vec<EntityId>, Violation> {
    let mut open = Vec::new();
    let mut visit = |execution: OpenExecution| open.push(execution.entity);
    store.open_executions(&mut visit).map_err(|error| Violation(error.to_string()))?;
    open.sort();
    Ok(open)
}

/// As many Standard executions are open as are counted. What is durable has been counted.
pub fn open_ones_are_counted(store: &dyn Store, commons: &Commons, place: &Place) -> Result<(), Violation> {
    let mut open: BTreeMap<u64, u64> = BTreeMap::new();
    let mut visit = |execution: OpenExecution| *open.entry(execution.machine).or_default() += 1;
    store.open_executions(&mut visit).map_err(|error| Violation(error.to_string()))?;
    for machine in commons.catalogue().machines(place) {
        let (open, counted) =
            (open.get(&machine.number).copied().unwrap_or(0), commons.open_executions(machine.number));
        ensure(machine.machine_type == MachineType::Express || open == counted, || {
            format!("{counted} executions of {:?} are counted as open, and {open} are", machine.key.name)
        })?;
    }
    Ok(())
}

//! What must hold of executions that are started by tasks of others, and of Express executions.
//!
//! - An attempt of a task starts one execution, and only after the attempt is durable.
//! - What a task hears of its execution is so: that it has begun, and how it ended.
//! - Nobody's execution is stopped by the end of a task that did not start it.
//! - An Express execution whose start was acknowledged is there, and has ended in the end. It is run
//!   four times at most; a run is counted before anything of it leaves, and sends a task once.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_engine::{Commons, ExecutionKey, ExpressKey};
use stepwell_model::{
    EntityId, HistoryEvent, HistoryEventKind, Pattern, Resource, TaskEvent, TaskRef, Timestamp,
};
use stepwell_store::{Chunk, ExecutionRow, NameKey, Parent, Store};
use stepwell_value::{Payload, Value};

use crate::checks::{Violation, all_executions, ensure, is_started, store_broken};
use crate::disk::Disk;
use crate::journals::Journals;

/// How often an Express execution is run at most: once, and again after three crashes.
const RUNS_MAX: usize = 4;

/// What the world saw of these executions; it survives every crash.
#[derive(Debug, Default)]
pub struct Offspring {
    /// The machines whose executions are Express ones.
    pub express_machines: BTreeSet<u64>,
    /// Whom callers wanted to stop.
    stops: BTreeSet<(String, String)>,
    /// What executions are called that were ever written, and which they are.
    written: BTreeMap<String, BTreeSet<EntityId>>,
    /// What each attempt started.
    children: BTreeMap<TaskRef, EntityId>,
    /// What each attempt started of Express machines, by what stands for the attempt.
    express_children: BTreeMap<NameKey, EntityId>,
    /// Express executions whose start was acknowledged.
    acknowledged: BTreeSet<String>,
    /// The lives of the engine in which a task of an Express execution was sent.
    express_effects: BTreeMap<TaskRef, Vec<u64>>,
}

impl Offspring {
    /// Whether this is an Express execution.
    pub fn is_express(&self, row: &ExecutionRow) -> bool {
        self.express_machines.contains(&row.opening.machine)
    }

    /// A caller wants to stop an execution.
    pub fn wants_stop(&mut self, key: &ExecutionKey) {
        self.stops.insert((key.machine.name.to_string(), key.name.to_string()));
    }

    /// Executions are about to be written: the attempts that start them are, already.
    pub fn are_about_to_begin(
        &self,
        store: &dyn Store,
        commons: &Commons,
        journals: &mut Journals,
        chunks: &[Chunk],
    ) -> Result<(), Violation> {
        let parents = chunks.iter().filter_map(|chunk| chunk.header.parent);
        parents.into_iter().try_for_each(|parent| is_started(store, commons, journals, parent.task))
    }

    /// Chunks have been written: what begins with them. What was closed before `gone_before` may have
    /// been forgotten.
    pub fn have_begun(
        &mut self,
        store: &dyn Store,
        gone_before: Timestamp,
        chunks: &[Chunk],
    ) -> Result<(), Violation> {
        for header in chunks.iter().map(|chunk| &chunk.header) {
            let Some(opening) = &header.opening else { continue };
            self.written.entry(opening.name.to_string()).or_default().insert(header.entity);
            // Both ways the same attempt leads to the same partition, so the larger number came later.
            let known = match (header.parent, opening.name_key) {
                (Some(parent), _) => self.children.entry(parent.task).or_insert(header.entity),
                (None, Some(attempt)) if self.express_machines.contains(&opening.machine) => {
                    self.express_children.entry(attempt).or_insert(header.entity)
                }
                (None, _) => continue,
            };
            let before = header.entity.min(*known);
            *known = header.entity.max(*known);
            if before == *known {
                continue;
            }
            let before = store.execution(before).map_err(store_broken)?;
            let is_kept = before.filter(|row| row.closed_at.is_none_or(|closed_at| closed_at >= gone_before));
            ensure(is_kept.is_none(), || format!("one attempt has started {is_kept:?} and {opening:?}"))?;
        }
        Ok(())
    }

    /// The start of an Express execution is acknowledged.
    pub fn acknowledge(&mut self, key: &ExpressKey) -> Result<(), Violation> {
        let name = format!("{}:{}", key.name, key.id);
        ensure(self.written.contains_key(&name), || format!("{name} was acknowledged and is not durable"))?;
        self.acknowledged.insert(name);
        Ok(())
    }

    /// The execution that is called so was swept.
    pub fn forget(&mut self, name: &str) {
        self.acknowledged.remove(name);
    }

    /// Everything was lost but the store.
    pub fn crash(&mut self, store: &Disk, gone_before: Timestamp) -> Result<(), Violation> {
        let mut names = BTreeSet::new();
        for row in all_executions(store)? {
            names.insert(row.opening.name.to_string());
            if let Some(first) = store.chunk(row.first_row).map_err(store_broken)? {
                self.have_begun(store, gone_before, &[first])?;
            }
        }
        let lost: Vec<_> = self.acknowledged.difference(&names).collect();
        ensure(lost.is_empty(), || format!("{lost:?} were acknowledged and are gone"))?;
        // One of which nothing is written is over, and another may get its number.
        let is_written = |task: &TaskRef| store.execution(task.execution).is_ok_and(|row| row.is_some());
        self.express_effects.retain(|task, _| is_written(task));
        Ok(())
    }

    /// A task of an Express execution reaches its target, in this life of the engine.
    pub fn effect(&mut self, store: &dyn Store, task: TaskRef, life: u64) -> Result<(), Violation> {
        let lives = self.express_effects.entry(task).or_default();
        ensure(!lives.contains(&life), || format!("{task:?} was sent twice by one run"))?;
        lives.push(life);
        if store.execution(task.execution).map_err(store_broken)?.is_some() {
            let counted = store.chunks(task.execution).map_err(store_broken)?.len();
            ensure(lives.len() <= counted, || format!("{task:?} was sent by a run that is not counted"))?;
        }
        ensure(lives.len() <= RUNS_MAX, || format!("{task:?} was sent by {} runs", lives.len()))
    }

    /// How many executions tasks have started, and how many Express ones sent a task.
    pub fn counts(&self) -> (u64, u64) {
        let senders: BTreeSet<EntityId> = self.express_effects.keys().map(|task| task.execution).collect();
        ((self.children.len() + self.express_children.len()) as u64, senders.len() as u64)
    }

    /// What must hold of an Express execution that has ended, or cannot be read.
    pub fn express_journal(
        &self,
        store: &dyn Store,
        row: &ExecutionRow,
        is_damaged: bool,
    ) -> Result<(), Violation> {
        let chunks = store.chunks(row.entity).map_err(store_broken)?;
        ensure(is_damaged || row.closed_at.is_some(), || format!("{row:?} has not ended"))?;
        // And its end, if it did not come with its last run.
        ensure(chunks.len() <= RUNS_MAX + 1, || format!("{row:?} has {} chunks", chunks.len()))
    }

    /// What must hold of the history of a Standard execution in the end.
    pub fn history(
        &self,
        store: &Disk,
        commons: &Commons,
        row: &ExecutionRow,
        history: &[HistoryEvent],
    ) -> Result<(), Violation> {
        for event in history {
            let broken = |what: &str| Violation(format!("{:?}, event {}: {what}", row.entity, event.id));
            match &event.kind {
                HistoryEventKind::ExecutionAborted(_) if !self.may_be_stopped(store, commons, row)? => {
                    return Err(broken("nobody wanted to stop it"));
                }
                HistoryEventKind::Task(resource, TaskEvent::Submitted { output })
                    if is_start(resource, true) =>
                {
                    self.is_written(output).map_err(|what| broken(&what))?;
                }
                HistoryEventKind::Task(resource, TaskEvent::Succeeded { output })
                    if is_start(resource, false) =>
                {
                    self.is_written(output).map_err(|what| broken(&what))?;
                }
                HistoryEventKind::Task(resource, TaskEvent::Succeeded { output })
                    if is_start(resource, true) =>
                {
                    self.has_ended(store, commons, output).map_err(|what| broken(&what.0))?;
                }
                HistoryEventKind::Task(resource, TaskEvent::Failed(failure)) if is_start(resource, true) => {
                    let cause = failure.cause.as_deref().map(Payload::parse);
                    if let Some(Ok(cause)) = cause {
                        self.has_ended(store, commons, &cause).map_err(|what| broken(&what.0))?;
                    }
                }
                _ => (),
            }
        }
        Ok(())
    }

    fn may_be_stopped(
        &self,
        store: &dyn Store,
        commons: &Commons,
        row: &ExecutionRow,
    ) -> Result<bool, Violation> {
        let first = store.chunk(row.first_row).map_err(store_broken)?;
        let parent = first.and_then(|chunk| chunk.header.parent);
        let machine = commons.catalogue().revision(row.opening.revision).map(|r| r.key.name.to_string());
        let key = (machine.unwrap_or_default(), row.opening.name.to_string());
        Ok(matches!(parent, Some(Parent { waits: true, .. })) || self.stops.contains(&key))
    }

    /// Whether the execution that a task has started is durable.
    fn is_written(&self, output: &Payload) -> Result<(), String> {
        let arn = output.value().get("ExecutionArn").and_then(Value::as_str).unwrap_or_default();
        // `execution:machine:name`, or `express:machine:name:id`.
        let name = arn.splitn(8, ':').nth(7).unwrap_or_default();
        match self.written.contains_key(name) {
            true => Ok(()),
            false => Err(format!("the start of {arn} was told and is not durable")),
        }
    }

    /// Whether an execution, if it is still there, ended as a task was told.
    fn has_ended(&self, store: &dyn Store, commons: &Commons, told: &Payload) -> Result<(), Violation> {
        let told = told.value();
        let text = |member: &str| told.get(member).map(ToString::to_string).unwrap_or_default();
        let name = told.get("Name").and_then(Value::as_str).unwrap_or_default();
        for entity in self.written.get(name).into_iter().flatten() {
            let Some(row) = store.execution(*entity).map_err(store_broken)? else { continue };
            let machine =
                commons.catalogue().revision(row.opening.revision).map(|r| r.machine_arn.to_string());
            let is_of_machine = text("StateMachineArn") == format!("{:?}", machine.unwrap_or_default());
            if is_of_machine
                && &*row.opening.name == name
                && row.opening.started_at.epoch_ms.to_string() == text("StartDate")
            {
                let history =
                    commons.history_of_entity(row.entity).map_err(|error| Violation(error.to_string()))?;
                let is_it = |event: &HistoryEvent| {
                    let status = match event.kind {
                        HistoryEventKind::ExecutionSucceeded { .. } => "\"SUCCEEDED\"",
                        HistoryEventKind::ExecutionFailed(_) => "\"FAILED\"",
                        HistoryEventKind::ExecutionAborted(_) => "\"ABORTED\"",
                        HistoryEventKind::ExecutionTimedOut(_) => "\"TIMED_OUT\"",
                        _ => return false,
                    };
                    status == text("Status") && event.timestamp.epoch_ms.to_string() == text("StopDate")
                };
                ensure(history.iter().any(is_it), || format!("{name} did not end as was told: {told}"))?;
            }
        }
        Ok(())
    }
}

/// Whether a task of this resource starts an execution, and whether it waits for its end.
fn is_start(resource: &Resource, waits: bool) -> bool {
    match resource {
        Resource::Service { service, action, pattern } => {
            let is_start = &**service == "states" && &**action == "startExecution";
            is_start && waits == matches!(pattern, Pattern::Sync { .. })
        }
        Resource::Activity { .. } | Resource::LambdaFunction { .. } => false,
    }
}

//! What must hold of executions whose parent was to wait for their end, and does so no longer.
//!
//! A task that is over before its child stops it. What says so may be lost in a crash, or be heard again
//! after a read that failed. But once there is nothing left to do, and some seconds later, no child is open
//! unless its parent waits for it: in the task that started it, or in one that found it by its name.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_engine::Commons;
use stepwell_model::{EntityId, TaskRef, Timestamp};
use stepwell_store::{Chunk, ExecutionRow, Store};
use stepwell_value::Value;

use crate::checks::{Violation, ensure, open_executions, store_broken};
use crate::journals::Journals;

/// How long a child may go on without its parent, in milliseconds: as long as a read may fail again and again.
const PATIENCE_MS: u64 = 20_000;

/// After how many milliseconds it is looked at again whether a parent waits.
const LOOK_MS: u64 = 1_000;

/// The children that are open, as far as a task was to wait for their end.
#[derive(Debug, Default)]
pub struct Orphans {
    /// By whom they were started.
    children: BTreeMap<EntityId, TaskRef>,
    /// Those whose parent does not wait for them, and since when: in true time, and on the clock.
    since: BTreeMap<EntityId, (u64, Timestamp)>,
    /// When it was looked at last, in true time.
    looked_at: u64,
    /// The latest moment that the clock has shown: shards go by that.
    latest: Timestamp,
}

impl Orphans {
    /// Chunks have been written: what begins with them.
    pub fn have_begun(&mut self, chunks: &[Chunk]) {
        for header in chunks.iter().map(|chunk| &chunk.header) {
            if let Some(parent) = header.parent.filter(|parent| parent.waits) {
                self.children.insert(header.entity, parent.task);
            }
        }
    }

    /// Everything was lost but the store. How many children are open that nobody waits for: what was to stop
    /// them was lost too.
    pub fn crash(
        &mut self,
        store: &dyn Store,
        commons: &Commons,
        journals: &mut Journals,
    ) -> Result<u64, Violation> {
        self.children.clear();
        self.since.clear();
        let mut alone = 0;
        for entity in open_executions(store)? {
            let row = store.execution(entity).map_err(store_broken)?;
            let Some(row) = row.filter(|row| row.redrive_count == 0) else { continue };
            let Some(first) = store.chunk(row.first_row).map_err(store_broken)? else { continue };
            self.have_begun(&[first]);
            if let Some(task) = self.children.get(&entity) {
                alone += u64::from(!is_waited_for(store, commons, journals, &row, *task)?);
            }
        }
        Ok(alone)
    }

    /// There is nothing left to do at this moment, and nothing to be written.
    pub fn check(
        &mut self,
        store: &dyn Store,
        commons: &Commons,
        journals: &mut Journals,
        damaged: &BTreeSet<EntityId>,
        (time, clock): (u64, Timestamp),
    ) -> Result<(), Violation> {
        self.latest = self.latest.max(clock);
        if time < self.looked_at + LOOK_MS {
            return Ok(());
        }
        self.looked_at = time;
        let mut over = Vec::new();
        for (entity, task) in &self.children {
            // One that is open again after its end was redriven, and is for whoever did that.
            let row = store.execution(*entity).map_err(store_broken)?;
            let Some(row) = row.filter(|row| row.closed_at.is_none() && row.redrive_count == 0) else {
                over.push(*entity);
                continue;
            };
            if damaged.contains(entity)
                || damaged.contains(&task.execution)
                || is_waited_for(store, commons, journals, &row, *task)?
            {
                self.since.remove(entity);
                continue;
            }
            let (since, since_on_clock) = *self.since.entry(*entity).or_insert((time, self.latest));
            // The clock may have been set meanwhile, either way.
            let has_had_time =
                time > since + PATIENCE_MS && clock.epoch_ms > since_on_clock.epoch_ms + PATIENCE_MS;
            ensure(!has_had_time, || {
                let name = &row.opening.name;
                format!("{entity:?}, {name}, goes on, and {task:?}, which started it, is over")
            })?;
        }
        for entity in over {
            self.children.remove(&entity);
            self.since.remove(&entity);
        }
        Ok(())
    }
}

/// Whether the journal of its parent says that a child is waited for.
fn is_waited_for(
    store: &dyn Store,
    commons: &Commons,
    journals: &mut Journals,
    child: &ExecutionRow,
    task: TaskRef,
) -> Result<bool, Violation> {
    let Some(parent) = journals.read(store, commons, task.execution)? else { return Ok(false) };
    let revision = commons.catalogue().revision(child.opening.revision).cloned();
    let machine_arn = revision.map(|revision| revision.machine_arn.clone()).unwrap_or_default();
    Ok(parent.execution.outstanding().iter().any(|outstanding| {
        let parameters = outstanding.task.parameters.value();
        let says = |member: &str, text: &str| parameters.get(member).and_then(Value::as_str) == Some(text);
        outstanding.task.scheduled_event_id == task.scheduled_event_id
            || says("Name", &child.opening.name) && says("StateMachineArn", &machine_arn)
    }))
}

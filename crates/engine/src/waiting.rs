//! Tasks that wait for somebody outside: callbacks whose token was given away, and tasks of activities,
//! also those that no worker has taken yet. Of open Standard executions, and as their journals have it.
//!
//! Nothing knows them all, so a page goes over the open executions of machines that have such tasks,
//! machine by machine in the order of their creation, each machine's most recent executions first, and
//! reads journals. It ends when it has read so much, however much it has found.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use stepwell_asl::{EventKind, Outstanding, decode};
use stepwell_model::{EntityId, ExecutionStatus, MachineType, Resource, TaskRef, Timestamp};
use stepwell_store::{Chunk, ExecutionRow, ListQuery, has_event_between};
use stepwell_value::Payload;

use crate::catalogue::Revision;
use crate::commons::{Commons, store_error};
use crate::engine::Engine;
use crate::requests::{EngineError, ExecutionKey, Machine, MachineKey, Place};
use crate::shard::replay;

/// How many journals one page reads.
const JOURNALS_MAX: usize = 200;

/// How many events they may have, together; one journal is read whatever it has.
const EVENTS_MAX: u64 = 50_000;

/// How many executions one page looks at, whether or not it reads their journals.
const ROWS_MAX: usize = 2_000;

/// How many executions of a list are read at once.
const STEP: usize = 64;

/// A task that waits for somebody outside.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingTask {
    /// The execution.
    pub execution: ExecutionKey,
    /// The name of its state.
    pub state: Arc<str>,
    /// What it calls.
    pub resource: Resource,
    /// What it is answered with; `None` for the task of an activity that no worker has taken.
    pub token: Option<String>,
    /// The worker that has taken it, if it gave its name.
    pub worker_name: Option<Arc<str>>,
    /// The id of its `…Scheduled` event.
    pub scheduled_event_id: u64,
    /// When it was scheduled.
    pub scheduled_at: Timestamp,
    /// When it was sent or taken.
    pub started_at: Option<Timestamp>,
    /// When it times out. After a restart of the server it is given somewhat longer.
    pub timeout_at: Option<Timestamp>,
    /// How long it may be without a heartbeat, in seconds, from when it was sent or taken.
    pub heartbeat_seconds: Option<u64>,
    /// Its parameters, or the input of an activity.
    pub input: Payload,
}

/// Where a page of waiting tasks ended. Four integers; callers seal it in a token of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingCursor {
    /// The number of the machine.
    pub machine: u64,
    /// The recency of the last execution that was looked at, in milliseconds since the epoch.
    pub recency_ms: u64,
    /// Its entity, packed.
    pub entity: u64,
    /// The last task of it that was shown; 0 if it has no more.
    pub event: u64,
}

/// A page in the making.
struct Page {
    tasks: Vec<WaitingTask>,
    limit: usize,
    journals: usize,
    events: u64,
    rows: usize,
}

/// Whether the page goes on.
enum Next {
    GoOn,
    Stop(WaitingCursor),
}

impl Engine {
    /// A page of tasks that wait for somebody outside, of a machine or of all of a place, at most `limit`,
    /// and where the next one begins. May be short, or empty, and go on all the same. Reads the store.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchMachine`] if one is named, [`EngineError::Stopped`], [`EngineError::Damaged`].
    pub fn waiting_tasks(
        &self,
        place: &Place,
        machine: Option<&MachineKey>,
        after: Option<WaitingCursor>,
        limit: usize,
    ) -> Result<(Vec<WaitingTask>, Option<WaitingCursor>), EngineError> {
        let commons = self.commons();
        if machine.is_some_and(|key| self.machine(key).is_none()) {
            return Err(EngineError::NoSuchMachine);
        }
        let machines = self.machines_that_wait(place);
        let is_meant = |known: &&Arc<Machine>| machine.is_none_or(|key| *key == known.key);
        let mut page = Page { tasks: Vec::new(), limit, journals: 0, events: 0, rows: 0 };
        for machine in machines.values().filter(is_meant) {
            let after = match after {
                Some(after) if machine.number < after.machine => continue,
                Some(after) if machine.number == after.machine => Some(after),
                Some(_) | None => None,
            };
            if let Next::Stop(cursor) = commons.waiting_of(machine, after, &mut page)? {
                return Ok((page.tasks, Some(cursor)));
            }
        }
        Ok((page.tasks, None))
    }

    /// The Standard machines of a place whose executions may wait for somebody outside, by number.
    fn machines_that_wait(&self, place: &Place) -> BTreeMap<u64, Arc<Machine>> {
        // The catalogue is not held while long definitions are looked at: everything else waits for it.
        let revisions = self.commons().catalogue().revisions_of_place(place);
        let waits = |revision: &&Arc<Revision>| revision.may_wait_outside();
        let numbers: HashSet<u64> = revisions.iter().filter(waits).map(|revision| revision.machine).collect();
        let machines = self.machines(place).into_iter();
        machines
            .filter(|machine| machine.machine_type == MachineType::Standard)
            .filter(|machine| numbers.contains(&machine.number))
            .map(|machine| (machine.number, machine))
            .collect()
    }

    /// The execution of the task that a token was made for; `None` if the token is none of ours or the
    /// execution is gone. Reads the store.
    pub fn execution_of_token(&self, place: &Place, token: &str) -> Option<String> {
        let task = self.commons().keys.task_of(place, token)?;
        self.commons().execution_arn(task.execution)
    }
}

impl Commons {
    fn waiting_of(
        &self,
        machine: &Machine,
        after: Option<WaitingCursor>,
        page: &mut Page,
    ) -> Result<Next, EngineError> {
        let mut query = ListQuery {
            machine: machine.number,
            version: None,
            alias: None,
            status: Some(ExecutionStatus::Running),
            after: None,
            limit: STEP,
        };
        if let Some(after) = after {
            let entity = EntityId::from_u64(after.entity);
            query.after = Some((Timestamp::from_epoch_ms(after.recency_ms), entity));
            if after.event > 0
                && let Some(row) = self.store.execution(entity).map_err(store_error)?
                && let Next::Stop(cursor) = self.waiting_in(machine, &row, after.event, page)?
            {
                return Ok(Next::Stop(cursor));
            }
        }
        loop {
            let rows = self.store.executions(&query).map_err(store_error)?;
            for row in &rows {
                if let Next::Stop(cursor) = self.waiting_in(machine, row, 0, page)? {
                    return Ok(Next::Stop(cursor));
                }
            }
            match rows.last() {
                Some(last) if rows.len() == STEP => query.after = Some((last.recency(), last.entity)),
                Some(_) | None => return Ok(Next::GoOn),
            }
        }
    }

    /// Adds the tasks of an execution behind one of them.
    fn waiting_in(
        &self,
        machine: &Machine,
        row: &ExecutionRow,
        behind: u64,
        page: &mut Page,
    ) -> Result<Next, EngineError> {
        let cursor = |event: u64| WaitingCursor {
            machine: machine.number,
            recency_ms: row.recency().epoch_ms,
            entity: row.entity.to_u64(),
            event,
        };
        page.rows += 1;
        let revision = self.revision(row.opening.revision);
        if row.status == ExecutionStatus::Running && revision.is_some_and(|known| known.may_wait_outside()) {
            page.journals += 1;
            page.events += row.last_event_id;
            // One more than there is room for tells that it is not the last.
            let most = page.limit - page.tasks.len() + 1;
            for task in self.waiting_tasks_of(machine, row, behind, most)? {
                if page.tasks.len() == page.limit {
                    let shown = page.tasks.last().filter(|last| last.execution == task.execution);
                    return Ok(Next::Stop(cursor(shown.map_or(behind, |last| last.scheduled_event_id))));
                }
                page.tasks.push(task);
            }
        }
        let is_full = page.tasks.len() == page.limit
            || page.journals >= JOURNALS_MAX
            || page.events >= EVENTS_MAX
            || page.rows >= ROWS_MAX;
        Ok(if is_full { Next::Stop(cursor(0)) } else { Next::GoOn })
    }

    /// The tasks of an execution behind one of them, the first `most`, in the order of their scheduling.
    fn waiting_tasks_of(
        &self,
        machine: &Machine,
        row: &ExecutionRow,
        behind: u64,
        most: usize,
    ) -> Result<Vec<WaitingTask>, EngineError> {
        let chunks = self.store.chunks(row.entity).map_err(store_error)?;
        // What cannot be read is set aside, and nobody can answer it.
        let Ok((execution, _)) = replay(self, &chunks) else { return Ok(Vec::new()) };
        if execution.status() != ExecutionStatus::Running {
            return Ok(Vec::new());
        }
        let execution_key = ExecutionKey { machine: machine.key.clone(), name: row.opening.name.clone() };
        let waits = |Outstanding { task, started, .. }: &Outstanding| {
            // One that is queued for its target is nobody's outside yet.
            let is_activity = matches!(task.resource, Resource::Activity { .. });
            task.scheduled_event_id > behind && task.resource.waits_for_token() && (*started || is_activity)
        };
        let task = |Outstanding { task, started, submitted: _, state, timeout_due }: Outstanding| {
            let id = task.scheduled_event_id;
            let reference = TaskRef { execution: row.entity, scheduled_event_id: id };
            WaitingTask {
                execution: execution_key.clone(),
                state,
                resource: task.resource,
                token: started.then(|| self.keys.token(&machine.key.place, reference)),
                worker_name: None,
                scheduled_event_id: id,
                scheduled_at: Timestamp::default(),
                started_at: None,
                timeout_at: timeout_due,
                heartbeat_seconds: task.heartbeat_seconds,
                input: task.parameters,
            }
        };
        let outstanding = execution.outstanding().into_iter().filter(waits);
        let mut tasks: Vec<WaitingTask> = outstanding.take(most).map(task).collect();
        date(&mut tasks, &chunks);
        Ok(tasks)
    }
}

/// Says of tasks, which ascend, when they were scheduled and started, and by whom they were taken.
fn date(tasks: &mut [WaitingTask], chunks: &[Chunk]) {
    let Some(first) = tasks.first().map(|task| task.scheduled_event_id) else { return };
    let of_them = chunks.iter().filter(|chunk| has_event_between(&chunk.header, &(first..=u64::MAX)));
    // What was replayed can be decoded.
    for event in of_them.flat_map(|chunk| decode(&chunk.body).unwrap_or_default()) {
        let scheduled_event_id = match event.kind {
            EventKind::TaskScheduled { .. } => event.id,
            EventKind::TaskStarted { .. } => event.previous_id,
            _ => continue,
        };
        let found = tasks.binary_search_by_key(&scheduled_event_id, |task| task.scheduled_event_id);
        let Ok(at) = found else { continue };
        match event.kind {
            EventKind::TaskStarted { worker_name, .. } => {
                (tasks[at].started_at, tasks[at].worker_name) = (Some(event.at), worker_name);
            }
            _ => tasks[at].scheduled_at = event.at,
        }
    }
}

//! What is read: always out of the store, and so only what is durable.
//!
//! Nothing is acknowledged before it is durable, so a reader sees everything that anybody was told.

use std::sync::Arc;

use stepwell_asl::{Event, EventKind, decode, project, state_name};
use stepwell_model::{EntityId, HistoryEventKind, Resource, TaskRef, Timestamp};
use stepwell_store::{Chunk, ExecutionRow, ListQuery, Parent};

use crate::catalogue::{Listed, execution_arn};
use crate::changes::ExecutionProgress;
use crate::commons::{Commons, store_error};
use crate::requests::{
    EngineError, ExecutionKey, ExecutionSummary, ExecutionView, History, HistoryOrder, ListCursor,
    ListExecutions, ParentTask, PinnedMachine,
};
use crate::shard::{origin_of, origin_of_opening};

/// How many executions one page shows at most, whatever was asked for.
const PAGE_MAX: usize = 1_000;

impl Commons {
    fn row(&self, key: &ExecutionKey) -> Result<ExecutionRow, EngineError> {
        let home = self.keys.home(key);
        if let Some(entity) = home.generated
            && let Some(row) = self.store.execution(entity).map_err(store_error)?
            && row.opening.name == key.name
            && self.revision(row.opening.revision).is_some_and(|revision| revision.key == key.machine)
            && !self.is_gone(row.closed_at)
        {
            return Ok(row);
        }
        let entity = self.store.execution_by_name(&home.name_key).map_err(store_error)?;
        let entity = entity.ok_or(EngineError::NoSuchExecution)?;
        let row = self.store.execution(entity).map_err(store_error)?;
        row.filter(|row| !self.is_gone(row.closed_at)).ok_or(EngineError::NoSuchExecution)
    }

    /// The ARN of an execution; `None` if the store does not know it.
    pub fn execution_arn(&self, entity: EntityId) -> Option<String> {
        let row = self.store.execution(entity).ok()??;
        let revision = self.revision(row.opening.revision)?;
        let key = ExecutionKey { machine: revision.key.clone(), name: row.opening.name };
        Some(execution_arn(&key))
    }

    /// An execution as it is. Reads the first and the last chunk of its journal, whatever is
    /// between.
    pub fn execution(&self, key: &ExecutionKey) -> Result<ExecutionView, EngineError> {
        let row = self.row(key)?;
        let mut view = ExecutionView {
            key: key.clone(),
            status: row.status,
            started_at: row.opening.started_at,
            closed_at: row.closed_at,
            input: stepwell_value::Payload::empty_object(),
            output: None,
            failure: None,
            version: row.opening.version,
            alias: row.opening.alias.clone(),
            trace_header: row.opening.trace_header.clone(),
            machine: row.opening.machine,
            last_event_id: row.last_event_id,
            redrive_count: row.redrive_count,
            redriven_at: row.redriven_at,
        };
        let first = self.events_at(&row, row.first_row)?;
        match first.first().map(|event| &event.kind) {
            Some(EventKind::ExecutionStarted { input, .. }) => view.input = input.clone(),
            Some(_) | None => {
                return Err(EngineError::Damaged(format!(
                    "row {} does not start an execution",
                    row.first_row
                )));
            }
        }
        if row.closed_at.is_some() {
            let last =
                if row.last_row == row.first_row { first } else { self.events_at(&row, row.last_row)? };
            for event in last.into_iter().rev() {
                match event.kind {
                    EventKind::ExecutionSucceeded { output } => view.output = Some(output),
                    EventKind::ExecutionFailed(failure)
                    | EventKind::ExecutionAborted(failure)
                    | EventKind::ExecutionTimedOut(failure) => view.failure = Some(failure),
                    // Only the event that closed it matters; it is the last or near it.
                    _ => continue,
                }
                break;
            }
        }
        Ok(view)
    }

    /// The task that started an execution. Reads its first chunk.
    pub(crate) fn parent_of(&self, row: &ExecutionRow) -> Result<Option<Parent>, EngineError> {
        let first = self.store.chunk(row.first_row).map_err(store_error)?;
        Ok(first.and_then(|chunk| chunk.header.parent))
    }

    fn events_at(&self, of: &ExecutionRow, row: u64) -> Result<Vec<Event>, EngineError> {
        match self.store.chunk(row).map_err(store_error)? {
            Some(chunk) => events_of(&chunk),
            // It may have been swept since its row was read.
            None if self.store.execution(of.entity).map_err(store_error)?.is_none() => {
                Err(EngineError::NoSuchExecution)
            }
            None => Err(EngineError::Damaged(format!("there is no row {row}"))),
        }
    }

    /// The whole history of an execution.
    pub fn history(&self, key: &ExecutionKey) -> Result<History, EngineError> {
        let row = self.row(key)?;
        self.history_of_entity(row.entity)
    }

    /// The whole history of an execution by its identity.
    pub fn history_of_entity(&self, entity: EntityId) -> Result<History, EngineError> {
        let chunks = self.store.chunks(entity).map_err(store_error)?;
        if chunks.is_empty() {
            return Err(EngineError::NoSuchExecution);
        }
        let (origin, _revision) = origin_of(self, &chunks).map_err(EngineError::Damaged)?;
        let mut history = Vec::new();
        for chunk in &chunks {
            history.extend(events_of(chunk)?.iter().filter_map(|event| project(event, &origin)));
        }
        Ok(history)
    }

    /// A page of the history of an execution, at most `count` events in the order asked for. Reads the
    /// chunks that have them, however long the history is.
    pub fn history_page(
        &self,
        key: &ExecutionKey,
        order: HistoryOrder,
        count: usize,
    ) -> Result<History, EngineError> {
        let row = self.row(key)?;
        let last = row.last_event_id;
        // Ids begin at 1 and have no gap.
        let more = (count as u64).saturating_sub(1);
        let events = match order {
            HistoryOrder::OldestFirst { after } => {
                let oldest = after.saturating_add(1);
                oldest..=oldest.saturating_add(more).min(last)
            }
            HistoryOrder::NewestFirst { before } => {
                let newest = before.map_or(last, |before| before.saturating_sub(1).min(last));
                newest.saturating_sub(more).max(1)..=newest
            }
        };
        if count == 0 || events.is_empty() {
            return Ok(History::new());
        }
        let chunks = self.store.chunks_between(row.entity, events.clone()).map_err(store_error)?;
        if chunks.is_empty() {
            // It may have been swept since its row was read.
            return match self.store.execution(row.entity).map_err(store_error)? {
                None => Err(EngineError::NoSuchExecution),
                Some(_) => Err(EngineError::Damaged(format!("no chunk has the events {events:?}"))),
            };
        }
        let (origin, _revision) = origin_of_opening(self, &row.opening).map_err(EngineError::Damaged)?;
        let mut page = Vec::new();
        for chunk in &chunks {
            let decoded = events_of(chunk)?;
            let shown = decoded.iter().filter(|event| events.contains(&event.id));
            page.extend(shown.filter_map(|event| project(event, &origin)));
        }
        match order {
            HistoryOrder::OldestFirst { .. } => (),
            HistoryOrder::NewestFirst { .. } => page.reverse(),
        }
        Ok(page)
    }

    /// The identity of an execution.
    pub(crate) fn entity_of(&self, key: &ExecutionKey) -> Result<EntityId, EngineError> {
        self.row(key).map(|row| row.entity)
    }

    /// An execution as it is, and about `count` events after the event `after`: all that the chunks
    /// have which had to be read.
    pub(crate) fn execution_progress(
        &self,
        entity: EntityId,
        after: u64,
        count: usize,
    ) -> Result<ExecutionProgress, EngineError> {
        let row = self.store.execution(entity).map_err(store_error)?;
        let row = row.filter(|row| !self.is_gone(row.closed_at)).ok_or(EngineError::NoSuchExecution)?;
        let mut progress = ExecutionProgress {
            status: row.status,
            started_at: row.opening.started_at,
            closed_at: row.closed_at,
            redrive_count: row.redrive_count,
            last_event_id: row.last_event_id,
            events: Vec::new(),
        };
        let oldest = after.saturating_add(1);
        let wanted = oldest..=oldest.saturating_add((count as u64).saturating_sub(1)).min(row.last_event_id);
        if wanted.is_empty() {
            return Ok(progress);
        }
        let chunks = self.store.chunks_between(entity, wanted).map_err(store_error)?;
        let (origin, _revision) = origin_of_opening(self, &row.opening).map_err(EngineError::Damaged)?;
        for chunk in &chunks {
            let decoded = events_of(chunk)?;
            let new = decoded.iter().filter(|event| event.id > after);
            progress.events.extend(new.filter_map(|event| project(event, &origin)));
        }
        match progress.events.is_empty() {
            // It may have been swept since its row was read.
            true if self.store.execution(entity).map_err(store_error)?.is_none() => {
                Err(EngineError::NoSuchExecution)
            }
            true => Err(EngineError::Damaged(format!("no chunk has the event {oldest}"))),
            false => Ok(progress),
        }
    }

    /// The task that started an execution: the execution it belongs to, and the name of its state;
    /// `None` if no task did, or its execution is gone.
    pub fn parent_task(&self, key: &ExecutionKey) -> Result<Option<ParentTask>, EngineError> {
        let Some(parent) = self.parent_of(&self.row(key)?)? else { return Ok(None) };
        let TaskRef { execution, scheduled_event_id } = parent.task;
        let row = self.store.execution(execution).map_err(store_error)?;
        let Some(row) = row.filter(|row| !self.is_gone(row.closed_at)) else { return Ok(None) };
        let (origin, revision) = origin_of_opening(self, &row.opening).map_err(EngineError::Damaged)?;
        let events = scheduled_event_id..=scheduled_event_id;
        let chunks = self.store.chunks_between(execution, events).map_err(store_error)?;
        let decoded = chunks.first().map_or(Ok(Vec::new()), events_of)?;
        let scheduled = decoded.iter().find(|event| event.id == scheduled_event_id);
        let state_name = scheduled.and_then(|event| state_name(event, &origin.definition)).cloned();
        let execution = ExecutionKey { machine: revision.key.clone(), name: row.opening.name };
        Ok(Some(ParentTask { execution, state_name }))
    }

    /// The activity whose task this was; `None` if it was no activity's, or none that is durable.
    pub fn activity_of_task(&self, task: TaskRef) -> Result<Option<Arc<str>>, EngineError> {
        let id = task.scheduled_event_id;
        let Some(row) = self.store.execution(task.execution).map_err(store_error)? else { return Ok(None) };
        let chunks = self.store.chunks_between(task.execution, id..=id).map_err(store_error)?;
        let Some(chunk) = chunks.first() else { return Ok(None) };
        let (origin, _revision) = origin_of_opening(self, &row.opening).map_err(EngineError::Damaged)?;
        let events = events_of(chunk)?;
        let scheduled = events.iter().find(|event| event.id == id);
        let kind = scheduled.and_then(|event| project(event, &origin)).map(|event| event.kind);
        if let Some(HistoryEventKind::Task(Resource::Activity { arn }, _)) = kind {
            return Ok(Some(arn));
        }
        Ok(None)
    }

    /// The revision of its machine that an execution is pinned to.
    pub fn pinned_machine(&self, key: &ExecutionKey) -> Result<PinnedMachine, EngineError> {
        let number = self.row(key)?.opening.revision;
        let revision = self.revision(number);
        let revision =
            revision.ok_or_else(|| EngineError::Damaged(format!("there is no revision {number}")))?;
        Ok(revision.pinned())
    }

    /// A page of the executions of a machine.
    pub fn executions(
        &self,
        request: &ListExecutions,
    ) -> Result<(Vec<ExecutionSummary>, Option<ListCursor>), EngineError> {
        let Listed { machine, version, alias } =
            self.catalogue().listed(&request.machine, request.qualifier.as_deref())?;
        let limit = request.limit.min(PAGE_MAX);
        let after = |cursor: &ListCursor| {
            (Timestamp::from_epoch_ms(cursor.recency_ms), EntityId::from_u64(cursor.entity))
        };
        let query = ListQuery {
            machine,
            version,
            alias,
            status: request.status,
            after: request.after.as_ref().map(after),
            // One more than asked for tells whether there is another page.
            limit: limit + 1,
        };
        let mut rows = self.store.executions(&query).map_err(store_error)?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows
            .last()
            .map(|row| ListCursor { recency_ms: row.recency().epoch_ms, entity: row.entity.to_u64() });
        let summary = |row: ExecutionRow| ExecutionSummary {
            key: ExecutionKey { machine: request.machine.clone(), name: row.opening.name.clone() },
            status: row.status,
            started_at: row.opening.started_at,
            closed_at: row.closed_at,
            version: row.opening.version,
            alias: row.opening.alias,
            redrive_count: row.redrive_count,
            redriven_at: row.redriven_at,
        };
        Ok((rows.into_iter().map(summary).collect(), last.filter(|_| has_more)))
    }
}

fn events_of(chunk: &Chunk) -> Result<Vec<Event>, EngineError> {
    let row = chunk.header.row;
    decode(&chunk.body).map_err(|error| EngineError::Damaged(format!("row {row} of the journal: {error}")))
}

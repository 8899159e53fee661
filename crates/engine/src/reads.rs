//! What is read: always out of the store, and so only what is durable.
//!
//! Nothing is acknowledged before it is durable, so a reader sees everything that anybody was told.

use stepwell_asl::{Event, EventKind, decode, project};
use stepwell_model::{EntityId, Timestamp};
use stepwell_store::{Chunk, ExecutionRow, ListQuery, Parent};

use crate::catalogue::{Listed, execution_arn};
use crate::commons::{Commons, store_error};
use crate::requests::{
    EngineError, ExecutionKey, ExecutionSummary, ExecutionView, History, ListCursor, ListExecutions,
    PinnedMachine,
};
use crate::shard::origin_of;

/// How many executions one page shows at most, whatever was asked for.
const PAGE_MAX: usize = 1_000;

impl Commons {
    fn row(&self, key: &ExecutionKey) -> Result<ExecutionRow, EngineError> {
        let home = self.keys.home(key);
        if let Some(entity) = home.generated
            && let Some(row) = self.store.execution(entity).map_err(store_error)?
            && row.opening.name == key.name
            && self.revision(row.opening.revision).is_some_and(|revision| revision.key == key.machine)
        {
            return Ok(row);
        }
        let entity = self.store.execution_by_name(&home.name_key).map_err(store_error)?;
        let entity = entity.ok_or(EngineError::NoSuchExecution)?;
        self.store.execution(entity).map_err(store_error)?.ok_or(EngineError::NoSuchExecution)
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
        };
        let first = self.events_at(row.first_row)?;
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
            let last = if row.last_row == row.first_row { first } else { self.events_at(row.last_row)? };
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

    fn events_at(&self, row: u64) -> Result<Vec<Event>, EngineError> {
        let chunk = self.store.chunk(row).map_err(store_error)?;
        let chunk = chunk.ok_or_else(|| EngineError::Damaged(format!("there is no row {row}")))?;
        events_of(&chunk)
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
        };
        Ok((rows.into_iter().map(summary).collect(), last.filter(|_| has_more)))
    }
}

fn events_of(chunk: &Chunk) -> Result<Vec<Event>, EngineError> {
    let row = chunk.header.row;
    decode(&chunk.body).map_err(|error| EngineError::Damaged(format!("row {row} of the journal: {error}")))
}

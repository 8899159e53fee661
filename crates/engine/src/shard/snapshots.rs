//! Snapshots: what an execution with a long journal is rebuilt from.
//!
//! An execution that is dropped from memory leaves its state behind if its journal has grown by enough
//! since it last did. It is written with whatever is written next, and never waited for: whoever finds
//! no snapshot, a damaged one, or one that another release wrote, applies the journal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stepwell_asl::{Execution, decode};
use stepwell_model::EntityId;
use stepwell_store::{Chunk, Parent, Snapshot, StoreError};

use super::{Shard, origin_of};
use crate::catalogue::Revision;
use crate::options::LogLevel;

/// The largest snapshot, in bytes: the state of an execution is seldom larger than a few payloads, and
/// one that is, is better read from the journal than written again and again.
const BYTES_MAX: usize = 1024 * 1024;

/// How much may wait for the next commit, in bytes. What comes on top is not kept.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What waits to be written.
#[derive(Default)]
pub(super) struct Snapshots {
    waiting: Vec<Snapshot>,
    bytes: usize,
}

impl Snapshots {
    fn keep(&mut self, snapshot: Snapshot) {
        self.bytes += snapshot.body.len();
        self.waiting.push(snapshot);
    }

    /// The snapshot of an execution is of no more use.
    pub(super) fn drop_of(&mut self, entity: EntityId) {
        self.waiting.push(Snapshot::none(entity));
    }

    /// What is to be written.
    pub(super) fn take(&mut self) -> Vec<Snapshot> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

/// An execution out of its journal.
pub(super) struct Loaded {
    pub(super) execution: Execution,
    pub(super) revision: Arc<Revision>,
    pub(super) parent: Option<Parent>,
    /// As in [`super::Resident`].
    pub(super) snapshot_event_id: u64,
}

impl Shard {
    /// Leaves a snapshot of an execution that is about to be dropped from memory, if it is worth it. All of
    /// it is durable.
    pub(super) fn leave_snapshot(&mut self, entity: EntityId) {
        let Some(resident) = self.residents.get(&entity) else { return };
        let events = resident.execution.last_event_id() - resident.snapshot_event_id;
        if events < self.commons.options.snapshot_events || self.snapshots.bytes >= WAITING_BYTES_MAX {
            return;
        }
        let body = catch_unwind(AssertUnwindSafe(|| resident.execution.snapshot())).unwrap_or(None);
        if let Some(body) = body.filter(|body| body.len() <= BYTES_MAX) {
            self.snapshots.keep(Snapshot { entity, row: resident.row, body: body.into() });
        }
    }

    /// An execution out of its snapshot and what was recorded since, and its last row; `None` if that
    /// cannot be had, and the journal is to be applied from its beginning.
    pub(super) fn read_from_snapshot(
        &self,
        snapshot: &Snapshot,
    ) -> Result<Option<(Loaded, u64)>, StoreError> {
        let (store, entity) = (&self.commons.store, snapshot.entity);
        let Some(row) = store.execution(entity)? else { return Ok(None) };
        let Some(first) = store.chunk(row.first_row)? else { return Ok(None) };
        let since = store.chunks_after(entity, snapshot.row)?;
        // A snapshot that leads to no row of the journal is not of this journal.
        let follows = since.first().map_or(row.last_row, |chunk| chunk.header.previous_row);
        if follows != snapshot.row {
            return Ok(None);
        }
        let loaded = catch_unwind(AssertUnwindSafe(|| self.rebuild(snapshot, &first, &since)));
        match loaded.unwrap_or_else(|_| Err("the language panicked".to_owned())) {
            Ok(loaded) => {
                let last_row = since.last().map_or(snapshot.row, |chunk| chunk.header.row);
                Ok(Some((loaded, last_row)))
            }
            Err(reason) => {
                let text = format!("a snapshot is passed over: {reason}");
                self.commons.log(LogLevel::Info, "snapshot_passed_over", text, Some(entity));
                Ok(None)
            }
        }
    }

    fn rebuild(&self, snapshot: &Snapshot, first: &Chunk, since: &[Chunk]) -> Result<Loaded, String> {
        let (origin, revision) = origin_of(&self.commons, std::slice::from_ref(first))?;
        let restored = Execution::restore(origin, &snapshot.body);
        let mut execution = restored.map_err(|error| error.to_string())?;
        let snapshot_event_id = execution.last_event_id();
        for chunk in since {
            for event in decode(&chunk.body).map_err(|error| error.to_string())? {
                execution.apply(&event).map_err(|error| error.to_string())?;
            }
        }
        Ok(Loaded { execution, revision, parent: first.header.parent, snapshot_event_id })
    }
}

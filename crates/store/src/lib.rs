//! What the engine asks of a database, and nothing more.
//!
//! Everything with a life is an entity with a journal; a journal is a chain of chunks, one per
//! commit. A chunk is a [`ChunkHeader`], which the store reads, and a body, which only the language
//! reads. Every index of a store is derived from headers alone.
//!
//! # Promises
//!
//! 1. A batch is written whole or not at all, and is durable when `commit` returns `Ok`.
//! 2. After `commit` has returned an error, its outcome is unknown, every later `commit` is refused,
//!    and nothing that was committed before is lost; opening the store again tells what was written.
//! 3. A reader sees every batch that was committed before it asked.
//! 4. `chunks` gives an entity's chunks in the order of their rows, whole and unchanged; a damaged
//!    one is an error that names its row, never a shorter answer.
//! 5. An execution's row says what the headers of its chunks said: the opening of the first, all
//!    else of the last.
//! 6. A name leads to the execution that took it last. Once that one is swept, it leads to none, or to one
//!    that took it before and is still there.
//! 7. `executions` lists a machine's executions most recent first (by the time of closing, or, while
//!    open, of the last redrive or of the start; then by id), filtered and paged without a gap or a
//!    repeat.
//! 8. `open_executions` visits each execution that is not closed exactly once, also one that was
//!    closed and is open again.
//! 9. High marks are never below anything that was committed.
//! 10. The catalogue gives back what was put last under each key, and nothing that was deleted.
//! 11. The identity of a store stays what it was when it was created.
//! 12. `sweep` removes executions that were closed before a moment, each whole and at once: its row, its
//!     chunks, its place in lists, and its name unless another has taken it since. It removes no other
//!     one; an execution that was opened again is open.
//! 13. When `sweep` says that there is no more, no execution is left that was closed before the moment
//!     and whose journal can be read, provided that rows ascend in time. While it says that there is
//!     more, the next call goes on.
//! 14. A sweep goes on beside commits and readers. A reader sees an execution with its whole journal, or
//!     none. After a crash what was swept may be there again, whole, unless a later commit is durable.
//! 15. High marks do not go back when executions are swept.
//! 16. `chunks_between` gives those of an entity's chunks that have an event between two, in their
//!     order.
//! 17. `snapshot` gives the snapshot of an entity that was committed last, unchanged; or none. One that is
//!     damaged is none, and so is one that was taken away or whose execution was swept.
//! 18. `chunks_after` gives those of an entity's chunks whose rows are above a row, as `chunks` does.

pub mod contract;
mod header;
mod memory;
mod snapshot;
mod sweep;

pub use header::{Chunk, ChunkHeader, DamagedHeader, Opening, Parent, Redrives};
pub use memory::{FailedCommit, MemoryStore};
pub use snapshot::{DamagedSnapshot, Snapshot};
pub use sweep::{Swept, has_event_between};

use std::ops::RangeInclusive;
use std::sync::Arc;

use stepwell_model::{EntityId, ExecutionStatus, Timestamp};

/// The 128-bit hash that an execution's name is found by. The engine makes it from account, region,
/// machine and name.
pub type NameKey = [u8; 16];

/// What makes a store this store.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreIdentity {
    /// Seals task tokens and generated names. Secret.
    pub key: [u8; 32],
}

/// One flush: written whole or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// In the order in which they were decided; the chunks of one entity follow each other.
    ///
    /// The first chunk of an entity has an opening and no previous row; each later one has no opening
    /// and names the row of the one before it. A batch in which a chain does not fit, or a row was
    /// used before, comes from a bug: it is refused whole, and the store stops as promise 2 has it.
    pub chunks: Vec<Chunk>,
    /// Changes of the catalogue, later ones of the same key winning.
    pub catalogue: Vec<CatalogueWrite>,
    /// Snapshots, later ones of the same entity winning.
    pub snapshots: Vec<Snapshot>,
}

/// A change of the catalogue: machines, revisions, activities and whatever else is found by name
/// and read whole at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueWrite {
    /// The key, such as `machine/…`.
    pub key: String,
    /// The new value; `None` deletes.
    pub value: Option<Arc<str>>,
}

/// What a store knows about an execution without reading its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionRow {
    /// The execution.
    pub entity: EntityId,
    /// What was said when it was started.
    pub opening: Opening,
    /// Its status as of the last chunk.
    pub status: ExecutionStatus,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// When it next has to be woken.
    pub next_due: Option<Timestamp>,
    /// Whether it only waits; see [`ChunkHeader::parked`].
    pub parked: bool,
    /// The row of its first chunk.
    pub first_row: u64,
    /// The row of its last chunk.
    pub last_row: u64,
    /// The id of its last history event.
    pub last_event_id: u64,
    /// How often it was redriven.
    pub redrive_count: u64,
    /// When it was redriven last.
    pub redriven_at: Option<Timestamp>,
}

impl ListQuery {
    /// Whether the executions asked for were started so: their version and their alias are those
    /// that are asked for, if any are.
    pub fn asks_for(&self, opening: &Opening) -> bool {
        (self.version.is_none() || self.version == opening.version)
            && (self.alias.is_none() || self.alias == opening.alias)
    }
}

impl ExecutionRow {
    /// What lists are sorted by: when it was closed; while it is open, when it was redriven last, or
    /// started.
    pub fn recency(&self) -> Timestamp {
        self.closed_at.or(self.redriven_at).unwrap_or(self.opening.started_at)
    }

    /// The row of an execution of which `header` is the first chunk's.
    ///
    /// # Errors
    ///
    /// A sentence for the log if it is not a first chunk.
    pub fn open(header: &ChunkHeader) -> Result<ExecutionRow, String> {
        let Some(opening) = header.opening.clone().filter(|_| header.previous_row == 0) else {
            return Err(format!("row {} continues an execution that was never opened", header.row));
        };
        Ok(ExecutionRow {
            entity: header.entity,
            opening,
            status: header.status,
            closed_at: is_closed(header.status).then_some(header.at),
            next_due: header.next_due,
            parked: header.parked,
            first_row: header.row,
            last_row: header.row,
            last_event_id: header.last_event_id,
            redrive_count: header.redrives.map_or(0, |redrives| redrives.count),
            redriven_at: header.redrives.map(|redrives| redrives.last_at),
        })
    }

    /// Takes in the header of the execution's next chunk.
    ///
    /// The moment of closing is that of the chunk that closed it; a later chunk that leaves it closed
    /// does not move it, and one that opens it again (a redrive) takes it away. One that has a further
    /// redrive in it and leaves it closed all the same closed it anew.
    ///
    /// # Errors
    ///
    /// A sentence for the log if it is not the next chunk; the row is then what it was.
    pub fn advance(&mut self, header: &ChunkHeader) -> Result<(), String> {
        if header.opening.is_some() || header.previous_row != self.last_row || header.row <= self.last_row {
            return Err(format!("row {} does not follow row {} of its execution", header.row, self.last_row));
        }
        let redrive_count = header.redrives.map_or(0, |redrives| redrives.count);
        let stays_closed = self.closed_at.filter(|_| redrive_count == self.redrive_count);
        self.closed_at = match is_closed(header.status) {
            true => stays_closed.or(Some(header.at)),
            false => None,
        };
        self.redrive_count = redrive_count;
        self.redriven_at = header.redrives.map(|redrives| redrives.last_at);
        self.status = header.status;
        self.next_due = header.next_due;
        self.parked = header.parked;
        self.last_row = header.row;
        self.last_event_id = header.last_event_id;
        Ok(())
    }
}

/// Whether an execution in this status has ended.
fn is_closed(status: ExecutionStatus) -> bool {
    match status {
        ExecutionStatus::Running => false,
        ExecutionStatus::Succeeded
        | ExecutionStatus::Failed
        | ExecutionStatus::TimedOut
        | ExecutionStatus::Aborted => true,
    }
}

/// What recovery needs of an open execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenExecution {
    /// The execution.
    pub entity: EntityId,
    /// The number of its machine, as in [`Opening::machine`].
    pub machine: u64,
    /// When it next has to be woken.
    pub next_due: Option<Timestamp>,
    /// Whether it only waits; see [`ChunkHeader::parked`].
    pub parked: bool,
}

/// Which executions to list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Of this machine.
    pub machine: u64,
    /// Started with this version of it.
    pub version: Option<u64>,
    /// Started through this alias of it.
    pub alias: Option<Arc<str>>,
    /// In this status.
    pub status: Option<ExecutionStatus>,
    /// After this one in the order of the list: its recency and its id.
    pub after: Option<(Timestamp, EntityId)>,
    /// At most so many.
    pub limit: usize,
}

/// The highest of everything that only ascends, so that it never repeats after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HighMarks {
    /// The largest row of any chunk; 0 without one.
    pub row: u64,
    /// The largest number of an entity of any partition; 0 without one.
    pub number: u64,
    /// The latest moment at which anything was committed.
    pub at: Timestamp,
}

impl HighMarks {
    /// Raises them to what a chunk with this header has.
    pub fn raise(&mut self, header: &ChunkHeader) {
        self.row = self.row.max(header.row);
        self.number = self.number.max(header.entity.number);
        self.at = self.at.max(header.at);
    }
}

/// Why a store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The device or the quota is full.
    #[error("the disk is full: {0}")]
    Full(String),
    /// Reading or writing failed.
    #[error("the store cannot be read or written: {0}")]
    Io(String),
    /// An earlier commit failed; promise 2.
    #[error("the store takes no more writes since a commit failed: {0}")]
    Stopped(String),
    /// What was read is not what was written.
    #[error("row {row} of the journal is damaged: {what}")]
    Damaged {
        /// The row of the chunk; 0 where it is not known.
        row: u64,
        /// What does not fit.
        what: String,
    },
}

/// A database, as the engine sees it. See the promises in the documentation of this crate.
pub trait Store: Send + Sync {
    /// What makes this store this one.
    fn identity(&self) -> StoreIdentity;
    /// Writes a batch durably. Called by one thread at a time.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;
    /// The journal of an entity from its first chunk to its last; empty if there is none.
    fn chunks(&self, entity: EntityId) -> Result<Vec<Chunk>, StoreError>;
    /// One chunk by its row.
    fn chunk(&self, row: u64) -> Result<Option<Chunk>, StoreError>;
    /// What is known of an execution.
    fn execution(&self, entity: EntityId) -> Result<Option<ExecutionRow>, StoreError>;
    /// The execution that last took a name.
    fn execution_by_name(&self, name: &NameKey) -> Result<Option<EntityId>, StoreError>;
    /// The executions of a machine, most recent first.
    fn executions(&self, query: &ListQuery) -> Result<Vec<ExecutionRow>, StoreError>;
    /// Visits every open execution.
    fn open_executions(&self, visit: &mut dyn FnMut(OpenExecution)) -> Result<(), StoreError>;
    /// The highest of everything that ascends.
    fn high_marks(&self) -> Result<HighMarks, StoreError>;
    /// The whole catalogue, by key in ascending order.
    fn catalogue(&self) -> Result<Vec<(String, Arc<str>)>, StoreError>;
    /// Removes executions that were closed before a moment, at most about `rows_max` chunks at once;
    /// promises 12 to 15. Called by one thread at a time, beside `commit`.
    ///
    /// Everything that was decided before the moment must have been committed, and no further chunk of
    /// an execution that was closed before it may follow: the caller sees to both.
    fn sweep(&self, before: Timestamp, rows_max: usize) -> Result<Swept, StoreError>;
    /// The chunks of an entity that have a history event of these ids; promise 16.
    fn chunks_between(&self, entity: EntityId, events: RangeInclusive<u64>)
    -> Result<Vec<Chunk>, StoreError>;
    /// The last snapshot of an entity, if there is one; promise 17.
    fn snapshot(&self, entity: EntityId) -> Result<Option<Snapshot>, StoreError>;
    /// The chunks of an entity after the one at `row`; promise 18.
    fn chunks_after(&self, entity: EntityId, row: u64) -> Result<Vec<Chunk>, StoreError>;
}

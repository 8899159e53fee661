//! The chunk and its header: what a store writes and derives its indexes from.

use std::sync::Arc;

use stepwell_model::{EntityId, ExecutionStatus, Timestamp};

use crate::NameKey;

/// What the first chunk of an execution says about it for good.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// The number of the state machine in the catalogue.
    pub machine: u64,
    /// The revision of the machine that the execution is pinned to.
    pub revision: u64,
    /// The execution's name.
    pub name: Arc<str>,
    /// What the name is found by; `None` for a generated name, which says itself where it lives.
    pub name_key: Option<NameKey>,
    /// When it was started.
    pub started_at: Timestamp,
}

/// What the store reads of a chunk.
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkHeader {
    /// Whose chunk it is.
    pub entity: EntityId,
    /// Its key: unique in the store, ascending in time for each entity, and nearly so for all.
    pub row: u64,
    /// The row of the entity's chunk before it; 0 for the first.
    pub previous_row: u64,
    /// The id of the first history event in it; 0 if it has none that AWS shows.
    pub first_event_id: u64,
    /// The id of the entity's last history event as of this chunk.
    pub last_event_id: u64,
    /// When it was decided; never before an earlier chunk of the partition.
    pub at: Timestamp,
    /// In the first chunk: who this is.
    pub opening: Option<Opening>,
    /// The status from here on.
    pub status: ExecutionStatus,
    /// When the entity next has to be woken, if nothing comes before; `None` if never.
    pub next_due: Option<Timestamp>,
    /// Whether the entity has nothing to do before it is woken or called: recovery need not read
    /// its journal.
    pub parked: bool,
}

/// One commit's worth of an entity's journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// What the store reads.
    pub header: ChunkHeader,
    /// What only the language reads.
    pub body: Arc<[u8]>,
}

/// The bytes are no header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DamagedHeader(pub String);

//! What a sweep came to, and which chunks a part of a history needs.

use std::ops::RangeInclusive;

use crate::ChunkHeader;

/// What one call of [`Store::sweep`](crate::Store::sweep) came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// How many executions were removed.
    pub executions: u64,
    /// How many chunks were.
    pub rows: u64,
    /// Whether the next call may find more to do.
    pub more: bool,
}

/// Whether a chunk has a history event with one of these ids.
pub fn has_event_between(header: &ChunkHeader, events: &RangeInclusive<u64>) -> bool {
    // A first id of 0 says that AWS shows none of its events.
    header.first_event_id > 0
        && header.first_event_id <= *events.end()
        && header.last_event_id >= *events.start()
}

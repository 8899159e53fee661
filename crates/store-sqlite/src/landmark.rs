//! Landmarks: how a part of a long history is found without walking all of it.
//!
//! A journal is a chain that is followed from its end. For a page at the beginning of a long history
//! that would be all of it. So the chunk whose events reach or pass a multiple of [`EVENTS`] is noted
//! in a table, beside the id of its last event; the walk begins at the first one that is not before
//! the last event asked for. An execution with fewer events, nearly each, has none.
//!
//! The table is derived from headers like the others. Where a landmark is missing, as in a journal
//! that an older release wrote, the walk begins further up.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension};
use stepwell_model::EntityId;
use stepwell_store::{Chunk, ChunkHeader, StoreError, has_event_between};

use crate::{damaged, entity_key, from_sql, read, store_error, to_sql};

/// How many events there are from landmark to landmark.
pub(crate) const EVENTS: u64 = 128;

/// Made at each opening where it is not there yet: a database of an older release has none.
pub(crate) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS landmark (
        entity INTEGER NOT NULL,
        event_id INTEGER NOT NULL,
        row INTEGER NOT NULL,
        PRIMARY KEY (entity, event_id)
    ) STRICT, WITHOUT ROWID;
";

/// Notes those of the chunks that are landmarks.
pub(crate) fn note(connection: &Connection, run: &[Chunk]) -> rusqlite::Result<()> {
    for Chunk { header, .. } in run {
        if is_landmark(header) {
            connection
                .prepare_cached("INSERT INTO landmark (entity, event_id, row) VALUES (?1, ?2, ?3)")?
                .execute([entity_key(header.entity), to_sql(header.last_event_id), to_sql(header.row)])?;
        }
    }
    Ok(())
}

fn is_landmark(header: &ChunkHeader) -> bool {
    header.first_event_id > 0 && (header.first_event_id - 1) / EVENTS < header.last_event_id / EVENTS
}

/// The chunks of an entity that have one of these events, in their order.
pub(crate) fn chunks_between(
    connection: &Connection,
    entity: EntityId,
    events: &RangeInclusive<u64>,
) -> Result<Vec<Chunk>, StoreError> {
    let Some(last_row) = last_row(connection, entity)? else { return Ok(Vec::new()) };
    let mut row = landmark(connection, entity, *events.end())?.unwrap_or(last_row);
    let mut chunks = Vec::new();
    while row != 0 {
        let chunk = match read::chunk(connection, row)? {
            Some(chunk) => chunk,
            // Swept meanwhile, or damaged.
            None if self::last_row(connection, entity)?.is_none() => return Ok(Vec::new()),
            None => return Err(damaged(row, "it is missing")),
        };
        let header = &chunk.header;
        if header.entity != entity {
            return Err(damaged(row, "it belongs to another execution"));
        }
        if header.previous_row >= row {
            return Err(damaged(row, &format!("it cannot follow row {}", header.previous_row)));
        }
        row = header.previous_row;
        let is_first = header.first_event_id > 0 && header.first_event_id <= *events.start();
        if has_event_between(header, events) {
            chunks.push(chunk);
        }
        if is_first {
            break;
        }
    }
    chunks.reverse();
    Ok(chunks)
}

fn last_row(connection: &Connection, entity: EntityId) -> Result<Option<u64>, StoreError> {
    connection
        .prepare_cached("SELECT last_row FROM execution WHERE entity = ?1")
        .and_then(|mut select| select.query_row([entity_key(entity)], |row| row.get(0)).optional())
        .map(|row| row.map(from_sql))
        .map_err(store_error)
}

/// The row of the first landmark that is not before this event.
fn landmark(connection: &Connection, entity: EntityId, event_id: u64) -> Result<Option<u64>, StoreError> {
    let event_id = i64::try_from(event_id).unwrap_or(i64::MAX);
    let select = "SELECT row FROM landmark WHERE entity = ?1 AND event_id >= ?2 ORDER BY event_id LIMIT 1";
    connection
        .prepare_cached(select)
        .and_then(|mut select| select.query_row([entity_key(entity), event_id], |row| row.get(0)).optional())
        .map(|row| row.map(from_sql))
        .map_err(store_error)
}

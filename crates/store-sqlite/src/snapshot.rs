//! Snapshots, and the chunks that come after them.
//!
//! The one table that is not derived from headers, and the one that may be emptied at any time: whoever
//! finds no snapshot reads the journal from its beginning.

use rusqlite::{Connection, OptionalExtension, Row, params};
use stepwell_model::EntityId;
use stepwell_store::{Chunk, Snapshot, StoreError};

use crate::{damaged, entity_key, from_sql, read, store_error};

/// Made at each opening where it is not there yet: a database of an older release has none.
pub(crate) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS snapshot (entity INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT;
";

/// Writes those of a batch, in their order.
pub(crate) fn write(connection: &Connection, snapshots: &[Snapshot]) -> rusqlite::Result<()> {
    for snapshot in snapshots {
        let entity = entity_key(snapshot.entity);
        if snapshot.body.is_empty() {
            connection.prepare_cached(DELETE)?.execute([entity])?;
        } else {
            connection
                .prepare_cached("INSERT OR REPLACE INTO snapshot (entity, state) VALUES (?1, ?2)")?
                .execute(params![entity, snapshot.encode()])?;
        }
    }
    Ok(())
}

/// Takes away the snapshot of an entity by its key.
pub(crate) const DELETE: &str = "DELETE FROM snapshot WHERE entity = ?1";

/// The snapshot of an entity; none if it is damaged.
pub(crate) fn read(connection: &Connection, entity: EntityId) -> Result<Option<Snapshot>, StoreError> {
    let decode = |row: &Row<'_>| Ok(Snapshot::decode(entity, row.get_ref(0)?.as_blob()?).ok());
    connection
        .prepare_cached("SELECT state FROM snapshot WHERE entity = ?1")
        .and_then(|mut select| select.query_row([entity_key(entity)], decode).optional())
        .map(Option::flatten)
        .map_err(store_error)
}

/// The chunks of an entity above `after`, in their order; found as [`read::chunks`] finds all.
pub(crate) fn chunks_after(
    connection: &Connection,
    entity: EntityId,
    after: u64,
) -> Result<Vec<Chunk>, StoreError> {
    let last_row = connection
        .prepare_cached("SELECT last_row FROM execution WHERE entity = ?1")
        .and_then(|mut select| select.query_row([entity_key(entity)], |row| row.get(0)).optional())
        .map_err(store_error)?;
    let mut row = last_row.map_or(0, from_sql);
    let mut chunks = Vec::new();
    while row > after {
        let chunk = match read::chunk(connection, row)? {
            Some(chunk) => chunk,
            // Swept meanwhile, or damaged.
            None if read::execution(connection, entity)?.is_none() => return Ok(Vec::new()),
            None => return Err(damaged(row, "it is missing")),
        };
        if chunk.header.entity != entity {
            return Err(damaged(row, "it belongs to another execution"));
        }
        if chunk.header.previous_row >= row {
            return Err(damaged(row, &format!("it cannot follow row {}", chunk.header.previous_row)));
        }
        row = chunk.header.previous_row;
        chunks.push(chunk);
    }
    chunks.reverse();
    Ok(chunks)
}

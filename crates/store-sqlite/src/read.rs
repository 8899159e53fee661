//! Reading: a few read-only connections, and no transaction that outlives a statement.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, ToSql};
use stepwell_model::{EntityId, ExecutionStatus, Timestamp};
use stepwell_store::{Chunk, ExecutionRow, ListQuery, NameKey, OpenExecution, Opening, StoreError};

use crate::names::{self, Names};
use crate::{damaged, entity_key, entity_of_key, from_sql, open, store_error, to_sql};

/// How many connections are kept while nobody reads. More readers at once get more connections.
const IDLE_MAX: usize = 4;

/// The page cache of a reader, in KiB. SQLite empties it whenever the database has changed.
const CACHE_KIB: i32 = 8 * 1024;

/// How many statements stay prepared: all that readers have.
const STATEMENTS: usize = 32;

/// The connections that read.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Of the database at `path`. Connections are opened when they are needed.
    pub fn new(path: PathBuf) -> Readers {
        Readers { path, idle: Mutex::new(Vec::new()) }
    }

    /// Lends a connection. One with which reading failed is not used again.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().map_err(store_error)?,
        };
        let answer = read(&connection)?;
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }

    /// Closes all connections.
    pub fn close(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().expect("nobody panics while holding the list")
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = open::connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }
}

/// The chunk at `row`.
pub(crate) fn chunk(connection: &Connection, row: u64) -> Result<Option<Chunk>, StoreError> {
    let read = || {
        let mut select = connection.prepare_cached("SELECT header, body FROM chunk WHERE row = ?1")?;
        let decode =
            |found: &Row<'_>| Ok(Chunk::decode(found.get_ref(0)?.as_blob()?, found.get_ref(1)?.as_blob()?));
        select.query_row([to_sql(row)], decode).optional()
    };
    let chunk = match read().map_err(store_error) {
        Ok(None) => return Ok(None),
        Ok(Some(decoded)) => decoded.map_err(|error| damaged(row, &error.0))?,
        Err(StoreError::Damaged { what, .. }) => return Err(damaged(row, &what)),
        Err(other) => return Err(other),
    };
    if chunk.header.row != row {
        return Err(damaged(row, &format!("it says that it is row {}", chunk.header.row)));
    }
    Ok(Some(chunk))
}

/// The chunks of an entity, from its first to its last.
///
/// The chain is followed from its end, a statement per chunk: a chunk never changes once it is
/// written, so the chain needs no transaction to be one moment's. An execution that is swept meanwhile
/// is not there.
pub(crate) fn chunks(connection: &Connection, entity: EntityId) -> Result<Vec<Chunk>, StoreError> {
    let ends = connection
        .prepare_cached("SELECT first_row, last_row FROM execution WHERE entity = ?1")
        .and_then(|mut select| {
            let ends = |row: &Row<'_>| Ok((from_sql(row.get(0)?), from_sql(row.get(1)?)));
            select.query_row([entity_key(entity)], ends).optional()
        })
        .map_err(store_error)?;
    let Some((first_row, last_row)) = ends else {
        return Ok(Vec::new());
    };

    let mut chunks = Vec::new();
    let mut row = last_row;
    loop {
        let chunk = match chunk(connection, row)? {
            Some(chunk) => chunk,
            None if execution(connection, entity)?.is_none() => return Ok(Vec::new()),
            None => return Err(damaged(row, "it is missing")),
        };
        let header = &chunk.header;
        if header.entity != entity {
            return Err(damaged(row, "it belongs to another execution"));
        }
        // The chain falls from row to row and ends where the execution began.
        if header.previous_row >= row || (header.previous_row == 0) != (row == first_row) {
            return Err(damaged(row, &format!("it cannot follow row {}", header.previous_row)));
        }
        row = header.previous_row;
        chunks.push(chunk);
        if row == 0 {
            chunks.reverse();
            return Ok(chunks);
        }
    }
}

/// The columns of [`execution_row`], in its order.
const COLUMNS: &str = "entity, machine, revision, name, name_key, started_ms, closed_ms, status, due_ms, parked, \
                       first_row, last_row, last_event_id, version, alias, trace_header, redrive_count, redriven_ms";

/// Where they are from.
const EXECUTIONS: &str = "execution LEFT JOIN redrive USING (entity)";

/// The row of an execution.
pub(crate) fn execution(
    connection: &Connection,
    entity: EntityId,
) -> Result<Option<ExecutionRow>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {EXECUTIONS} WHERE entity = ?1"))
        .and_then(|mut select| select.query_row([entity_key(entity)], execution_row).optional())
        .map_err(store_error)
}

/// The execution that took a name last.
pub(crate) fn execution_by_name(
    connection: &Connection,
    names: &Names,
    name: &NameKey,
) -> Result<Option<EntityId>, StoreError> {
    let takers = names.takers(connection, name)?;
    let last = names::last_begun(connection, &takers).map_err(store_error)?;
    Ok(last.map(entity_of_key))
}

/// A page of a machine's executions.
pub(crate) fn executions(
    connection: &Connection,
    query: &ListQuery,
) -> Result<Vec<ExecutionRow>, StoreError> {
    let (recency, entity) = match query.after {
        Some((recency, entity)) => (to_sql(recency.epoch_ms), entity_key(entity)),
        // No moment is later, so the entity does not matter.
        None => (i64::MAX, 0),
    };
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let machine = to_sql(query.machine);
    let read = || {
        let mut select = connection.prepare_cached(&page(query))?;
        let version = query.version.map(to_sql);
        let mut params: Vec<&dyn ToSql> = vec![&machine, &recency, &entity, &limit];
        params.extend(version.as_ref().map(|version| version as &dyn ToSql));
        params.extend(query.alias.as_ref().map(|alias| alias as &dyn ToSql));
        let rows = select.query_map(&params[..], execution_row)?;
        rows.collect::<rusqlite::Result<_>>()
    };
    read().map_err(store_error)
}

/// The statement for ?4 executions of machine ?1 after the moment ?2 and the entity ?3, in the
/// query's status, with its version and its alias: what there is of these two is ?5, or ?5 and ?6.
///
/// All indexes are in the order of moments and read backwards. Within one millisecond SQLite sorts the executions by
/// partition and number, `entity & 255` and the rest of the key, and skips those up to ?3.
fn page(query: &ListQuery) -> String {
    let mut way = String::new();
    for (column, asked) in [("version", query.version.is_some()), ("alias", query.alias.is_some())] {
        if asked {
            way.push_str(if way.is_empty() { " AND " } else { " AND +" });
            way.push_str(column);
            way.push_str(if way.contains('?') { " = ?6" } else { " = ?5" });
        }
    }
    let filter = match query.status {
        None => String::new(),
        // The index by version or by alias leaves fewer than the one by status.
        Some(status) if !way.is_empty() => format!("AND +status = {}", status.code()),
        // Nearly all have; so the index by status leaves them out.
        Some(ExecutionStatus::Succeeded) => "AND status = 1".to_owned(),
        // Only with the index's own condition repeated does SQLite see that the index serves.
        Some(
            status @ (ExecutionStatus::Running
            | ExecutionStatus::Failed
            | ExecutionStatus::TimedOut
            | ExecutionStatus::Aborted),
        ) => format!("AND status = {} AND status <> 1", status.code()),
    };
    format!(
        "SELECT {COLUMNS} FROM {EXECUTIONS}
         WHERE machine = ?1 AND recency_ms <= ?2
           AND (recency_ms < ?2 OR (entity & 255, entity) > (?3 & 255, ?3)) {filter}{way}
         ORDER BY recency_ms DESC, entity & 255, entity LIMIT ?4"
    )
}

/// Every open execution, out of the index alone.
pub(crate) fn open_executions(connection: &Connection) -> Result<Vec<OpenExecution>, StoreError> {
    let read = || {
        let mut select = connection.prepare_cached(OPEN_EXECUTIONS)?;
        let rows = select.query_map([], |row| {
            Ok(OpenExecution {
                entity: entity_at(row, 0)?,
                next_due: moment_at(row, 1)?,
                parked: row.get(2)?,
                machine: from_sql(row.get(3)?),
            })
        })?;
        rows.collect::<rusqlite::Result<_>>()
    };
    read().map_err(store_error)
}

const OPEN_EXECUTIONS: &str =
    "SELECT entity, due_ms, parked, machine FROM execution WHERE status = 0 AND status <> 1";

/// The whole catalogue; SQLite compares text by its bytes, as we do.
pub(crate) fn catalogue(connection: &Connection) -> Result<Vec<(String, Arc<str>)>, StoreError> {
    let read = || {
        let mut select = connection.prepare_cached("SELECT key, value FROM catalogue ORDER BY key")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<_>>()
    };
    read().map_err(store_error)
}

fn execution_row(row: &Row<'_>) -> rusqlite::Result<ExecutionRow> {
    let status: u8 = row.get(7)?;
    let status = ExecutionStatus::from_code(status)
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(7, i64::from(status)))?;
    Ok(ExecutionRow {
        entity: entity_at(row, 0)?,
        opening: Opening {
            machine: from_sql(row.get(1)?),
            revision: from_sql(row.get(2)?),
            name: row.get(3)?,
            name_key: row.get(4)?,
            started_at: Timestamp::from_epoch_ms(from_sql(row.get(5)?)),
            version: row.get::<_, Option<i64>>(13)?.map(from_sql),
            alias: row.get(14)?,
            trace_header: row.get(15)?,
        },
        closed_at: moment_at(row, 6)?,
        status,
        next_due: moment_at(row, 8)?,
        parked: row.get(9)?,
        first_row: from_sql(row.get(10)?),
        last_row: from_sql(row.get(11)?),
        last_event_id: from_sql(row.get(12)?),
        redrive_count: row.get::<_, Option<i64>>(16)?.map_or(0, from_sql),
        redriven_at: moment_at(row, 17)?,
    })
}

fn entity_at(row: &Row<'_>, column: usize) -> rusqlite::Result<EntityId> {
    Ok(entity_of_key(row.get(column)?))
}

fn moment_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let epoch_ms: Option<i64> = row.get(column)?;
    Ok(epoch_ms.map(|epoch_ms| Timestamp::from_epoch_ms(from_sql(epoch_ms))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite means to answer.
    fn plan(select: &str) -> String {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(open::TABLES).unwrap();
        connection.execute_batch(open::INDEXES).unwrap();
        connection.execute_batch(open::REDRIVE_TABLE).unwrap();
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {select}")).unwrap();
        let count = explain.parameter_count();
        let steps =
            explain.query_map(rusqlite::params_from_iter(vec![0; count]), |row| row.get("detail")).unwrap();
        steps.collect::<rusqlite::Result<Vec<String>>>().unwrap().join("; ")
    }

    #[test]
    fn open_executions_are_found_without_a_look_at_their_rows() {
        assert_eq!(
            plan(OPEN_EXECUTIONS),
            "SEARCH execution USING COVERING INDEX execution_by_status (status=?)"
        );
    }

    #[test]
    fn a_page_of_a_list_is_read_in_the_order_of_an_index() {
        // What is sorted on top is never more than the executions of one millisecond.
        let ties = "; SEARCH redrive USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN; USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY";
        let by_recency = "SEARCH execution USING INDEX execution_by_recency (machine=? AND recency_ms<?)";
        let by_status =
            "SEARCH execution USING INDEX execution_by_status (status=? AND machine=? AND recency_ms<?)";
        let query =
            |status| ListQuery { machine: 1, version: None, alias: None, status, after: None, limit: 1 };
        assert_eq!(plan(&page(&query(None))), format!("{by_recency}{ties}"));
        assert_eq!(plan(&page(&query(Some(ExecutionStatus::Succeeded)))), format!("{by_recency}{ties}"));
        assert_eq!(plan(&page(&query(Some(ExecutionStatus::Failed)))), format!("{by_status}{ties}"));

        let by_version =
            "SEARCH execution USING INDEX execution_by_version (machine=? AND version=? AND recency_ms<?)";
        let by_alias =
            "SEARCH execution USING INDEX execution_by_alias (machine=? AND alias=? AND recency_ms<?)";
        for status in [None, Some(ExecutionStatus::Succeeded), Some(ExecutionStatus::Failed)] {
            let version = ListQuery { version: Some(1), ..query(status) };
            assert_eq!(plan(&page(&version)), format!("{by_version}{ties}"));
            let alias = ListQuery { alias: Some("A".into()), ..query(status) };
            assert_eq!(plan(&page(&alias)), format!("{by_alias}{ties}"));
        }
    }
}

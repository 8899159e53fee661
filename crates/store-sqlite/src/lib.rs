//! The store of the single binary: one SQLite file that users can open, copy and back up.
//!
//! The data directory holds `stepwell.db` with its `-wal` and `-shm`, and `lock`, which one server at
//! a time keeps locked. The tables stand in `open.rs`.
//!
//! - **Writing** (`commit.rs`, `insert.rs`). A batch is one transaction with `synchronous=FULL`: one flush of the
//!   write-ahead log. Chunks are appended by ascending row. All other tables are derived from the
//!   headers in the same transaction; an execution that opens and closes in one batch is one row of
//!   each, appended. The high marks (`marks.rs`) are written now and then.
//! - **Names** (`names.rs`). A name that a user chose is in memory, and later in a sorted slice that is
//!   written in portions with the commits and merged with others.
//! - **Checkpoints** (`checkpoint.rs`). A thread copies the log into the database as it grows; above
//!   64 MiB the committer holds that thread off and copies the rest itself, so that the log starts
//!   over.
//! - **Reading** (`read.rs`). A few read-only connections. No read transaction outlives a statement,
//!   so that none pins the log.
//! - **Retention** (`sweep.rs`). A cursor walks up the rows and removes what is old enough, in slices of
//!   a few milliseconds between two batches. Freed pages are used again.
//! - **Parts of histories** (`landmark.rs`). Every so many events a row is noted from which a walk can
//!   begin.
//! - **Snapshots** (`snapshot.rs`). What the language had come to at a row of a long journal; disposable.

mod checkpoint;
mod commit;
mod insert;
mod landmark;
mod marks;
mod names;
mod open;
mod read;
mod snapshot;
mod sweep;

#[doc(hidden)]
pub use names::NameOptions;
pub use open::{OpenError, SqliteOptions};

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::ErrorCode;
use stepwell_model::{EntityId, Partition, Timestamp};
use stepwell_store::{
    Batch, Chunk, ExecutionRow, HighMarks, ListQuery, NameKey, OpenExecution, Snapshot, Store, StoreError,
    StoreIdentity, Swept,
};

use checkpoint::Checkpointer;
use commit::Committer;
use names::{Names, Weaver};
use read::Readers;
use sweep::Cursor;

/// A store in a directory. Dropping it copies what is left of the log into the database and frees the
/// directory.
pub struct SqliteStore {
    // Fields are dropped in this order. The committer's connection is the last to be closed, because
    // only the last one removes the log; the lock comes after it, and so does what the checkpointer keeps open.
    weaver: Weaver,
    readers: Readers,
    committer: Mutex<Committer>,
    checkpointer: Checkpointer,
    names: Arc<Names>,
    marks: Arc<Mutex<HighMarks>>,
    /// Taken before the committer, and given back as soon as it is held: who waits is next. Without it a
    /// committer that does not pause would shut a sweep out.
    turn: Mutex<()>,
    /// How far the sweep has come; held while there is one.
    cursor: Mutex<Cursor>,
    identity: StoreIdentity,
    _lock: File,
}

impl SqliteStore {
    /// Opens the store in `dir`; makes both where there is none yet.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. A store that is refused is left as it is.
    pub fn open(dir: &Path, options: SqliteOptions) -> Result<SqliteStore, OpenError> {
        open::open(dir, options)
    }

    /// The committer, for whoever has waited for it the longest.
    fn committer(&self) -> MutexGuard<'_, Committer> {
        let _turn = self.turn.lock().expect("nobody panics while waiting");
        self.committer.lock().expect("a commit that panicked is not followed by another")
    }
}

impl Store for SqliteStore {
    fn identity(&self) -> StoreIdentity {
        self.identity.clone()
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.committer().commit(batch, self.checkpointer.gate())
    }

    fn chunks(&self, entity: EntityId) -> Result<Vec<Chunk>, StoreError> {
        self.readers.read(|connection| read::chunks(connection, entity))
    }

    fn chunk(&self, row: u64) -> Result<Option<Chunk>, StoreError> {
        self.readers.read(|connection| read::chunk(connection, row))
    }

    fn execution(&self, entity: EntityId) -> Result<Option<ExecutionRow>, StoreError> {
        self.readers.read(|connection| read::execution(connection, entity))
    }

    fn execution_by_name(&self, name: &NameKey) -> Result<Option<EntityId>, StoreError> {
        self.readers.read(|connection| read::execution_by_name(connection, &self.names, name))
    }

    fn executions(&self, query: &ListQuery) -> Result<Vec<ExecutionRow>, StoreError> {
        self.readers.read(|connection| read::executions(connection, query))
    }

    fn open_executions(&self, visit: &mut dyn FnMut(OpenExecution)) -> Result<(), StoreError> {
        // Visited after the statement has ended: the visitor may take its time and ask the store.
        self.readers.read(read::open_executions)?.into_iter().for_each(visit);
        Ok(())
    }

    fn high_marks(&self) -> Result<HighMarks, StoreError> {
        Ok(*self.marks.lock().expect("nobody panics while raising marks"))
    }

    fn catalogue(&self) -> Result<Vec<(String, Arc<str>)>, StoreError> {
        self.readers.read(read::catalogue)
    }

    fn sweep(&self, before: Timestamp, rows_max: usize) -> Result<Swept, StoreError> {
        let mut cursor = self.cursor.lock().expect("a sweep that panicked is not followed by another");
        let gate = self.checkpointer.gate();
        if !gate.has_room() {
            std::thread::sleep(sweep::HELD_BACK);
            return Ok(Swept { more: true, ..Swept::default() });
        }
        // Looked up before commits are held up.
        let plan = self.readers.read(|connection| sweep::plan(connection, *cursor, before, rows_max))?;
        let (reached, swept) = self.committer().sweep(&plan, gate, &self.names)?;
        *cursor = reached;
        Ok(swept)
    }

    fn chunks_between(
        &self,
        entity: EntityId,
        events: RangeInclusive<u64>,
    ) -> Result<Vec<Chunk>, StoreError> {
        self.readers.read(|connection| landmark::chunks_between(connection, entity, &events))
    }

    fn snapshot(&self, entity: EntityId) -> Result<Option<Snapshot>, StoreError> {
        self.readers.read(|connection| snapshot::read(connection, entity))
    }

    fn chunks_after(&self, entity: EntityId, row: u64) -> Result<Vec<Chunk>, StoreError> {
        self.readers.read(|connection| snapshot::chunks_after(connection, entity, row))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.checkpointer.stop();
        self.weaver.stop();
        self.readers.close();
        if let Ok(committer) = self.committer.get_mut() {
            committer.close(self.checkpointer.gate());
        }
    }
}

/// What an error of SQLite is to the engine.
///
/// SQLite reports a device without room as "full" on its own; a quota reaches it as a failed write.
fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full(error.to_string()),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(0, &error.to_string()),
        _ => StoreError::Io(error.to_string()),
    }
}

fn damaged(row: u64, what: &str) -> StoreError {
    StoreError::Damaged { row, what: what.to_owned() }
}

/// The key of an entity in the tables: its number times 256, plus its partition.
///
/// The engine deals executions without a name of their own out to the partitions in turn, so their
/// keys ascend and their rows are appended. With the partition first there would be 256 places to
/// append at, and a flush of 64 executions would write 64 pages for 64 short rows. Named executions
/// land where their hash sends them, a little apart from the end.
fn entity_key(entity: EntityId) -> i64 {
    to_sql(entity.number << Partition::BITS | u64::from(entity.partition))
}

/// The entity with this key.
fn entity_of_key(key: i64) -> EntityId {
    let key = from_sql(key);
    EntityId { partition: key as Partition, number: key >> Partition::BITS }
}

/// An unsigned number as SQLite keeps it: the same 64 bits.
///
/// Rows and moments before the year 292,277,026 keep their order; only "never", the end of
/// time, becomes negative, and nothing is sorted by it.
fn to_sql(number: u64) -> i64 {
    number.cast_signed()
}

/// The unsigned number that [`to_sql`] was given.
fn from_sql(number: i64) -> u64 {
    number.cast_unsigned()
}

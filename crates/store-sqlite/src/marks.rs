//! High marks: in memory, and now and then in a table of one row.
//!
//! To write them with each commit would be a page for each. So each chunk whose row is above the row in the
//! table is read when the store is opened, and the marks are written after so many chunks; also with a chunk
//! that comes late and whose row is not above, and by a sweep, which may remove what they would be read from.

use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::{Connection, params};
use stepwell_model::Timestamp;
use stepwell_store::{Chunk, HighMarks};

use crate::{entity_of_key, from_sql, to_sql};

/// The table. `row` is what an opening reads chunks from.
pub(crate) const TABLE: &str = "
    CREATE TABLE mark (
        id INTEGER PRIMARY KEY,
        row INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        number INTEGER NOT NULL
    ) STRICT;
";

/// How many chunks an opening reads at most, and of how many bytes, but for those of one commit.
const CHUNKS_MAX: usize = 1_024;
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The marks, as the committer keeps them.
pub(crate) struct Marks {
    /// Of everything that is durable.
    now: Arc<Mutex<HighMarks>>,
    written: HighMarks,
    /// What came since they were written.
    chunks: usize,
    bytes: usize,
}

/// The marks after a batch, to be told once it is durable.
pub(crate) struct Raised {
    marks: HighMarks,
    is_written: bool,
    chunks: usize,
    bytes: usize,
}

impl Marks {
    /// As the database has them.
    pub fn open(connection: &Connection) -> rusqlite::Result<Marks> {
        let written = read(connection)?;
        let mut now = written;
        let (mut chunks, mut bytes) = (0, 0);
        let mut select = connection.prepare("SELECT row, header, body FROM chunk WHERE row > ?1")?;
        let mut rows = select.query([to_sql(written.row)])?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(2)?.as_blob()?;
            chunks += 1;
            bytes += body.len();
            now.row = now.row.max(from_sql(row.get(0)?));
            // One that is damaged says nothing; whose it is, the table of executions knows.
            if let Ok(chunk) = Chunk::decode(row.get_ref(1)?.as_blob()?, body) {
                now.raise(&chunk.header);
            }
        }
        let last: Option<i64> =
            connection.query_row("SELECT max(entity) FROM execution", [], |row| row.get(0))?;
        now.number = now.number.max(last.map_or(0, |key| entity_of_key(key).number));
        Ok(Marks { now: Arc::new(Mutex::new(now)), written, chunks, bytes })
    }

    /// Where readers find them.
    pub fn shared(&self) -> Arc<Mutex<HighMarks>> {
        self.now.clone()
    }

    /// Raises them by a batch, in its transaction, and writes them if it is time.
    pub fn write(&self, connection: &Connection, batch: &[Chunk]) -> rusqlite::Result<Raised> {
        let mut marks = *self.now();
        batch.iter().for_each(|chunk| marks.raise(&chunk.header));
        let chunks = self.chunks + batch.len();
        let bytes = self.bytes + batch.iter().map(|chunk| chunk.body.len()).sum::<usize>();
        let is_late = batch.iter().any(|chunk| chunk.header.row <= self.written.row);
        let is_written = is_late || chunks >= CHUNKS_MAX || bytes >= BYTES_MAX;
        if is_written {
            put(connection, &marks)?;
        }
        Ok(Raised { marks, is_written, chunks, bytes })
    }

    /// The batch is durable.
    pub fn done(&mut self, raised: Raised) {
        let Raised { marks, is_written, chunks, bytes } = raised;
        *self.now() = marks;
        (self.chunks, self.bytes) = (chunks, bytes);
        if is_written {
            self.are_written();
        }
    }

    /// Writes them before chunks are removed, in the same transaction.
    pub fn keep(&self, connection: &Connection) -> rusqlite::Result<()> {
        let now = *self.now();
        if now != self.written { put(connection, &now) } else { Ok(()) }
    }

    /// What [`Marks::keep`] wrote is committed, or what was written with a batch.
    pub fn are_written(&mut self) {
        let now = *self.now();
        (self.written, self.chunks, self.bytes) = (now, 0, 0);
    }

    fn now(&self) -> MutexGuard<'_, HighMarks> {
        self.now.lock().expect("nobody panics while raising marks")
    }
}

fn read(connection: &Connection) -> rusqlite::Result<HighMarks> {
    connection.query_row("SELECT row, at_ms, number FROM mark", [], |row| {
        let at = Timestamp::from_epoch_ms(from_sql(row.get(1)?));
        Ok(HighMarks { row: from_sql(row.get(0)?), at, number: from_sql(row.get(2)?) })
    })
}

/// Writes them.
pub(crate) fn put(connection: &Connection, marks: &HighMarks) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO mark (id, row, at_ms, number) VALUES (1, ?1, ?2, ?3)")?
        .execute(params![to_sql(marks.row), to_sql(marks.at.epoch_ms), to_sql(marks.number)])?;
    Ok(())
}

/// The marks of a store of format 1: numbers ascended within each partition, and each had a mark of 8 bytes.
pub(crate) fn read_of_format_1(connection: &Connection) -> rusqlite::Result<HighMarks> {
    connection.query_row("SELECT row, at_ms, numbers FROM mark", [], |row| {
        let numbers = row.get_ref(2)?.as_blob()?.as_chunks::<8>().0;
        let number = numbers.iter().map(|number| u64::from_le_bytes(*number)).max().unwrap_or(0);
        let at = Timestamp::from_epoch_ms(from_sql(row.get(1)?));
        Ok(HighMarks { row: from_sql(row.get(0)?), at, number })
    })
}

//! The commit path: one transaction, one flush, cached statements.

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, params};
use stepwell_model::{ExecutionStatus, Timestamp};
use stepwell_store::{Batch, CatalogueWrite, Chunk, ExecutionRow, StoreError};

use crate::checkpoint::{self, Gate, WalSize};
use crate::insert::Insert;
use crate::marks::Marks;
use crate::names::{Taken, Taking};
use crate::{entity_key, landmark, read, snapshot, store_error, to_sql};

/// How many statements stay prepared: all that the committer has.
const STATEMENTS: usize = 32;

/// The only one that writes.
pub(crate) struct Committer {
    connection: Connection,
    marks: Marks,
    taking: Taking,
    /// Why there are no more commits.
    stopped: Option<String>,
}

/// Why a batch was not written.
enum Refusal {
    Sql(rusqlite::Error),
    /// The journals in it contradict themselves or what is stored.
    Contradiction(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Refusal {
        Refusal::Sql(error)
    }
}

impl Committer {
    /// `marks` and `taking` are of what the database has.
    pub fn new(connection: Connection, marks: Marks, taking: Taking) -> Committer {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        checkpoint::listen(&connection);
        Committer { connection, marks, taking, stopped: None }
    }

    /// See [`stepwell_store::Store::commit`].
    pub fn commit(&mut self, batch: &Batch, gate: &Gate) -> Result<(), StoreError> {
        self.check(gate)?;
        if let Err(refusal) = self.write(batch) {
            let error = match refusal {
                Refusal::Sql(error) => store_error(error),
                Refusal::Contradiction(why) => StoreError::Io(why),
            };
            self.stopped = Some(error.to_string());
            // Frees readers and memory; whether it succeeds changes nothing any more.
            let _ = self.connection.execute_batch("ROLLBACK");
            return Err(error);
        }

        // The batch is durable. What goes wrong with the log from here on stops the next commit.
        if let Err(error) = gate.tend(&self.connection) {
            self.stopped = Some(format!("a checkpoint failed: {error}"));
        }
        Ok(())
    }

    /// Whether anything may be written.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stopped`].
    pub fn check(&mut self, gate: &Gate) -> Result<(), StoreError> {
        // A checkpoint that failed leaves the log whole and the database in doubt. Another checkpoint
        // could seem to succeed and drop the log, so nothing may be written until the store is opened
        // again and the log is read from its beginning.
        if self.stopped.is_none() {
            self.stopped = gate.failure();
        }
        match &self.stopped {
            Some(why) => Err(StoreError::Stopped(why.clone())),
            None => Ok(()),
        }
    }

    /// From now on nothing is written.
    pub fn stop(&mut self, why: String) {
        self.stopped = Some(why);
    }

    /// For what else is written beside batches.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The high marks as they are durable.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The high marks were written beside a batch.
    pub fn marks_are_written(&mut self) {
        self.marks.are_written();
    }

    /// Ends with an empty log, or, if anything had failed, leaves the log for the next opening.
    pub fn close(&mut self, gate: &Gate) {
        let failed = self.stopped.is_some()
            || gate.failure().is_some()
            || WalSize::checkpoint(&self.connection, "TRUNCATE").is_err();
        if failed {
            let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Refusal> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut beside = None;
        if !batch.chunks.is_empty() {
            let opened = batch.chunks.iter().filter(|chunk| chunk.header.opening.is_some()).count();
            let taken = Statements::new(&self.connection, opened).write(&batch.chunks)?;
            let raised = self.marks.write(&self.connection, &batch.chunks)?;
            beside = Some((raised, self.taking.write(&self.connection, taken)?));
        }
        for CatalogueWrite { key, value } in &batch.catalogue {
            match value {
                Some(value) => self
                    .connection
                    .prepare_cached("INSERT OR REPLACE INTO catalogue (key, value) VALUES (?1, ?2)")?
                    .execute([key.as_str(), value])?,
                None => {
                    self.connection.prepare_cached("DELETE FROM catalogue WHERE key = ?1")?.execute([key])?
                }
            };
        }
        snapshot::write(&self.connection, &batch.snapshots)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        if let Some((raised, written)) = beside {
            self.marks.done(raised);
            self.taking.done(written);
        }
        Ok(())
    }
}

// A commit that fails is rolled back as a whole.
static APPEND: Insert = Insert::new("INSERT OR FAIL INTO chunk (row, header, body)", 3);

static OPEN: Insert = Insert::new(
    "INSERT OR FAIL INTO execution (entity, machine, revision, name, name_key, started_ms, closed_ms,
        recency_ms, status, due_ms, parked, first_row, last_row, last_event_id, version, alias, trace_header)",
    17,
);

/// The usual step of a longer execution: it was open and is. SQLite rewrites an index when one of its
/// columns is set, even to the same value; this leaves the larger one alone.
const GO_ON: &str = "UPDATE execution SET due_ms = ?3, parked = ?4, last_row = ?5, last_event_id = ?6
     WHERE entity = ?1 AND last_row = ?2 AND status = 0";

/// ?8 says whether an execution that was closed stays closed since when it was.
const CHANGE: &str =
    "UPDATE execution SET due_ms = ?3, parked = ?4, last_row = ?5, last_event_id = ?6, status = ?7,
        closed_ms = iif(?8, ifnull(closed_ms, ?9), ?9),
        recency_ms = coalesce(iif(?8, ifnull(closed_ms, ?9), ?9), started_ms)
     WHERE entity = ?1 AND last_row = ?2";

const REWRITE: &str =
    "UPDATE execution SET due_ms = ?2, parked = ?3, last_row = ?4, last_event_id = ?5, status = ?6,
        closed_ms = ?7, recency_ms = ?8
     WHERE entity = ?1";

const NOTE_REDRIVES: &str =
    "INSERT OR REPLACE INTO redrive (entity, redrive_count, redriven_ms) VALUES (?1, ?2, ?3)";

/// What chunks need, fetched once per batch at most: the cache hashes the text each time.
struct Statements<'a> {
    connection: &'a Connection,
    /// Rows of executions that have not been inserted yet.
    opened: Vec<ExecutionRow>,
    go_on: Option<CachedStatement<'a>>,
    change: Option<CachedStatement<'a>>,
    taken: Taken,
}

impl<'a> Statements<'a> {
    /// With room for so many executions that are opened.
    fn new(connection: &'a Connection, opened: usize) -> Statements<'a> {
        let opened = Vec::with_capacity(opened);
        Statements { connection, opened, go_on: None, change: None, taken: Taken::default() }
    }

    /// Gives the names that were taken.
    fn write(mut self, chunks: &[Chunk]) -> Result<Taken, Refusal> {
        if let Some(chunk) = chunks.iter().find(|chunk| i64::try_from(chunk.header.row).is_err()) {
            return Err(Refusal::Contradiction(format!("row {} is too large", chunk.header.row)));
        }
        APPEND.all(self.connection, chunks, |chunk, values| {
            values.put(to_sql(chunk.header.row))?;
            values.put(chunk.encode_header())?;
            values.put(&*chunk.body)
        })?;
        // Of chunks of one entity that follow each other, only the last says how it stands.
        for run in chunks.chunk_by(|one, next| one.header.entity == next.header.entity) {
            if run[0].header.opening.is_some() {
                self.open(run)?;
            } else {
                // It may be one that was opened just now.
                self.write_opened()?;
                if run.iter().any(|chunk| chunk.header.redrives.is_some()) {
                    self.write_redriven(run)?;
                } else {
                    self.write_continued(run)?;
                }
            }
            landmark::note(self.connection, run)?;
        }
        self.write_opened()?;
        Ok(self.taken)
    }

    /// Takes in an execution whose first chunks these are.
    fn open(&mut self, run: &[Chunk]) -> Result<(), Refusal> {
        let mut row = ExecutionRow::open(&run[0].header).map_err(Refusal::Contradiction)?;
        for chunk in &run[1..] {
            row.advance(&chunk.header).map_err(Refusal::Contradiction)?;
        }
        self.taken.note(row.opening.name_key, entity_key(row.entity));
        self.opened.push(row);
        Ok(())
    }

    /// Writes the rows of the executions that were taken in.
    fn write_opened(&mut self) -> Result<(), Refusal> {
        OPEN.all(self.connection, &self.opened, |row, values| {
            let opening = &row.opening;
            values.put(entity_key(row.entity))?;
            values.put(to_sql(opening.machine))?;
            values.put(to_sql(opening.revision))?;
            values.put(&*opening.name)?;
            values.put(opening.name_key.as_ref().map(|key| key.as_slice()))?;
            values.put(to_sql(opening.started_at.epoch_ms))?;
            values.put(row.closed_at.map(to_ms))?;
            values.put(to_ms(row.recency()))?;
            values.put(row.status.code())?;
            values.put(row.next_due.map(to_ms))?;
            values.put(row.parked)?;
            values.put(to_sql(row.first_row))?;
            values.put(to_sql(row.last_row))?;
            values.put(to_sql(row.last_event_id))?;
            values.put(opening.version.map(to_sql))?;
            values.put(opening.alias.as_deref())?;
            values.put(opening.trace_header.as_deref())
        })?;
        self.opened.iter().try_for_each(|row| self.write_redrives(row))?;
        self.opened.clear();
        Ok(())
    }

    /// The row of an execution that has been redriven, now or before, after these further chunks.
    /// There are few of them, so it is read and written as a whole.
    fn write_redriven(&mut self, run: &[Chunk]) -> Result<(), Refusal> {
        let first = &run[0].header;
        let before = read::execution(self.connection, first.entity)
            .map_err(|error| Refusal::Contradiction(error.to_string()))?;
        let mut row = before.ok_or_else(|| {
            Refusal::Contradiction(format!("row {} continues an execution that was never opened", first.row))
        })?;
        for chunk in run {
            row.advance(&chunk.header).map_err(Refusal::Contradiction)?;
        }
        self.connection.prepare_cached(REWRITE)?.execute(params![
            entity_key(row.entity),
            row.next_due.map(to_ms),
            row.parked,
            to_sql(row.last_row),
            to_sql(row.last_event_id),
            row.status.code(),
            row.closed_at.map(to_ms),
            to_ms(row.recency()),
        ])?;
        self.write_redrives(&row)
    }

    fn write_redrives(&self, row: &ExecutionRow) -> Result<(), Refusal> {
        if let Some(redriven_at) = row.redriven_at {
            let count = to_sql(row.redrive_count);
            self.connection.prepare_cached(NOTE_REDRIVES)?.execute(params![
                entity_key(row.entity),
                count,
                to_ms(redriven_at)
            ])?;
        }
        Ok(())
    }

    /// The row of an execution that has been opened before, after these further chunks.
    fn write_continued(&mut self, run: &[Chunk]) -> Result<(), Refusal> {
        let mut previous_row = run[0].header.previous_row;
        let mut was_open = false;
        let mut closed_at = None;
        for Chunk { header, .. } in run {
            if header.opening.is_some() || header.previous_row != previous_row || header.row <= previous_row {
                let why = format!("row {} does not follow row {previous_row} of its execution", header.row);
                return Err(Refusal::Contradiction(why));
            }
            previous_row = header.row;
            // As `ExecutionRow::advance` has it.
            if header.status == ExecutionStatus::Running {
                was_open = true;
                closed_at = None;
            } else {
                closed_at = closed_at.or(Some(header.at));
            }
        }

        let (first, last) = (&run[0].header, &run[run.len() - 1].header);
        let entity = entity_key(last.entity);
        let before = to_sql(first.previous_row);
        let (due_ms, parked) = (last.next_due.map(to_ms), last.parked);
        let (last_row, last_event_id) = (to_sql(last.row), to_sql(last.last_event_id));
        if closed_at.is_none() {
            let go_on = fetched(&mut self.go_on, self.connection, GO_ON)?;
            if go_on.execute(params![entity, before, due_ms, parked, last_row, last_event_id])? == 1 {
                return Ok(());
            }
        }
        let (status, closed_ms) = (last.status.code(), closed_at.map(to_ms));
        let changed = fetched(&mut self.change, self.connection, CHANGE)?.execute(params![
            entity,
            before,
            due_ms,
            parked,
            last_row,
            last_event_id,
            status,
            !was_open,
            closed_ms
        ])?;
        if changed == 1 {
            return Ok(());
        }
        let row = first.row;
        Err(Refusal::Contradiction(format!(
            "row {row} does not follow the last of its execution, if there is one"
        )))
    }
}

/// The statement, from the cache if it is wanted for the first time.
fn fetched<'s, 'a>(
    statement: &'s mut Option<CachedStatement<'a>>,
    connection: &'a Connection,
    sql: &str,
) -> rusqlite::Result<&'s mut CachedStatement<'a>> {
    Ok(match statement {
        Some(statement) => statement,
        None => statement.insert(connection.prepare_cached(sql)?),
    })
}

fn to_ms(moment: Timestamp) -> i64 {
    to_sql(moment.epoch_ms)
}

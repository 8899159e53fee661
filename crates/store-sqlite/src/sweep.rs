//! Retention: whole ranges of rows go, slice by slice.
//!
//! Rows ascend in time. A cursor walks up the table of chunks; where it meets a chunk of an execution
//! that is old enough, the execution goes as a whole, its chunks further up and further down included.
//! It stops at the first chunk that was decided too late: nothing above it was closed in time. What it
//! leaves behind are the chunks of executions that are still open, or were until recently. They stay
//! where they are: SQLite merges the pages that become empty around them, and takes the pages that it
//! frees for what is appended, so that the file stops growing without being rewritten. When such an
//! execution ends, its last chunk lies above the cursor.
//!
//! The cursor is in memory only. After a start it walks past the survivors once more, and finds what
//! a crash left: of a long journal that takes several slices the execution's row goes first, and a
//! chunk without an execution is nobody's.
//!
//! A slice is looked up by a reader ([`plan`]), which takes its time and brings the pages of the disk
//! into memory; then the committer's connection removes what was found ([`Committer::sweep`]), for a
//! few milliseconds, in a transaction that checks each execution again. It is that connection because
//! a second writer would empty the cache of the first. The transaction is not flushed: the flush of
//! the next commit is, and whatever is durable after a sweep makes the sweep durable.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Row, params};
use stepwell_model::{EntityId, Timestamp};
use stepwell_store::{Chunk, StoreError, Swept};

use crate::checkpoint::{Gate, WalSize};
use crate::commit::Committer;
use crate::marks::Marks;
use crate::names::Names;
use crate::{entity_key, from_sql, landmark, read, snapshot, store_error, to_sql};

/// How long a slice removes executions. What it has begun it ends: the chunks of these executions,
/// about as long again.
const SLICE: Duration = Duration::from_millis(4);

/// How long a sweep waits at a time while the log has no room for it.
pub(crate) const HELD_BACK: Duration = Duration::from_millis(20);

/// How far a sweep has come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cursor {
    /// No chunk below this row belongs to an execution that could go, but for the rest.
    next_row: u64,
    /// Where the rest of a journal begins whose execution went in an earlier slice; 0 if there is none.
    rest_row: u64,
}

/// What a slice is to remove.
pub(crate) struct Plan {
    steps: Vec<Step>,
    /// Where the sweep stands when all steps are done.
    end: Cursor,
    /// Whether there is more to look at from there.
    more: bool,
}

/// What goes together.
struct Step {
    victim: Option<Victim>,
    /// Chunks, from the last to the first.
    rows: Vec<u64>,
    /// Where the sweep stands when it is done.
    after: Cursor,
}

/// An execution that is to go, as it was looked up.
struct Victim {
    entity: i64,
    last_row: u64,
    has_landmarks: bool,
}

/// A chunk that the cursor meets.
struct Met {
    row: u64,
    /// Its entity, the row before it and when it was decided; `None` if it is damaged.
    header: Option<(EntityId, u64, Timestamp)>,
}

/// Looks up what the next slice is to remove: executions closed before the moment, of about
/// `rows_max` chunks.
pub(crate) fn plan(
    connection: &Connection,
    cursor: Cursor,
    before: Timestamp,
    rows_max: usize,
) -> Result<Plan, StoreError> {
    let rows_max = rows_max.max(1);
    let mut end = cursor;
    let mut steps = Vec::new();
    if cursor.rest_row != 0 {
        let rows = chain(connection, None, cursor.rest_row, &HashMap::new(), rows_max)?;
        end.rest_row = rows.rest;
        steps.push(Step { victim: None, rows: rows.taken, after: end });
        if end.rest_row != 0 {
            return Ok(Plan { steps, end, more: true });
        }
    }

    let (met, is_end) = meet(connection, cursor.next_row, before, rows_max)?;
    let headers: HashMap<u64, (EntityId, u64)> = met
        .iter()
        .filter_map(|met| met.header.map(|(entity, previous_row, _)| (met.row, (entity, previous_row))))
        .collect();
    let mut taken: HashSet<u64> = HashSet::new();
    let mut survivors: HashSet<EntityId> = HashSet::new();
    let mut victims: HashMap<EntityId, usize> = HashMap::new();
    let mut planned: usize = steps.iter().map(|step| step.rows.len()).sum();
    for Met { row, header } in &met {
        if planned >= rows_max {
            return Ok(Plan { steps, end, more: true });
        }
        end.next_row = row + 1;
        let Some((entity, _, _)) = header else { continue };
        if taken.contains(row) || survivors.contains(entity) {
            continue;
        }
        if let Some(step) = victims.get(entity) {
            // Its chain is broken between here and its end.
            steps[*step].rows.push(*row);
            planned += 1;
            continue;
        }
        let (victim, mut rows) = match look_up(connection, *entity, before)? {
            Found::Survivor => {
                survivors.insert(*entity);
                continue;
            }
            Found::Nothing => (None, Chain { taken: vec![*row], rest: 0 }),
            Found::Victim(victim) => {
                let left = rows_max - planned;
                let rows = chain(connection, Some(*entity), victim.last_row, &headers, left)?;
                victims.insert(*entity, steps.len());
                (Some(victim), rows)
            }
        };
        // Only where the chain is broken is this chunk not on it.
        if rows.rest == 0 && !rows.taken.contains(row) {
            rows.taken.push(*row);
        }
        planned += rows.taken.len();
        taken.extend(&rows.taken);
        end.rest_row = rows.rest;
        steps.push(Step { victim, rows: rows.taken, after: end });
        if end.rest_row != 0 {
            return Ok(Plan { steps, end, more: true });
        }
    }
    Ok(Plan { steps, end, more: !is_end })
}

/// The chunks from `next_row` on that were decided before the moment, and whether these are all.
fn meet(
    connection: &Connection,
    next_row: u64,
    before: Timestamp,
    rows_max: usize,
) -> Result<(Vec<Met>, bool), StoreError> {
    let read = || {
        let mut select = connection
            .prepare_cached("SELECT row, header, body FROM chunk WHERE row >= ?1 ORDER BY row LIMIT ?2")?;
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let mut rows = select.query(params![to_sql(next_row), limit])?;
        let mut met = Vec::new();
        while let Some(found) = rows.next()? {
            let row = from_sql(found.get(0)?);
            // The whole chunk is read, for its checksum: a header that is damaged must lead nowhere.
            let chunk = Chunk::decode(found.get_ref(1)?.as_blob()?, found.get_ref(2)?.as_blob()?);
            let header = chunk.ok().map(|chunk| chunk.header).filter(|header| header.row == row);
            let header = header.map(|header| (header.entity, header.previous_row, header.at));
            if header.is_some_and(|(_, _, at)| at >= before) {
                return Ok((met, true));
            }
            met.push(Met { row, header });
        }
        let is_end = met.len() < rows_max;
        Ok((met, is_end))
    };
    read().map_err(store_error)
}

/// What is known of the entity of a chunk.
enum Found {
    /// An execution that is to go.
    Victim(Victim),
    /// One that stays.
    Survivor,
    /// Nothing: the chunk is left over.
    Nothing,
}

fn look_up(connection: &Connection, entity: EntityId, before: Timestamp) -> Result<Found, StoreError> {
    let key = entity_key(entity);
    let read = || {
        let mut select = connection.prepare_cached(
            "SELECT closed_ms IS NOT NULL AND closed_ms < ?2, last_row, last_event_id
             FROM execution WHERE entity = ?1",
        )?;
        let found = |row: &Row<'_>| {
            let last_event_id = from_sql(row.get(2)?);
            let victim = Victim {
                entity: key,
                last_row: from_sql(row.get(1)?),
                has_landmarks: last_event_id >= landmark::EVENTS,
            };
            Ok(if row.get(0)? { Found::Victim(victim) } else { Found::Survivor })
        };
        let found = select.query_row(params![key, to_sql(before.epoch_ms)], found).optional()?;
        Ok(found.unwrap_or(Found::Nothing))
    };
    read().map_err(store_error)
}

/// A part of a journal.
struct Chain {
    taken: Vec<u64>,
    /// The row it goes on with, down to the first; 0 at the end.
    rest: u64,
}

/// Follows a journal from `last_row` down, for `rows_max` chunks. Where it is damaged it ends: what is
/// below can be read by nobody.
fn chain(
    connection: &Connection,
    entity: Option<EntityId>,
    last_row: u64,
    known: &HashMap<u64, (EntityId, u64)>,
    rows_max: usize,
) -> Result<Chain, StoreError> {
    let mut entity = entity;
    let mut taken = Vec::new();
    let mut row = last_row;
    while row != 0 {
        if taken.len() >= rows_max {
            return Ok(Chain { taken, rest: row });
        }
        let header = match known.get(&row) {
            Some(known) => Some(*known),
            None => match read::chunk(connection, row) {
                Ok(chunk) => chunk.map(|chunk| (chunk.header.entity, chunk.header.previous_row)),
                Err(StoreError::Damaged { .. }) => None,
                Err(error) => return Err(error),
            },
        };
        let Some((owner, previous_row)) = header.filter(|(_, previous_row)| *previous_row < row) else {
            break;
        };
        if *entity.get_or_insert(owner) != owner {
            break;
        }
        taken.push(row);
        row = previous_row;
    }
    Ok(Chain { taken, rest: 0 })
}

impl Committer {
    /// Removes what was planned, or as much of it as there is time for. Gives where the sweep stands.
    ///
    /// # Errors
    ///
    /// If nothing was written, the store goes on; if that cannot be known, it stops as after a failed
    /// commit.
    pub fn sweep(&mut self, plan: &Plan, gate: &Gate, names: &Names) -> Result<(Cursor, Swept), StoreError> {
        self.check(gate)?;
        if plan.steps.is_empty() {
            return Ok((plan.end, Swept { more: plan.more, ..Swept::default() }));
        }
        let connection = self.connection();
        // See the documentation of the module: the next commit flushes.
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(store_error)?;
        let removed = remove(connection, plan, self.marks())
            .map_err(|error| (store_error(error), true))
            .and_then(|done| {
                let commit = connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
                commit.map(|_| done).map_err(|error| (store_error(error), false))
            });
        let mut unknown = None;
        if let Err((error, is_known)) = &removed {
            let is_undone = connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
            if !is_known || !is_undone {
                unknown = Some(format!("a sweep failed: {error}"));
            }
        }
        if let Err(error) = connection.pragma_update(None, "synchronous", "FULL") {
            unknown = Some(format!("commits could no longer be flushed: {error}"));
        }
        if let Some(why) = unknown {
            self.stop(why);
        }
        let done = removed.map_err(|(error, _)| error)?;
        self.marks_are_written();
        if let Some(entity) =
            plan.steps.iter().filter_map(|step| step.victim.as_ref()).map(|victim| victim.entity).max()
        {
            names.note_swept(entity);
        }
        match WalSize::read(self.connection()) {
            Ok(size) => gate.tend_after_slice(size),
            Err(error) => self.stop(format!("the log cannot be read: {error}")),
        }
        Ok(done)
    }
}

/// Everything between BEGIN and COMMIT.
fn remove(connection: &Connection, plan: &Plan, marks: &Marks) -> rusqlite::Result<(Cursor, Swept)> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    // They would be read from chunks that go now.
    marks.keep(connection)?;
    let began = Instant::now();
    // That it is closed as it was when it was looked up; a chunk that opened it again has moved its end.
    let mut execution =
        connection.prepare_cached("DELETE FROM execution WHERE entity = ?1 AND last_row = ?2")?;
    let mut landmarks = connection.prepare_cached("DELETE FROM landmark WHERE entity = ?1")?;
    let mut snapshots = connection.prepare_cached(snapshot::DELETE)?;
    let mut redrives = connection.prepare_cached("DELETE FROM redrive WHERE entity = ?1")?;
    let mut swept = Swept { more: plan.more, ..Swept::default() };
    let mut cursor = plan.end;
    let mut rows = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if index > 0 && began.elapsed() >= SLICE {
            cursor = plan.steps[index - 1].after;
            swept.more = true;
            break;
        }
        if let Some(victim) = &step.victim {
            if execution.execute(params![victim.entity, to_sql(victim.last_row)])? == 0 {
                if step.after.rest_row != 0 {
                    // Its journal stays, and so does what the plan takes for a rest.
                    cursor = Cursor { rest_row: 0, ..step.after };
                }
                continue;
            }
            redrives.execute([victim.entity])?;
            snapshots.execute([victim.entity])?;
            if victim.has_landmarks {
                landmarks.execute([victim.entity])?;
            }
            swept.executions += 1;
        }
        rows.extend(&step.rows);
    }
    rows.sort_unstable();
    swept.rows = rows.len() as u64;
    let mut range = connection.prepare_cached("DELETE FROM chunk WHERE row BETWEEN ?1 AND ?2")?;
    for rows in ranges(&rows) {
        range.execute([to_sql(*rows.start()), to_sql(*rows.end())])?;
    }
    Ok((cursor, swept))
}

/// Ascending rows as ranges without a gap. In the usual case, executions of one chunk that have all
/// ended, a slice is one range.
fn ranges(rows: &[u64]) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
    rows.chunk_by(|row, next| row + 1 == *next).map(|run| run[0]..=run[run.len() - 1])
}

//! Names: which execution took a name, without a random-access table on the commit path.
//!
//! The keys of names are hashes, so each new row of a table by name dirties a page of its own, and the more
//! names there are the more pages. Instead:
//!
//! - The **tail** is what was taken last, in memory. It comes from the rows of `execution` above the mark
//!   `names_through` (in `meta`), and is read from there when the store is opened.
//! - A tail that is long enough is **frozen** and written as an immutable sorted [slice](slice), a few blocks
//!   with each commit. A slice counts from the commit that has its last block and its row in `name_slice`.
//!   That commit also moves the mark. Until then the frozen names are in memory.
//! - So many slices of a level are **merged** into one of the next. A thread ([`weave`]) reads them and hands
//!   blocks to the committer, which writes them as it writes those of a tail. Names of executions that are
//!   gone are dropped on the way. Each name is written once for each level.
//!
//! A lookup asks the tail, the frozen names and those slices whose filter does not rule the name out. Of the
//! executions that it finds it answers the one that is still there and began last. So a slice may well have
//! names of executions that were swept, or have a name twice, and sweeps have nothing to do here.
//!
//! The mark: each execution with a name whose key is at or below it is in a complete slice. Keys ascend
//! nearly, not strictly, with commits: one that comes late and lies below the mark moves it back to below
//! itself, in the same commit. The next opening then reads a little more.

mod slice;
mod slots;
mod weave;

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};

use rusqlite::{Connection, OptionalExtension, Row, params};
use stepwell_store::{NameKey, StoreError};

use crate::{from_sql, store_error, to_sql};
use slice::{Drawing, Drawn, RECORDS, Record, Slice, SliceRow};
use slots::Slots;
pub(crate) use weave::Weaver;

/// The tables, and the mark.
pub(crate) const TABLES: &str = "
    CREATE TABLE name_slice (
        slice INTEGER PRIMARY KEY,
        level INTEGER NOT NULL,
        names INTEGER NOT NULL,
        entity_max INTEGER NOT NULL,
        groups INTEGER NOT NULL,
        slots BLOB NOT NULL
    ) STRICT;
    CREATE TABLE name_block (slot INTEGER PRIMARY KEY, block BLOB NOT NULL) STRICT;
    INSERT INTO meta (key, value) VALUES ('names_through', 0);
";

/// When slices are written and merged.
#[derive(Debug, Clone, Copy)]
pub struct NameOptions {
    /// How many names the tail has when it is frozen.
    pub tail_names: usize,
    /// After so many executions it is frozen with fewer: so many rows are read when the store is opened.
    pub tail_executions: u64,
    /// How many slices of a level become one of the next; 2 at least.
    pub merged_slices: usize,
}

impl Default for NameOptions {
    fn default() -> NameOptions {
        NameOptions { tail_names: 128 * 1024, tail_executions: 256 * 1024, merged_slices: 8 }
    }
}

/// What lookups, the committer and the weaver share.
pub(crate) struct Names {
    options: NameOptions,
    shelf: RwLock<Shelf>,
    work: Mutex<Work>,
    /// Told when the weaver may find something to do.
    changed: Condvar,
    pool: Arc<Slots>,
    /// Sweeps have come to the execution of this key: only among those up to it are some gone.
    swept_through: AtomicI64,
}

/// Where names are.
#[derive(Default)]
struct Shelf {
    tail: BTreeSet<Record>,
    frozen: Option<Arc<BTreeSet<Record>>>,
    slices: Vec<Arc<Slice>>,
}

#[derive(Default)]
struct Work {
    jobs: Vec<Job>,
    next_id: u64,
    is_due: bool,
    is_ended: bool,
}

/// A slice that is being written.
struct Job {
    id: u64,
    /// The slices that it replaces; `None` if it is of the frozen names.
    merges: Option<Vec<u64>>,
    /// Blocks that the weaver has made and the committer has not written.
    ready: VecDeque<Vec<u8>>,
    /// Where the written ones are.
    slots: Vec<u32>,
    /// There once the last block is ready.
    end: Option<Drawn>,
}

impl Names {
    /// Reads what there is. Gives the part of the committer as well.
    pub fn open(connection: &Connection, options: NameOptions) -> Result<(Arc<Names>, Taking), StoreError> {
        let rows = slice_rows(connection).map_err(store_error)?;
        let used: HashSet<u32> = rows.iter().flat_map(|row| &row.slots).copied().collect();
        let read =
            |sql| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map_err(store_error);
        let slots = read("SELECT max(slot) + 1 FROM name_block")?.unwrap_or(0);
        let through = read("SELECT value FROM meta WHERE key = 'names_through'")?.unwrap_or(0);
        let entity_max = read("SELECT max(entity) FROM execution")?.unwrap_or(0);
        let pool = Arc::new(Slots::new(slots as u32, &used));
        let next_id = 1 + rows.iter().map(|row| row.id).max().unwrap_or(0);
        let slices = rows.into_iter().map(|row| Slice::load(connection, row, pool.clone()).map(Arc::new));
        let slices = slices.collect::<Result<_, _>>()?;
        let (tail, executions) = read_tail(connection, through).map_err(store_error)?;

        let names = Arc::new(Names {
            options,
            shelf: RwLock::new(Shelf { tail, frozen: None, slices }),
            work: Mutex::new(Work { next_id, is_due: true, ..Work::default() }),
            changed: Condvar::new(),
            pool,
            swept_through: AtomicI64::new(0),
        });
        let entity_max = entity_max.max(through);
        let taking = Taking { names: names.clone(), through, entity_max, executions, pending: None };
        Ok((names, taking))
    }

    /// The executions that took a name, in no order. Some may be gone.
    pub fn takers(&self, connection: &Connection, name: &NameKey) -> Result<Vec<i64>, StoreError> {
        let mut found = Vec::new();
        let slices: Vec<Arc<Slice>> = {
            let shelf = self.shelf.read().expect("nobody panics while holding the shelf");
            let range = (*name, i64::MIN)..=(*name, i64::MAX);
            found.extend(shelf.tail.range(range.clone()).map(|(_, entity)| *entity));
            if let Some(frozen) = &shelf.frozen {
                found.extend(frozen.range(range).map(|(_, entity)| *entity));
            }
            shelf.slices.iter().filter(|slice| slice.may_have(name)).cloned().collect()
        };
        for slice in slices {
            slice.find(connection, name, &mut found)?;
        }
        Ok(found)
    }

    /// Executions up to the one of this key were swept.
    pub fn note_swept(&self, entity: i64) {
        if self.swept_through.fetch_max(entity, Ordering::Relaxed) < entity {
            self.wake(&mut self.work());
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().expect("nobody panics while holding the work")
    }

    /// A slice that is being written.
    fn job<T>(&self, id: u64, act: impl FnOnce(&mut Job) -> T) -> T {
        let mut work = self.work();
        act(work.jobs.iter_mut().find(|job| job.id == id).expect("a job is there until it is published"))
    }

    fn wake(&self, work: &mut Work) {
        work.is_due = true;
        self.changed.notify_one();
    }

    /// What the next commit, which takes so many names, is to write of slices.
    ///
    /// That a tail is written before the next one is full, two blocks' worth for each block's worth of names
    /// are enough; with one block more the slices are also finished when few names are taken.
    fn portion(&self, names: usize) -> Portion {
        let blocks_max = 1 + 2 * names / RECORDS;
        let mut portion = Portion::default();
        let mut work = self.work();
        let mut is_low = false;
        for job in &mut work.jobs {
            for block in job.ready.drain(..blocks_max.min(job.ready.len())) {
                let slot = self.pool.take();
                job.slots.push(slot);
                portion.blocks.push((slot, block));
            }
            is_low |= job.end.is_none() && job.ready.len() < weave::READY_BLOCKS / 2;
            if job.ready.is_empty()
                && let Some(drawn) = job.end.take()
            {
                let slots = std::mem::take(&mut job.slots);
                portion.ended.push(Ended { drawn, slots, merges: job.merges.clone() });
            }
        }
        if is_low {
            self.wake(&mut work);
        }
        portion
    }

    /// What a portion has ended is durable.
    fn publish(&self, ended: Vec<Ended>) {
        if ended.is_empty() {
            return;
        }
        // Dropped when nobody waits any more.
        let mut frozen = None;
        let mut shelf = self.shelf.write().expect("nobody panics while holding the shelf");
        let mut work = self.work();
        for Ended { drawn, slots, merges } in ended {
            work.jobs.retain(|job| job.id != drawn.id);
            match merges {
                None => frozen = shelf.frozen.take(),
                Some(ids) => shelf.slices.retain(|slice| !ids.contains(&slice.id)),
            }
            if drawn.names > 0 {
                shelf.slices.push(Arc::new(Slice::new(drawn, slots, self.pool.clone())));
            } else {
                self.pool.free(&slots);
            }
        }
        self.wake(&mut work);
        drop((work, shelf));
        drop(frozen);
    }
}

/// What a commit writes of slices.
#[derive(Default)]
struct Portion {
    blocks: Vec<(u32, Vec<u8>)>,
    ended: Vec<Ended>,
}

/// A slice of which all is written.
struct Ended {
    drawn: Drawn,
    slots: Vec<u32>,
    merges: Option<Vec<u64>>,
}

/// The committer's part.
pub(crate) struct Taking {
    names: Arc<Names>,
    /// The mark, as it is durable.
    through: i64,
    /// The largest key of an execution.
    entity_max: i64,
    /// How many executions were opened since a tail was frozen.
    executions: u64,
    /// What the mark will be.
    pending: Option<Pending>,
}

struct Pending {
    through: i64,
    /// There were no names to be written: the mark moves with the next commit.
    is_due: bool,
}

/// What a batch opens: the names that it takes, and how many executions.
#[derive(Default)]
pub(crate) struct Taken {
    records: Vec<Record>,
    executions: u64,
    entity_max: i64,
}

impl Taken {
    /// An execution is opened, perhaps with a name.
    pub fn note(&mut self, name: Option<NameKey>, entity: i64) {
        self.records.extend(name.map(|name| (name, entity)));
        self.executions += 1;
        self.entity_max = self.entity_max.max(entity);
    }
}

/// What was written beside a batch, to be told once it is durable.
pub(crate) struct Written {
    taken: Taken,
    through: i64,
    ended: Vec<Ended>,
}

impl Taking {
    /// Writes what a batch has to write of names, in its transaction.
    pub fn write(&mut self, connection: &Connection, taken: Taken) -> rusqlite::Result<Written> {
        let Portion { blocks, ended } = self.names.portion(taken.records.len());
        let mut through = self.through;
        if let Some(lowest) = taken.records.iter().map(|(_, entity)| *entity).min() {
            through = through.min(lowest - 1);
            if let Some(pending) = &mut self.pending {
                pending.through = pending.through.min(lowest - 1);
            }
        }
        if let Some(pending) = &self.pending
            && (pending.is_due || ended.iter().any(|ended| ended.merges.is_none()))
        {
            through = pending.through;
            self.pending = None;
        }

        if !blocks.is_empty() {
            let mut write = connection.prepare_cached(WRITE_BLOCK)?;
            for (slot, block) in blocks {
                write.execute(params![slot, block])?;
            }
        }
        for Ended { drawn, slots, merges } in &ended {
            if drawn.names > 0 {
                write_row(connection, drawn, slots)?;
            }
            for id in merges.iter().flatten() {
                connection
                    .prepare_cached("DELETE FROM name_slice WHERE slice = ?1")?
                    .execute([to_sql(*id)])?;
            }
        }
        if through != self.through {
            set_mark(connection, through)?;
        }
        Ok(Written { taken, through, ended })
    }

    /// The batch is durable, and what was written with it.
    pub fn done(&mut self, written: Written) {
        let Written { taken, through, ended } = written;
        self.through = through;
        self.executions += taken.executions;
        self.entity_max = self.entity_max.max(taken.entity_max);
        self.names.publish(ended);
        let is_full = |tail: usize, executions: u64| {
            tail >= self.names.options.tail_names || executions >= self.names.options.tail_executions
        };
        if taken.records.is_empty() && (self.pending.is_some() || !is_full(0, self.executions)) {
            return;
        }

        let mut shelf = self.names.shelf.write().expect("nobody panics while holding the shelf");
        shelf.tail.extend(taken.records);
        if self.pending.is_none() && is_full(shelf.tail.len(), self.executions) {
            let is_due = shelf.tail.is_empty();
            self.pending = Some(Pending { through: self.entity_max, is_due });
            self.executions = 0;
            if !is_due {
                shelf.frozen = Some(Arc::new(std::mem::take(&mut shelf.tail)));
                drop(shelf);
                self.names.wake(&mut self.names.work());
            }
        }
    }
}

const WRITE_BLOCK: &str = "INSERT INTO name_block (slot, block) VALUES (?1, ?2)
                           ON CONFLICT (slot) DO UPDATE SET block = excluded.block";

fn write_row(connection: &Connection, drawn: &Drawn, slots: &[u32]) -> rusqlite::Result<()> {
    let slots: Vec<u8> = slots.iter().flat_map(|slot| slot.to_le_bytes()).collect();
    connection
        .prepare_cached(
            "INSERT INTO name_slice (slice, level, names, entity_max, groups, slots)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            to_sql(drawn.id),
            drawn.level,
            to_sql(drawn.names),
            drawn.entity_max,
            to_sql(drawn.groups()),
            slots
        ])?;
    Ok(())
}

fn set_mark(connection: &Connection, through: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE meta SET value = ?1 WHERE key = 'names_through'")?
        .execute([through])?;
    Ok(())
}

fn slice_rows(connection: &Connection) -> rusqlite::Result<Vec<SliceRow>> {
    let mut select = connection
        .prepare("SELECT slice, level, names, entity_max, groups, slots FROM name_slice ORDER BY slice")?;
    let rows = select.query_map([], |row: &Row<'_>| {
        let slots = row.get_ref(5)?.as_blob()?.as_chunks::<4>().0;
        Ok(SliceRow {
            id: from_sql(row.get(0)?),
            level: row.get(1)?,
            names: from_sql(row.get(2)?),
            entity_max: row.get(3)?,
            groups: from_sql(row.get(4)?),
            slots: slots.iter().map(|slot| u32::from_le_bytes(*slot)).collect(),
        })
    })?;
    rows.collect()
}

/// The names of the executions above the mark, and how many executions these are.
fn read_tail(connection: &Connection, through: i64) -> rusqlite::Result<(BTreeSet<Record>, u64)> {
    let mut select = connection.prepare("SELECT name_key, entity FROM execution WHERE entity > ?1")?;
    let mut rows = select.query([through])?;
    let (mut tail, mut executions) = (BTreeSet::new(), 0);
    while let Some(row) = rows.next()? {
        executions += 1;
        if let Some(name) = row.get::<_, Option<NameKey>>(0)? {
            tail.insert((name, row.get(1)?));
        }
    }
    Ok((tail, executions))
}

/// Makes one slice of the table of names that stores had until format 1.1, and moves the mark above all
/// executions. The table is in the order of names already.
pub(crate) fn take_over(connection: &Connection, options: NameOptions) -> rusqlite::Result<()> {
    let read = |sql| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
    let names = from_sql(read("SELECT count(*) FROM name")?.unwrap_or(0));
    let mut level = 0;
    let mut usual = options.tail_names as u64;
    while usual < names {
        usual = usual.saturating_mul(options.merged_slices as u64);
        level += 1;
    }
    let mut drawing = Drawing::new(1, level, names);
    let mut slots = Vec::new();
    let mut write = |block: Vec<u8>| -> rusqlite::Result<()> {
        let slot = slots.len() as u32;
        slots.push(slot);
        connection.prepare_cached(WRITE_BLOCK)?.execute(params![slot, block])?;
        Ok(())
    };
    let mut select = connection.prepare("SELECT key, entity FROM name ORDER BY key")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(block) = drawing.push(&(row.get(0)?, row.get(1)?)) {
            write(block)?;
        }
    }
    let (drawn, blocks) = drawing.finish();
    if drawn.names > 0 {
        blocks.into_iter().try_for_each(&mut write)?;
        write_row(connection, &drawn, &slots)?;
    }
    set_mark(connection, read("SELECT max(entity) FROM execution")?.unwrap_or(0))
}

/// Of these executions the one that is there and began last.
pub(crate) fn last_begun(connection: &Connection, takers: &[i64]) -> rusqlite::Result<Option<i64>> {
    let mut last = None;
    for entity in takers {
        let first_row = connection
            .prepare_cached("SELECT first_row FROM execution WHERE entity = ?1")?
            .query_row([entity], |row| row.get::<_, i64>(0))
            .optional()?;
        last = last.max(first_row.map(|first_row| (first_row, *entity)));
    }
    Ok(last.map(|(_, entity)| entity))
}

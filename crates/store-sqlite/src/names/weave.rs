//! The weaver: a thread that makes the blocks of slices for the committer to write.
//!
//! It reads on a connection of its own, a block at a time, and is a few blocks ahead of the committer, so
//! that it needs little memory however large the slices are. It writes nothing itself: a second writer would
//! empty the committer's page cache. At each level at most one merge is under way, so the large ones do not
//! keep the small ones waiting.
//!
//! Names of executions that are gone are dropped. That is looked up for those only whose key is below what
//! sweeps have come to. A slice that lies below as a whole is rewritten alone, once, for what is left of it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::vec::IntoIter;

use rusqlite::Connection;
use stepwell_store::StoreError;

use super::slice::{Drawing, RECORDS, Record, Slice};
use super::{Job, Names, Work};
use crate::store_error;

/// How many blocks of a slice are made ahead.
pub(crate) const READY_BLOCKS: usize = 64;

/// The thread.
pub(crate) struct Weaver {
    names: Arc<Names>,
    thread: Option<JoinHandle<()>>,
}

impl Weaver {
    /// Starts it on a connection that reads.
    pub fn start(names: Arc<Names>, connection: Connection) -> io::Result<Weaver> {
        let thread = std::thread::Builder::new().name("names".to_owned()).spawn({
            let names = names.clone();
            move || weave(&names, &connection)
        })?;
        Ok(Weaver { names, thread: Some(thread) })
    }

    /// Waits until the thread has ended and closed its connection.
    pub fn stop(&mut self) {
        self.names.work().is_ended = true;
        self.names.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has no panic to tell of; and if it had, the store is being closed anyway.
            let _ = thread.join();
        }
    }
}

fn weave(names: &Names, connection: &Connection) {
    let mut looms: Vec<Loom> = Vec::new();
    let mut known = Known::default();
    loop {
        {
            let mut work = names.work();
            while !work.is_due && !work.is_ended {
                work = names.changed.wait(work).expect("nobody panics while holding the work");
            }
            if work.is_ended {
                return;
            }
            work.is_due = false;
        }
        looms.extend(names.set_up(&mut known));
        looms.retain_mut(|loom| match loom.weave(names, connection) {
            Ok(is_done) => !is_done,
            // Whoever looks for a name in it hears of it; the slices stay as they are.
            Err(_) => {
                known.unreadable.extend(loom.sources.iter().filter_map(Source::slice));
                names.give_up(loom.id);
                false
            }
        });
    }
}

/// What the weaver knows of slices.
#[derive(Default)]
struct Known {
    /// What is left of slices that were below what had been swept.
    rewritten: HashSet<u64>,
    unreadable: HashSet<u64>,
}

impl Names {
    /// Begins what there is to do.
    fn set_up(&self, known: &mut Known) -> Vec<Loom> {
        let swept_through = self.swept_through.load(Ordering::Relaxed);
        let shelf = self.shelf.read().expect("nobody panics while holding the shelf");
        let mut work = self.work();
        let mut looms = Vec::new();
        let mut begin = |work: &mut Work, level: u8, sources: Vec<Source>, names_max: u64| {
            let id = work.next_id;
            work.next_id += 1;
            let merges = sources.iter().map(Source::slice).collect();
            work.jobs.push(Job { id, merges, ready: VecDeque::new(), slots: Vec::new(), end: None });
            looms.push(Loom { id, sources, drawing: Some(Drawing::new(id, level, names_max)), last: None });
            id
        };

        if let Some(frozen) = &shelf.frozen
            && work.jobs.iter().all(|job| job.merges.is_some())
        {
            let records: Vec<Record> = frozen.iter().copied().collect();
            let names_max = records.len() as u64;
            begin(&mut work, 0, vec![Source::Frozen(records.into_iter())], names_max);
        }
        let busy: HashSet<u64> =
            work.jobs.iter().flat_map(|job| job.merges.iter().flatten()).copied().collect();
        let is_free =
            |slice: &&Arc<Slice>| !busy.contains(&slice.id) && !known.unreadable.contains(&slice.id);
        let mut of_levels: BTreeMap<u8, Vec<&Arc<Slice>>> = BTreeMap::new();
        for slice in shelf.slices.iter().filter(is_free) {
            if slice.entity_max <= swept_through && !known.rewritten.contains(&slice.id) {
                let id = begin(&mut work, slice.level, vec![Source::of(slice)], slice.names);
                known.rewritten.insert(id);
            } else {
                of_levels.entry(slice.level).or_default().push(slice);
            }
        }
        for (level, mut slices) in of_levels {
            slices.sort_by_key(|slice| slice.id);
            for slices in slices.chunks_exact(self.options.merged_slices) {
                let names_max = slices.iter().map(|slice| slice.names).sum();
                let sources = slices.iter().map(|slice| Source::of(slice)).collect();
                begin(&mut work, level.saturating_add(1), sources, names_max);
            }
        }
        looms
    }

    /// A slice cannot be made; what was written of it is nobody's.
    fn give_up(&self, id: u64) {
        let mut work = self.work();
        let is_it = |job: &Job| job.id == id;
        if let Some(at) = work.jobs.iter().position(is_it) {
            self.pool.free(&work.jobs.swap_remove(at).slots);
        }
    }
}

/// A slice that is being made.
struct Loom {
    id: u64,
    sources: Vec<Source>,
    /// There until the end.
    drawing: Option<Drawing>,
    last: Option<Record>,
}

impl Loom {
    /// Makes blocks until enough are ready. Whether these were the last.
    fn weave(&mut self, names: &Names, connection: &Connection) -> Result<bool, StoreError> {
        let has_room = |ready: usize| READY_BLOCKS.saturating_sub(ready);
        let swept_through = names.swept_through.load(Ordering::Relaxed);
        let room = names.job(self.id, |job| has_room(job.ready.len()));
        let mut blocks = Vec::new();
        let mut end = None;
        // Where most are dropped there are few blocks, and others are waiting.
        for _ in 0..room * RECORDS {
            let Some(record) = self.next(connection)? else {
                let drawing = self.drawing.take().expect("it ends once");
                let (drawn, rest) = drawing.finish();
                if drawn.names > 0 {
                    blocks.extend(rest);
                }
                end = Some(drawn);
                break;
            };
            if record.1 > swept_through || is_there(connection, record.1)? {
                blocks.extend(self.drawing.as_mut().and_then(|drawing| drawing.push(&record)));
            }
        }
        let is_done = end.is_some();
        let left = names.job(self.id, |job| {
            job.ready.extend(blocks);
            job.end = end;
            has_room(job.ready.len())
        });
        if !is_done && left > 0 {
            names.wake(&mut names.work());
        }
        Ok(is_done)
    }

    /// The next record of all sources, each once.
    fn next(&mut self, connection: &Connection) -> Result<Option<Record>, StoreError> {
        let mut lowest: Option<(Record, usize)> = None;
        for (at, source) in self.sources.iter_mut().enumerate() {
            if let Some(record) = source.after(self.last, connection)?
                && lowest.is_none_or(|(lowest, _)| record < lowest)
            {
                lowest = Some((record, at));
            }
        }
        self.last = lowest.map(|(record, _)| record).or(self.last);
        Ok(lowest.map(|(record, _)| record))
    }
}

/// Where records come from, in ascending order.
enum Source {
    Frozen(IntoIter<Record>),
    Slice { slice: Arc<Slice>, next_place: usize, records: IntoIter<Record> },
}

impl Source {
    fn of(slice: &Arc<Slice>) -> Source {
        Source::Slice { slice: slice.clone(), next_place: 0, records: Vec::new().into_iter() }
    }

    /// The slice that it reads, if it reads one.
    fn slice(&self) -> Option<u64> {
        match self {
            Source::Frozen(_) => None,
            Source::Slice { slice, .. } => Some(slice.id),
        }
    }

    /// Its first record after `last`; it stays there.
    fn after(&mut self, last: Option<Record>, connection: &Connection) -> Result<Option<Record>, StoreError> {
        loop {
            let records = match self {
                Source::Frozen(records) => records,
                Source::Slice { slice, next_place, records } => {
                    if records.as_slice().is_empty() && *next_place < slice.blocks() {
                        *records = slice.records(connection, *next_place)?.into_iter();
                        *next_place += 1;
                    }
                    records
                }
            };
            match records.as_slice().first() {
                Some(record) if last.is_some_and(|last| *record <= last) => drop(records.next()),
                record => return Ok(record.copied()),
            }
        }
    }
}

fn is_there(connection: &Connection, entity: i64) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT 1 FROM execution WHERE entity = ?1")
        .and_then(|mut select| select.exists([entity]))
        .map_err(store_error)
}

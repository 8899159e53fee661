//! A disk that fails as disks fail, and the plain store that is on it.
//!
//! The store is a log of frames, one for each commit and each slice of a sweep, with everything that
//! is found by something kept in memory and rebuilt from the log. A commit is written and synced; a
//! sweep is written, and synced by the next commit (promise 14 of a store). When the power fails, of
//! what was not synced any prefix is left, perhaps with zeros where the rest should be; recovery
//! drops the frame that is not whole. A disk does nothing that the promises of a store forbid.
//!
//! The engine reads through the faults, but only while it has its turn ([`Disk::begin_reads`]): those
//! who check read what is really there.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};

use stepwell_model::{EntityId, Timestamp};
use stepwell_store::{
    Batch, Chunk, ExecutionRow, HighMarks, ListQuery, MemoryStore, NameKey, OpenExecution, Snapshot, Store,
    StoreError, StoreIdentity, Swept,
};

use crate::frames::{Frame, append, frames};
use crate::random::Random;

/// What becomes of the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFault {
    /// An error, and nothing is written.
    ErrorLost,
    /// An error, and all is written and synced.
    ErrorLanded,
    /// The power fails before the sync: see [`Disk::fail_power`].
    PowerFails,
}

/// What becomes of a snapshot that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpoiltSnapshot {
    /// It is not there.
    Missing,
    /// It is the one before.
    Stale,
    /// A bit of it is another: the checksum tells.
    Damaged(usize),
    /// Another release wrote it.
    Foreign,
}

/// What a power failure took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PowerFailure {
    /// Whether a commit was under way, and nothing of its frame is left.
    pub lost: bool,
    /// Whether a frame was cut through.
    pub torn: bool,
    /// Whether a commit was under way, and its frame is whole.
    pub landed: bool,
    /// How many executions are there again that had been swept.
    pub unswept: u64,
}

/// What happened to what the engine read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    /// Whether a read failed.
    pub failed: bool,
    /// Of which execution the read was that failed, if it was of one.
    pub failed_of: Option<EntityId>,
    /// The executions of which it found something damaged.
    pub damaged: BTreeSet<EntityId>,
    /// How many snapshots were read.
    pub snapshots: u64,
    /// How many of these were spoilt.
    pub spoilt: u64,
}

/// See the documentation of the module.
pub struct Disk {
    key: [u8; 32],
    state: Mutex<State>,
}

struct State {
    /// What the log says.
    index: Arc<MemoryStore>,
    log: Vec<u8>,
    /// How much of it is on the platter.
    synced: usize,
    /// How long the log was before the commit that is under way.
    under_way: Option<usize>,
    next_write: Option<WriteFault>,
    /// How many commits find no room.
    full: u64,
    /// An earlier commit failed; promise 2.
    stopped: bool,
    /// Which chunks have a flipped bit, and where.
    flipped: Vec<(u64, usize)>,
    /// The snapshot of each execution before its last one.
    older: HashMap<EntityId, Snapshot>,
    reading: Option<Reading>,
}

/// While the engine reads.
struct Reading {
    /// How many reads go well before one fails.
    fails_after: Option<u64>,
    /// What becomes of the snapshots that are read.
    spoils: Option<SpoiltSnapshot>,
    seen: Reads,
}

impl Disk {
    /// An empty one, with this key.
    pub fn new(key: [u8; 32]) -> Disk {
        let state = State {
            index: Arc::new(MemoryStore::new(key)),
            log: Vec::new(),
            synced: 0,
            under_way: None,
            next_write: None,
            full: 0,
            stopped: false,
            flipped: Vec::new(),
            older: HashMap::new(),
            reading: None,
        };
        Disk { key, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no method panics while it holds the state")
    }

    fn index(&self) -> Arc<MemoryStore> {
        self.state().index.clone()
    }

    /// The next commit fails so.
    pub fn fail_next_commit(&self, fault: WriteFault) {
        self.state().next_write = Some(fault);
    }

    /// The next `commits` commits find no room.
    pub fn fill(&self, commits: u64) {
        self.state().full = commits;
    }

    /// Whether the next commit finds no room.
    pub fn is_full(&self) -> bool {
        self.state().full > 0
    }

    /// Flips a bit of the chunk at `row`, header and body together; the bit counts from 0 and wraps
    /// around.
    pub fn flip_bit(&self, row: u64, bit: usize) {
        self.state().flipped.push((row, bit));
    }

    /// Every execution that is found.
    pub fn entities(&self) -> Vec<EntityId> {
        self.index().entities()
    }

    /// From now on it is the engine that reads; the read after `fails_after` others fails, and snapshots
    /// are spoilt so.
    pub fn begin_reads(&self, fails_after: Option<u64>, spoils: Option<SpoiltSnapshot>) {
        self.state().reading = Some(Reading { fails_after, spoils, seen: Reads::default() });
    }

    /// The engine has read; this is what it met.
    pub fn end_reads(&self) -> Reads {
        self.state().reading.take().map(|reading| reading.seen).unwrap_or_default()
    }

    /// The process has ended and is started again: what was written is there, synced or not.
    pub fn reopen(&self) {
        let mut state = self.state();
        state.index.reopen();
        state.stopped = false;
        state.next_write = None;
        state.under_way = None;
    }

    /// The power fails: of what was not synced a prefix is left.
    ///
    /// # Errors
    ///
    /// What recovery cannot make sense of: that is a bug of the store.
    pub fn fail_power(&self, random: &mut Random) -> Result<PowerFailure, String> {
        let mut state = self.state();
        let unsynced = (state.log.len() - state.synced) as u64;
        let kept = match random.below(4) {
            0 => 0,
            1 => unsynced,
            _ => random.within(0..=unsynced),
        };
        let kept = state.synced + kept as usize;
        let before = state.under_way.take();
        let written = state.log.len();
        let zeros = if random.percent(30) { state.log.len() - kept } else { 0 };
        state.log.truncate(kept);
        let length = kept + zeros;
        state.log.resize(length, 0);

        let (found, whole) = frames(&state.log);
        let mut failure = PowerFailure {
            lost: before.is_some_and(|before| kept <= before),
            torn: whole < kept,
            // What is cut off may have been zeros.
            landed: before.is_some() && whole == written,
            unswept: 0,
        };
        state.log.truncate(whole);
        state.synced = whole;
        let rebuilt = MemoryStore::new(self.key);
        let mut opened = BTreeSet::new();
        for frame in found {
            if let Frame::Commit(batch) = &frame {
                opened.extend(batch.chunks.iter().map(|chunk| chunk.header.entity));
            }
            match frame {
                Frame::Commit(batch) => rebuilt.commit(&batch).map_err(|error| error.to_string())?,
                Frame::Sweep(before, rows_max) => {
                    rebuilt.sweep(before, rows_max).map_err(|error| error.to_string())?;
                }
            }
        }
        failure.unswept = count_unswept(&state.index, &rebuilt, opened)?;
        state.index = Arc::new(rebuilt);
        drop(state);
        self.reopen();
        Ok(failure)
    }

    /// Fails if the engine's read, of this execution perhaps, does.
    fn read(&self, of: Option<EntityId>) -> Result<(), StoreError> {
        let mut state = self.state();
        let Some(reading) = &mut state.reading else { return Ok(()) };
        match &mut reading.fails_after {
            Some(0) => {
                reading.fails_after = None;
                reading.seen.failed = true;
                reading.seen.failed_of = of;
                Err(StoreError::Io("the disk did not answer".to_owned()))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A chunk as the engine reads it: with its flipped bits.
    fn seen(&self, chunk: Chunk) -> Result<Chunk, StoreError> {
        let mut state = self.state();
        let row = chunk.header.row;
        let flips: Vec<usize> =
            state.flipped.iter().filter(|(flipped, _)| *flipped == row).map(|(_, bit)| *bit).collect();
        let Some(reading) = state.reading.as_mut().filter(|_| !flips.is_empty()) else { return Ok(chunk) };
        reading.seen.damaged.insert(chunk.header.entity);
        let (mut header, mut body) = (chunk.encode_header(), chunk.body.to_vec());
        for bit in flips {
            let bit = bit % ((header.len() + body.len()) * 8);
            let (part, at) = match bit / 8 {
                byte if byte < header.len() => (&mut header, byte),
                byte => {
                    let at = byte - header.len();
                    (&mut body, at)
                }
            };
            part[at] ^= 1 << (bit % 8);
        }
        Chunk::decode(&header, body).map_err(|error| StoreError::Damaged { row, what: error.0 })
    }
}

/// How many of these executions are in `rebuilt` and had gone from `before`.
fn count_unswept(
    before: &MemoryStore,
    rebuilt: &MemoryStore,
    executions: BTreeSet<EntityId>,
) -> Result<u64, String> {
    let has = |store: &MemoryStore, entity| store.execution(entity).map(|row| row.is_some());
    let mut unswept = 0;
    for entity in executions {
        let is_there = has(rebuilt, entity).map_err(|error| error.to_string())?;
        let was_there = has(before, entity).map_err(|error| error.to_string())?;
        unswept += u64::from(is_there && !was_there);
    }
    Ok(unswept)
}

impl Store for Disk {
    fn identity(&self) -> StoreIdentity {
        StoreIdentity { key: self.key }
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.stopped {
            return Err(StoreError::Stopped("a commit failed before".to_owned()));
        }
        let failed = |state: &mut State, error| {
            state.stopped = true;
            Err(error)
        };
        if state.full > 0 {
            state.full -= 1;
            return failed(&mut state, StoreError::Full("no space left on the device".to_owned()));
        }
        let fault = state.next_write.take();
        if fault == Some(WriteFault::ErrorLost) {
            return failed(&mut state, StoreError::Io("the write failed".to_owned()));
        }
        for snapshot in &batch.snapshots {
            // Not of one that goes: it is not to come back.
            let before = state.index.snapshot(snapshot.entity)?.filter(|_| !snapshot.body.is_empty());
            match before {
                Some(before) => state.older.insert(snapshot.entity, before),
                None => state.older.remove(&snapshot.entity),
            };
        }
        let before = state.log.len();
        append(&mut state.log, &Frame::Commit(batch.clone()));
        match fault {
            Some(WriteFault::PowerFails) => {
                state.under_way = Some(before);
                failed(&mut state, StoreError::Io("the power failed".to_owned()))
            }
            Some(WriteFault::ErrorLanded) | Some(WriteFault::ErrorLost) | None => {
                if let Err(error) = state.index.commit(batch) {
                    state.log.truncate(before);
                    return failed(&mut state, error);
                }
                state.synced = state.log.len();
                match fault {
                    None => Ok(()),
                    Some(_) => failed(&mut state, StoreError::Io("the sync failed".to_owned())),
                }
            }
        }
    }

    fn chunks(&self, entity: EntityId) -> Result<Vec<Chunk>, StoreError> {
        self.read(Some(entity))?;
        self.index().chunks(entity)?.into_iter().map(|chunk| self.seen(chunk)).collect()
    }

    fn chunk(&self, row: u64) -> Result<Option<Chunk>, StoreError> {
        self.read(None)?;
        self.index().chunk(row)?.map(|chunk| self.seen(chunk)).transpose()
    }

    fn execution(&self, entity: EntityId) -> Result<Option<ExecutionRow>, StoreError> {
        self.read(Some(entity))?;
        self.index().execution(entity)
    }

    fn execution_by_name(&self, name: &NameKey) -> Result<Option<EntityId>, StoreError> {
        self.read(None)?;
        self.index().execution_by_name(name)
    }

    fn executions(&self, query: &ListQuery) -> Result<Vec<ExecutionRow>, StoreError> {
        self.read(None)?;
        self.index().executions(query)
    }

    fn open_executions(&self, visit: &mut dyn FnMut(OpenExecution)) -> Result<(), StoreError> {
        self.read(None)?;
        self.index().open_executions(visit)
    }

    fn high_marks(&self) -> Result<HighMarks, StoreError> {
        self.read(None)?;
        self.index().high_marks()
    }

    fn catalogue(&self) -> Result<Vec<(String, Arc<str>)>, StoreError> {
        self.read(None)?;
        self.index().catalogue()
    }

    fn sweep(&self, before: Timestamp, rows_max: usize) -> Result<Swept, StoreError> {
        let mut state = self.state();
        if state.stopped {
            return Err(StoreError::Stopped("a commit failed before".to_owned()));
        }
        let swept = state.index.sweep(before, rows_max)?;
        if swept.executions > 0 {
            append(&mut state.log, &Frame::Sweep(before, rows_max));
        }
        Ok(swept)
    }

    fn chunks_between(
        &self,
        entity: EntityId,
        events: RangeInclusive<u64>,
    ) -> Result<Vec<Chunk>, StoreError> {
        self.read(Some(entity))?;
        self.index().chunks_between(entity, events)?.into_iter().map(|chunk| self.seen(chunk)).collect()
    }

    fn snapshot(&self, entity: EntityId) -> Result<Option<Snapshot>, StoreError> {
        self.read(Some(entity))?;
        let Some(whole) = self.index().snapshot(entity)? else { return Ok(None) };
        let mut state = self.state();
        let older = state.older.get(&entity).cloned();
        let Some(reading) = &mut state.reading else { return Ok(Some(whole)) };
        reading.seen.snapshots += 1;
        let found = match reading.spoils {
            None => Some(whole.clone()),
            Some(SpoiltSnapshot::Missing) => None,
            Some(SpoiltSnapshot::Stale) => older.or_else(|| Some(whole.clone())),
            Some(SpoiltSnapshot::Damaged(bit)) => {
                let mut bytes = whole.encode();
                let bit = bit % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                Snapshot::decode(entity, &bytes).ok()
            }
            Some(SpoiltSnapshot::Foreign) => {
                let mut body = whole.body.to_vec();
                body[0] = body[0].wrapping_add(1);
                Some(Snapshot { body: body.into(), ..whole.clone() })
            }
        };
        reading.seen.spoilt += u64::from(found.as_ref() != Some(&whole));
        Ok(found)
    }

    fn chunks_after(&self, entity: EntityId, row: u64) -> Result<Vec<Chunk>, StoreError> {
        self.read(Some(entity))?;
        self.index().chunks_after(entity, row)?.into_iter().map(|chunk| self.seen(chunk)).collect()
    }
}

#[cfg(test)]
mod tests {
    use stepwell_store::contract;

    use super::*;

    #[test]
    fn it_keeps_the_promises_of_a_store() {
        contract::check(&|| {
            let disk = Arc::new(Disk::new([7; 32]));
            Box::new(move || {
                disk.reopen();
                disk.clone()
            })
        });
    }
}

//! The store that forgets: for tests, the simulator and `--ephemeral` measurements.
//!
//! Chunks are kept encoded, so that everything that goes in and out passes through the same bytes
//! as on a disk. A simulated crash drops the engine and keeps the store; a simulated fault is
//! ordered with [`MemoryStore::fail_next_commit`] and ends with [`MemoryStore::reopen`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};

use stepwell_model::{EntityId, Timestamp};

use crate::{
    Batch, Chunk, ExecutionRow, HighMarks, ListQuery, NameKey, OpenExecution, Snapshot, Store, StoreError,
    StoreIdentity, Swept, has_event_between,
};

/// Keeps everything in memory.
pub struct MemoryStore {
    identity: StoreIdentity,
    state: Mutex<State>,
}

/// What becomes of a commit that is told to fail; promise 2 leaves both possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedCommit {
    /// Nothing of the batch was written.
    Lost,
    /// The whole batch was written, and only the answer is an error.
    Landed,
}

/// A chunk as it lies in the store.
struct Encoded {
    header: Vec<u8>,
    body: Arc<[u8]>,
}

struct State {
    chunks: BTreeMap<u64, Encoded>,
    executions: BTreeMap<EntityId, ExecutionRow>,
    /// Of each machine, its executions in the order of lists.
    lists: HashMap<u64, BTreeSet<(Reverse<Timestamp>, EntityId)>>,
    open: BTreeSet<EntityId>,
    names: HashMap<NameKey, EntityId>,
    catalogue: BTreeMap<String, Arc<str>>,
    high_marks: HighMarks,
    /// As they are kept.
    snapshots: HashMap<EntityId, Vec<u8>>,
    /// What the next commit is to fail with.
    next_failure: Option<FailedCommit>,
    /// How many reads go well before one fails.
    reads_before_failure: Option<u64>,
    /// Why there are no more commits.
    stopped: Option<String>,
}

impl MemoryStore {
    /// An empty store with this key.
    pub fn new(key: [u8; 32]) -> MemoryStore {
        MemoryStore {
            identity: StoreIdentity { key },
            state: Mutex::new(State {
                chunks: BTreeMap::new(),
                executions: BTreeMap::new(),
                lists: HashMap::new(),
                open: BTreeSet::new(),
                names: HashMap::new(),
                catalogue: BTreeMap::new(),
                high_marks: HighMarks::default(),
                snapshots: HashMap::new(),
                next_failure: None,
                reads_before_failure: None,
                stopped: None,
            }),
        }
    }

    /// Makes the next commit return an error, with or without having written the batch. Every commit
    /// after it is refused (promise 2) until [`MemoryStore::reopen`].
    pub fn fail_next_commit(&self, outcome: FailedCommit) {
        self.state().next_failure = Some(outcome);
    }

    /// Makes the read of an execution, or of something of one, that comes after `reads` others fail, once.
    pub fn fail_read_after(&self, reads: u64) {
        self.state().reads_before_failure = Some(reads);
    }

    /// Does what opening a store again does after a failed commit: commits are taken again, and reads
    /// tell what was written. An ordered failure that has not come yet is forgotten.
    pub fn reopen(&self) {
        let mut state = self.state();
        state.next_failure = None;
        state.reads_before_failure = None;
        state.stopped = None;
    }

    /// Every execution, in no order that matters: what no engine may ask, and those who check one must.
    pub fn entities(&self) -> Vec<EntityId> {
        self.state().executions.keys().copied().collect()
    }

    /// Flips a bit of the body of the chunk at `row`, as a bad disk would. The bit counts from 0 over
    /// the whole body and wraps around. False if there is no such chunk, or if its body is empty.
    pub fn flip_bit(&self, row: u64, bit: usize) -> bool {
        let mut state = self.state();
        let Some(encoded) = state.chunks.get_mut(&row).filter(|encoded| !encoded.body.is_empty()) else {
            return false;
        };
        let mut body = encoded.body.to_vec();
        let bit = bit % (body.len() * 8);
        body[bit / 8] ^= 1 << (bit % 8);
        encoded.body = body.into();
        true
    }

    fn reading(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.state();
        if state.reads_before_failure == Some(0) {
            state.reads_before_failure = None;
            return Err(StoreError::Io("the read was told to fail".to_owned()));
        }
        state.reads_before_failure = state.reads_before_failure.map(|reads| reads - 1);
        Ok(state)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no method panics while it holds the state")
    }
}

impl Store for MemoryStore {
    fn identity(&self) -> StoreIdentity {
        self.identity.clone()
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut state = self.state();
        if let Some(why) = &state.stopped {
            return Err(StoreError::Stopped(why.clone()));
        }
        let failure = state.next_failure.take();
        let outcome = match failure {
            Some(FailedCommit::Lost) => Err("the commit was told to fail, and was lost".to_owned()),
            Some(FailedCommit::Landed) => {
                state.write(batch).and(Err("the commit was told to fail, and has landed".to_owned()))
            }
            None => state.write(batch),
        };
        outcome.map_err(|why| {
            state.stopped = Some(why.clone());
            StoreError::Io(why)
        })
    }

    fn chunks(&self, entity: EntityId) -> Result<Vec<Chunk>, StoreError> {
        self.reading()?.chunks_after(entity, 0)
    }

    fn chunk(&self, row: u64) -> Result<Option<Chunk>, StoreError> {
        self.reading()?.chunk(row)
    }

    fn execution(&self, entity: EntityId) -> Result<Option<ExecutionRow>, StoreError> {
        Ok(self.reading()?.executions.get(&entity).cloned())
    }

    fn execution_by_name(&self, name: &NameKey) -> Result<Option<EntityId>, StoreError> {
        Ok(self.reading()?.names.get(name).copied())
    }

    fn executions(&self, query: &ListQuery) -> Result<Vec<ExecutionRow>, StoreError> {
        let state = self.state();
        let Some(list) = state.lists.get(&query.machine) else {
            return Ok(Vec::new());
        };
        let start = match query.after {
            Some((recency, entity)) => std::ops::Bound::Excluded((Reverse(recency), entity)),
            None => std::ops::Bound::Unbounded,
        };
        Ok(list
            .range((start, std::ops::Bound::Unbounded))
            .map(|(_, entity)| &state.executions[entity])
            .filter(|execution| query.asks_for(&execution.opening))
            .filter(|execution| query.status.is_none_or(|status| execution.status == status))
            .take(query.limit)
            .cloned()
            .collect())
    }

    fn open_executions(&self, visit: &mut dyn FnMut(OpenExecution)) -> Result<(), StoreError> {
        // Collected first, so that the visitor may ask the store.
        let open: Vec<OpenExecution> = {
            let state = self.state();
            let rows = state.open.iter().map(|entity| &state.executions[entity]);
            let open = |row: &ExecutionRow| OpenExecution {
                entity: row.entity,
                machine: row.opening.machine,
                next_due: row.next_due,
                parked: row.parked,
            };
            rows.map(open).collect()
        };
        open.into_iter().for_each(visit);
        Ok(())
    }

    fn high_marks(&self) -> Result<HighMarks, StoreError> {
        Ok(self.state().high_marks)
    }

    fn catalogue(&self) -> Result<Vec<(String, Arc<str>)>, StoreError> {
        Ok(self.state().catalogue.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn sweep(&self, before: Timestamp, rows_max: usize) -> Result<Swept, StoreError> {
        let mut state = self.state();
        match &state.stopped {
            Some(why) => Err(StoreError::Stopped(why.clone())),
            None => Ok(state.sweep(before, rows_max)),
        }
    }

    fn chunks_between(
        &self,
        entity: EntityId,
        events: RangeInclusive<u64>,
    ) -> Result<Vec<Chunk>, StoreError> {
        let mut chunks = self.chunks(entity)?;
        chunks.retain(|chunk| has_event_between(&chunk.header, &events));
        Ok(chunks)
    }

    fn snapshot(&self, entity: EntityId) -> Result<Option<Snapshot>, StoreError> {
        let state = self.state();
        let kept = state.snapshots.get(&entity);
        Ok(kept.and_then(|bytes| Snapshot::decode(entity, bytes).ok()))
    }

    fn chunks_after(&self, entity: EntityId, row: u64) -> Result<Vec<Chunk>, StoreError> {
        self.state().chunks_after(entity, row)
    }
}

impl State {
    /// Writes the whole batch, or nothing of it and says why.
    fn write(&mut self, batch: &Batch) -> Result<(), String> {
        let rows = self.rows_after(batch)?;

        for chunk in &batch.chunks {
            let header = &chunk.header;
            let encoded = Encoded { header: chunk.encode_header(), body: chunk.body.clone() };
            self.chunks.insert(header.row, encoded);
            if let Some(name_key) = header.opening.as_ref().and_then(|opening| opening.name_key) {
                self.names.insert(name_key, header.entity);
            }
            self.high_marks.raise(header);
        }

        for (entity, row) in rows {
            let list = self.lists.entry(row.opening.machine).or_default();
            if let Some(before) = self.executions.get(&entity) {
                list.remove(&(Reverse(before.recency()), entity));
            }
            list.insert((Reverse(row.recency()), entity));
            if row.closed_at.is_none() {
                self.open.insert(entity);
            } else {
                self.open.remove(&entity);
            }
            self.executions.insert(entity, row);
        }

        for write in &batch.catalogue {
            match &write.value {
                Some(value) => self.catalogue.insert(write.key.clone(), value.clone()),
                None => self.catalogue.remove(&write.key),
            };
        }
        for snapshot in &batch.snapshots {
            match snapshot.body.is_empty() {
                true => self.snapshots.remove(&snapshot.entity),
                false => self.snapshots.insert(snapshot.entity, snapshot.encode()),
            };
        }
        Ok(())
    }

    /// The rows of the executions that the batch touches, as they are after it.
    fn rows_after(&self, batch: &Batch) -> Result<HashMap<EntityId, ExecutionRow>, String> {
        let mut rows: HashMap<EntityId, ExecutionRow> = HashMap::new();
        let mut numbers = BTreeSet::new();
        for chunk in &batch.chunks {
            let header = &chunk.header;
            if self.chunks.contains_key(&header.row) || !numbers.insert(header.row) {
                return Err(format!("row {} is written twice", header.row));
            }
            match rows.get_mut(&header.entity) {
                Some(row) => row.advance(header)?,
                None => {
                    let row = match self.executions.get(&header.entity) {
                        Some(before) => {
                            let mut row = before.clone();
                            row.advance(header)?;
                            row
                        }
                        None => ExecutionRow::open(header)?,
                    };
                    rows.insert(header.entity, row);
                }
            }
        }
        Ok(rows)
    }

    /// Removes the executions that were closed first. One at least, whatever its length.
    fn sweep(&mut self, before: Timestamp, rows_max: usize) -> Swept {
        let is_due = |row: &&ExecutionRow| row.closed_at.is_some_and(|closed_at| closed_at < before);
        let mut due: Vec<ExecutionRow> = self.executions.values().filter(is_due).cloned().collect();
        due.sort_by_key(|row| (row.closed_at, row.entity));
        let mut swept = Swept::default();
        for row in due {
            if swept.rows >= rows_max as u64 && swept.executions > 0 {
                return Swept { more: true, ..swept };
            }
            self.executions.remove(&row.entity);
            self.snapshots.remove(&row.entity);
            if let Some(list) = self.lists.get_mut(&row.opening.machine) {
                list.remove(&(Reverse(row.recency()), row.entity));
            }
            if let Some(name_key) = row.opening.name_key
                && self.names.get(&name_key) == Some(&row.entity)
            {
                self.names.remove(&name_key);
            }
            let mut at = row.last_row;
            while at != 0 {
                // Past a damaged chunk the chain is lost, and what is left of it is read by nobody.
                let previous = self.chunk(at).ok().flatten().map_or(0, |chunk| chunk.header.previous_row);
                self.chunks.remove(&at);
                swept.rows += 1;
                at = previous;
            }
            swept.executions += 1;
        }
        swept
    }

    fn chunks_after(&self, entity: EntityId, after: u64) -> Result<Vec<Chunk>, StoreError> {
        let mut chunks = Vec::new();
        let mut row = self.executions.get(&entity).map_or(0, |execution| execution.last_row);
        while row > after {
            let chunk = self.chunk(row)?.ok_or_else(|| damaged(row, "it is missing"))?;
            if chunk.header.entity != entity || chunk.header.row != row {
                return Err(damaged(row, "it belongs elsewhere"));
            }
            row = chunk.header.previous_row;
            chunks.push(chunk);
        }
        chunks.reverse();
        Ok(chunks)
    }

    fn chunk(&self, row: u64) -> Result<Option<Chunk>, StoreError> {
        match self.chunks.get(&row) {
            Some(encoded) => Chunk::decode(&encoded.header, encoded.body.clone())
                .map(Some)
                .map_err(|error| damaged(row, &error.0)),
            None => Ok(None),
        }
    }
}

fn damaged(row: u64, what: &str) -> StoreError {
    StoreError::Damaged { row, what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use stepwell_model::ExecutionStatus;

    use super::*;
    use crate::{ChunkHeader, Opening, contract};

    #[test]
    fn it_keeps_the_promises_of_a_store() {
        contract::check(&|| {
            let store = Arc::new(MemoryStore::new([7; 32]));
            Box::new(move || {
                store.reopen();
                store.clone()
            })
        });
    }

    fn first_chunk(number: u64) -> Batch {
        let started_at = Timestamp::from_epoch_ms(1);
        let header = ChunkHeader {
            parent: None,
            entity: EntityId { partition: 0, number },
            row: number,
            previous_row: 0,
            first_event_id: 1,
            last_event_id: 1,
            at: started_at,
            opening: Some(Opening {
                machine: 1,
                revision: 1,
                name: "a".into(),
                name_key: None,
                started_at,
                version: None,
                alias: None,
                trace_header: None,
            }),
            status: ExecutionStatus::Running,
            next_due: None,
            parked: false,
            redrives: None,
        };
        Batch { chunks: vec![Chunk { header, body: (*b"body").into() }], ..Batch::default() }
    }

    #[test]
    fn a_commit_that_is_told_to_fail_stops_the_store_until_it_is_opened_again() {
        for (failure, written) in [(FailedCommit::Lost, 0), (FailedCommit::Landed, 1)] {
            let store = MemoryStore::new([7; 32]);
            store.fail_next_commit(failure);
            assert!(matches!(store.commit(&first_chunk(1)), Err(StoreError::Io(_))));
            assert!(matches!(store.commit(&first_chunk(2)), Err(StoreError::Stopped(_))));
            store.reopen();
            assert_eq!(
                store.chunks(EntityId { partition: 0, number: 1 }).unwrap().len(),
                written,
                "{failure:?}"
            );
            store.commit(&first_chunk(2)).unwrap();
        }
    }

    #[test]
    fn a_flipped_bit_is_an_error_that_names_the_row() {
        let store = MemoryStore::new([7; 32]);
        store.commit(&first_chunk(3)).unwrap();
        assert!(store.flip_bit(3, 77));
        let what = "the checksum does not fit the header and the body".to_owned();
        let damaged = StoreError::Damaged { row: 3, what };
        assert_eq!(store.chunks(EntityId { partition: 0, number: 3 }), Err(damaged.clone()));
        assert_eq!(store.chunk(3), Err(damaged));
        assert!(!store.flip_bit(4, 0));
    }
}

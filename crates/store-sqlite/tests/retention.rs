//! What the sweep of the SQLite store adds to its promises: the file stops growing, a long journal
//! goes in slices, damage stops nothing, and a part of a history is found without the rest.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use stepwell_model::{EntityId, ExecutionStatus, Timestamp};
use stepwell_store::{Batch, Chunk, ChunkHeader, Opening, Store, StoreError, Swept};
use stepwell_store_sqlite::{SqliteOptions, SqliteStore};

fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir, SqliteOptions::default()).unwrap()
}

fn at(epoch_ms: u64) -> Timestamp {
    Timestamp::from_epoch_ms(epoch_ms)
}

fn entity(number: u64) -> EntityId {
    EntityId { partition: (number % 256) as u8, number: 1 + number / 256 }
}

fn batch(chunks: Vec<Chunk>) -> Batch {
    Batch { chunks, ..Default::default() }
}

/// A chunk of the execution `number`; the first if there is none before it.
fn chunk(number: u64, row: u64, previous_row: u64, moment: u64, status: ExecutionStatus) -> Chunk {
    let opening = Opening {
        machine: 1,
        revision: 1,
        name: format!("order-{number}").into(),
        name_key: number.is_multiple_of(2).then(|| {
            // Anywhere in the index of names.
            u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes()
        }),
        started_at: at(moment),
        version: None,
        alias: None,
        trace_header: None,
    };
    let header = ChunkHeader {
        entity: entity(number),
        row,
        previous_row,
        first_event_id: row,
        last_event_id: row,
        at: at(moment),
        opening: (previous_row == 0).then_some(opening),
        parent: None,
        redrives: None,
        status,
        next_due: None,
        parked: false,
    };
    Chunk { header, body: Arc::from([row as u8; 400]) }
}

const OPEN: ExecutionStatus = ExecutionStatus::Running;
const CLOSED: ExecutionStatus = ExecutionStatus::Succeeded;

fn sweep_all(store: &dyn Store, before: u64) -> Swept {
    let mut total = Swept::default();
    loop {
        let swept = store.sweep(at(before), 512).unwrap();
        total.executions += swept.executions;
        total.rows += swept.rows;
        if !swept.more {
            return total;
        }
    }
}

/// A load that goes on: executions that open and close at once, of which one in a hundred takes two
/// generations and one in a thousand never ends.
#[derive(Default)]
struct Load {
    row: u64,
    number: u64,
    /// Number, last row.
    waiting: Vec<(u64, u64)>,
}

impl Load {
    fn generation(&mut self, store: &dyn Store, moment: u64) {
        let mut ending = std::mem::take(&mut self.waiting).into_iter();
        for _ in 0..40 {
            let mut chunks = Vec::new();
            for _ in 0..100 {
                self.number += 1;
                self.row += 1;
                if self.number.is_multiple_of(100) {
                    chunks.push(chunk(self.number, self.row, 0, moment, OPEN));
                    if !self.number.is_multiple_of(1_000) {
                        self.waiting.push((self.number, self.row));
                    }
                } else {
                    chunks.push(chunk(self.number, self.row, 0, moment, CLOSED));
                }
            }
            if let Some((number, last_row)) = ending.next() {
                self.row += 1;
                chunks.push(chunk(number, self.row, last_row, moment, CLOSED));
            }
            store.commit(&batch(chunks)).unwrap();
            // Between two batches, as in life.
            store.sweep(at(moment.saturating_sub(5)), 512).unwrap();
        }
        assert_eq!(ending.next(), None);
    }
}

#[test]
fn under_a_steady_load_the_file_stops_growing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut load = Load::default();
    let mut sizes = Vec::new();
    let mut wal = 0;
    for generation in 1..=30 {
        load.generation(&store, generation);
        sweep_all(&store, generation.saturating_sub(5));
        wal = wal.max(fs::metadata(dir.path().join("stepwell.db-wal")).unwrap().len());
        // What the database takes, whether or not the log was copied already.
        let pages = Connection::open(dir.path().join("stepwell.db"))
            .unwrap()
            .pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))
            .unwrap();
        sizes.push(pages * 4096);
    }
    let (tenth, last) = (sizes[9], sizes[29]);
    println!("generations 1, 5, 10, 20, 30: {:?}; log at most {wal}", [0, 4, 9, 19, 29].map(|at| sizes[at]));
    assert!(last * 10 <= tenth * 13, "{sizes:?}");
    assert!(wal < 80 << 20, "{wal}");
    // Of 30 generations of 4,000 about six are left, and the few that never end.
    let mut open = 0;
    store.open_executions(&mut |_| open += 1).unwrap();
    assert_eq!(open, 30 * 4 + 36);
    // A name leads to its execution or, with it, is gone.
    let mut found = 0;
    for number in (2..=load.number).step_by(2) {
        let name = chunk(number, 1, 0, 1, OPEN).header.opening.unwrap().name_key.unwrap();
        let expected = store.execution(entity(number)).unwrap().map(|row| row.entity);
        assert_eq!(store.execution_by_name(&name).unwrap(), expected);
        found += i64::from(expected.is_some());
    }
    drop(store);
    assert_eq!(fs::metadata(dir.path().join("stepwell.db")).unwrap().len(), last as u64);
    let connection = Connection::open(dir.path().join("stepwell.db")).unwrap();
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let count = |table: &str| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    // What was closed before generation 25 is gone. Of each six: 3,960 that opened and closed at once,
    // half of them with a name; 36 that took two generations. Then 36 that will, and 4 of each of the
    // thirty that never end.
    let (at_once, later, open) = (6 * 3_960, 6 * 36, 36 + 30 * 4);
    assert_eq!(count("execution"), at_once + later + open);
    assert_eq!(count("chunk"), at_once + 2 * later + open);
    assert_eq!(found, 6 * 1_960 + later + open);
}

/// An execution of 1,000 chunks between those of others, closed at 1,000.
fn long_life(store: &dyn Store) {
    for n in 0..1_000 {
        let status = if n == 999 { CLOSED } else { OPEN };
        let previous_row = if n == 0 { 0 } else { n * 2 - 1 };
        let long = chunk(0, n * 2 + 1, previous_row, 1 + n, status);
        store.commit(&batch(vec![long, chunk(1 + n, n * 2 + 2, 0, 1 + n, OPEN)])).unwrap();
    }
}

#[test]
fn a_long_journal_goes_in_slices_and_a_crash_between_them_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    long_life(&store);
    let mut calls = 0;
    loop {
        let swept = store.sweep(at(2_000), 64).unwrap();
        calls += 1;
        assert!(swept.rows <= 64, "{swept:?}");
        // It vanishes at once.
        assert_eq!(store.execution(entity(0)).unwrap(), None);
        assert_eq!(store.chunks(entity(0)).unwrap(), []);
        if calls == 5 {
            break;
        }
        assert!(swept.more);
    }
    drop(store);
    let store = open(dir.path());
    assert!(sweep_all(&store, 2_000).rows > 600, "the rest is found again");
    for n in 0..1_000 {
        assert_eq!(store.chunk(n * 2 + 1).unwrap(), None);
        assert_eq!(store.chunks(entity(1 + n)).unwrap().len(), 1);
    }
}

#[test]
fn a_damaged_chunk_stops_no_sweep_and_takes_nothing_with_it() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        long_life(&store);
        let rows = (0..100).map(|n| chunk(5_000 + n, 3_001 + n, 0, 1_500, CLOSED));
        store.commit(&batch(rows.collect())).unwrap();
    }
    let alter = |sql: &str| {
        Connection::open(dir.path().join("stepwell.db")).unwrap().execute(sql, []).unwrap();
    };
    // In the long one, in one of one chunk, and in one that is open.
    alter("UPDATE chunk SET body = x'00' WHERE row IN (1001, 3051, 4)");
    let store = open(dir.path());
    let swept = sweep_all(&store, 2_000);
    assert_eq!(swept.executions, 1 + 99);
    assert_eq!(store.execution(entity(0)).unwrap(), None);
    assert!(matches!(store.chunk(4), Err(StoreError::Damaged { row: 4, .. })), "it is open");
    assert!(matches!(store.chunks(entity(5_050)), Err(StoreError::Damaged { row: 3051, .. })));
    for n in (0..1_000).filter(|n| *n != 1) {
        assert_eq!(store.chunks(entity(1 + n)).unwrap().len(), 1, "{n}");
    }
    for n in (0..1_000).filter(|n| *n != 500) {
        assert_eq!(store.chunk(n * 2 + 1).unwrap(), None, "{n}");
    }
}

#[test]
fn a_part_of_a_history_is_found_without_the_rest_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    // One event a chunk: event n is in row n.
    let rows: Vec<Chunk> = (1..=5_000).map(|row| chunk(0, row, row - 1, row, OPEN)).collect();
    for rows in rows.chunks(100) {
        store.commit(&batch(rows.to_vec())).unwrap();
    }
    drop(store);
    let path = dir.path().join("stepwell.db");
    let alter = |sql: &str| Connection::open(&path).unwrap().execute(sql, []).unwrap();
    // Whatever is read of the rest would be an error.
    alter("DELETE FROM chunk WHERE row NOT BETWEEN 1000 AND 1355");
    let store = open(dir.path());
    let numbers = |from, to| -> Vec<u64> {
        store.chunks_between(entity(0), from..=to).unwrap().iter().map(|chunk| chunk.header.row).collect()
    };
    assert_eq!(numbers(1_001, 1_250), (1_001..=1_250).collect::<Vec<u64>>());
    assert_eq!(numbers(1_000, 1_000), [1_000]);
    assert!(matches!(
        store.chunks_between(entity(0), 999..=1_100),
        Err(StoreError::Damaged { row: 999, .. })
    ));
    drop(store);

    // A database without landmarks, such as an older release leaves: the walk begins at the end.
    alter("DELETE FROM landmark");
    let store = open(dir.path());
    let end = store.chunks_between(entity(0), 1_001..=1_100);
    assert!(matches!(end, Err(StoreError::Damaged { row: 5_000, .. })));
    drop(store);
    alter("DROP TABLE landmark");
    open(dir.path()).commit(&batch(vec![chunk(9, 9_999, 0, 9_999, OPEN)])).unwrap();
}

#[test]
fn a_sweep_that_finds_no_room_leaves_the_store_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let rows: Vec<Chunk> = (1..=300).map(|row| chunk(row, row, 0, 1, CLOSED)).collect();
    store.commit(&batch(rows)).unwrap();
    // A foreign tool holds the lock: the sweep fails, and is done later.
    let foreign = Connection::open(dir.path().join("stepwell.db")).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(store.sweep(at(10), 100), Err(StoreError::Io(_))));
    foreign.execute_batch("ROLLBACK").unwrap();
    store.commit(&batch(vec![chunk(301, 301, 0, 2, CLOSED)])).expect("nothing is in doubt");
    assert_eq!(sweep_all(&store, 10).executions, 301);
}

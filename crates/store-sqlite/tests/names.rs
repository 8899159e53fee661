//! Names are found wherever they are: in the tail, frozen, in slices and in merged ones; after a crash at
//! any commit, beside sweeps, and however numbers and rows are mixed up.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use stepwell_model::{EntityId, ExecutionStatus, Timestamp};
use stepwell_store::{Batch, Chunk, ChunkHeader, NameKey, Opening, Store, StoreError};
use stepwell_store_sqlite::{NameOptions, SqliteOptions, SqliteStore};

/// Small enough that a few hundred names become slices, and these are merged.
const SMALL: NameOptions = NameOptions { tail_names: 400, tail_executions: 1_500, merged_slices: 3 };

/// How long anything may take that a thread does beside the test.
const PATIENCE: Duration = Duration::from_secs(60);

fn open(dir: &Path, names: NameOptions) -> SqliteStore {
    SqliteStore::open(dir, SqliteOptions { names, ..SqliteOptions::default() }).unwrap()
}

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end
    }
}

/// The key of a name; nothing of the order of the numbers is left, but that of some the first half is the
/// same, so that they fill blocks.
fn name_key(name: u64) -> NameKey {
    let hash = u128::from(name + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let mut key = hash.to_le_bytes();
    if name.is_multiple_of(3) {
        key[..8].fill(7);
    }
    key
}

fn chunk(entity: EntityId, row: u64, at: u64, name: Option<u64>, status: ExecutionStatus) -> Chunk {
    let at = Timestamp::from_epoch_ms(at);
    let opening = Opening {
        machine: 1,
        revision: 1,
        name: format!("order-{name:?}").into(),
        name_key: name.map(name_key),
        started_at: at,
        version: None,
        alias: None,
        trace_header: None,
    };
    let header = ChunkHeader {
        entity,
        row,
        previous_row: 0,
        first_event_id: 1,
        last_event_id: 1,
        at,
        opening: Some(opening),
        parent: None,
        redrives: None,
        status,
        next_due: None,
        parked: false,
    };
    Chunk { header, body: [9; 40].into() }
}

fn batch(chunks: Vec<Chunk>) -> Batch {
    Batch { chunks, ..Batch::default() }
}

/// What a store says by SQL, at this moment.
fn ask(dir: &Path, question: &str) -> i64 {
    let connection = Connection::open(dir.join("stepwell.db")).unwrap();
    connection.query_row(question, [], |row| row.get(0)).unwrap()
}

/// What another process would find after a crash: the database and its log.
fn crash(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["stepwell.db", "stepwell.db-wal"] {
        if dir.join(file).exists() {
            fs::copy(dir.join(file), copy.path().join(file)).unwrap();
        }
    }
    copy
}

/// Commits, and what must come of it.
struct Model {
    random: Random,
    row: u64,
    number: u64,
    moment: u64,
    /// Of each name, who took it, in order.
    takers: BTreeMap<u64, Vec<EntityId>>,
    /// When those were closed that are still there; `u64::MAX` if they are open.
    closed_at: BTreeMap<EntityId, u64>,
}

impl Model {
    fn new(seed: u64) -> Model {
        let (takers, closed_at) = Default::default();
        Model { random: Random(seed), row: 0, number: 0, moment: 1, takers, closed_at }
    }

    /// Numbers ascend but for a few that come late; so do rows.
    fn commit(&mut self, store: &SqliteStore, names: u64) {
        let count = 1 + self.random.below(60);
        self.moment += 1;
        let mut entities: Vec<EntityId> = (1..=count)
            .map(|n| EntityId { partition: self.random.below(256) as u8, number: self.number + n })
            .collect();
        self.number += count;
        if self.random.below(4) == 0 {
            // The next batch comes before this one.
            let late = entities.split_off(entities.len() / 2);
            self.write(store, late, names);
        }
        self.write(store, entities, names);
    }

    fn write(&mut self, store: &SqliteStore, entities: Vec<EntityId>, names: u64) {
        let mut chunks = Vec::new();
        for entity in entities {
            let name = (self.random.below(10) < 8).then(|| self.random.below(names));
            let is_open = self.random.below(50) == 0;
            let status = if is_open { ExecutionStatus::Running } else { ExecutionStatus::Succeeded };
            self.row += 1;
            chunks.push(chunk(entity, self.row, self.moment, name, status));
            self.closed_at.insert(entity, if is_open { u64::MAX } else { self.moment });
            if let Some(name) = name {
                self.takers.entry(name).or_default().push(entity);
            }
        }
        store.commit(&batch(chunks)).unwrap();
    }

    fn sweep(&mut self, store: &SqliteStore, before: u64) {
        while store.sweep(Timestamp::from_epoch_ms(before), 300).unwrap().more {}
        self.closed_at.retain(|_, closed_at| *closed_at >= before);
    }

    /// Promise 6, of every name.
    fn check(&self, store: &SqliteStore, names: u64) {
        for name in 0..names + 20 {
            let found = store.execution_by_name(&name_key(name)).unwrap();
            let takers = self.takers.get(&name).map_or(&[][..], Vec::as_slice);
            let there = takers.iter().filter(|taker| self.closed_at.contains_key(taker));
            let last = takers.last().copied();
            match found {
                None => {
                    assert!(last.is_none_or(|last| !self.closed_at.contains_key(&last)), "{name} is lost")
                }
                Some(_) if there.clone().any(|taker| Some(*taker) == last) => {
                    assert_eq!(found, last, "{name} is another's");
                }
                Some(found) => assert!(there.clone().any(|taker| *taker == found), "{name} is nobody's"),
            }
        }
    }
}

#[test]
fn names_are_found_through_freezes_merges_sweeps_and_crashes() {
    for seed in 1..=8 {
        let mut dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path(), SMALL);
        let mut model = Model::new(seed);
        let names = 3_000;
        for round in 0..240 {
            model.commit(&store, names);
            match model.random.below(24) {
                0 => {
                    drop(store);
                    store = open(dir.path(), SMALL);
                }
                1 | 2 => {
                    let copy = crash(dir.path());
                    drop(store);
                    dir = copy;
                    store = open(dir.path(), SMALL);
                    model.check(&store, names);
                }
                3 => model.sweep(&store, model.moment.saturating_sub(60)),
                _ => (),
            }
            if round % 40 == 39 {
                model.check(&store, names);
            }
        }
        assert!(ask(dir.path(), "SELECT count(*) FROM name_block") > 0);
        model.check(&store, names);
    }
}

#[test]
fn slices_are_merged_while_commits_go_on_and_use_their_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), SMALL);
    let mut model = Model::new(5);
    let began = Instant::now();
    // Three of the first level make one of the second, three of these one of the third.
    while ask(dir.path(), "SELECT count(*) FROM name_slice WHERE level >= 2") == 0 {
        model.commit(&store, 100_000);
        assert!(began.elapsed() < PATIENCE);
    }
    // All of them go, and so do their names; the room that they took is used by others.
    let blocks = ask(dir.path(), "SELECT count(*) FROM name_block");
    let names = "SELECT ifnull(sum(names), 0) FROM name_slice";
    let before = ask(dir.path(), names);
    model.moment += 10;
    model.sweep(&store, model.moment);
    while ask(dir.path(), names) * 2 > before {
        model.moment += 10;
        store
            .commit(&batch(vec![chunk(
                EntityId { partition: 0, number: model.number + 1 },
                model.row + 1,
                model.moment,
                None,
                ExecutionStatus::Succeeded,
            )]))
            .unwrap();
        model.number += 1;
        model.row += 1;
        assert!(began.elapsed() < PATIENCE);
    }
    model.check(&store, 100_000);
    for _ in 0..20 {
        model.commit(&store, 100_000);
    }
    assert!(ask(dir.path(), "SELECT count(*) FROM name_block") <= 2 * blocks);
    model.check(&store, 100_000);
}

#[test]
fn a_slice_that_is_partly_written_is_never_believed() {
    let dir = tempfile::tempdir().unwrap();
    let names = NameOptions { tail_names: 2_000, ..SMALL };
    let store = open(dir.path(), names);
    let mut model = Model::new(9);
    let began = Instant::now();
    let is_partly_written = |dir: &Path| {
        ask(dir, "SELECT count(*) FROM name_block") > 2 && ask(dir, "SELECT count(*) FROM name_slice") == 0
    };
    while !is_partly_written(dir.path()) {
        model.commit(&store, 100_000);
        assert!(began.elapsed() < PATIENCE);
    }
    let copy = crash(dir.path());
    // Whatever is in those blocks, nobody reads it.
    let connection = Connection::open(copy.path().join("stepwell.db")).unwrap();
    connection.execute("UPDATE name_block SET block = zeroblob(4036)", []).unwrap();
    connection.close().unwrap();
    let found = open(copy.path(), names);
    model.check(&found, 100_000);
    // And they are written again, for the slice that now becomes one.
    let began = Instant::now();
    while ask(copy.path(), "SELECT count(*) FROM name_slice") == 0 {
        model.commit(&found, 100_000);
        assert!(began.elapsed() < PATIENCE);
    }
    model.check(&found, 100_000);
    drop(found);
    model.check(&open(copy.path(), names), 100_000);
}

#[test]
fn a_damaged_block_is_an_error_and_never_a_name_that_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), SMALL);
    let mut model = Model::new(11);
    let began = Instant::now();
    while ask(dir.path(), "SELECT count(*) FROM name_slice") == 0 {
        model.commit(&store, 100_000);
        assert!(began.elapsed() < PATIENCE);
    }
    drop(store);
    let alter = |sql: &str| {
        Connection::open(dir.path().join("stepwell.db")).unwrap().execute_batch(sql).unwrap();
    };
    // A whole block of the slice, in another's place.
    let exchange =
        "UPDATE name_block SET block = (SELECT block FROM name_block WHERE slot = 1) WHERE slot = 0";
    alter(exchange);
    store = open(dir.path(), SMALL);
    let (mut damaged, mut found) = (0, 0);
    for name in model.takers.keys() {
        match store.execution_by_name(&name_key(*name)) {
            Ok(Some(_)) => found += 1,
            Ok(None) => panic!("{name} is lost"),
            Err(StoreError::Damaged { what, .. }) => {
                assert!(what.contains("block 0 of slice"), "{what}");
                damaged += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(damaged > 50 && found > 50, "{damaged}, {found}");
    drop(store);
    // Without its index the store is not opened.
    alter("UPDATE name_block SET block = zeroblob(4036)");
    let options = SqliteOptions { names: SMALL, ..SqliteOptions::default() };
    let error = SqliteStore::open(dir.path(), options).err().expect("it must be refused");
    assert!(error.to_string().contains("the checksum does not fit"), "{error}");
}

#[test]
fn few_names_among_many_executions_are_put_away_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), SMALL);
    let mut row = 0;
    let mut commit = |named: bool| {
        let chunks = (0..100).map(|_| {
            row += 1;
            let name = (named && row % 100 == 0).then_some(row);
            chunk(EntityId { partition: 3, number: row }, row, 1, name, ExecutionStatus::Succeeded)
        });
        store.commit(&batch(chunks.collect())).unwrap();
        row
    };
    let mark = || ask(dir.path(), "SELECT value FROM meta WHERE key = 'names_through'") >> 8;
    let began = Instant::now();
    // Without any name the mark moves alone.
    let mut last = 0;
    while mark() == 0 {
        last = commit(false);
    }
    assert!(last <= 1_700, "{last}");
    assert_eq!(ask(dir.path(), "SELECT count(*) FROM name_slice"), 0);
    // With a few, it does when they are written.
    let before = mark();
    while mark() == before {
        last = commit(true);
        assert!(began.elapsed() < PATIENCE);
    }
    assert_eq!(ask(dir.path(), "SELECT count(*) FROM name_slice"), 1);
    for name in (1_700..=last).step_by(100) {
        assert!(store.execution_by_name(&name_key(name)).unwrap().is_some(), "{name}");
    }
}

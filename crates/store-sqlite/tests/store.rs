//! The SQLite store keeps the promises of a store, and those of a data directory.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use stepwell_model::{EntityId, ExecutionStatus, Timestamp};
use stepwell_store::{Batch, Chunk, ChunkHeader, ListQuery, Opening, Redrives, Store, StoreError, contract};
use stepwell_store_sqlite::{OpenError, SqliteOptions, SqliteStore};

fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir, SqliteOptions::default()).unwrap()
}

/// Why the directory is refused, as a user reads it, without the path.
fn refusal(dir: &Path) -> String {
    let error = SqliteStore::open(dir, SqliteOptions::default()).err().expect("it must be refused");
    assert!(!error.hint().is_empty());
    error.to_string().split(": /").next().unwrap().to_owned()
}

/// The only chunk of an execution that has succeeded.
fn whole_life(row: u64, body: &[u8]) -> Chunk {
    let at = Timestamp::from_epoch_ms(1_790_000_000_000 + row / 10);
    Chunk {
        header: ChunkHeader {
            parent: None,
            entity: entity(row),
            row,
            previous_row: 0,
            first_event_id: 1,
            last_event_id: 5,
            at,
            opening: Some(Opening {
                machine: 1,
                revision: 1,
                name: format!("order-{row}").into(),
                name_key: Some((u128::from(row) << 64 | 7).to_le_bytes()),
                started_at: at,
                version: None,
                alias: None,
                trace_header: None,
            }),
            status: ExecutionStatus::Succeeded,
            next_due: None,
            parked: false,
            redrives: None,
        },
        body: body.into(),
    }
}

fn entity(row: u64) -> EntityId {
    EntityId { partition: (row % 256) as u8, number: 1 + row / 256 }
}

fn batch(chunks: impl IntoIterator<Item = Chunk>) -> Batch {
    Batch { chunks: chunks.into_iter().collect(), ..Default::default() }
}

#[test]
fn it_keeps_the_promises_of_a_store() {
    contract::check(&|| {
        let dir = tempfile::tempdir().unwrap();
        Box::new(move || Arc::new(open(dir.path())))
    });
}

#[test]
fn a_directory_has_one_server_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(matches!(
        SqliteStore::open(dir.path(), SqliteOptions::default()),
        Err(OpenError::InUse { dir: named }) if named == dir.path()
    ));
    assert_eq!(refusal(dir.path()), "the data directory is in use by another server");
    drop(store);
    open(dir.path());
}

/// How many of this process's descriptors lead to a file.
#[cfg(target_os = "linux")]
fn descriptors_of(path: &Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    open.filter(|entry| std::fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|to| to == path)).count()
}

#[test]
#[cfg(target_os = "linux")]
fn a_directory_whose_server_is_just_dying_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    // What a killed server has left for a moment: a copy of itself, on its way to become another program.
    let left = std::fs::File::create(dir.path().join("lock")).unwrap();
    left.lock().unwrap();
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| SqliteStore::open(dir.path(), SqliteOptions::default()).map(drop));
        while descriptors_of(&dir.path().join("lock")) < 2 {
            std::thread::yield_now();
        }
        drop(left);
        opening.join().unwrap().unwrap();
    });
}

#[test]
fn a_new_directory_is_made_with_its_parents_and_belongs_to_its_user() {
    let above = tempfile::tempdir().unwrap();
    let dir = above.path().join("a").join("b");
    let store = open(&dir);
    store.commit(&batch([whole_life(1, b"body")])).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        for file in ["stepwell.db", "stepwell.db-wal", "stepwell.db-shm", "lock"] {
            assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
        }
    }
    drop(store);
    let mut left: Vec<_> = fs::read_dir(&dir).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["lock", "stepwell.db"], "a clean end leaves no log");
}

#[test]
fn each_store_has_a_key_of_its_own() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(open(one.path()).identity() != open(other.path()).identity());
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stepwell.db");
    let write = |format: &str| {
        let connection = Connection::open(&path).unwrap();
        connection.execute("UPDATE meta SET value = ?1 WHERE key = 'format'", [format]).unwrap();
    };
    open(dir.path()).commit(&batch([whole_life(1, b"body")])).unwrap();

    write("3.0");
    let before = fs::read(&path).unwrap();
    assert_eq!(refusal(dir.path()), "the database has format 3.0, and this release reads format 2");
    assert!(fs::read(&path).unwrap() == before);

    write("one");
    assert_eq!(refusal(dir.path()), "the database is damaged (it says to have format \"one\")");

    // No release has written it, so nobody knows how it would be taken over.
    write("1.2");
    assert_eq!(refusal(dir.path()), "the database has format 1.2, and this release reads format 2");

    // A newer minor number only adds.
    write("2.7");
    assert_eq!(open(dir.path()).chunks(entity(1)).unwrap().len(), 1);
}

#[test]
fn a_store_of_the_first_release_gets_the_table_of_redrives() {
    let dir = tempfile::tempdir().unwrap();
    let mut ended = whole_life(1, b"body");
    ended.header.status = ExecutionStatus::Failed;
    open(dir.path()).commit(&batch([ended.clone()])).unwrap();
    let connection = Connection::open(dir.path().join("stepwell.db")).unwrap();
    connection.execute_batch("DROP TABLE redrive").unwrap();
    drop(connection);

    let store = open(dir.path());
    let before = store.execution(entity(1)).unwrap().unwrap();
    assert_eq!((before.redrive_count, before.redriven_at), (0, None));
    let mut header = ended.header.clone();
    (header.row, header.previous_row, header.opening) = (2, 1, None);
    header.at = header.at.after_seconds(5);
    header.status = ExecutionStatus::Running;
    header.redrives = Some(Redrives { count: 1, last_at: header.at });
    store.commit(&batch([Chunk { header: header.clone(), ..ended }])).unwrap();
    drop(store);
    let row = open(dir.path()).execution(entity(1)).unwrap().unwrap();
    assert_eq!((row.redrive_count, row.redriven_at, row.closed_at), (1, Some(header.at), None));
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stepwell.db");
    let text = "no database at all, but long enough to have a header. ".repeat(100);
    fs::write(&path, &text).unwrap();
    assert_eq!(refusal(dir.path()), "the database is damaged (file is not a database)");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
    assert_eq!(refusal(dir.path()), "the database is damaged (it is not a database of Stepwell)");

    fs::remove_file(&path).unwrap();
    open(dir.path());
    Connection::open(&path).unwrap().execute_batch("DROP TABLE mark").unwrap();
    assert_eq!(refusal(dir.path()), "the database is damaged (no such table: mark)");

    // A crash while the store was made leaves an empty file; it holds nothing, so it is made again.
    fs::write(&path, "").unwrap();
    open(dir.path()).commit(&batch([whole_life(1, b"body")])).unwrap();
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(SqliteStore::open(&file, SqliteOptions::default()), Err(OpenError::Unwritable { .. })));
    assert!(refusal(&file).starts_with("the data directory cannot be written ("));
}

#[test]
fn a_damaged_row_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut later = whole_life(9, b"later");
    (later.header.entity, later.header.previous_row, later.header.opening) = (entity(2), 2, None);
    open(dir.path())
        .commit(&batch([whole_life(1, b"body"), whole_life(2, b"body"), whole_life(3, b"body"), later]))
        .unwrap();
    let path = dir.path().join("stepwell.db");
    let alter = |sql: &str| assert_eq!(Connection::open(&path).unwrap().execute(sql, []).unwrap(), 1);
    let damage = |row: u64, what: &str| Err(StoreError::Damaged { row, what: what.to_owned() });
    let unfit = "the checksum does not fit the header and the body";

    alter("UPDATE chunk SET body = x'626f6478' WHERE row = 2");
    {
        let store = open(dir.path());
        assert_eq!(store.chunk(2).map(drop), damage(2, unfit));
        assert_eq!(store.chunks(entity(2)).map(drop), damage(2, unfit), "never a shorter journal");
        assert_eq!(store.chunks(entity(1)).unwrap().len(), 1, "the others are as they were");
    }
    alter("DELETE FROM chunk WHERE row = 2");
    assert_eq!(open(dir.path()).chunks(entity(2)).map(drop), damage(2, "it is missing"));
    // A whole chunk in the wrong place.
    alter("UPDATE chunk SET row = 2 WHERE row = 3");
    assert_eq!(open(dir.path()).chunks(entity(2)).map(drop), damage(2, "it says that it is row 3"));
    alter("UPDATE chunk SET header = x'' WHERE row = 1");
    assert_eq!(open(dir.path()).chunk(1).map(drop), damage(1, "the header is empty"));
    alter("UPDATE chunk SET header = x'02' WHERE row = 1");
    let newer = "the header has format 2, and this release reads format 1 only";
    assert_eq!(open(dir.path()).chunk(1).map(drop), damage(1, newer));
}

#[test]
fn a_damaged_page_is_never_read_as_data() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).commit(&batch((1..=200).map(|row| whole_life(row, &[b'x'; 400])))).unwrap();
    let path = dir.path().join("stepwell.db");
    let mut bytes = fs::read(&path).unwrap();
    // Every chunk's body is somewhere in the file; one bit of each page but the first is flipped.
    for page in 1..bytes.len() / 4096 {
        bytes[page * 4096 + 2_100] ^= 4;
    }
    fs::write(&path, bytes).unwrap();
    let store = open(dir.path());
    let damaged = (1..=200).filter(|row| match store.chunk(*row) {
        Ok(Some(chunk)) => {
            assert_eq!(chunk, whole_life(*row, &[b'x'; 400]));
            false
        }
        Ok(None) => panic!("row {row} is gone"),
        Err(StoreError::Damaged { row: named, .. }) => {
            assert_eq!(named, *row);
            true
        }
        Err(other) => panic!("{other}"),
    });
    assert!(damaged.count() > 10);
}

#[test]
fn a_full_disk_is_told_as_such_and_takes_nothing_away() {
    let dir = tempfile::tempdir().unwrap();
    let store =
        SqliteStore::open(dir.path(), SqliteOptions { bytes_max: Some(1 << 20), ..SqliteOptions::default() })
            .unwrap();
    let mut row = 0;
    let error = loop {
        match store.commit(&batch([whole_life(row + 1, &[7; 10_000]), whole_life(row + 2, &[8; 10_000])])) {
            Ok(()) => row += 2,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    assert!(row > 20, "there was room for some");
    assert!(matches!(store.commit(&batch([whole_life(1_000, b"")])), Err(StoreError::Stopped(_))));
    assert_eq!(store.chunks(entity(row)).unwrap().len(), 1, "reading goes on");
    drop(store);

    let store = open(dir.path());
    for written in 1..=row {
        assert_eq!(store.chunks(entity(written)).unwrap().len(), 1);
    }
    assert_eq!(store.chunk(row + 1), Ok(None));
    assert_eq!(store.chunk(row + 2), Ok(None));
    store.commit(&batch([whole_life(row + 1, &[7; 10_000])])).unwrap();
}

#[test]
fn what_is_committed_is_in_the_files_before_the_store_is_closed() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path());
    for row in 1..=50 {
        store.commit(&batch([whole_life(row, b"body")])).unwrap();
    }
    // What another process would find after a crash: the database and its log.
    for file in ["stepwell.db", "stepwell.db-wal"] {
        fs::copy(dir.path().join(file), copy.path().join(file)).unwrap();
    }
    let found = open(copy.path());
    assert!(found.identity() == store.identity());
    assert_eq!(found.high_marks(), store.high_marks());
    for row in 1..=50 {
        assert_eq!(found.chunks(entity(row)).unwrap(), [whole_life(row, b"body")]);
    }
}

#[test]
fn readers_beside_a_busy_committer_see_every_commit_and_the_log_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let wal = dir.path().join("stepwell.db-wal");
    let (flushes, flush): (u64, u64) = (200, 16);
    let body = vec![5; 64 * 1024];
    let committed = AtomicU64::new(0);
    let mut wal_bytes_max = 0;
    std::thread::scope(|scope| {
        for reader in 0..3 {
            let (store, committed) = (&store, &committed);
            scope.spawn(move || {
                let mut asked = reader;
                loop {
                    let seen = committed.load(Ordering::Acquire);
                    if seen > 0 {
                        asked = 1 + (asked * 31 + 17) % seen;
                        assert_eq!(store.chunks(entity(asked)).unwrap().len(), 1);
                        let last = store.execution(entity(seen)).unwrap().expect("it was committed");
                        assert_eq!(
                            store.execution_by_name(&last.opening.name_key.unwrap()),
                            Ok(Some(entity(seen)))
                        );
                        let query = ListQuery {
                            machine: 1,
                            version: None,
                            alias: None,
                            status: None,
                            after: None,
                            limit: 10,
                        };
                        assert!(store.executions(&query).unwrap()[0].last_row + 10 > seen);
                        assert!(store.high_marks().unwrap().row >= seen);
                    }
                    if seen == flushes * flush {
                        break;
                    }
                }
            });
        }
        for number in 0..flushes {
            let rows = number * flush + 1..=(number + 1) * flush;
            store.commit(&batch(rows.map(|row| whole_life(row, &body)))).unwrap();
            committed.store((number + 1) * flush, Ordering::Release);
            wal_bytes_max = wal_bytes_max.max(fs::metadata(&wal).unwrap().len());
        }
    });
    // 200 MiB went through it. It starts over above 64 MiB, or a little later if a reader is in the way.
    assert!(wal_bytes_max < 120 << 20, "{wal_bytes_max} bytes");
    assert!(wal_bytes_max > 1 << 20, "{wal_bytes_max} bytes");
}

/// Makes of a closed store of this release what one of format 1.1 was.
fn make_format_1_1(database: &Path) -> Connection {
    let connection = Connection::open(database).unwrap();
    let marks = "SELECT row, at_ms FROM mark";
    let (row, at_ms): (i64, i64) =
        connection.query_row(marks, [], |found| Ok((found.get(0)?, found.get(1)?))).unwrap();
    let mut numbers = vec![0_u8; 8 * 256];
    let mut select = connection.prepare("SELECT entity FROM execution ORDER BY entity").unwrap();
    for key in select.query_map([], |found| found.get::<_, i64>(0)).unwrap() {
        let key = key.unwrap();
        let (number, partition) = (key >> 8, key as usize % 256);
        numbers[partition * 8..partition * 8 + 8].copy_from_slice(&number.to_le_bytes());
    }
    drop(select);
    let older = "DROP TABLE mark; DROP TABLE name_slice; DROP TABLE name_block;
        DELETE FROM meta WHERE key = 'names_through'; UPDATE meta SET value = '1.1' WHERE key = 'format';
        CREATE TABLE mark (id INTEGER PRIMARY KEY, row INTEGER NOT NULL, at_ms INTEGER NOT NULL,
            numbers BLOB NOT NULL) STRICT;
        CREATE TABLE name (key BLOB PRIMARY KEY, entity INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO name SELECT name_key, entity FROM execution WHERE name_key IS NOT NULL;";
    connection.execute_batch(older).unwrap();
    let mark = "INSERT INTO mark (id, row, at_ms, numbers) VALUES (1, ?1, ?2, ?3)";
    connection.execute(mark, rusqlite::params![row, at_ms, numbers]).unwrap();
    connection
}

#[test]
fn the_names_of_a_store_of_format_1_1_become_a_slice() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("stepwell.db");
    let store = open(dir.path());
    for rows in (1..=3_000).collect::<Vec<u64>>().chunks(500) {
        store.commit(&batch(rows.iter().map(|row| whole_life(*row, b"body")))).unwrap();
    }
    let marks = store.high_marks().unwrap();
    drop(store);
    // What an earlier release had: the marks were never behind.
    Connection::open(&database).unwrap().execute("UPDATE mark SET row = 3000", []).unwrap();
    make_format_1_1(&database).close().unwrap();

    let name = |row: u64| whole_life(row, b"").header.opening.unwrap().name_key.unwrap();
    for round in 0..2 {
        let store = open(dir.path());
        assert_eq!(store.high_marks().unwrap().number, marks.number);
        for row in 1..=3_000 + round {
            assert_eq!(store.execution_by_name(&name(row)).unwrap(), Some(entity(row)));
        }
        assert_eq!(store.execution_by_name(&name(4_000)).unwrap(), None);
        store.commit(&batch([whole_life(3_001 + round, b"body")])).unwrap();
    }
    let count = |table: &str| -> i64 {
        let connection = Connection::open(&database).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("name_slice"), count("sqlite_schema WHERE name = 'name'")), (1, 0));
    assert!(dir.path().join("stepwell.db.format-1.1").exists());
}

#[test]
fn a_store_of_format_1_0_is_migrated_with_a_copy_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.commit(&batch([whole_life(1, b"one")])).unwrap();
    drop(store);
    // What the release before had, and what a migration that was cut off has left.
    let database = dir.path().join("stepwell.db");
    let copy = dir.path().join("stepwell.db.format-1.0");
    let connection = make_format_1_1(&database);
    let older = "DROP INDEX execution_by_version; DROP INDEX execution_by_alias;
        ALTER TABLE execution DROP COLUMN version; ALTER TABLE execution DROP COLUMN alias;
        ALTER TABLE execution DROP COLUMN trace_header; UPDATE meta SET value = '1.0' WHERE key = 'format';";
    connection.execute_batch(older).unwrap();
    connection.close().unwrap();
    fs::write(&copy, "half of one").unwrap();

    let store = open(dir.path());
    assert_eq!(
        store.execution(entity(1)).unwrap().unwrap().opening,
        whole_life(1, b"").header.opening.unwrap()
    );
    let mut aliased = whole_life(2, b"two");
    let opening = aliased.header.opening.as_mut().unwrap();
    (opening.version, opening.alias, opening.trace_header) = (Some(1), Some("A".into()), Some("Root".into()));
    store.commit(&batch([aliased.clone()])).unwrap();
    assert_eq!(store.execution(entity(2)).unwrap().unwrap().opening, aliased.header.opening.unwrap());
    drop(store);
    let copied = Connection::open(&copy).unwrap();
    let rows: u32 = copied.query_row("SELECT count(*) FROM execution", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1, "the copy is from before");
    // Opened again, it is what it should be.
    fs::remove_file(&copy).unwrap();
    drop(open(dir.path()));
    assert!(!copy.exists());
}

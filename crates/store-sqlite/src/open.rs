//! Opening a data directory: the lock, the format, the tables.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};
use stepwell_store::{HighMarks, StoreError, StoreIdentity};

use crate::SqliteStore;
use crate::checkpoint::Checkpointer;
use crate::commit::Committer;
use crate::landmark;
use crate::marks::{self, Marks};
use crate::names::{self, NameOptions, Names, Taking, Weaver};
use crate::read::Readers;
use crate::snapshot;

/// The database within the data directory.
const DATABASE: &str = "stepwell.db";

/// The file that a server keeps locked while it uses the directory.
const LOCK: &str = "lock";

/// The format that this release writes. A newer major number is refused. A newer minor one is read:
/// it only adds. An older minor one is migrated, see [`migrate`].
const FORMAT_MAJOR: u32 = 2;
const FORMAT_MINOR: u32 = 0;

/// The last format of its kind: executions are found by a table `name`, and it has no slices.
const LAST_MINOR_OF_1: u32 = 1;

/// Marks the file as ours to `file` and other tools: "Step".
const APPLICATION_ID: i32 = 0x5374_6570;

/// The page cache of the committer, in KiB: room for the leaves that every flush touches.
const CACHE_KIB: i32 = 32 * 1024;

/// What is left of the log file when it starts over, in bytes. Above the size at which it does, so
/// that the file is neither cut nor grown in the usual round; only a giant batch leaves more.
const WAL_FILE_BYTES_KEPT: u64 = 96 * 1024 * 1024;

/// How long a statement waits for a lock that a foreign tool may hold, such as a shell with `sqlite3`.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The tables. Only `chunk`, `catalogue` and `meta` say anything new; the rest is derived from headers.
///
/// Those of [`crate::marks`] and [`crate::names`] come on top.
///
/// `entity` is the key of [`crate::entity_key`]; moments are in milliseconds since the epoch; `status`
/// is a code. `recency_ms` is what lists are sorted by.
pub(crate) const TABLES: &str = "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE chunk (row INTEGER PRIMARY KEY, header BLOB NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE TABLE execution (
        entity INTEGER PRIMARY KEY,
        machine INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        name TEXT NOT NULL,
        name_key BLOB,
        started_ms INTEGER NOT NULL,
        closed_ms INTEGER,
        recency_ms INTEGER NOT NULL,
        status INTEGER NOT NULL,
        due_ms INTEGER,
        parked INTEGER NOT NULL,
        first_row INTEGER NOT NULL,
        last_row INTEGER NOT NULL,
        last_event_id INTEGER NOT NULL,
        version INTEGER,
        alias TEXT,
        trace_header TEXT
    ) STRICT;
    CREATE TABLE catalogue (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// What `execution` has got since format 1.0: columns that are empty in every row from before.
const ADDED_COLUMNS: [(&str, &str); 3] =
    [("version", "INTEGER"), ("alias", "TEXT"), ("trace_header", "TEXT")];

/// The indexes of executions: in the order of moments, and read backwards.
///
/// What is most recent comes last, where SQLite appends. With the most recent first, a page that is full
/// stays full when it is split at its beginning, and each further row moves one row over three pages.
///
/// The second index leaves out the executions that succeeded, nearly all, so that one that opens and
/// succeeds in one batch never touches it. It answers lists by any other status, and covers what
/// recovery asks: a million parked executions are visited without a look at their rows. The last two
/// know only the executions that were started with a version or through an alias.
pub(crate) const INDEXES: &str = "
    CREATE INDEX execution_by_recency ON execution (machine, recency_ms);
    CREATE INDEX execution_by_status ON execution (status, machine, recency_ms, due_ms, parked)
        WHERE status <> 1;
    CREATE INDEX execution_by_version ON execution (machine, version, recency_ms)
        WHERE version IS NOT NULL;
    CREATE INDEX execution_by_alias ON execution (machine, alias, recency_ms) WHERE alias IS NOT NULL;
";

/// Those that format 1 had under the same names.
const OLD_INDEXES: [&str; 4] =
    ["execution_by_recency", "execution_by_status", "execution_by_version", "execution_by_alias"];

/// The table of executions that were redriven, few among many: how often, and when last. Derived from
/// headers. It came after the first release, so every opening sees to it that it is there.
pub(crate) const REDRIVE_TABLE: &str = "
    CREATE TABLE IF NOT EXISTS redrive (
        entity INTEGER PRIMARY KEY,
        redrive_count INTEGER NOT NULL,
        redriven_ms INTEGER NOT NULL
    ) STRICT;
";

/// What may differ from store to store.
#[derive(Debug, Clone, Default)]
pub struct SqliteOptions {
    /// The most that the database file may take, in bytes; a commit that needs more fails as on a full
    /// disk. `None`: as much as there is. The log comes on top, about 80 MB.
    pub bytes_max: Option<u64>,
    /// For tests: thresholds that nobody needs to set.
    #[doc(hidden)]
    pub names: NameOptions,
    /// Commits and checkpoints are not flushed: a promise that is broken on purpose.
    #[cfg(feature = "sabotage")]
    pub skips_fsync: bool,
}

/// Why a data directory cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has it open.
    #[error("the data directory is in use by another server: {}", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// It cannot be made, read or written: rights, a full or read-only disk, a file in its place.
    #[error("the data directory cannot be written ({why}): {}", dir.display())]
    Unwritable {
        /// The directory.
        dir: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The database is not one, or not ours, or contradicts itself.
    #[error("the database is damaged ({why}): {}", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A newer release wrote it.
    #[error("the database has format {found}, and this release reads format {FORMAT_MAJOR}: {}", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format: major and minor number.
        found: String,
    },
}

impl OpenError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            OpenError::InUse { .. } => {
                "stop the other server, or give this one another directory with --data"
            }
            OpenError::Unwritable { .. } => {
                "let this user write the directory and see that the disk has room, or name another with --data"
            }
            OpenError::Damaged { .. } => "put back the last backup; the file was left as it is",
            OpenError::Newer { .. } => "start the release that wrote it, or a later one",
        }
    }
}

/// See [`SqliteStore::open`].
pub(crate) fn open(dir: &Path, options: SqliteOptions) -> Result<SqliteStore, OpenError> {
    let lock = lock(dir)?;
    let path = dir.join(DATABASE);
    // SQLite would create the file readable for all; the log takes its rights from it.
    let created = open_private(&path).map(drop).and_then(|()| File::open(dir)?.sync_all());
    created.map_err(|error| unwritable(dir, error))?;

    let Opened { connection, key, marks, names, taking } =
        database(&path, &options).map_err(|trouble| match trouble {
            Trouble::Sql(error) => match error.sqlite_error_code() {
                Some(
                    ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::PermissionDenied
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DiskFull
                    | ErrorCode::OutOfMemory
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::FileLockingProtocolFailed,
                ) => unwritable(dir, error),
                // What is left speaks of the content: not a database, a table or a column that is missing.
                _ => OpenError::Damaged { path: path.clone(), why: error.to_string() },
            },
            Trouble::Random(error) => unwritable(dir, error),
            Trouble::Io(error) => unwritable(dir, error),
            Trouble::Damaged(why) => OpenError::Damaged { path: path.clone(), why },
            Trouble::Newer(found) => OpenError::Newer { path: path.clone(), found },
        })?;
    let checkpointer = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|connection| flush_as_told(connection, &options))
        .map_err(io::Error::other)
        .and_then(|connection| Checkpointer::start(connection, File::open(&path)?))
        .map_err(|error| unwritable(dir, error))?;
    let weaver = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(io::Error::other)
        .and_then(|connection| Weaver::start(names.clone(), connection))
        .map_err(|error| unwritable(dir, error))?;

    Ok(SqliteStore {
        checkpointer,
        weaver,
        readers: Readers::new(path),
        names,
        marks: marks.shared(),
        committer: Mutex::new(Committer::new(connection, marks, taking)),
        turn: Mutex::default(),
        cursor: Mutex::default(),
        identity: StoreIdentity { key },
        _lock: lock,
    })
}

/// A connection with what all connections share.
pub(crate) fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Every connection is used by one thread at a time, so SQLite's own mutex is not needed.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // FULL flushes the log at each commit and the database at each checkpoint.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS a plain flush stops at the disk's cache; elsewhere these mean nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // Checkpoints are ours; see `checkpoint.rs`.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// Has a connection that writes skip its flushes, in a build that breaks promises.
fn flush_as_told(connection: Connection, options: &SqliteOptions) -> rusqlite::Result<Connection> {
    #[cfg(feature = "sabotage")]
    if options.skips_fsync {
        connection.pragma_update(None, "synchronous", "OFF")?;
    }
    #[cfg(not(feature = "sabotage"))]
    let _ = options;
    Ok(connection)
}

/// How long to wait for the lock. A server that was killed while it started a process leaves a copy of itself
/// that has not become that process yet, and has the lock; on a busy machine that takes a moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Makes the directory and takes its lock, which lasts as long as the file is open.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let is_new = !dir.exists();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| unwritable(dir, error))?;
    if is_new {
        // The directory itself must survive a loss of power, as what is committed in it does.
        let parent = dir.canonicalize().and_then(|dir| File::open(dir.parent().unwrap_or(&dir))?.sync_all());
        parent.map_err(|error| unwritable(dir, error))?;
    }

    let lock = open_private(&dir.join(LOCK)).map_err(|error| unwritable(dir, error))?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(unwritable(dir, error)),
        }
    }
}

/// Opens a file for writing, and creates it for this user alone if there is none.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn unwritable(dir: &Path, why: impl ToString) -> OpenError {
    OpenError::Unwritable { dir: dir.to_owned(), why: why.to_string() }
}

/// What can be wrong with a database.
enum Trouble {
    Sql(rusqlite::Error),
    Random(getrandom::Error),
    Io(io::Error),
    Damaged(String),
    Newer(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        match error {
            StoreError::Damaged { what, .. } => Trouble::Damaged(what),
            StoreError::Full(why) | StoreError::Io(why) | StoreError::Stopped(why) => {
                Trouble::Io(io::Error::other(why))
            }
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Trouble {
        Trouble::Sql(error)
    }
}

/// What is read of a database when it is opened.
struct Opened {
    /// For the committer.
    connection: Connection,
    /// The store's.
    key: [u8; 32],
    marks: Marks,
    names: Arc<Names>,
    taking: Taking,
}

/// Opens the database for the committer.
fn database(path: &Path, options: &SqliteOptions) -> Result<Opened, Trouble> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut connection = flush_as_told(connection, options)?;
    // Tables, format and key come in one transaction: a file without a table is a store that was
    // being created when the machine stopped.
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let format = if tables == 0 { (FORMAT_MAJOR, FORMAT_MINOR) } else { check_format(&connection)? };

    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Trouble::Damaged(format!("its journal mode stays {mode}")));
    }
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "journal_size_limit", to_pragma(WAL_FILE_BYTES_KEPT))?;
    if let Some(bytes_max) = options.bytes_max {
        let page_bytes: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        connection.pragma_update_and_check(
            None,
            "max_page_count",
            to_pragma(bytes_max / u64::from(page_bytes)),
            |_| Ok(()),
        )?;
    }
    if tables == 0 {
        create(&mut connection)?;
    }
    if format < (FORMAT_MAJOR, FORMAT_MINOR) {
        migrate(&mut connection, path, format, options.names)?;
    }
    connection.execute_batch(REDRIVE_TABLE)?;
    connection.execute_batch(landmark::TABLE)?;
    connection.execute_batch(snapshot::TABLE)?;

    let key: Option<Vec<u8>> = meta(&connection, "key")?;
    let key = key.and_then(|key| <[u8; 32]>::try_from(key).ok());
    let key = key.ok_or_else(|| Trouble::Damaged("its key is missing".to_owned()))?;
    let marks = Marks::open(&connection)?;
    let (names, taking) = Names::open(&connection, options.names)?;
    Ok(Opened { connection, key, marks, names, taking })
}

/// The number as a pragma takes it.
fn to_pragma(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Gives the format: major and minor number.
fn check_format(connection: &Connection) -> Result<(u32, u32), Trouble> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(Trouble::Damaged("it is not a database of Stepwell".to_owned()));
    }
    let format: Option<String> = meta(connection, "format")?;
    let format = format.ok_or_else(|| Trouble::Damaged("its format is missing".to_owned()))?;
    let numbers = format.split_once('.').map(|(major, minor)| (major.parse::<u32>(), minor.parse::<u32>()));
    match numbers {
        Some((Ok(FORMAT_MAJOR), Ok(minor))) => Ok((FORMAT_MAJOR, minor)),
        Some((Ok(1), Ok(minor))) if minor <= LAST_MINOR_OF_1 => Ok((1, minor)),
        Some((Ok(major), Ok(_))) if major >= 1 => Err(Trouble::Newer(format)),
        _ => Err(Trouble::Damaged(format!("it says to have format {format:?}"))),
    }
}

fn meta<T: rusqlite::types::FromSql>(connection: &Connection, key: &str) -> rusqlite::Result<Option<T>> {
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}

fn create(connection: &mut Connection) -> Result<(), Trouble> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(Trouble::Random)?;

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    for tables in [TABLES, INDEXES, marks::TABLE, names::TABLES] {
        transaction.execute_batch(tables)?;
    }
    marks::put(&transaction, &HighMarks::default())?;
    let format = format!("{FORMAT_MAJOR}.{FORMAT_MINOR}");
    transaction.execute("INSERT INTO meta (key, value) VALUES ('format', ?1)", [format])?;
    transaction.execute("INSERT INTO meta (key, value) VALUES ('key', ?1)", [key])?;
    transaction.commit()?;
    Ok(())
}

/// Makes of a database of format 1 what this release has, after a copy has been written beside it.
///
/// The table of names is read through and becomes a slice, and the indexes are built anew. Like the copy
/// that takes as long as the database is large, once.
fn migrate(
    connection: &mut Connection,
    path: &Path,
    (major, minor): (u32, u32),
    names: NameOptions,
) -> Result<(), Trouble> {
    let copy = path.with_file_name(format!("{DATABASE}.format-{major}.{minor}"));
    // One that was left by a migration which did not come to its end.
    match fs::remove_file(&copy) {
        Ok(()) => (),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (),
        Err(error) => return Err(Trouble::Io(error)),
    }
    open_private(&copy).map_err(Trouble::Io)?;
    let copy = copy.to_str().ok_or_else(|| Trouble::Io(io::Error::other("the path is not UTF-8")))?;
    connection.execute("VACUUM INTO ?1", [copy])?;

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (name, kind) in ADDED_COLUMNS {
        let known = "SELECT count(*) FROM pragma_table_info('execution') WHERE name = ?1";
        if transaction.query_row(known, [name], |row| row.get::<_, u32>(0))? == 0 {
            transaction.execute_batch(&format!("ALTER TABLE execution ADD COLUMN {name} {kind}"))?;
        }
    }
    for index in OLD_INDEXES {
        transaction.execute_batch(&format!("DROP INDEX IF EXISTS {index}"))?;
    }
    transaction.execute_batch(INDEXES)?;
    let high_marks = marks::read_of_format_1(&transaction)?;
    transaction.execute_batch("DROP TABLE mark")?;
    transaction.execute_batch(marks::TABLE)?;
    marks::put(&transaction, &high_marks)?;
    transaction.execute_batch(names::TABLES)?;
    names::take_over(&transaction, names)?;
    transaction.execute_batch("DROP TABLE name")?;
    let format = format!("{FORMAT_MAJOR}.{FORMAT_MINOR}");
    transaction.execute("UPDATE meta SET value = ?1 WHERE key = 'format'", [format])?;
    transaction.commit()?;
    Ok(())
}

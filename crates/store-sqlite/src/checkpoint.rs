//! The checkpoint gate: how the write-ahead log stays small under a writer that does not pause.
//!
//! A PASSIVE checkpoint by another connection copies the log into the database beside the writer, and
//! yet the log never starts over: when the copying ends, the writer has already appended more (2 GiB
//! after 25 s were measured). A RESTART checkpoint makes it start over, and holds the writer up for
//! seconds if it has all to copy. So both: a thread does PASSIVE ones as the log grows, and the
//! committer, above [`WAL_BYTES_MAX`], waits until none runs and does a RESTART one itself. Little is
//! left to copy then, nobody appends meanwhile, and the next commit writes at the log's beginning.
//!
//! A RESTART checkpoint flushes the database, and a PASSIVE one beside a writer does not: left to themselves
//! the pages that all of them copied would be written to the disk while the committer waits (15 to 20 ms were
//! measured for a log of 64 MiB). And whoever flushes much holds up the commits beside it as well, because the
//! disk is one. So the thread copies little at a time, and flushes what it has copied.
//!
//! To ask SQLite for the log's state is a pragma, and a pragma is parsed anew each time it runs. So a commit
//! only hears from a hook how long the log has become, and asks once it has grown by [`LOOK_BYTES`].

use std::cell::Cell;
use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

/// The size of the log above which the committer makes it start over.
const WAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The size of the log above which nothing is written that can wait until it starts over.
const WAL_BYTES_FOR_SWEEPS: u64 = WAL_BYTES_MAX / 4 * 3;

/// How much of the log may wait to be copied before the thread is woken.
const PENDING_BYTES: u64 = 2 * 1024 * 1024;

/// How much the log may grow after a reader was in the way, before the committer tries again.
const RETRY_BYTES: u64 = 8 * 1024 * 1024;

/// How much the log may grow before the committer asks how much of it waits to be copied.
const LOOK_BYTES: u64 = 2 * 1024 * 1024;

/// How long the committer waits for readers of the log's end to finish.
const READERS_TIMEOUT: Duration = Duration::from_millis(50);

/// The size of a frame of the log: a page and its header.
const FRAME_BYTES: u64 = 4096 + 24;

thread_local! {
    /// How many pages the log had after the last commit on this thread, until somebody takes note. SQLite
    /// runs the hook within the commit, and it may be a function only, so this is where the two meet.
    static PAGES: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on [`Gate::tend`] knows how long the log is after a commit of this connection.
pub(crate) fn listen(connection: &Connection) {
    fn note(_: &Wal, pages: c_int) -> rusqlite::Result<()> {
        PAGES.set(u64::try_from(pages).ok());
        Ok(())
    }
    connection.wal_hook(Some(note));
}

/// The log, as one of SQLite's connections sees it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WalSize {
    /// How many bytes of it are in use.
    bytes: u64,
    /// How many of them are not in the database yet.
    pending_bytes: u64,
    /// Whether a reader or another checkpoint was in the way.
    busy: bool,
}

impl WalSize {
    /// Reads it, and does nothing else.
    pub fn read(connection: &Connection) -> rusqlite::Result<WalSize> {
        WalSize::checkpoint(connection, "NOOP")
    }

    /// Runs a checkpoint of this mode.
    pub fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<WalSize> {
        let mut pragma = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
        pragma.query_row([], |row| {
            // Both are -1 where there is no log.
            let frames = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            let copied = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
            Ok(WalSize {
                bytes: frames * FRAME_BYTES,
                pending_bytes: frames.saturating_sub(copied) * FRAME_BYTES,
                busy: row.get(0)?,
            })
        })
    }
}

/// What the committer and the thread share.
pub(crate) struct Gate {
    state: Mutex<State>,
    /// Told when there is something to copy, and at the end.
    changed: Condvar,
    /// Held by whoever runs a checkpoint.
    running: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The log when it was last looked at.
    size: WalSize,
    is_due: bool,
    is_ended: bool,
    /// Why a checkpoint of the thread failed.
    failure: Option<String>,
    /// At this size the committer tries again to start the log over.
    retry_bytes: u64,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the state")
    }

    fn running(&self) -> MutexGuard<'_, ()> {
        self.running.lock().expect("no checkpoint panics")
    }

    /// Why a checkpoint of the thread failed, if one did.
    pub fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// Whether the log has room for what can wait. If not, the thread is woken: once it has copied all,
    /// or the committer has, the log starts over.
    pub fn has_room(&self) -> bool {
        let mut state = self.state();
        let has_room = state.size.bytes < WAL_BYTES_FOR_SWEEPS || state.size.pending_bytes == 0;
        if !has_room {
            state.is_due = true;
            self.changed.notify_one();
        }
        has_room
    }

    /// What a sweep does after each slice. It never makes the log start over, for that can hold commits
    /// up.
    pub fn tend_after_slice(&self, size: WalSize) {
        let mut state = self.state();
        state.size = size;
        if size.pending_bytes >= PENDING_BYTES {
            state.is_due = true;
            self.changed.notify_one();
        }
    }

    /// What the committer does after each commit, on the same thread.
    pub fn tend(&self, committer: &Connection) -> rusqlite::Result<()> {
        // A batch of nothing leaves the log alone.
        let Some(pages) = PAGES.take() else { return Ok(()) };
        let looked_at = self.state().size.bytes;
        // Shorter than it was: it has started over.
        if (looked_at..looked_at + LOOK_BYTES).contains(&(pages * FRAME_BYTES)) {
            return Ok(());
        }
        let size = WalSize::read(committer)?;
        self.state().size = size;
        if size.bytes >= WAL_BYTES_MAX {
            if size.bytes < self.state().retry_bytes {
                return Ok(());
            }
            let _running = self.running();
            if self.state().failure.is_some() {
                return Ok(());
            }
            committer.busy_timeout(READERS_TIMEOUT)?;
            let after = WalSize::checkpoint(committer, "RESTART");
            committer.busy_timeout(crate::open::BUSY_TIMEOUT)?;
            let after = after?;
            let mut state = self.state();
            state.size = after;
            state.retry_bytes = if after.busy { size.bytes + RETRY_BYTES } else { 0 };
        } else if size.pending_bytes >= PENDING_BYTES {
            let mut state = self.state();
            state.retry_bytes = 0;
            state.is_due = true;
            self.changed.notify_one();
        }
        Ok(())
    }
}

/// The thread that copies the log into the database beside the committer.
pub(crate) struct Checkpointer {
    gate: Arc<Gate>,
    thread: Option<JoinHandle<File>>,
    /// Of a thread that has ended. To close it takes the locks of all SQLite's connections to the same file
    /// away, so it stays open as long as they do.
    database: Option<File>,
}

impl Checkpointer {
    /// Starts it on a connection of its own, and on the file that this leads to. That is flushed if the
    /// connection flushes.
    pub fn start(connection: Connection, database: File) -> io::Result<Checkpointer> {
        let synchronous: u8 =
            connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(io::Error::other)?;
        let gate = Arc::new(Gate {
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
            running: Mutex::new(()),
        });
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn({
            let gate = gate.clone();
            move || {
                copy_as_due(&gate, &connection, &database, synchronous > 0);
                database
            }
        })?;
        Ok(Checkpointer { gate, thread: Some(thread), database: None })
    }

    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Waits until the thread has ended and closed its connection.
    pub fn stop(&mut self) {
        self.gate.state().is_ended = true;
        self.gate.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has no panic to tell of; and if it had, the store is being closed anyway.
            self.database = thread.join().ok();
        }
    }
}

fn copy_as_due(gate: &Gate, connection: &Connection, database: &File, is_flushed: bool) {
    loop {
        {
            let mut state = gate.state();
            while !state.is_due && !state.is_ended {
                state = gate.changed.wait(state).expect("nobody panics while holding the state");
            }
            if state.is_ended {
                return;
            }
            state.is_due = false;
        }
        let pending_bytes = gate.state().size.pending_bytes;
        let _running = gate.running();
        let copied = WalSize::checkpoint(connection, "PASSIVE").map_err(|error| error.to_string());
        let flushed = copied.and_then(|size| {
            // A reader may be in the way of all there is.
            if is_flushed && size.pending_bytes < pending_bytes {
                database.sync_data().map_err(|error| error.to_string())?;
            }
            Ok(size)
        });
        match flushed {
            Ok(size) => gate.state().size = size,
            Err(error) => {
                gate.state().failure = Some(format!("a checkpoint failed: {error}"));
                return;
            }
        }
    }
}

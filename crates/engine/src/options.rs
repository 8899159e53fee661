//! What can be set about an engine.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use stepwell_model::Limits;

use crate::history_log::HistoryLog;

/// Hears what an operator should know.
pub type Log = Arc<dyn Fn(LogEvent) + Send + Sync>;

/// Draws a number that nobody can foretell and that does not repeat.
pub type Seed = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What can be set about an engine.
#[derive(Clone)]
pub struct EngineOptions {
    /// How many threads decide. At least 1, at most 256.
    pub shards: usize,
    /// The limits in force.
    pub limits: Limits,
    /// How many executions that only wait each shard keeps in memory; the others are stubs.
    pub resident_max: usize,
    /// After how many further history events an execution that is dropped from memory leaves a snapshot,
    /// from which it is rebuilt. At least 1.
    pub snapshot_events: u64,
    /// How many states an execution may enter before others get their turn.
    pub fuel: u32,
    /// How many Express executions may be under way in shards; more are answered with
    /// [`EngineError::Busy`](crate::EngineError::Busy).
    pub express_open_max: u64,
    /// How much memory the Express executions that ended last may take, in bytes, roughly; 0 keeps none.
    pub recent_express_bytes_max: usize,
    /// Where more of them are kept, and across a restart; `None` if they are not.
    pub recent_express_disk: Option<RecentDisk>,
    /// Hears what an operator should know.
    pub log: Log,
    /// Hears the events of executions that log; `None` if nobody does.
    pub history_log: Option<HistoryLog>,
    /// Seeds executions and makes revision ids.
    pub seed: Seed,
    /// Bounds the time of one expression.
    pub stopwatch: Stopwatch,
    /// The promise that is broken, if one is.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<crate::Sabotage>,
}

impl Default for EngineOptions {
    /// What suits this machine; the log goes nowhere.
    fn default() -> EngineOptions {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        EngineOptions {
            // Connections, the committer and the store want their share of the cores.
            shards: (cores / 2).clamp(1, 8),
            limits: Limits::default(),
            resident_max: 2_000,
            snapshot_events: 128,
            fuel: 256,
            express_open_max: 100_000,
            recent_express_bytes_max: 32 * 1024 * 1024,
            recent_express_disk: None,
            log: Arc::new(|_| ()),
            history_log: None,
            seed: random_seeds(),
            stopwatch: Arc::new(thread_ms),
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }
}

/// Where Express executions that ended are kept on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentDisk {
    /// The folder of its files, and of nothing else; made when the first is written.
    pub folder: PathBuf,
    /// How many bytes they may take; 0 keeps none.
    pub bytes_max: u64,
}

/// Milliseconds since some moment, by a clock that never goes back on the thread that asks.
pub type Stopwatch = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The time that the thread that asks has had a processor for, in milliseconds: while others have it, no
/// expression gets on.
///
/// The system needs a microsecond to tell it, and most expressions take less. So it is asked once a
/// millisecond at most; until then what it said is less than a millisecond old by any clock.
pub(crate) fn thread_ms() -> u64 {
    thread_local! {
        static SAID: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
    }
    let now = Instant::now();
    match SAID.get() {
        Some((asked, said_ms)) if now.duration_since(asked) < Duration::from_millis(1) => said_ms,
        _ => {
            let time = clock_gettime(ClockId::ThreadCPUTime);
            let said_ms = time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000;
            SAID.set(Some((now, said_ms)));
            said_ms
        }
    }
}

/// Seeds from a random start: one draw from the system, then a walk that visits every 64-bit number
/// once before it repeats (SplitMix64).
pub fn random_seeds() -> Seed {
    let mut start = [0; 8];
    getrandom::fill(&mut start).expect("the system always has randomness once it has started");
    seeds_from(u64::from_le_bytes(start))
}

/// The same walk from a given start.
pub fn seeds_from(start: u64) -> Seed {
    let state = AtomicU64::new(start);
    Arc::new(move || {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// Something an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// How much it matters.
    pub level: LogLevel,
    /// A stable name in snake case.
    pub event: &'static str,
    /// What happened, in words.
    pub message: String,
    /// The ARN of the execution it happened to, where the store knows it.
    pub execution_arn: Option<String>,
}

/// How much a [`LogEvent`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Somebody has to act.
    Error,
    /// Somebody may want to look.
    Warning,
    /// Good to know.
    Info,
}

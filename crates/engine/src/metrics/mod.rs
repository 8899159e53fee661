//! What happened to the executions of each machine, minute by minute: how many started and ended, how
//! many were open, how long they took. Standard and Express ones.
//!
//! | kept        | for                     | in the store's catalogue                |
//! |-------------|-------------------------|-----------------------------------------|
//! | minutes     | 24 hours                | `metrics/MACHINE/m/MINUTE`              |
//! | hours       | the retention           | `metrics/MACHINE/h/HOUR`                |
//!
//! A minute in which nothing happened takes no room. An hour is made of its minutes when they go. If
//! there are very many minutes and hours they go sooner, the oldest first.
//!
//! What is counted is durable, but the counts themselves are written without haste, by the
//! [`keeper`], once a minute and at a clean stop: after a crash those since are missing. Only how many
//! executions are open is always right, because the store is asked when the engine is opened.
//!
//! Counting is one short lock of the machine's own and finds its place without a search.

mod codec;
mod histogram;
pub(crate) mod keeper;
mod read;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use stepwell_asl::Execution;
use stepwell_model::{ExecutionStatus, Timestamp};

use self::histogram::Histogram;

pub use histogram::ExecutionTime;
pub use read::{MachineCounts, MetricPoint, MetricSeries};

const MINUTE_MS: u64 = 60_000;
const MINUTES_PER_HOUR: u64 = 60;

/// For how long minutes are kept, in hours. Hours go whole.
const MINUTES_KEPT_HOURS: u64 = 24;

/// The counts of all machines.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    meters: Mutex<HashMap<u64, Arc<Meter>>>,
    /// Keys in the store of which nothing is left in memory.
    stale: Mutex<Vec<String>>,
    /// Whether there is something to be written.
    changed: Arc<AtomicBool>,
    /// Held by whoever writes: who comes second finds all durable that the first one took.
    writing: Mutex<()>,
}

/// The counts of one machine.
#[derive(Debug)]
pub(crate) struct Meter {
    changed: Arc<AtomicBool>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// How many executions are open now.
    open: u64,
    /// By their number since the epoch, ascending.
    minutes: VecDeque<(u64, Minute)>,
    /// Those whose minutes are gone.
    hours: BTreeMap<u64, Tally>,
}

#[derive(Debug, Default)]
struct Minute {
    tally: Tally,
    /// Whether it is not in the store as it is here.
    unwritten: bool,
}

/// What happened in a minute or an hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Tally {
    started: u64,
    /// By the code of the status, less one: none of them is running.
    ended: [u64; 4],
    /// How many executions were open at its end.
    open: u64,
    /// The moment of the last start; 0 if there was none.
    last_start_ms: u64,
    times: Histogram,
}

/// What became of an execution, to be counted once it is durable.
#[derive(Debug)]
pub struct Measured {
    pub(crate) meter: Arc<Meter>,
    pub(crate) news: News,
}

/// What became of an execution.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct News {
    /// When it was started, if that is new.
    pub(crate) started_at: Option<Timestamp>,
    /// How and when it ended, if it did, and when it had begun.
    pub(crate) ended: Option<Ended>,
    /// Whether it was counted among the open ones before, and whether it is to be now.
    pub(crate) open: (bool, bool),
    /// When this is.
    pub(crate) at: Timestamp,
}

/// The end of an execution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) status: ExecutionStatus,
    pub(crate) began_at: Timestamp,
    pub(crate) at: Timestamp,
}

impl Metrics {
    /// The meter of the machine of this number.
    pub(crate) fn meter(&self, machine: u64) -> Arc<Meter> {
        let new = || {
            let counts = Mutex::new(Counts::default());
            Arc::new(Meter { changed: self.changed.clone(), counts })
        };
        self.meters().entry(machine).or_insert_with(new).clone()
    }

    /// Drops what is known of a machine that is gone.
    pub(crate) fn forget(&self, machine: u64) {
        let Some(meter) = self.meters().remove(&machine) else { return };
        let keys = meter.counts().keys(machine);
        self.stale().extend(keys);
        self.changed.store(true, Ordering::Relaxed);
    }

    fn meters(&self) -> MutexGuard<'_, HashMap<u64, Arc<Meter>>> {
        self.meters.lock().expect("nobody panics while holding the meters")
    }

    fn stale(&self) -> MutexGuard<'_, Vec<String>> {
        self.stale.lock().expect("nobody panics while holding the stale keys")
    }

    fn all(&self) -> Vec<(u64, Arc<Meter>)> {
        self.meters().iter().map(|(machine, meter)| (*machine, meter.clone())).collect()
    }
}

impl Ended {
    /// The end of an execution, if it has ended.
    pub(crate) fn of(execution: &Execution) -> Option<Ended> {
        let at = execution.closed_at()?;
        Some(Ended { status: execution.status(), began_at: execution.started_at(), at })
    }
}

impl Measured {
    /// Counts it: it is durable.
    pub fn count(&self) {
        self.meter.count(&self.news);
    }
}

impl Meter {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("nobody panics while counting")
    }

    /// Says how many executions were open when the engine was opened.
    pub(crate) fn begin_with(&self, open: u64) {
        self.counts().open = open;
    }

    /// Counts what became of an execution.
    pub(crate) fn count(&self, news: &News) {
        let mut counts = self.counts();
        counts.open = match news.open {
            (false, true) => counts.open + 1,
            (true, false) => counts.open.saturating_sub(1),
            (true, true) | (false, false) => counts.open,
        };
        if let Some(started_at) = news.started_at {
            let tally = counts.at(started_at);
            tally.started += 1;
            tally.last_start_ms = tally.last_start_ms.max(started_at.epoch_ms);
        }
        if let Some(Ended { status, began_at, at }) = news.ended
            && let Some(index) = usize::from(status.code()).checked_sub(1)
        {
            let tally = counts.at(at);
            tally.ended[index] += 1;
            tally.times.add(at.epoch_ms.saturating_sub(began_at.epoch_ms));
        } else if news.started_at.is_none() && news.open.0 != news.open.1 {
            // A redrive: it is open again from now on.
            counts.at(news.at);
        }
        drop(counts);
        // Mostly it is set, and then its line of the cache stays where it is.
        if !self.changed.load(Ordering::Relaxed) {
            self.changed.store(true, Ordering::Relaxed);
        }
    }
}

impl Counts {
    /// The tally of a moment, which is mostly the last one; it has the number of the open ones.
    fn at(&mut self, moment: Timestamp) -> &mut Tally {
        let minute = moment.epoch_ms / MINUTE_MS;
        let place = match self.minutes.back() {
            Some((last, _)) if *last == minute => self.minutes.len() - 1,
            Some((last, _)) if *last > minute => self.minutes.partition_point(|(at, _)| *at < minute),
            Some(_) | None => self.minutes.len(),
        };
        if self.minutes.get(place).is_none_or(|(at, _)| *at != minute) {
            self.minutes.insert(place, (minute, Minute::default()));
        }
        let (_, found) = &mut self.minutes[place];
        found.unwritten = true;
        found.tally.open = self.open;
        &mut found.tally
    }

    /// The keys of all there is.
    fn keys(&self, machine: u64) -> Vec<String> {
        let minutes = self.minutes.iter().map(|(minute, _)| codec::minute_key(machine, *minute));
        minutes.chain(self.hours.keys().map(|hour| codec::hour_key(machine, *hour))).collect()
    }
}

impl Tally {
    /// Takes in what happened later.
    fn add(&mut self, later: &Tally) {
        self.started += later.started;
        for (total, more) in self.ended.iter_mut().zip(later.ended) {
            *total += more;
        }
        self.open = later.open;
        self.last_start_ms = self.last_start_ms.max(later.last_start_ms);
        self.times.merge(&later.times);
    }
}

//! What the engine counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::messages::Counts;

/// What the engine has done since it was opened, and what it holds. All that is counted is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineStats {
    /// Executions started.
    pub started: u64,
    /// Executions that succeeded.
    pub succeeded: u64,
    /// Executions that failed.
    pub failed: u64,
    /// Executions that timed out.
    pub timed_out: u64,
    /// Executions that were stopped.
    pub aborted: u64,
    /// Redrives. One that was redriven ends, and is counted, once more.
    pub redriven: u64,
    /// Closed executions that were removed when their retention ended.
    pub swept: u64,
    /// States entered.
    pub transitions: u64,
    /// Events recorded, those that AWS does not show included.
    pub events: u64,
    /// Batches written.
    pub commits: u64,
    /// Chunks written.
    pub chunks: u64,
    /// Bytes of the bodies of these chunks.
    pub chunk_bytes: u64,
    /// Outcomes of tasks that came too late to matter.
    pub late_outcomes: u64,
    /// Express executions that ended and were written to disk, to be read for a while.
    pub express_kept: u64,
    /// Express executions that ended and were not written to disk: for want of time or of room, or
    /// because the disk does not take them.
    pub express_not_kept: u64,
    /// Executions in memory as a whole.
    pub resident: u64,
    /// Executions in memory as stubs.
    pub stubs: u64,
    /// Executions set aside because their journal or their definition cannot be read.
    pub set_aside: u64,
    /// Tasks under way at integrations.
    pub tasks_running: u64,
    /// Tasks that wait for a slot or a worker.
    pub tasks_queued: u64,
    /// Workers that wait for a task of an activity.
    pub workers_waiting: u64,
}

impl EngineStats {
    /// Executions closed.
    pub fn closed(&self) -> u64 {
        self.succeeded + self.failed + self.timed_out + self.aborted
    }
}

/// The counters behind [`EngineStats`].
#[derive(Debug, Default)]
pub(crate) struct Stats {
    started: AtomicU64,
    closed: [AtomicU64; 5],
    redriven: AtomicU64,
    swept: AtomicU64,
    transitions: AtomicU64,
    events: AtomicU64,
    commits: AtomicU64,
    chunks: AtomicU64,
    chunk_bytes: AtomicU64,
    late_outcomes: AtomicU64,
    shards: Vec<Gauges>,
}

#[derive(Debug, Default)]
struct Gauges {
    resident: AtomicU64,
    stubs: AtomicU64,
    set_aside: AtomicU64,
}

impl Stats {
    pub(crate) fn new(shards: usize) -> Stats {
        Stats { shards: (0..shards).map(|_| Gauges::default()).collect(), ..Stats::default() }
    }

    /// A turn is durable.
    pub(crate) fn count(&self, counts: &Counts) {
        add(&self.started, counts.started);
        for (total, more) in self.closed.iter().zip(counts.closed) {
            add(total, more);
        }
        add(&self.redriven, counts.redriven);
        add(&self.transitions, counts.transitions);
        add(&self.events, counts.events);
    }

    /// A batch is durable.
    pub(crate) fn count_commit(&self, chunks: usize, bytes: usize) {
        add(&self.commits, 1);
        add(&self.chunks, chunks as u64);
        add(&self.chunk_bytes, bytes as u64);
    }

    /// Executions are gone.
    pub(crate) fn count_swept(&self, executions: u64) {
        add(&self.swept, executions);
    }

    pub(crate) fn count_late_outcome(&self) {
        add(&self.late_outcomes, 1);
    }

    /// What a shard holds now.
    pub(crate) fn gauge(&self, shard: usize, resident: usize, stubs: usize, set_aside: usize) {
        let gauges = &self.shards[shard];
        gauges.resident.store(resident as u64, Ordering::Relaxed);
        gauges.stubs.store(stubs as u64, Ordering::Relaxed);
        gauges.set_aside.store(set_aside as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> EngineStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let sum = |gauge: fn(&Gauges) -> &AtomicU64| self.shards.iter().map(|shard| get(gauge(shard))).sum();
        let [_running, succeeded, failed, timed_out, aborted] = &self.closed;
        EngineStats {
            started: get(&self.started),
            succeeded: get(succeeded),
            failed: get(failed),
            timed_out: get(timed_out),
            aborted: get(aborted),
            redriven: get(&self.redriven),
            swept: get(&self.swept),
            transitions: get(&self.transitions),
            events: get(&self.events),
            commits: get(&self.commits),
            chunks: get(&self.chunks),
            chunk_bytes: get(&self.chunk_bytes),
            late_outcomes: get(&self.late_outcomes),
            resident: sum(|shard| &shard.resident),
            stubs: sum(|shard| &shard.stubs),
            set_aside: sum(|shard| &shard.set_aside),
            ..EngineStats::default()
        }
    }
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

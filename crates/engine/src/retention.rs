//! Retention: an execution is kept for a while after it was closed, then it is gone.
//!
//! A round begins by saying which executions are gone: those that were closed before a moment. From
//! then on no shard and no reader finds them, whatever the store still has. Then it waits until all
//! that shards decided before they knew is durable: an execution that was opened again just in time is
//! open in the store by then, and none that is gone can be opened any more. Only then does it sweep
//! the store, slice by slice.
//!
//! Nothing is written down of all this: the next run begins anew.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use stepwell_model::Timestamp;
use stepwell_store::{StoreError, Swept};
use tokio::sync::oneshot;

use crate::commons::Commons;
use crate::messages::Message;
use crate::options::LogLevel;
use crate::runtime::Wires;

/// How many chunks go at once: a millisecond or two of the store.
const ROWS_MAX: usize = 512;

/// The longest from one round to the next, by the engine's clock. A shorter retention is swept more
/// often, twenty times while it lasts.
const INTERVAL_MAX_MS: u64 = 60_000;

/// How often the clock is looked at: it may be put forward.
const LOOK: Duration = Duration::from_millis(500);

/// The shortest pause between two slices.
const PAUSE_MIN: Duration = Duration::from_millis(1);

impl Commons {
    /// Begins a round: what was closed so long ago that its retention has ended is gone from now on.
    /// Gives the moment before which it was closed; `None` if nothing can be that old.
    pub fn expire(&self, now: Timestamp) -> Option<Timestamp> {
        // A moment is part of what it ends: closed at 0 and kept for 10, it is there at 9 and not at 10.
        let retention_ms = self.options.limits.retention_seconds.saturating_mul(1_000);
        let before = now.epoch_ms.saturating_add(1).saturating_sub(retention_ms);
        let before = before.max(self.expired_before.fetch_max(before, Ordering::AcqRel));
        (before > 0).then_some(Timestamp::from_epoch_ms(before))
    }

    /// Removes some of what is gone; `before` is what [`expire`](Commons::expire) gave. All that shards
    /// had decided by then must be durable.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn sweep(&self, before: Timestamp, rows_max: usize) -> Result<Swept, StoreError> {
        let swept = self.store.sweep(before, rows_max)?;
        self.stats.count_swept(swept.executions);
        if swept.executions > 0 {
            self.changes.tell_of_sweep();
        }
        Ok(swept)
    }

    /// What was closed before this moment is gone. Never goes back, though the clock may: a round that
    /// is under way must not remove what comes to its end meanwhile.
    pub(crate) fn expired_before(&self) -> Timestamp {
        Timestamp::from_epoch_ms(self.expired_before.load(Ordering::Acquire))
    }

    /// Whether an execution that was closed then is gone.
    pub(crate) fn is_gone(&self, closed_at: Option<Timestamp>) -> bool {
        closed_at.is_some_and(|closed_at| closed_at < self.expired_before())
    }
}

/// Ends the thread, also in the middle of a pause.
#[derive(Default)]
pub(crate) struct Stopper {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stopper {
    /// The thread is to end.
    pub(crate) fn stop(&self) {
        *self.stopped() = true;
        self.changed.notify_all();
    }

    /// Waits for so long; false if the thread is to end.
    pub(crate) fn pause(&self, pause: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.stopped(), pause, |stopped| !*stopped);
        !*waited.expect("nobody panics while holding it").0
    }

    fn stopped(&self) -> MutexGuard<'_, bool> {
        self.stopped.lock().expect("nobody panics while holding it")
    }
}

/// The thread of the sweep.
pub(crate) fn run(wires: &Wires, stopper: &Stopper) {
    let commons = &wires.commons;
    let retention_ms = commons.options.limits.retention_seconds.saturating_mul(1_000);
    let interval_ms = (retention_ms / 20).clamp(1, INTERVAL_MAX_MS);
    let mut last_round: Option<Timestamp> = None;
    while commons.stopped().is_none() {
        let now = wires.clock.now();
        // A clock that was set back must not end it.
        let is_due = last_round.is_none_or(|last| now < last || now >= last.after(ms(interval_ms)));
        if is_due {
            last_round = Some(now);
            if let Err(error) = round(wires, now, stopper) {
                let text = format!("what is older than the retention stays for now: {error}");
                commons.log(LogLevel::Warning, "retention_interrupted", text, None);
            }
        }
        if !stopper.pause(LOOK.min(ms(interval_ms))) {
            return;
        }
    }
}

fn round(wires: &Wires, now: Timestamp, stopper: &Stopper) -> Result<(), StoreError> {
    let Some(before) = wires.commons.expire(now) else { return Ok(()) };
    if !is_all_durable(wires) {
        return Ok(());
    }
    loop {
        let began = Instant::now();
        let swept = wires.commons.sweep(before, ROWS_MAX)?;
        // As long a pause as the work took: half of a disk or a core at most.
        if !swept.more || !stopper.pause(began.elapsed().max(PAUSE_MIN)) {
            return Ok(());
        }
    }
}

/// Waits until everything that shards have decided is durable. False if that will never be.
fn is_all_durable(wires: &Wires) -> bool {
    let mut answers = Vec::new();
    for mailbox in &wires.mailboxes {
        let (reply, answer) = oneshot::channel();
        mailbox.tell(Message::Barrier { reply });
        answers.push(answer);
    }
    answers.into_iter().all(|answer| matches!(answer.blocking_recv(), Ok(Ok(()))))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A thread that does what takes its time, for as long as the engine has it.
pub(crate) struct Chore {
    stopper: Arc<Stopper>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Chore {
    /// Starts it.
    pub(crate) fn start(
        wires: &Arc<Wires>,
        name: &str,
        body: fn(&Wires, &Stopper),
    ) -> std::io::Result<Chore> {
        let stopper = Arc::new(Stopper::default());
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn({
            let (wires, stopper) = (wires.clone(), stopper.clone());
            move || body(&wires, &stopper)
        })?;
        Ok(Chore { stopper, thread: Some(thread) })
    }

    /// Says that it is to end.
    pub(crate) fn stop(&self) {
        self.stopper.stop();
    }

    /// Waits for its end. What it waits for itself must have ended.
    pub(crate) fn join(&mut self) {
        let own = std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != own) {
            // It has no panic to tell of: the store's, if any, is heard by the next commit.
            let _ = thread.join();
        }
    }
}

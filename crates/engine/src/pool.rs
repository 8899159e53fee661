//! The compute pool: threads that decide what shards lend, so that no long expression and no endless loop
//! holds up the others of a shard.
//!
//! There are as many threads as there may be loans, and they give way to all others: they run at a lower
//! priority, and offer their processor again and again, because the system takes it from nobody in the midst
//! of his slice. So what shards hear, commit and answer comes first, and the pool has all that is left.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::mailbox::Mailbox;
use crate::messages::Message;
use crate::options::thread_ms;
use crate::shard::Loan;

/// The queue in front of the pool. Bounded by what shards lend at a time.
pub(crate) struct Pool {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// What is lent, with the shard that it goes back to.
    waiting: VecDeque<(usize, Loan)>,
    closed: bool,
}

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool { state: Mutex::default(), wake: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the queue of the pool")
    }

    /// Lends what a shard has to lend; after closing, it is dropped.
    pub(crate) fn lend(&self, shard: usize, loans: Vec<Loan>) {
        for loan in loans {
            let mut state = self.state();
            if !state.closed {
                state.waiting.push_back((shard, loan));
                drop(state);
                self.wake.notify_one();
            }
        }
    }

    /// Nothing more is decided.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let dropped = std::mem::take(&mut state.waiting);
        drop(state);
        drop(dropped);
        self.wake.notify_all();
    }

    /// The next to decide; `None` when there will be nothing any more.
    fn take(&self) -> Option<(usize, Loan)> {
        let waits = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let state = self.wake.wait_while(self.state(), waits);
        state.expect("nobody panics while holding the queue of the pool").waiting.pop_front()
    }
}

/// A thread of the pool.
pub(crate) fn run(pool: &Pool, mailboxes: &[Arc<Mailbox>]) {
    give_way();
    while let Some((shard, mut loan)) = pool.take() {
        loan.decide(&elapsed_ms);
        mailboxes[shard].tell(Message::Returned(Box::new(loan)));
    }
}

/// The clock of the pool. Offers the processor to whoever waits for it.
fn elapsed_ms() -> u64 {
    std::thread::yield_now();
    thread_ms()
}

/// How much nicer than the others a thread of the pool is: one of a tenth of their weight.
#[cfg(target_os = "linux")]
const NICER_BY: i32 = 10;

/// Lowers the priority of this thread. That it cannot be lowered is no trouble: it still offers its
/// processor.
#[cfg(target_os = "linux")]
fn give_way() {
    let _ = rustix::process::nice(NICER_BY);
}

/// Elsewhere a thread has no priority of its own.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

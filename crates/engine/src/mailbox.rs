//! Where a shard's thread finds what there is to hear.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::messages::Message;
use crate::requests::EngineError;

/// The queue in front of a shard. Calls are refused when it is full; what shards, integrations and
/// the committer have to say always finds room, and is bounded by what is under way.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    wake: Condvar,
    calls_max: usize,
}

struct State {
    messages: VecDeque<Message>,
    committed: u64,
    nudged: bool,
    closed: bool,
}

/// What a shard's thread found.
pub(crate) struct Mail {
    pub(crate) messages: VecDeque<Message>,
    /// The last turn that is durable.
    pub(crate) committed: u64,
    /// Whether it is over.
    pub(crate) closed: bool,
}

impl Mailbox {
    pub(crate) fn new(calls_max: usize) -> Mailbox {
        let state = State { messages: VecDeque::new(), committed: 0, nudged: false, closed: false };
        Mailbox { state: Mutex::new(state), wake: Condvar::new(), calls_max }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding a mailbox")
    }

    /// Puts in what a caller wants.
    pub(crate) fn call(&self, message: Message) -> Result<(), EngineError> {
        let mut state = self.state();
        if state.messages.len() >= self.calls_max {
            return Err(EngineError::Busy);
        }
        if !state.closed {
            state.messages.push_back(message);
            self.wake(&state);
        }
        Ok(())
    }

    /// Puts in what is said within.
    pub(crate) fn tell(&self, message: Message) {
        let mut state = self.state();
        if !state.closed {
            state.messages.push_back(message);
            self.wake(&state);
        }
    }

    /// All turns up to this one are durable.
    pub(crate) fn committed(&self, turn: u64) {
        let mut state = self.state();
        state.committed = state.committed.max(turn);
        self.wake(&state);
    }

    /// Has the thread look at its next moment again.
    pub(crate) fn nudge(&self) {
        let mut state = self.state();
        state.nudged = true;
        self.wake(&state);
    }

    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        // The callers hear of it by their replies being dropped.
        state.messages.clear();
        self.wake(&state);
    }

    fn wake(&self, _held: &State) {
        self.wake.notify_one();
    }

    /// Waits until there is something to do, `pause` at most. With `commits_only` messages are left
    /// where they are: too many turns are under way.
    pub(crate) fn take(&self, seen: u64, pause: Option<Duration>, commits_only: bool) -> Mail {
        let until = pause.map(|pause| Instant::now() + pause);
        let mut state = self.state();
        loop {
            let mail = !commits_only && (!state.messages.is_empty() || state.nudged);
            if state.closed || mail || state.committed > seen {
                break;
            }
            state = match until {
                None => self.wake.wait(state).expect("nobody panics while holding a mailbox"),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.wake.wait_timeout(state, left).expect("nobody panics while holding a mailbox").0
                }
            };
        }
        let messages = if commits_only { VecDeque::new() } else { std::mem::take(&mut state.messages) };
        state.nudged &= commits_only;
        Mail { messages, committed: state.committed, closed: state.closed }
    }
}

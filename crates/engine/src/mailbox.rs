//! Where a shard's thread finds what there is to hear.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::messages::Message;
use crate::requests::EngineError;

/// So many messages wake a shard also while a turn of its is being written, so that not all that waits is
/// decided after the commit, when the committer has nothing to do.
const MESSAGES_AT_ONCE: usize = 32;

/// The queue in front of a shard. Calls are refused when it is full; what shards, integrations and
/// the committer have to say always finds room, and is bounded by what is under way.
pub(crate) struct Mailbox {
    state: Mutex<State>,
    wake: Condvar,
    calls_max: usize,
}

struct State {
    messages: VecDeque<Message>,
    /// Whether one of the messages leads to something that waits for no commit.
    is_urgent: bool,
    committed: u64,
    nudged: bool,
    closed: bool,
    /// What the shard's thread sleeps for, if it sleeps: its appetite, and the turn up to which it knows
    /// all to be durable.
    sleeper: Option<(Appetite, u64)>,
}

/// Which messages a shard's thread wakes for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appetite {
    /// For each.
    Any,
    /// For what waits for no commit, and for the others once there are many. A turn is being written, and
    /// what they lead to has to wait for the next one anyway: deciding many at once costs less than waking
    /// for each.
    Patient,
    /// For none: too many turns are under way. They are left where they are.
    None,
}

/// What a shard's thread found beside messages.
pub(crate) struct Mail {
    /// The last turn that is durable.
    pub(crate) committed: u64,
    /// Whether it is over.
    pub(crate) closed: bool,
}

impl State {
    /// Whether there is something to do for a thread with this appetite that has seen turns committed
    /// up to `seen`.
    fn wakes(&self, appetite: Appetite, seen: u64) -> bool {
        let mail = match appetite {
            Appetite::Any => self.nudged || !self.messages.is_empty(),
            Appetite::Patient => self.nudged || self.is_urgent || self.messages.len() >= MESSAGES_AT_ONCE,
            Appetite::None => false,
        };
        mail || self.closed || self.committed > seen
    }
}

impl Mailbox {
    pub(crate) fn new(calls_max: usize) -> Mailbox {
        let state = State {
            messages: VecDeque::new(),
            is_urgent: false,
            committed: 0,
            nudged: false,
            closed: false,
            sleeper: None,
        };
        Mailbox { state: Mutex::new(state), wake: Condvar::new(), calls_max }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding a mailbox")
    }

    /// Puts in what a caller wants.
    pub(crate) fn call(&self, message: Message) -> Result<(), EngineError> {
        let state = self.state();
        if state.messages.len() >= self.calls_max {
            return Err(EngineError::Busy);
        }
        self.put(state, message);
        Ok(())
    }

    /// Puts in what is said within.
    pub(crate) fn tell(&self, message: Message) {
        self.put(self.state(), message);
    }

    fn put(&self, mut state: MutexGuard<'_, State>, message: Message) {
        if !state.closed {
            state.is_urgent |= !message.waits_for_commit();
            state.messages.push_back(message);
            self.wake(state);
        }
    }

    /// All turns up to this one are durable.
    pub(crate) fn committed(&self, turn: u64) {
        let mut state = self.state();
        state.committed = state.committed.max(turn);
        self.wake(state);
    }

    /// Has the thread look at its next moment again.
    pub(crate) fn nudge(&self) {
        let mut state = self.state();
        state.nudged = true;
        self.wake(state);
    }

    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        // The callers hear of it by their replies being dropped.
        state.messages.clear();
        self.wake(state);
    }

    /// Wakes the thread if it sleeps and there is something to do: a call of the system, so not made
    /// in vain, nor with the lock that the thread is going to want.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let wakes = state.sleeper.is_some_and(|(appetite, seen)| state.wakes(appetite, seen));
        if wakes {
            state.sleeper = None;
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Waits until there is something to do, `pause` at most. The messages are put into `messages`, which
    /// is empty; its room is used for those that come next.
    pub(crate) fn take(
        &self,
        messages: &mut VecDeque<Message>,
        seen: u64,
        pause: Option<Duration>,
        appetite: Appetite,
    ) -> Mail {
        let until = pause.map(|pause| Instant::now() + pause);
        let mut state = self.state();
        while !state.wakes(appetite, seen) {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            state.sleeper = Some((appetite, seen));
            state = match left {
                None => self.wake.wait(state).expect("nobody panics while holding a mailbox"),
                Some(left) => {
                    self.wake.wait_timeout(state, left).expect("nobody panics while holding a mailbox").0
                }
            };
        }
        state.sleeper = None;
        if appetite != Appetite::None {
            std::mem::swap(messages, &mut state.messages);
            state.is_urgent = false;
            state.nudged = false;
        }
        Mail { committed: state.committed, closed: state.closed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Home;
    use crate::requests::{ExecutionKey, MachineKey, Place};
    use stepwell_model::{EntityId, TaskRef};

    fn urgent() -> Message {
        let execution = EntityId { partition: 0, number: 1 };
        Message::SlotGranted { task: TaskRef { execution, scheduled_event_id: 1 } }
    }

    fn patient() -> Message {
        let place = Place { account: "123456789012".into(), region: "us-east-1".into() };
        let key = ExecutionKey { machine: MachineKey { place, name: "m".into() }, name: "n".into() };
        let home = Home { partition: 0, name_key: [0; 16], generated: None };
        let (reply, _) = tokio::sync::oneshot::channel();
        Message::Redrive { key, home, client_token: None, reply }
    }

    fn wakes(mailbox: &Mailbox) -> [bool; 3] {
        [Appetite::Any, Appetite::Patient, Appetite::None].map(|appetite| mailbox.state().wakes(appetite, 7))
    }

    #[test]
    fn while_a_turn_is_written_a_shard_wakes_for_many_and_for_what_waits_for_no_commit() {
        let mailbox = Mailbox::new(1_000);
        assert_eq!(wakes(&mailbox), [false; 3]);
        for _ in 1..MESSAGES_AT_ONCE {
            mailbox.call(patient()).unwrap();
            assert_eq!(wakes(&mailbox), [true, false, false]);
        }
        mailbox.tell(patient());
        assert_eq!(wakes(&mailbox), [true, true, false]);
        let mut messages = VecDeque::new();
        mailbox.take(&mut messages, 7, None, Appetite::Patient);
        assert_eq!((messages.drain(..).len(), wakes(&mailbox)), (MESSAGES_AT_ONCE, [false; 3]));

        mailbox.call(urgent()).unwrap();
        assert_eq!(wakes(&mailbox), [true, true, false]);
        mailbox.take(&mut messages, 7, None, Appetite::Any);
        assert_eq!((messages.len(), wakes(&mailbox)), (1, [false; 3]));

        mailbox.committed(7);
        assert_eq!(wakes(&mailbox), [false; 3]);
        mailbox.committed(8);
        assert_eq!(wakes(&mailbox), [true; 3]);
    }

    #[test]
    fn a_thread_that_sleeps_is_woken_by_each_thing_it_sleeps_for() {
        let told: [fn(&Mailbox); 4] = [
            |mailbox| mailbox.call(patient()).unwrap(),
            |mailbox| mailbox.tell(patient()),
            |mailbox| mailbox.committed(1),
            |mailbox| mailbox.close(),
        ];
        for (at, say) in told.into_iter().enumerate() {
            let mailbox = Mailbox::new(10);
            std::thread::scope(|scope| {
                let sleeper = scope.spawn(|| {
                    let mut messages = VecDeque::new();
                    let mail = mailbox.take(&mut messages, 0, None, Appetite::Any);
                    (messages.len(), mail.committed, mail.closed)
                });
                while mailbox.state().sleeper.is_none() {
                    std::thread::yield_now();
                }
                say(&mailbox);
                let found = sleeper.join().unwrap();
                assert_eq!(found, [(1, 0, false), (1, 0, false), (0, 1, false), (0, 0, true)][at]);
            });
        }
    }
}

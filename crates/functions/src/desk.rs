//! The desk of one worker: an invocation is laid on it, the Runtime API hands it to the process and
//! takes the answer.
//!
//! ```text
//! Free ── offer ──▶ Offered ── next ──▶ Taken ── response or error ──▶ Free
//!   └────────── init/error, end of the process ──────────▶ Closed
//! ```
//!
//! An answer counts only under the request id of the invocation that was taken: a process cannot
//! answer for another, nor after its time is over.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use stepwell_lambda::Call;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::lambda;
use crate::log::Tail;

/// What the process answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The handler's result.
    Response(Bytes),
    /// A result of more than [`crate::runtime_api::RESPONSE_BYTES_MAX`].
    ResponseTooLarge,
    /// The error object of the handler or the runtime.
    Error(Bytes),
    /// The error object of a runtime that could not get ready.
    InitError(Bytes),
}

/// Why the Runtime API does not take something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No invocation of this id is under way here.
    UnknownRequestId,
    /// Not now: an invocation is under way, or the desk is closed.
    InvalidStateTransition,
}

/// An invocation for the process to take.
pub(crate) struct Offer {
    /// What to run.
    pub call: Arc<Call>,
    /// How long it may take from the moment it is taken.
    pub timeout: Duration,
    /// Hears when it is taken.
    pub taken: oneshot::Sender<Instant>,
    /// Hears the answer.
    pub answer: oneshot::Sender<Answer>,
}

/// An invocation as the process gets it.
pub(crate) struct Handed {
    pub call: Arc<Call>,
    /// When its time is over, in milliseconds since the Unix epoch.
    pub deadline_epoch_ms: u128,
    pub trace_id: String,
}

enum State {
    Free,
    Offered(Offer),
    Taken { request_id: Arc<str>, answer: oneshot::Sender<Answer> },
    Closed,
}

pub(crate) struct Desk {
    state: Mutex<State>,
    offered: Notify,
    tail: Mutex<Tail>,
    last_request_id: Mutex<Option<Arc<str>>>,
}

impl Desk {
    pub fn new() -> Desk {
        Desk {
            state: Mutex::new(State::Free),
            offered: Notify::new(),
            tail: Mutex::default(),
            last_request_id: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }

    /// The last of what the process printed.
    pub fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().expect("nothing panics while it holds the lock")
    }

    /// The request id that a line printed now belongs to: of the invocation that was taken last,
    /// since lines are read a little later than they are printed; before the first, of the one for
    /// which the process gets ready.
    pub fn request_id(&self) -> Option<Arc<str>> {
        let last = self.last_request_id.lock().expect("nothing panics while it holds the lock").clone();
        last.or_else(|| match &*self.state() {
            State::Offered(offer) => Some(offer.call.request_id.clone()),
            State::Free | State::Taken { .. } | State::Closed => None,
        })
    }

    /// Lays an invocation on the desk. False if the desk is not free; the offer is dropped then.
    pub fn offer(&self, offer: Offer) -> bool {
        let mut state = self.state();
        match &*state {
            State::Free => {
                self.tail().clear();
                *state = State::Offered(offer);
                self.offered.notify_one();
                true
            }
            State::Offered(_) | State::Taken { .. } | State::Closed => false,
        }
    }

    /// The next invocation, as soon as there is one.
    pub async fn next(&self) -> Result<Handed, Refusal> {
        loop {
            if let Some(handed) = self.take()? {
                return Ok(handed);
            }
            // A notification that comes between the look and the wait is kept for the wait.
            self.offered.notified().await;
        }
    }

    fn take(&self) -> Result<Option<Handed>, Refusal> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Closed) {
            State::Free => {
                *state = State::Free;
                Ok(None)
            }
            State::Offered(Offer { call, timeout, taken, answer }) => {
                *state = State::Taken { request_id: call.request_id.clone(), answer };
                let mut last = self.last_request_id.lock().expect("nothing panics while it holds the lock");
                *last = Some(call.request_id.clone());
                drop(last);
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                // Nobody listens any more if the time for getting ready ended just now; the worker
                // is about to be killed then.
                let _ = taken.send(Instant::now());
                let trace_id = lambda::trace_id(&call, now.as_secs().try_into().unwrap_or(0));
                Ok(Some(Handed { call, deadline_epoch_ms: (now + timeout).as_millis(), trace_id }))
            }
            taken @ State::Taken { .. } => {
                *state = taken;
                Err(Refusal::InvalidStateTransition)
            }
            State::Closed => Err(Refusal::InvalidStateTransition),
        }
    }

    /// Takes the answer to the invocation of this id.
    pub fn answer(&self, id: &str, given: Answer) -> Result<(), Refusal> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Closed) {
            State::Taken { request_id, answer } if *request_id == *id => {
                *state = State::Free;
                // The invocation has been given up on if nobody listens.
                let _ = answer.send(given);
                Ok(())
            }
            other => {
                *state = other;
                Err(Refusal::UnknownRequestId)
            }
        }
    }

    /// The runtime could not get ready.
    pub fn init_error(&self, error: Bytes) -> Result<(), Refusal> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Closed) {
            State::Offered(offer) => {
                let _ = offer.answer.send(Answer::InitError(error));
                Ok(())
            }
            State::Free => Ok(()),
            taken @ State::Taken { .. } => {
                *state = taken;
                Err(Refusal::InvalidStateTransition)
            }
            State::Closed => Err(Refusal::InvalidStateTransition),
        }
    }

    /// The process is gone or about to be: nothing more is handed out or taken.
    pub fn close(&self) {
        *self.state() = State::Closed;
        self.offered.notify_one();
    }
}

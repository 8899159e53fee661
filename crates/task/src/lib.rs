//! What the engine asks of whatever performs tasks, and nothing more.
//!
//! # Promises
//!
//! 1. `target` is quick, has no effect, and gives the same answer for the same request.
//! 2. `start` returns at once; `done` is called exactly once, from any thread, at any later time
//!    (or from within `start`), unless the process ends before.
//! 3. An outcome other than [`TaskOutcome::Unknown`] is the truth about the call.
//! 4. After `cancel` the outcome no longer matters; what was running is stopped where it can be.

use std::sync::Arc;
use std::time::Duration;

use stepwell_model::{Failure, Resource, TaskRef};
use stepwell_value::Payload;

/// One attempt of a task, about to be sent.
#[derive(Debug, Clone)]
pub struct TaskRequest {
    /// The durable identity of the attempt.
    pub task: TaskRef,
    /// The account that the state machine belongs to, twelve digits.
    pub account: Arc<str>,
    /// The region that the state machine is in.
    pub region: Arc<str>,
    /// What to call.
    pub resource: Resource,
    /// The parameters; the input for a function named by its ARN.
    pub parameters: Payload,
    /// How long it may take; `None` without a limit of the state.
    pub timeout: Option<Duration>,
    /// A text derived from the identity, the same when the same attempt is sent again: a target
    /// that takes an idempotency key gets this one. A UUID.
    pub idempotency_key: String,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskOutcome {
    /// With a result.
    Succeeded(Payload),
    /// With a failure.
    Failed(Failure),
    /// Whether it happened cannot be known.
    Unknown,
}

/// The queue in which an attempt waits until it may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name: attempts with the same one share the slots.
    pub name: Arc<str>,
    /// How many attempts may be under way at once.
    pub slots: usize,
    /// Whether the same attempt may be sent again with the same key after a crash.
    pub idempotent: bool,
}

/// What hears of the outcome.
pub type Done = Box<dyn FnOnce(TaskOutcome) + Send>;

/// Performs tasks of some kind. See the promises in the documentation of this crate.
pub trait Integration: Send + Sync {
    /// Where `request` would wait. `None` if another integration may know it; a failure if this
    /// one is responsible and it cannot be sent at all (the task fails with it, nothing is sent).
    fn target(&self, request: &TaskRequest) -> Option<Result<Target, Failure>>;
    /// Sends the request.
    fn start(&self, request: TaskRequest, done: Done);
    /// The outcome of this attempt no longer matters.
    fn cancel(&self, task: TaskRef);
}

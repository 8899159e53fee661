//! The private events that an execution is a fold over.
//!
//! An event carries results, never expressions to be evaluated again. Most events are also history
//! events of AWS and carry the ids AWS would show, so that ids never change between releases;
//! those that AWS does not show have the id 0.

use std::sync::Arc;

use stepwell_model::{Failure, Timestamp};
use stepwell_value::Payload;

use crate::definition::StateId;

/// One event of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it was decided.
    pub at: Timestamp,
    /// The id of the history event; 0 for what AWS does not show.
    pub id: u64,
    /// The id of the history event that led to it.
    pub previous_id: u64,
    /// The branch it belongs to: 0 for the machine itself, others in the order in which Parallel
    /// and Map began them.
    pub branch: u32,
    /// What happened.
    pub kind: EventKind,
}

/// Where a state leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// To another state of the same scope.
    Next(StateId),
    /// To the end of the scope.
    End,
}

/// What happened. The order of the variants and of their fields is a file format: see `codec`.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// The execution began.
    ExecutionStarted {
        /// The input as the caller wrote it.
        input: Payload,
        /// Where its randomness comes from.
        seed: u64,
    },
    /// It ended well.
    ExecutionSucceeded {
        /// The output.
        output: Payload,
    },
    /// It ended badly.
    ExecutionFailed(Failure),
    /// It was stopped.
    ExecutionAborted(Failure),
    /// It took longer than it may.
    ExecutionTimedOut(Failure),
    /// It had ended badly, and goes on from where it was.
    ExecutionRedriven {
        /// The how many-th redrive it is, from 1.
        redrive_count: u64,
        /// What the caller gave to tell a repeated request by.
        client_token: Option<Arc<str>>,
    },
    /// A state was entered.
    StateEntered {
        /// Which one.
        state: StateId,
        /// Its raw input.
        input: Payload,
    },
    /// A state was left.
    StateExited {
        /// Which one.
        state: StateId,
        /// Its output, the input of what comes next.
        output: Payload,
        /// What `Assign` assigned.
        assigned: Vec<(Arc<str>, Payload)>,
        /// Where it leads.
        transition: Transition,
    },
    /// A state was given up because a sibling failed.
    StateAborted {
        /// Which one.
        state: StateId,
    },
    /// A `Wait` knows its moment. Not shown.
    WaitBegan {
        /// When it lets go.
        until: Timestamp,
    },
    /// A task was queued.
    TaskScheduled {
        /// Which state.
        state: StateId,
        /// The parameters or the input.
        parameters: Payload,
        /// From now, in seconds.
        timeout_seconds: Option<u64>,
        /// Between heartbeats, in seconds.
        heartbeat_seconds: Option<u64>,
    },
    /// A task was sent or handed out.
    TaskStarted {
        /// Which state.
        state: StateId,
        /// The worker of an activity.
        worker_name: Option<Arc<str>>,
    },
    /// The first response to a task that ends by its token.
    TaskSubmitted {
        /// Which state.
        state: StateId,
        /// The response.
        output: Payload,
    },
    /// A task ended well.
    TaskSucceeded {
        /// Which state.
        state: StateId,
        /// Its result.
        output: Payload,
    },
    /// A task ended badly.
    TaskFailed {
        /// Which state.
        state: StateId,
        /// Why.
        failure: Failure,
    },
    /// A task or its heartbeat took too long.
    TaskTimedOut {
        /// Which state.
        state: StateId,
        /// Whether it was the heartbeat.
        heartbeat: bool,
    },
    /// A state failed and will be tried again. Not shown.
    RetryScheduled {
        /// The place of the retrier in the state's list.
        retrier: u32,
        /// When.
        due: Timestamp,
    },
    /// A JSONata expression failed, or gave something that its field cannot have; what comes of it
    /// follows.
    EvaluationFailed {
        /// Which state.
        state: StateId,
        /// The field, such as `Output/total`; absent where the state's input is at fault.
        location: Option<Arc<str>>,
        /// Why.
        failure: Failure,
    },
    /// The branches of a `Parallel` began, all with this input.
    ParallelStarted {
        /// Their input.
        input: Payload,
    },
    /// All branches ended well.
    ParallelSucceeded,
    /// A branch failed, and no retrier took it.
    ParallelFailed,
    /// A `Map` began.
    MapStarted {
        /// The array of its items.
        items: Payload,
        /// How many iterations may be under way; 0 is as many as possible.
        concurrency_max: u64,
    },
    /// All iterations ended well.
    MapSucceeded,
    /// An iteration failed, and no retrier took it.
    MapFailed,
    /// An iteration began: a new branch of the `Map` that the event belongs to.
    IterationStarted {
        /// The Map state.
        state: StateId,
        /// From 0.
        index: u64,
        /// Its input.
        input: Payload,
    },
    /// An iteration ended well; belongs to the iteration's branch, as the next two do.
    IterationSucceeded {
        /// The Map state.
        state: StateId,
        /// From 0.
        index: u64,
    },
    /// An iteration failed.
    IterationFailed {
        /// The Map state.
        state: StateId,
        /// From 0.
        index: u64,
    },
    /// An iteration was given up because a sibling failed.
    IterationAborted {
        /// The Map state.
        state: StateId,
        /// From 0.
        index: u64,
    },
}

impl EventKind {
    /// Whether AWS shows it.
    pub fn is_shown(&self) -> bool {
        !matches!(self, EventKind::WaitBegan { .. } | EventKind::RetryScheduled { .. })
    }

    /// How many bytes of payloads and causes it holds; shared ones count each time.
    pub fn payload_bytes(&self) -> usize {
        let of_failure = |failure: &Failure| failure.cause.as_deref().map_or(0, str::len);
        match self {
            EventKind::ExecutionStarted { input: payload, .. }
            | EventKind::ExecutionSucceeded { output: payload }
            | EventKind::StateEntered { input: payload, .. }
            | EventKind::TaskScheduled { parameters: payload, .. }
            | EventKind::TaskSubmitted { output: payload, .. }
            | EventKind::TaskSucceeded { output: payload, .. }
            | EventKind::ParallelStarted { input: payload }
            | EventKind::MapStarted { items: payload, .. }
            | EventKind::IterationStarted { input: payload, .. } => payload.text().len(),
            EventKind::StateExited { output, assigned, .. } => {
                output.text().len() + assigned.iter().map(|(_, value)| value.text().len()).sum::<usize>()
            }
            EventKind::ExecutionFailed(failure)
            | EventKind::ExecutionAborted(failure)
            | EventKind::ExecutionTimedOut(failure)
            | EventKind::TaskFailed { failure, .. }
            | EventKind::EvaluationFailed { failure, .. } => of_failure(failure),
            EventKind::ExecutionRedriven { .. }
            | EventKind::StateAborted { .. }
            | EventKind::WaitBegan { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskTimedOut { .. }
            | EventKind::RetryScheduled { .. }
            | EventKind::ParallelSucceeded
            | EventKind::ParallelFailed
            | EventKind::MapSucceeded
            | EventKind::MapFailed
            | EventKind::IterationSucceeded { .. }
            | EventKind::IterationFailed { .. }
            | EventKind::IterationAborted { .. } => 0,
        }
    }

    /// The state it is about, if it names one.
    pub(crate) fn state(&self) -> Option<StateId> {
        match self {
            EventKind::StateEntered { state, .. }
            | EventKind::StateExited { state, .. }
            | EventKind::StateAborted { state }
            | EventKind::TaskScheduled { state, .. }
            | EventKind::TaskStarted { state, .. }
            | EventKind::TaskSubmitted { state, .. }
            | EventKind::TaskSucceeded { state, .. }
            | EventKind::TaskFailed { state, .. }
            | EventKind::TaskTimedOut { state, .. }
            | EventKind::EvaluationFailed { state, .. }
            | EventKind::IterationStarted { state, .. }
            | EventKind::IterationSucceeded { state, .. }
            | EventKind::IterationFailed { state, .. }
            | EventKind::IterationAborted { state, .. } => Some(*state),
            EventKind::ExecutionStarted { .. }
            | EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionTimedOut(_)
            | EventKind::ExecutionRedriven { .. }
            | EventKind::WaitBegan { .. }
            | EventKind::RetryScheduled { .. }
            | EventKind::ParallelStarted { .. }
            | EventKind::ParallelSucceeded
            | EventKind::ParallelFailed
            | EventKind::MapStarted { .. }
            | EventKind::MapSucceeded
            | EventKind::MapFailed => None,
        }
    }

    /// Whether it belongs to the branch of an iteration and names the Map around it.
    pub(crate) fn is_about_iteration(&self) -> bool {
        matches!(
            self,
            EventKind::IterationSucceeded { .. }
                | EventKind::IterationFailed { .. }
                | EventKind::IterationAborted { .. }
        )
    }
}

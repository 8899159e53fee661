//! What goes into an execution and what comes out of it.

use std::sync::Arc;

use stepwell_model::{Failure, Limits, Resource, Timestamp};
use stepwell_value::Payload;

use crate::test_state::Inspection;
use crate::{Definition, Event};

/// What an execution is for good, beside its journal: all of it can be had again after a restart.
#[derive(Debug)]
pub struct Origin {
    /// The definition, of the revision that the execution is pinned to.
    pub definition: Arc<Definition>,
    /// The ARN of the execution.
    pub execution_arn: Arc<str>,
    /// Its name.
    pub execution_name: Arc<str>,
    /// The ARN of the state machine, as `$$.StateMachine.Id` shows it.
    pub machine_arn: Arc<str>,
    /// The ARN of the version that was named, or that an alias led to.
    pub version_arn: Option<Arc<str>>,
    /// The ARN of the alias that was named.
    pub alias_arn: Option<Arc<str>>,
    /// The name of the state machine.
    pub machine_name: Arc<str>,
    /// The role of the revision.
    pub role_arn: Arc<str>,
    /// The region, as `TaskScheduled` shows it.
    pub region: Arc<str>,
    /// The limits in force.
    pub limits: Limits,
    /// Whether it is a synchronous Express execution, whose context object does not count redrives.
    pub synchronous: bool,
}

/// What an execution may ask while it decides. Answers must not depend on time or chance, with one
/// exception.
pub trait World {
    /// The token of the task whose `…Scheduled` event has this id.
    fn task_token(&self, scheduled_event_id: u64) -> Arc<str>;
    /// Whether the activity exists; a task for one that does not fails.
    fn activity_exists(&self, activity_arn: &str) -> bool;
    /// Milliseconds of a clock that never goes back, by which an expression that takes too long is
    /// ended. That it was is recorded like any failure, so a replay needs no clock. Where it always
    /// says the same, the number of steps alone bounds an expression.
    fn elapsed_ms(&self) -> u64;
}

/// What an execution hears.
#[derive(Debug, Clone)]
pub enum Input {
    /// Begin. Once, and first.
    Start {
        /// The input as the caller wrote it.
        input: Payload,
        /// Where all randomness of the execution comes from (jitter, `States.UUID`, ...).
        seed: u64,
    },
    /// Go on after the fuel ran out.
    Continue,
    /// Time has passed: whatever was due by now happens.
    Tick,
    /// A task that was scheduled has been given a slot or a worker, and will be sent once this is
    /// durable.
    TaskStarted {
        /// The id of its `…Scheduled` event.
        scheduled_event_id: u64,
        /// The worker of an activity, if it gave its name.
        worker_name: Option<Arc<str>>,
    },
    /// The first response to a task that ends later, by its token.
    TaskSubmitted {
        /// The id of its `…Scheduled` event.
        scheduled_event_id: u64,
        /// The response.
        output: Payload,
    },
    /// A task ended well.
    TaskSucceeded {
        /// The id of its `…Scheduled` event.
        scheduled_event_id: u64,
        /// Its result.
        output: Payload,
    },
    /// A task ended badly.
    TaskFailed {
        /// The id of its `…Scheduled` event.
        scheduled_event_id: u64,
        /// Why.
        failure: Failure,
    },
    /// The worker of a task lives: its heartbeat starts anew. Nothing is recorded.
    Heartbeat {
        /// The id of the task's `…Scheduled` event.
        scheduled_event_id: u64,
    },
    /// The execution was rebuilt by a server that started at the given moment: deadlines that
    /// passed while nobody could answer are put off. Nothing is recorded.
    ///
    /// A heartbeat deadline becomes at least that moment plus `HeartbeatSeconds`; the timeout of a
    /// task that was started becomes at least that moment plus [`TIMEOUT_GRACE_SECONDS`].
    Recovered {
        /// When the server started.
        server_started_at: Timestamp,
    },
    /// Stop: the execution is aborted.
    Stop {
        /// What the caller gave as error and cause.
        failure: Failure,
    },
    /// Go on after a bad end, from the states that were entered and not left: see `redrive`.
    Redrive {
        /// What the caller gave to tell a repeated request by.
        client_token: Option<Arc<str>>,
    },
}

/// How long after a restart a task whose timeout passed meanwhile may still deliver, in seconds.
pub const TIMEOUT_GRACE_SECONDS: u64 = 30;

/// An input came too late, or too early, and changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The execution has ended.
    #[error("the execution has ended")]
    Closed,
    /// No such task waits: it ended, timed out or was never there.
    #[error("the task does not wait any more")]
    NoSuchTask,
    /// The task has not been started, or was started already.
    #[error("the task is not in the right phase")]
    WrongPhase,
    /// The execution has not ended, has ended well, or its history has no room for another run.
    #[error("the execution cannot be redriven")]
    NotRedrivable,
}

/// One attempt of a task, as the language sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSpec {
    /// The id of its `…Scheduled` event.
    pub scheduled_event_id: u64,
    /// What to call.
    pub resource: Resource,
    /// The parameters, or the input of an activity or of a function named by its ARN.
    pub parameters: Payload,
    /// How long it may take from being scheduled, in seconds.
    pub timeout_seconds: Option<u64>,
    /// How long between two heartbeats, in seconds.
    pub heartbeat_seconds: Option<u64>,
}

/// What is to happen once the recorded events are durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Queue this task for a slot or a worker; then say [`Input::TaskStarted`], and send it.
    ScheduleTask(TaskSpec),
    /// The outcome of this task no longer matters.
    CancelTask {
        /// The id of its `…Scheduled` event.
        scheduled_event_id: u64,
        /// What it called.
        resource: Resource,
    },
}

/// A task that a recovered execution still waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Outstanding {
    /// The task.
    pub task: TaskSpec,
    /// Whether it was started (it may have been sent), not just scheduled.
    pub started: bool,
    /// Whether its first response is recorded, so that only its token is waited for.
    pub submitted: bool,
    /// The name of its state.
    pub state: Arc<str>,
    /// When it times out, if it does.
    pub timeout_due: Option<Timestamp>,
}

/// What `handle` recorded for one input, or for several.
#[derive(Debug, Default)]
pub struct Recorder {
    /// To be appended to the journal, in this order, all or none; already applied to the state.
    pub events: Vec<Event>,
    /// To be released, in this order, once the events are durable.
    pub effects: Vec<Effect>,
    /// What a test of one state shows of its data; absent in an execution.
    pub(crate) inspection: Option<Box<Inspection>>,
}

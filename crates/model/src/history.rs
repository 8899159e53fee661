//! History events, as AWS names them.

use std::sync::Arc;

use stepwell_value::Payload;

use crate::{Failure, Resource, StateType, Timestamp};

/// One event of an execution's history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEvent {
    /// From 1, without a gap.
    pub id: u64,
    /// The event that led to this one; 0 for the first event and for the first state entered.
    pub previous_event_id: u64,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What happened.
    pub kind: HistoryEventKind,
}

/// What the events of a task have in common.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskEvent {
    /// It was queued.
    Scheduled {
        /// The parameters, or the input of an activity or a function by ARN.
        parameters: Payload,
        /// The region that `TaskScheduled` names.
        region: Arc<str>,
        /// Whole seconds; absent without a `TimeoutSeconds`.
        timeout_seconds: Option<u64>,
        /// Whole seconds; absent without a `HeartbeatSeconds`.
        heartbeat_seconds: Option<u64>,
    },
    /// It could not be queued (activities and functions by ARN alone).
    ScheduleFailed(Failure),
    /// It was sent or handed out.
    Started {
        /// The worker of an activity, if it gave its name.
        worker_name: Option<Arc<str>>,
    },
    /// It could not be sent.
    StartFailed(Failure),
    /// The first response of a job or of a task with a token.
    Submitted {
        /// The response.
        output: Payload,
    },
    /// The first request of a job failed.
    SubmitFailed(Failure),
    /// It ended well.
    Succeeded {
        /// Its result.
        output: Payload,
    },
    /// It ended badly.
    Failed(Failure),
    /// It took too long, or its heartbeat did.
    TimedOut(Failure),
}

/// What happened. Members that AWS has and that are not here yet come with the features they
/// belong to.
#[derive(Debug, Clone, PartialEq)]
pub enum HistoryEventKind {
    /// `ExecutionStarted`
    ExecutionStarted {
        /// The input as the caller wrote it.
        input: Payload,
        /// The role of the machine.
        role_arn: Arc<str>,
        /// The ARN of the version that it was started with, if one was named or an alias led to one.
        version_arn: Option<Arc<str>>,
        /// The ARN of the alias that it was started through.
        alias_arn: Option<Arc<str>>,
    },
    /// `ExecutionSucceeded`
    ExecutionSucceeded {
        /// The output.
        output: Payload,
    },
    /// `ExecutionFailed`
    ExecutionFailed(Failure),
    /// `ExecutionAborted`
    ExecutionAborted(Failure),
    /// `ExecutionTimedOut`
    ExecutionTimedOut(Failure),
    /// `ExecutionRedriven`
    ExecutionRedriven {
        /// The how many-th redrive it is, from 1.
        redrive_count: u64,
    },
    /// `PassStateEntered` and its kin.
    StateEntered {
        /// The type of the state.
        state_type: StateType,
        /// Its name.
        name: Arc<str>,
        /// Its raw input.
        input: Payload,
    },
    /// `PassStateExited` and its kin.
    StateExited {
        /// The type of the state.
        state_type: StateType,
        /// Its name.
        name: Arc<str>,
        /// Its output.
        output: Payload,
        /// What `Assign` assigned.
        assigned_variables: Vec<(Arc<str>, Payload)>,
    },
    /// `TaskScheduled`, `ActivityScheduled`, `LambdaFunctionScheduled` and what follows them: the
    /// resource decides which family.
    Task(Resource, TaskEvent),
    /// `TaskStateAborted`, `WaitStateAborted`, `ParallelStateAborted`, `MapStateAborted`
    StateAborted(StateType),
    /// `EvaluationFailed`
    EvaluationFailed {
        /// The state.
        state: Arc<str>,
        /// The field, such as `Output/total`; absent where no field is at fault.
        location: Option<Arc<str>>,
        /// Why.
        failure: Failure,
    },
    /// `ParallelStateStarted`
    ParallelStateStarted,
    /// `ParallelStateSucceeded`
    ParallelStateSucceeded,
    /// `ParallelStateFailed`
    ParallelStateFailed,
    /// `MapStateStarted`
    MapStateStarted {
        /// How many items there are.
        length: u64,
    },
    /// `MapStateSucceeded`
    MapStateSucceeded,
    /// `MapStateFailed`
    MapStateFailed,
    /// `MapIterationStarted`
    MapIterationStarted {
        /// The Map state.
        name: Arc<str>,
        /// From 0.
        index: u64,
    },
    /// `MapIterationSucceeded`
    MapIterationSucceeded {
        /// The Map state.
        name: Arc<str>,
        /// From 0.
        index: u64,
    },
    /// `MapIterationFailed`
    MapIterationFailed {
        /// The Map state.
        name: Arc<str>,
        /// From 0.
        index: u64,
    },
    /// `MapIterationAborted`
    MapIterationAborted {
        /// The Map state.
        name: Arc<str>,
        /// From 0.
        index: u64,
    },
}

impl HistoryEventKind {
    /// The `type` of the event.
    pub fn type_name(&self) -> String {
        match self {
            HistoryEventKind::ExecutionStarted { .. } => "ExecutionStarted".into(),
            HistoryEventKind::ExecutionSucceeded { .. } => "ExecutionSucceeded".into(),
            HistoryEventKind::ExecutionFailed(_) => "ExecutionFailed".into(),
            HistoryEventKind::ExecutionAborted(_) => "ExecutionAborted".into(),
            HistoryEventKind::ExecutionTimedOut(_) => "ExecutionTimedOut".into(),
            HistoryEventKind::ExecutionRedriven { .. } => "ExecutionRedriven".into(),
            HistoryEventKind::StateEntered { state_type, .. } => {
                format!("{}StateEntered", state_type.as_str())
            }
            HistoryEventKind::StateExited { state_type, .. } => format!("{}StateExited", state_type.as_str()),
            HistoryEventKind::Task(resource, event) => {
                let family = match resource {
                    Resource::Activity { .. } => "Activity",
                    Resource::LambdaFunction { .. } => "LambdaFunction",
                    Resource::Service { .. } => "Task",
                };
                format!("{family}{}", event.suffix())
            }
            HistoryEventKind::StateAborted(state_type) => format!("{}StateAborted", state_type.as_str()),
            HistoryEventKind::ParallelStateStarted => "ParallelStateStarted".into(),
            HistoryEventKind::ParallelStateSucceeded => "ParallelStateSucceeded".into(),
            HistoryEventKind::ParallelStateFailed => "ParallelStateFailed".into(),
            HistoryEventKind::MapStateStarted { .. } => "MapStateStarted".into(),
            HistoryEventKind::MapStateSucceeded => "MapStateSucceeded".into(),
            HistoryEventKind::MapStateFailed => "MapStateFailed".into(),
            HistoryEventKind::EvaluationFailed { .. } => "EvaluationFailed".into(),
            HistoryEventKind::MapIterationStarted { .. } => "MapIterationStarted".into(),
            HistoryEventKind::MapIterationSucceeded { .. } => "MapIterationSucceeded".into(),
            HistoryEventKind::MapIterationFailed { .. } => "MapIterationFailed".into(),
            HistoryEventKind::MapIterationAborted { .. } => "MapIterationAborted".into(),
        }
    }
}

impl TaskEvent {
    fn suffix(&self) -> &'static str {
        match self {
            TaskEvent::Scheduled { .. } => "Scheduled",
            TaskEvent::ScheduleFailed(_) => "ScheduleFailed",
            TaskEvent::Started { .. } => "Started",
            TaskEvent::StartFailed(_) => "StartFailed",
            TaskEvent::Submitted { .. } => "Submitted",
            TaskEvent::SubmitFailed(_) => "SubmitFailed",
            TaskEvent::Succeeded { .. } => "Succeeded",
            TaskEvent::Failed(_) => "Failed",
            TaskEvent::TimedOut(_) => "TimedOut",
        }
    }
}

//! A failure is data: the user's state machine failed, and we worked.

use std::sync::Arc;

/// Why a task, a state or an execution failed, as `Error` and `Cause`. Either may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The error name, such as `States.Timeout`.
    pub error: Option<Arc<str>>,
    /// The text that tells more.
    pub cause: Option<Arc<str>>,
}

impl Failure {
    /// A failure with both parts.
    pub fn new(error: impl Into<Arc<str>>, cause: impl Into<Arc<str>>) -> Failure {
        Failure { error: Some(error.into()), cause: Some(cause.into()) }
    }

    /// A failure with an error name alone.
    pub fn named(error: impl Into<Arc<str>>) -> Failure {
        Failure { error: Some(error.into()), cause: None }
    }

    /// A `States.Runtime` failure.
    pub fn runtime(cause: impl Into<Arc<str>>) -> Failure {
        Failure::new(error_names::RUNTIME, cause)
    }

    /// The error name, empty if there is none.
    pub fn error_name(&self) -> &str {
        self.error.as_deref().unwrap_or("")
    }
}

/// The error names that the States Language reserves, and ours.
pub mod error_names {
    /// Matches every error but `States.DataLimitExceeded` and `States.Runtime`.
    pub const ALL: &str = "States.ALL";
    /// A heartbeat did not come in time; catchable by this name, shown as `States.Timeout`.
    pub const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
    /// Something took longer than allowed.
    pub const TIMEOUT: &str = "States.Timeout";
    /// Matches every error of a task but `States.Timeout`.
    pub const TASK_FAILED: &str = "States.TaskFailed";
    /// The role may not do what the task wants.
    pub const PERMISSIONS: &str = "States.Permissions";
    /// A `ResultPath` does not fit the input.
    pub const RESULT_PATH_MATCH_FAILURE: &str = "States.ResultPathMatchFailure";
    /// A path in `Parameters` leads nowhere.
    pub const PARAMETER_PATH_FAILURE: &str = "States.ParameterPathFailure";
    /// A branch of a `Parallel` failed without a name of its own.
    pub const BRANCH_FAILED: &str = "States.BranchFailed";
    /// No rule of a `Choice` held and it has no `Default`.
    pub const NO_CHOICE_MATCHED: &str = "States.NoChoiceMatched";
    /// An intrinsic function could not be applied.
    pub const INTRINSIC_FAILURE: &str = "States.IntrinsicFailure";
    /// A JSONata expression failed, or gave what its field cannot have.
    pub const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";
    /// An output or input is larger than allowed.
    pub const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
    /// The execution cannot go on; never retried, never caught.
    pub const RUNTIME: &str = "States.Runtime";
    /// Too many items of a `Map` failed.
    pub const EXCEED_TOLERATED_FAILURE_THRESHOLD: &str = "States.ExceedToleratedFailureThreshold";
    /// Ours: whether a call reached its target before a crash cannot be known.
    pub const OUTCOME_UNKNOWN: &str = "Stepwell.OutcomeUnknown";
}

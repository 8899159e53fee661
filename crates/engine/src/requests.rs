//! What callers ask of the engine and what they hear.
//!
//! The engine knows neither HTTP nor the names of AWS's exceptions: it answers in these words, and
//! `api` spells them.

use std::sync::Arc;

use stepwell_model::{ExecutionStatus, Failure, HistoryEvent, MachineType, Timestamp};
use stepwell_value::Payload;

use crate::redrive::NotRedrivable;

/// Account and region: nobody sees anything of another scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Twelve digits.
    pub account: Arc<str>,
    /// Such as `us-east-1`.
    pub region: Arc<str>,
}

/// What makes a state machine this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MachineKey {
    /// Where it is.
    pub place: Place,
    /// Its name.
    pub name: Arc<str>,
}

/// What makes an execution this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExecutionKey {
    /// Its machine.
    pub machine: MachineKey,
    /// Its name.
    pub name: Arc<str>,
}

/// A state machine as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Which one.
    pub key: MachineKey,
    /// Its number in the catalogue: a machine that is created again under its name gets another.
    pub number: u64,
    /// Its type.
    pub machine_type: MachineType,
    /// The definition as the caller wrote it.
    pub definition: Arc<str>,
    /// The role.
    pub role_arn: Arc<str>,
    /// `loggingConfiguration` as JSON text, if one was given (kept, not interpreted yet).
    pub logging: Option<Arc<str>>,
    /// `tracingConfiguration` as JSON text, if one was given (kept, not interpreted yet).
    pub tracing: Option<Arc<str>>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When definition or role were last changed.
    pub updated_at: Timestamp,
    /// The number of the current revision, unique in the store.
    pub revision: u64,
    /// The id that AWS shows as `revisionId`: a UUID; `None` until the first update.
    pub revision_id: Option<Arc<str>>,
    /// Whether it is being deleted.
    pub deleting: bool,
}

/// Creates a machine. The definition has been checked by the caller.
#[derive(Debug, Clone)]
pub struct CreateMachine {
    /// Under which name.
    pub key: MachineKey,
    /// Its type.
    pub machine_type: MachineType,
    /// The definition, which must parse.
    pub definition: Arc<str>,
    /// The role.
    pub role_arn: Arc<str>,
    /// As in [`Machine`].
    pub logging: Option<Arc<str>>,
    /// As in [`Machine`].
    pub tracing: Option<Arc<str>>,
}

/// Changes a machine; `None` keeps what is.
#[derive(Debug, Clone)]
pub struct UpdateMachine {
    /// Which one.
    pub key: MachineKey,
    /// The new definition, which must parse.
    pub definition: Option<Arc<str>>,
    /// The new role.
    pub role_arn: Option<Arc<str>>,
    /// As in [`Machine`].
    pub logging: Option<Arc<str>>,
    /// As in [`Machine`].
    pub tracing: Option<Arc<str>>,
}

/// Starts a Standard execution.
#[derive(Debug, Clone)]
pub struct StartExecution {
    /// Of which machine.
    pub machine: MachineKey,
    /// Its name; without one it gets a UUID.
    pub name: Option<Arc<str>>,
    /// Its input.
    pub input: Payload,
}

/// An execution was started, now or by an earlier call of the same name and input.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionStarted {
    /// Which one.
    pub key: ExecutionKey,
    /// When.
    pub started_at: Timestamp,
}

/// An execution as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionView {
    /// Which one.
    pub key: ExecutionKey,
    /// Its status.
    pub status: ExecutionStatus,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Its input.
    pub input: Payload,
    /// Its output, if it succeeded.
    pub output: Option<Payload>,
    /// Why it failed, timed out or was stopped.
    pub failure: Option<Failure>,
    /// The number of its machine in the catalogue.
    pub machine: u64,
    /// The id of its last history event.
    pub last_event_id: u64,
    /// How often it was redriven.
    pub redrive_count: u64,
    /// When it was redriven last.
    pub redriven_at: Option<Timestamp>,
}

/// An execution in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionSummary {
    /// Which one.
    pub key: ExecutionKey,
    /// Its status.
    pub status: ExecutionStatus,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// How often it was redriven.
    pub redrive_count: u64,
    /// When it was redriven last.
    pub redriven_at: Option<Timestamp>,
}

/// A page of executions, most recent first.
#[derive(Debug, Clone)]
pub struct ListExecutions {
    /// Of which machine.
    pub machine: MachineKey,
    /// In which status.
    pub status: Option<ExecutionStatus>,
    /// The `next` of the page before.
    pub after: Option<ListCursor>,
    /// At most so many.
    pub limit: usize,
}

/// Where a page of a list ended. Two integers; callers seal it in a token of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListCursor {
    /// The recency of the last one shown, in milliseconds since the epoch.
    pub recency_ms: u64,
    /// The entity of the last one shown, packed.
    pub entity: u64,
}

/// The revision of a machine that an execution is pinned to.
#[derive(Debug, Clone, PartialEq)]
pub struct PinnedMachine {
    /// The number of the revision, for [`Engine::compiled`](crate::Engine::compiled).
    pub revision: u64,
    /// The machine's key.
    pub key: MachineKey,
    /// The definition as the caller wrote it.
    pub definition: Arc<str>,
    /// The role.
    pub role_arn: Arc<str>,
    /// As in [`Machine`], of the revision.
    pub logging: Option<Arc<str>>,
    /// As in [`Machine`], of the revision.
    pub tracing: Option<Arc<str>>,
    /// When the revision was made.
    pub updated_at: Timestamp,
    /// The id that AWS shows as `revisionId`; `None` for the first.
    pub revision_id: Option<Arc<str>>,
}

/// An activity.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Where it is.
    pub place: Place,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A task that was handed to a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityTask {
    /// What the worker answers with.
    pub task_token: Arc<str>,
    /// The input.
    pub input: Payload,
}

/// The histories of executions, whole: callers page.
pub type History = Vec<HistoryEvent>;

/// Why the engine did not do what it was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// No such machine in this place.
    #[error("the state machine does not exist")]
    NoSuchMachine,
    /// The machine is being deleted.
    #[error("the state machine is being deleted")]
    MachineDeleting,
    /// A machine of this name exists and differs.
    #[error("a state machine of this name exists and differs")]
    MachineExists,
    /// No such execution.
    #[error("the execution does not exist")]
    NoSuchExecution,
    /// An execution of this name exists with another input, or has ended.
    #[error("an execution of this name exists")]
    ExecutionExists,
    /// The execution cannot be redriven.
    #[error("the execution cannot be redriven: {0}")]
    NotRedrivable(NotRedrivable),
    /// No such activity in this place.
    #[error("the activity does not exist")]
    NoSuchActivity,
    /// The token is none of ours, or of another account.
    #[error("the task token is not valid")]
    InvalidToken,
    /// The token is ours, but its task does not wait any more.
    #[error("the task has ended or timed out")]
    TaskEnded,
    /// The payload is larger than allowed.
    #[error("the payload is larger than allowed")]
    PayloadTooLarge,
    /// A queue is full: try again. Nothing was done.
    #[error("too much at once")]
    Busy,
    /// The engine has stopped acknowledging; the text says why. Whether this call was done is not
    /// known.
    #[error("the engine has stopped: {0}")]
    Stopped(String),
    /// What was read is not what was written; the execution is set aside.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
}

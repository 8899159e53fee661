//! What callers ask of the engine and what they hear.
//!
//! The engine knows neither HTTP nor the names of AWS's exceptions: it answers in these words, and
//! `api` spells them.

use std::sync::Arc;

use stepwell_model::{ExecutionStatus, Failure, HistoryEvent, MachineType, Timestamp};
use stepwell_value::Payload;

use crate::catalogue::{Encryption, Published, Tags};
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
    /// With which key it is to be encrypted.
    pub encryption: Encryption,
    /// When it was created.
    pub created_at: Timestamp,
    /// When definition or role were last changed.
    pub updated_at: Timestamp,
    /// The number of the current revision, unique in the store.
    pub revision: u64,
    /// The id that AWS shows as `revisionId`: a UUID; `None` until the first update.
    pub revision_id: Option<Arc<str>>,
    /// How its first revision was published when it was created, if it was: as version 1.
    pub published: Option<Published>,
    /// The largest number that a version of it ever had; 0 without one.
    pub last_version: u64,
    /// Its tags.
    pub tags: Tags,
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
    /// As in [`Machine`].
    pub encryption: Encryption,
    /// Whether its first revision becomes version 1.
    pub publish: Option<Published>,
    /// At most [`TAGS_MAX`](crate::TAGS_MAX).
    pub tags: Tags,
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
    /// As in [`Machine`].
    pub encryption: Option<Encryption>,
    /// Whether the revision that comes of it gets a version.
    pub publish: Option<Published>,
}

/// Starts a Standard execution.
#[derive(Debug, Clone)]
pub struct StartExecution {
    /// Of which machine.
    pub machine: MachineKey,
    /// Of which version of it, or by which alias; without one the machine as it is now.
    pub qualifier: Option<Arc<str>>,
    /// Its name; without one it gets a UUID.
    pub name: Option<Arc<str>>,
    /// Its input.
    pub input: Payload,
    /// `traceHeader`, kept and shown.
    pub trace_header: Option<Arc<str>>,
}

/// Starts an Express execution.
#[derive(Debug, Clone)]
pub struct StartExpress {
    /// Of which machine.
    pub machine: MachineKey,
    /// A version or an alias of it.
    pub qualifier: Option<Arc<str>>,
    /// Its name, which need not be unique; without one it gets a UUID.
    pub name: Option<Arc<str>>,
    /// Its input.
    pub input: Payload,
    /// Whether somebody waits for its end: [`Engine::start_sync`](crate::Engine::start_sync).
    pub synchronous: bool,
    /// How long it may last at most, in seconds, if that is shorter than the limit.
    pub seconds_max: Option<u64>,
}

/// What makes an Express execution this one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExpressKey {
    /// Its machine.
    pub machine: MachineKey,
    /// Its name.
    pub name: Arc<str>,
    /// A UUID: what tells executions of one name apart.
    pub id: Arc<str>,
}

/// An Express execution that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpressEnded {
    /// Which one.
    pub key: ExpressKey,
    /// How it ended.
    pub status: ExecutionStatus,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub closed_at: Timestamp,
    /// Its input.
    pub input: Payload,
    /// Its output, if it succeeded.
    pub output: Option<Payload>,
    /// Why it failed or timed out.
    pub failure: Option<Failure>,
    /// The memory that AWS would bill, in megabytes: a multiple of 64.
    pub billed_memory_mb: u64,
}

impl ExpressEnded {
    /// How long AWS would bill: in steps of 100 milliseconds, one at least.
    pub fn billed_milliseconds(&self) -> u64 {
        self.closed_at.epoch_ms.saturating_sub(self.started_at.epoch_ms).div_ceil(100).max(1) * 100
    }
}

/// An execution was started, now or by an earlier call of the same name and input.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionStarted {
    /// Which one.
    pub key: ExecutionKey,
    /// Its ARN.
    pub arn: Arc<str>,
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
    /// The version of its machine that it was started with, if a version or an alias was named.
    pub version: Option<u64>,
    /// The alias that it was started through.
    pub alias: Option<Arc<str>>,
    /// What it was started with as `traceHeader`.
    pub trace_header: Option<Arc<str>>,
    /// The number of its machine in the catalogue.
    pub machine: u64,
    /// The id of its last history event.
    pub last_event_id: u64,
    /// How often it was redriven.
    pub redrive_count: u64,
    /// When it was redriven last.
    pub redriven_at: Option<Timestamp>,
}

/// The task that started an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct ParentTask {
    /// The execution that it belongs to.
    pub execution: ExecutionKey,
    /// The name of its state.
    pub state_name: Option<Arc<str>>,
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
    /// As in [`ExecutionView`].
    pub version: Option<u64>,
    /// As in [`ExecutionView`].
    pub alias: Option<Arc<str>>,
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
    /// Only those started with this version, or through this alias.
    pub qualifier: Option<Arc<str>>,
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
    /// As in [`Machine`], of the revision.
    pub encryption: Encryption,
    /// When the revision was made.
    pub updated_at: Timestamp,
    /// The id that AWS shows as `revisionId`; `None` for the first.
    pub revision_id: Option<Arc<str>>,
}

/// A task that was handed to a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivityTask {
    /// What the worker answers with.
    pub task_token: Arc<str>,
    /// The input.
    pub input: Payload,
}

/// A history, or a page of one.
pub type History = Vec<HistoryEvent>;

/// Which way a page of a history goes, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryOrder {
    /// From the event behind this one on; 0 is before the first.
    OldestFirst {
        /// The id of the last event of the page before.
        after: u64,
    },
    /// From the event before this one down; `None` begins at the last.
    NewestFirst {
        /// The id of the last event of the page before.
        before: Option<u64>,
    },
}

/// Why the engine did not do what it was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// No such machine in this place.
    #[error("the state machine does not exist")]
    NoSuchMachine,
    /// The machine is being deleted.
    #[error("the state machine is being deleted")]
    MachineDeleting,
    /// The machine is of the other type.
    #[error("the operation is not for this type of state machine")]
    WrongMachineType,
    /// A machine of this name exists and differs.
    #[error("a state machine of this name exists and differs")]
    MachineExists,
    /// No version of this number.
    #[error("version {0} of the state machine does not exist")]
    NoSuchVersion(u64),
    /// Aliases lead to the version; these are their names.
    #[error("aliases lead to the version")]
    VersionInUse(Vec<Arc<str>>),
    /// The machine has another revision than the caller thinks.
    #[error("the revision of the state machine is {current}, not {wanted}")]
    OtherRevision {
        /// What the caller thinks.
        wanted: Arc<str>,
        /// The id of the revision that the machine has; `INITIAL` for the first.
        current: Arc<str>,
    },
    /// The machine has as many versions as it may.
    #[error("the state machine has too many versions")]
    TooManyVersions,
    /// No such alias of the machine.
    #[error("the alias does not exist")]
    NoSuchAlias,
    /// An alias of this name exists and differs.
    #[error("an alias of this name exists and differs")]
    AliasExists,
    /// The machine has as many aliases as it may.
    #[error("the state machine has too many aliases")]
    TooManyAliases,
    /// The thing would have more tags than it may.
    #[error("too many tags")]
    TooManyTags,
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
    /// An activity of this name exists and differs.
    #[error("an activity of this name exists and differs")]
    ActivityExists,
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

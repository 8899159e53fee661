//! What AWS calls the errors that starting and reading executions can end in.
//!
//! `api` answers callers with these words, and a task that starts an execution fails with them.

use crate::requests::EngineError;

impl EngineError {
    /// The name of AWS's exception and its message, about the thing that `subject`, an ARN, names.
    /// Recorded, but for the texts about a machine that is being deleted, an activity that is not
    /// there or exists, quotas, payloads, and what only we have.
    pub fn told_of(&self, subject: &str) -> (&'static str, String) {
        let (name, message) = match self {
            EngineError::NoSuchMachine => {
                ("StateMachineDoesNotExist", format!("State Machine Does Not Exist: '{subject}'"))
            }
            EngineError::MachineDeleting => {
                ("StateMachineDeleting", format!("State Machine is being deleted: '{subject}'"))
            }
            EngineError::WrongMachineType => (
                "StateMachineTypeNotSupported",
                "This operation is not supported by this type of state machine".to_owned(),
            ),
            EngineError::MachineExists => {
                ("StateMachineAlreadyExists", format!("State Machine Already Exists: '{subject}'"))
            }
            EngineError::NoSuchExecution => {
                ("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{subject}'"))
            }
            EngineError::ExecutionExists => {
                ("ExecutionAlreadyExists", format!("Execution Already Exists: '{subject}'"))
            }
            EngineError::NoSuchActivity => {
                ("ActivityDoesNotExist", format!("Activity Does Not Exist: '{subject}'"))
            }
            EngineError::NotRedrivable(why) => {
                ("ExecutionNotRedrivable", format!("Execution {subject} invalid for redrive as: {}", why.reason()))
            }
            EngineError::ActivityExists => {
                ("ActivityAlreadyExists", format!("Activity Already Exists: '{subject}'"))
            }
            EngineError::NoSuchVersion(_) | EngineError::NoSuchAlias => {
                ("ResourceNotFound", format!("Resource not found: '{subject}'"))
            }
            EngineError::VersionInUse(aliases) => (
                "ConflictException",
                format!(
                    "Version to be deleted must not be referenced by an alias. Current list of aliases \
                     referencing this version: [{}]",
                    aliases.join(", ")
                ),
            ),
            EngineError::OtherRevision { wanted, current } => (
                "ConflictException",
                format!(
                    "Failed to publish the State Machine version for revision {wanted}. The current State \
                     Machine revision is {current}."
                ),
            ),
            EngineError::AliasExists => (
                "ConflictException",
                "Failed to create alias because an alias with the same name and a different routing \
                 configuration already exists."
                    .to_owned(),
            ),
            EngineError::TooManyVersions => (
                "ServiceQuotaExceededException",
                format!("The number of versions of the state machine '{subject}' has reached its quota"),
            ),
            EngineError::TooManyAliases => (
                "ServiceQuotaExceededException",
                format!("The number of aliases of the state machine '{subject}' has reached its quota"),
            ),
            EngineError::TooManyTags => ("TooManyTags", format!("Too many tags: '{subject}'")),
            EngineError::InvalidToken => ("InvalidToken", "Invalid Token: 'Invalid token'".to_owned()),
            EngineError::TaskEnded => {
                ("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'".to_owned())
            }
            EngineError::PayloadTooLarge => {
                ("ValidationException", "The payload is larger than allowed".to_owned())
            }
            EngineError::Busy => ("ThrottlingException", "Rate exceeded".to_owned()),
            EngineError::Stopped(reason) => {
                ("ServiceUnavailable", format!("The engine has stopped: {reason}"))
            }
            EngineError::Damaged(what) => {
                ("InternalFailure", format!("The stored history is damaged: {what}"))
            }
        };
        (name, message)
    }
}

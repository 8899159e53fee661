//! What an SDK sees when a call is refused: the only spelling of AWS's exceptions.
//!
//! Messages are AWS's where they were recorded, and the documentation says which were; the others
//! are written in the form of their neighbours. On the wire an
//! exception is `{"__type": NAME, "message": TEXT}`, with further members for the few that have
//! them. Which HTTP status a kind gets is the server's business.

use stepwell_engine::EngineError;

use crate::reply::Reply;

/// Every exception this crate and the server answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExceptionKind {
    /// The caller may not touch this.
    AccessDenied,
    /// No such activity.
    ActivityDoesNotExist,
    /// An activity of this name exists and is encrypted otherwise.
    ActivityAlreadyExists,
    /// An execution of this name exists with another input, or has ended.
    ExecutionAlreadyExists,
    /// No such execution.
    ExecutionDoesNotExist,
    /// What is asked for does not go together with what is there.
    Conflict,
    /// The execution is not one that can be redriven.
    ExecutionNotRedrivable,
    /// What showed who the caller is has expired.
    ExpiredToken,
    /// A signature does not say all it must.
    IncompleteSignature,
    /// Something is wrong on our side; the call was not done.
    InternalFailure,
    /// A text is no ARN, or one of the wrong kind.
    InvalidArn,
    /// The definition is not valid.
    InvalidDefinition,
    /// The encryption asked for is not possible.
    InvalidEncryptionConfiguration,
    /// The input of an execution is not JSON.
    InvalidExecutionInput,
    /// The logging asked for is not possible.
    InvalidLoggingConfiguration,
    /// A name breaks AWS's rules for names.
    InvalidName,
    /// The output of a task is not JSON.
    InvalidOutput,
    /// A signature is not that of the request, or of another time.
    InvalidSignature,
    /// A task token or a token of a page is not one of ours.
    InvalidToken,
    /// A call is not signed, and the server is not open.
    MissingAuthenticationToken,
    /// Nothing was given of what at least one is required of.
    MissingRequiredParameter,
    /// The body of the request is too large.
    RequestEntityTooLarge,
    /// No such thing.
    ResourceNotFound,
    /// The body of the request is not the JSON that the operation takes.
    Serialization,
    /// There is as much as there may be.
    ServiceQuotaExceeded,
    /// The engine does not take calls any more.
    ServiceUnavailable,
    /// A state machine of this name exists and differs.
    StateMachineAlreadyExists,
    /// The state machine is being deleted.
    StateMachineDeleting,
    /// No such state machine.
    StateMachineDoesNotExist,
    /// The operation is not for this type of state machine.
    StateMachineTypeNotSupported,
    /// The task has ended or timed out.
    TaskTimedOut,
    /// Too much at once; nothing was done.
    Throttling,
    /// The thing would have more tags than it may.
    TooManyTags,
    /// No such operation.
    UnknownOperation,
    /// The access key id is not known.
    UnrecognizedClient,
    /// A member breaks a constraint.
    Validation,
}

impl ExceptionKind {
    /// The name that stands in `__type`. SDKs drop what is before `#`.
    pub fn name(self) -> &'static str {
        match self {
            ExceptionKind::AccessDenied => "AccessDeniedException",
            ExceptionKind::ActivityAlreadyExists => "ActivityAlreadyExists",
            ExceptionKind::ActivityDoesNotExist => "ActivityDoesNotExist",
            ExceptionKind::Conflict => "ConflictException",
            ExceptionKind::ExecutionAlreadyExists => "ExecutionAlreadyExists",
            ExceptionKind::ExecutionDoesNotExist => "ExecutionDoesNotExist",
            ExceptionKind::ExecutionNotRedrivable => "ExecutionNotRedrivable",
            ExceptionKind::ExpiredToken => "ExpiredTokenException",
            ExceptionKind::IncompleteSignature => "IncompleteSignatureException",
            ExceptionKind::InternalFailure => "InternalFailure",
            ExceptionKind::InvalidArn => "InvalidArn",
            ExceptionKind::InvalidDefinition => "InvalidDefinition",
            ExceptionKind::InvalidEncryptionConfiguration => "InvalidEncryptionConfiguration",
            ExceptionKind::InvalidExecutionInput => "InvalidExecutionInput",
            ExceptionKind::InvalidLoggingConfiguration => "InvalidLoggingConfiguration",
            ExceptionKind::InvalidName => "InvalidName",
            ExceptionKind::InvalidOutput => "InvalidOutput",
            ExceptionKind::InvalidSignature => "InvalidSignatureException",
            ExceptionKind::InvalidToken => "InvalidToken",
            ExceptionKind::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            ExceptionKind::MissingRequiredParameter => "MissingRequiredParameter",
            ExceptionKind::RequestEntityTooLarge => "RequestEntityTooLargeException",
            ExceptionKind::ResourceNotFound => "ResourceNotFound",
            ExceptionKind::Serialization => "com.amazon.coral.service#SerializationException",
            ExceptionKind::ServiceQuotaExceeded => "ServiceQuotaExceededException",
            ExceptionKind::ServiceUnavailable => "ServiceUnavailable",
            ExceptionKind::StateMachineAlreadyExists => "StateMachineAlreadyExists",
            ExceptionKind::StateMachineDeleting => "StateMachineDeleting",
            ExceptionKind::StateMachineDoesNotExist => "StateMachineDoesNotExist",
            ExceptionKind::StateMachineTypeNotSupported => "StateMachineTypeNotSupported",
            ExceptionKind::TaskTimedOut => "TaskTimedOut",
            ExceptionKind::Throttling => "ThrottlingException",
            ExceptionKind::TooManyTags => "TooManyTags",
            ExceptionKind::UnknownOperation => "com.amazon.coral.service#UnknownOperationException",
            ExceptionKind::UnrecognizedClient => "UnrecognizedClientException",
            ExceptionKind::Validation => "ValidationException",
        }
    }
}

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Which exception.
    pub kind: ExceptionKind,
    /// The text for people; empty for the one or two that have none.
    pub message: String,
    /// A further member: its name and its text.
    pub detail: Option<(&'static str, String)>,
}

impl Exception {
    /// An exception without further members.
    pub fn new(kind: ExceptionKind, message: impl Into<String>) -> Exception {
        Exception { kind, message: message.into(), detail: None }
    }

    /// The body that an SDK reads.
    pub fn to_json(&self) -> String {
        let mut reply = Reply::object();
        reply.text("__type", self.kind.name());
        if !self.message.is_empty() {
            reply.text("message", &self.message);
        }
        if let Some((name, text)) = &self.detail {
            reply.text(name, text);
        }
        reply.finish()
    }

    /// What the engine answered, about the thing that `subject`, an ARN, names.
    pub(crate) fn of_engine(error: EngineError, subject: &str) -> Exception {
        let kind = match &error {
            EngineError::NoSuchMachine => ExceptionKind::StateMachineDoesNotExist,
            EngineError::MachineDeleting => ExceptionKind::StateMachineDeleting,
            EngineError::MachineExists => ExceptionKind::StateMachineAlreadyExists,
            EngineError::WrongMachineType => ExceptionKind::StateMachineTypeNotSupported,
            EngineError::NoSuchExecution => ExceptionKind::ExecutionDoesNotExist,
            EngineError::ExecutionExists => ExceptionKind::ExecutionAlreadyExists,
            EngineError::NoSuchVersion(_) | EngineError::NoSuchAlias => {
                return Exception::no_such_resource(subject);
            }
            EngineError::TooManyTags => return Exception::too_many_tags(subject),
            EngineError::VersionInUse(_) | EngineError::OtherRevision { .. } | EngineError::AliasExists => {
                ExceptionKind::Conflict
            }
            EngineError::TooManyVersions | EngineError::TooManyAliases => ExceptionKind::ServiceQuotaExceeded,
            EngineError::ActivityExists => ExceptionKind::ActivityAlreadyExists,
            EngineError::NotRedrivable(_) => ExceptionKind::ExecutionNotRedrivable,
            EngineError::NoSuchActivity => ExceptionKind::ActivityDoesNotExist,
            EngineError::InvalidToken => ExceptionKind::InvalidToken,
            EngineError::TaskEnded => ExceptionKind::TaskTimedOut,
            EngineError::PayloadTooLarge => ExceptionKind::Validation,
            EngineError::Busy => ExceptionKind::Throttling,
            EngineError::Stopped(_) => ExceptionKind::ServiceUnavailable,
            EngineError::Damaged(_) => ExceptionKind::InternalFailure,
        };
        Exception::new(kind, error.told_of(subject).1)
    }

    /// The same for operations on tags, to which everything is a resource.
    pub(crate) fn of_tagging(error: EngineError, arn: &str) -> Exception {
        match error {
            EngineError::NoSuchMachine | EngineError::NoSuchActivity => Exception::no_such_resource(arn),
            other => Exception::of_engine(other, arn),
        }
    }

    /// Recorded.
    pub(crate) fn no_such_machine(arn: &str) -> Exception {
        let message = format!("State Machine Does Not Exist: '{arn}'");
        Exception::new(ExceptionKind::StateMachineDoesNotExist, message)
    }

    /// Recorded.
    pub(crate) fn no_such_execution(arn: &str) -> Exception {
        let message = format!("Execution Does Not Exist: '{arn}'");
        Exception::new(ExceptionKind::ExecutionDoesNotExist, message)
    }

    /// In the form of its recorded neighbours.
    pub(crate) fn no_such_activity(arn: &str) -> Exception {
        Exception::new(ExceptionKind::ActivityDoesNotExist, format!("Activity Does Not Exist: '{arn}'"))
    }

    /// The task of a token has ended or timed out.
    pub(crate) fn task_ended(what: &str) -> Exception {
        Exception::new(ExceptionKind::TaskTimedOut, format!("Task Timed Out: '{what}'"))
    }

    /// Recorded.
    pub(crate) fn no_such_resource(arn: &str) -> Exception {
        Exception {
            kind: ExceptionKind::ResourceNotFound,
            message: format!("Resource not found: '{arn}'"),
            detail: Some(("resourceName", arn.to_owned())),
        }
    }

    /// Not recorded.
    pub(crate) fn too_many_tags(arn: &str) -> Exception {
        Exception {
            kind: ExceptionKind::TooManyTags,
            message: format!("Too many tags: '{arn}'"),
            detail: Some(("resourceName", arn.to_owned())),
        }
    }

    /// Recorded.
    pub(crate) fn invalid_name(name: &str) -> Exception {
        Exception::new(ExceptionKind::InvalidName, format!("Invalid Name: '{name}'"))
    }

    /// Recorded; `what` is the rest of the sentence.
    pub(crate) fn invalid_arn(what: &str) -> Exception {
        Exception::new(ExceptionKind::InvalidArn, format!("Invalid Arn: '{what}'"))
    }

    /// For task tokens and for the tokens of pages.
    pub(crate) fn invalid_token() -> Exception {
        Exception::new(ExceptionKind::InvalidToken, "Invalid Token: 'Invalid token'")
    }

    /// A `ValidationException` without a reason.
    pub(crate) fn validation(message: impl Into<String>) -> Exception {
        Exception::new(ExceptionKind::Validation, message)
    }

    /// The label of a distributed Map where the operation wants a machine. The reason is AWS's, the
    /// text is not recorded.
    pub(crate) fn labeled_arn(action: &str) -> Exception {
        let message = format!("{action} does not support labeled state machine ARNs");
        Exception::validation_because("API_DOES_NOT_SUPPORT_LABELED_ARNS", message)
    }

    /// What an Express machine is not for. Recorded.
    pub(crate) fn type_not_supported() -> Exception {
        let message = "This operation is not supported by this type of state machine";
        Exception::new(ExceptionKind::StateMachineTypeNotSupported, message)
    }

    /// A `ValidationException` with a reason, one of AWS's words.
    pub(crate) fn validation_because(reason: &'static str, message: impl Into<String>) -> Exception {
        let detail = Some(("reason", reason.to_owned()));
        Exception { detail, ..Exception::validation(message) }
    }

    /// The body is not the JSON that the operation takes.
    pub(crate) fn serialization(message: impl Into<String>) -> Exception {
        Exception::new(ExceptionKind::Serialization, message)
    }

    /// No such operation; AWS sends no message. For an operation of AWS's that this release has
    /// not, there is one.
    pub fn unknown_operation(message: &str) -> Exception {
        Exception::new(ExceptionKind::UnknownOperation, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_a_type_a_message_and_rarely_more() {
        assert_eq!(
            Exception::invalid_name("a\"b").to_json(),
            r#"{"__type":"InvalidName","message":"Invalid Name: 'a\"b'"}"#
        );
        assert_eq!(
            Exception::no_such_resource("arn").to_json(),
            r#"{"__type":"ResourceNotFound","message":"Resource not found: 'arn'","resourceName":"arn"}"#
        );
        assert_eq!(
            Exception::unknown_operation("").to_json(),
            r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#
        );
    }
}

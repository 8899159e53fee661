//! What the service says when it does not do what was asked.
//!
//! Step Functions calls Lambda through the AWS SDK for Java, and the `Error` is `Lambda.` and the name
//! of the SDK's exception: one of its own for each error that the API lists, `AWSLambdaException` for
//! every other (`AccessDeniedException` is one of those). The `Cause` is the message of the exception.
//!
//! Source: the text is recorded for `ResourceNotFoundException`; `Lambda.AWSLambdaException` for
//! `AccessDeniedException` is quoted in awslabs/aws-deployment-framework#460; the list is that of the
//! operation Invoke in the service model of 2015-03-31.

use stepwell_model::Failure;

/// Every error that the operation Invoke lists, and so has an exception of its own.
const LISTED: [&str; 45] = [
    "CodeArtifactUserDeletedException",
    "CodeArtifactUserFailedException",
    "CodeArtifactUserPendingException",
    "DurableExecutionAlreadyStartedException",
    "EC2AccessDeniedException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "EFSIOException",
    "EFSMountConnectivityException",
    "EFSMountFailureException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "ENINotReadyException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "InvalidRuntimeException",
    "InvalidSecurityGroupIDException",
    "InvalidSubnetIDException",
    "InvalidZipFileException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "ModeNotSupportedException",
    "NoPublishedVersionException",
    "RecursiveInvocationException",
    "RequestTooLargeException",
    "ResourceConflictException",
    "ResourceNotFoundException",
    "ResourceNotReadyException",
    "RuntimeAliasDeletedException",
    "RuntimeVersionDeletedException",
    "S3FilesMountConnectivityException",
    "S3FilesMountFailureException",
    "S3FilesMountTimeoutException",
    "SerializedRequestEntityTooLargeException",
    "ServiceException",
    "ServiceQuotaExceededException",
    "SnapStartException",
    "SnapStartNotReadyException",
    "SnapStartRegenerationFailureException",
    "SnapStartTimeoutException",
    "SubnetIPAddressLimitReachedException",
    "TooManyRequestsException",
    "UnsupportedMediaTypeException",
];

/// The error code of a call that was throttled.
const THROTTLED: &str = "TooManyRequestsException";

/// A refusal of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error code, if told.
    pub code: Option<String>,
    /// The message, if told.
    pub message: Option<String>,
    /// The request id, if told.
    pub request_id: Option<String>,
}

impl Refusal {
    /// The failure of the task. What was not told is `null`, as in the text of the SDK.
    pub fn failure(&self) -> Failure {
        // Lambda always names the code. A proxy before it may not, and then a throttle should still be
        // one for the Retry of the state.
        let told = match self.code.as_deref() {
            None if self.status == 429 => Some(THROTTLED),
            code => code,
        };
        let name = told.filter(|code| LISTED.contains(code)).unwrap_or("AWSLambdaException");
        let or_null = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".to_owned());
        let cause = format!(
            "{} (Service: AWSLambda; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
            or_null(&self.message),
            self.status,
            told.unwrap_or("null"),
            or_null(&self.request_id),
        );
        Failure::new(format!("Lambda.{name}"), cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, code: Option<&str>, message: Option<&str>) -> String {
        let refusal = Refusal {
            status,
            code: code.map(str::to_owned),
            message: message.map(str::to_owned),
            request_id: Some("id".to_owned()),
        };
        let failure = refusal.failure();
        format!("{}: {}", failure.error_name(), failure.cause.as_deref().unwrap())
    }

    #[test]
    fn an_error_that_the_api_lists_has_its_own_name() {
        assert_eq!(
            check(429, Some("TooManyRequestsException"), Some("Rate Exceeded.")),
            "Lambda.TooManyRequestsException: Rate Exceeded. (Service: AWSLambda; Status Code: 429; Error Code: \
             TooManyRequestsException; Request ID: id; Proxy: null)"
        );
        assert!(check(500, Some("ServiceException"), None).starts_with("Lambda.ServiceException: null ("));
    }

    #[test]
    fn every_other_one_has_that_of_the_service() {
        let cause = "User: a is not authorized to perform: lambda:InvokeFunction on resource: b";
        assert_eq!(
            check(403, Some("AccessDeniedException"), Some(cause)),
            format!(
                "Lambda.AWSLambdaException: {cause} (Service: AWSLambda; Status Code: 403; Error Code: \
                 AccessDeniedException; Request ID: id; Proxy: null)"
            )
        );
        assert!(check(503, None, None).starts_with("Lambda.AWSLambdaException: null (Service: AWSLambda; "));
    }

    #[test]
    fn a_throttle_is_known_by_its_status_alone() {
        let told = check(429, None, Some("slow down"));
        assert!(told.starts_with("Lambda.TooManyRequestsException: slow down ("), "{told}");
    }

    #[test]
    fn the_list_is_sorted_and_has_nothing_twice() {
        assert!(LISTED.is_sorted_by(|one, other| one < other));
    }
}

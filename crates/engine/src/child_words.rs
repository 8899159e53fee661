//! How AWS words what a task hears of the execution that it started.
//!
//! The optimized integration (`states:startExecution`) and the one by the AWS SDK
//! (`aws-sdk:sfn:...`) differ in the names of errors, in the form of causes, and in what stands beside
//! an answer. Recorded are the answers and causes of the first, and the answer of the second.

use stepwell_model::{ExecutionStatus, Failure, Timestamp, error_names};
use stepwell_value::{Payload, Value};

use crate::catalogue::{execution_arn, machine_arn, qualified_arn};
use crate::express::express_arn;
use crate::messages::ChildStarted;
use crate::requests::{ExecutionView, ExpressEnded};

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// Those of the optimized integration.
    Optimized,
    /// Those of the integration by the AWS SDK.
    Sdk,
}

/// The failure of a call that Step Functions refused, by the name of the exception and its message.
pub(crate) fn refusal(words: Words, (name, message): &(&str, String), request_id: &str) -> Failure {
    let suffixed = if name.ends_with("Exception") { (*name).to_owned() } else { format!("{name}Exception") };
    let (error, cause) = match words {
        Words::Optimized => (
            format!("StepFunctions.{suffixed}"),
            format!(
                "{message} (Service: AWSStepFunctions; Status Code: 400; Error Code: {name}; Request ID: \
                 {request_id}; Proxy: null)"
            ),
        ),
        Words::Sdk => (
            format!("Sfn.{suffixed}"),
            format!("{message} (Service: Sfn, Status Code: 400, Request ID: {request_id})"),
        ),
    };
    Failure::new(error, cause)
}

/// The answer to `StartExecution`.
pub(crate) fn started(words: Words, started: &ChildStarted, request_id: &str, now: Timestamp) -> Payload {
    let arn = Value::from(&*started.arn);
    let value = match words {
        Words::Sdk => {
            let date = Value::from(started.started_at.to_rfc3339());
            Value::object([("ExecutionArn", arn), ("StartDate", date)])
        }
        Words::Optimized => {
            // What AWS's own answer would be long: the moment is written as 1.234567890123E9 there.
            let length = r#"{"executionArn":"","startDate":1.234567890123E9}"#.len() + started.arn.len();
            let headers = [
                ("x-amzn-RequestId", request_id.to_owned()),
                ("connection", "keep-alive".to_owned()),
                ("Content-Length", length.to_string()),
                ("Date", now.to_http_date()),
                ("Content-Type", "application/x-amz-json-1.0".to_owned()),
            ];
            let lists =
                headers.iter().map(|(name, text)| (*name, Value::array([Value::from(text.as_str())])));
            let mut sorted = headers.clone();
            sorted.sort_by_key(|(name, _)| name.to_ascii_lowercase());
            let singles = sorted.iter().map(|(name, text)| (*name, Value::from(text.as_str())));
            let http = Value::object([
                ("AllHttpHeaders", Value::object(lists)),
                ("HttpHeaders", Value::object(singles)),
                ("HttpStatusCode", Value::from(200_i64)),
            ]);
            Value::object([
                ("ExecutionArn", arn),
                ("SdkHttpMetadata", http),
                ("SdkResponseMetadata", Value::object([("RequestId", Value::from(request_id))])),
                ("StartDate", milliseconds(started.started_at)),
            ])
        }
    };
    Payload::of(value).expect("four levels are not too deep")
}

/// What `.sync` (1) and `.sync:2` tell of an execution that has ended: its description, with input
/// and output as texts or as values; a failure if it did not succeed.
pub(crate) fn ended(view: &ExecutionView, version: u8) -> Result<Payload, Failure> {
    let data = |payload: &Payload| match version {
        2 => payload.value().clone(),
        _ => Value::from(compact(payload)),
    };
    let included = || Value::object([("Included", Value::from(true))]);
    let mut members = Vec::new();
    if let Some(failure) = &view.failure {
        members.extend(failure.cause.as_deref().map(|cause| ("Cause", Value::from(cause))));
        members.extend(failure.error.as_deref().map(|error| ("Error", Value::from(error))));
    }
    members.push(("ExecutionArn", Value::from(execution_arn(&view.key))));
    members.push(("Input", data(&view.input)));
    members.push(("InputDetails", included()));
    members.push(("Name", Value::from(&*view.key.name)));
    if let Some(output) = &view.output {
        members.push(("Output", data(output)));
        members.push(("OutputDetails", included()));
    }
    members.push(("StartDate", milliseconds(view.started_at)));
    if let Some(alias) = &view.alias {
        members.push(("StateMachineAliasArn", Value::from(qualified_arn(&view.key.machine, alias))));
    }
    members.push(("StateMachineArn", Value::from(machine_arn(&view.key.machine))));
    if let Some(version) = view.version {
        let arn = qualified_arn(&view.key.machine, &version.to_string());
        members.push(("StateMachineVersionArn", Value::from(arn)));
    }
    members.push(("Status", Value::from(view.status.as_str())));
    members.extend(view.closed_at.map(|closed_at| ("StopDate", milliseconds(closed_at))));
    // An output of many levels may be too deep once it stands in the description.
    let description = Payload::of(Value::object(members))
        .map_err(|error| Failure::new(error_names::TASK_FAILED, error.to_string()))?;
    match view.status {
        ExecutionStatus::Succeeded => Ok(description),
        // Recorded: a child's own timeout is a failed task as well.
        ExecutionStatus::Running
        | ExecutionStatus::Failed
        | ExecutionStatus::TimedOut
        | ExecutionStatus::Aborted => Err(Failure::new(error_names::TASK_FAILED, description.text())),
    }
}

/// The answer to `StartSyncExecution` by the AWS SDK. An execution that failed is an answer too.
pub(crate) fn express_ended(ended: &ExpressEnded) -> Payload {
    let included = || Value::object([("Included", Value::from(true))]);
    let billed_ms = ended.billed_milliseconds();
    let billing = Value::object([
        ("BilledDurationInMilliseconds", Value::from(i64::try_from(billed_ms).unwrap_or(i64::MAX))),
        ("BilledMemoryUsedInMB", Value::from(i64::try_from(ended.billed_memory_mb).unwrap_or(i64::MAX))),
    ]);
    let mut members = vec![("BillingDetails", billing)];
    if let Some(failure) = &ended.failure {
        members.extend(failure.cause.as_deref().map(|cause| ("Cause", Value::from(cause))));
        members.extend(failure.error.as_deref().map(|error| ("Error", Value::from(error))));
    }
    members.push(("ExecutionArn", Value::from(express_arn(&ended.key))));
    members.push(("Input", Value::from(ended.input.text())));
    members.push(("InputDetails", included()));
    members.push(("Name", Value::from(&*ended.key.name)));
    if let Some(output) = &ended.output {
        members.push(("Output", Value::from(output.text())));
        members.push(("OutputDetails", included()));
    }
    members.push(("StartDate", Value::from(ended.started_at.to_rfc3339())));
    members.push(("StateMachineArn", Value::from(machine_arn(&ended.key.machine))));
    members.push(("Status", Value::from(ended.status.as_str())));
    members.push(("StopDate", Value::from(ended.closed_at.to_rfc3339())));
    Payload::of(Value::object(members)).expect("two levels are not too deep")
}

fn milliseconds(moment: Timestamp) -> Value {
    Value::from(i64::try_from(moment.epoch_ms).unwrap_or(i64::MAX))
}

/// The text without blanks between its parts: AWS writes what it has parsed.
fn compact(payload: &Payload) -> String {
    payload.value().to_json().unwrap_or_else(|_| payload.text().to_owned())
}

//! From the answer of an invocation to the outcome of its task.
//!
//! The output of `lambda:invoke` is what the AWS SDK for Java made of the answer: `ExecutedVersion`,
//! `LogResult`, `Payload` (parsed), `SdkHttpMetadata` with the headers twice (all values as they
//! came, and one value each under names sorted without regard to case), `SdkResponseMetadata`, and
//! `StatusCode`. Source: recorded answers of AWS.

use bytes::Bytes;
use stepwell_model::{Failure, error_names};
use stepwell_task::TaskOutcome;
use stepwell_value::{Payload, Value};

use crate::Call;

/// The largest result that Step Functions takes, in bytes.
const RESULT_BYTES_MAX: usize = 262_144;
/// How much of something unexpected is quoted in a cause, in characters.
const QUOTED_CHARACTERS_MAX: usize = 1024;

/// An answer of the service that is no refusal and no error of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers in their order, spelled as AWS does.
    pub headers: Vec<(String, String)>,
    /// What the function returned; `None` for an invocation that is not waited for.
    pub result: Option<Bytes>,
    /// The version that ran, if told.
    pub executed_version: Option<String>,
    /// The end of the log in base64, if told.
    pub log_result: Option<String>,
    /// The request id, if told.
    pub request_id: Option<String>,
}

impl Call {
    /// The outcome of a call that was answered like this.
    pub fn answered(&self, answer: Answer) -> TaskOutcome {
        let result = match &answer.result {
            None => None,
            Some(body) => {
                let text = if body.is_empty() { "null" } else { std::str::from_utf8(body).unwrap_or("") };
                if self.raw {
                    return match Payload::parse(text) {
                        Ok(result) => TaskOutcome::Succeeded(result),
                        Err(error) => TaskOutcome::Failed(self.not_json(body, &error.to_string())),
                    };
                }
                match Value::parse(text) {
                    Ok(result) => Some(result),
                    Err(error) => return TaskOutcome::Failed(self.not_json(body, &error.to_string())),
                }
            }
        };
        match Payload::of(output(answer, result)) {
            Ok(output) => TaskOutcome::Succeeded(output),
            // A result that only just nests no deeper than allowed does so within the answer.
            Err(error) => TaskOutcome::Failed(Failure::new("Lambda.Unknown", error.to_string())),
        }
    }

    /// The failure that the error object of a function means. `lambda:invoke` writes the object anew,
    /// without blanks; with the function's ARN as the resource it is left as it came (recorded).
    pub fn function_error(&self, body: &[u8]) -> Failure {
        let text = String::from_utf8_lossy(body);
        let parsed = Value::parse(&text).ok();
        let kind = parsed.as_ref().and_then(|error| error.get("errorType")).and_then(Value::as_str);
        match kind {
            Some(kind) if !kind.is_empty() => {
                let anew =
                    if self.raw { None } else { parsed.as_ref().and_then(|error| error.to_json().ok()) };
                Failure::new(kind, anew.unwrap_or_else(|| text.to_string()))
            }
            Some(_) | None => {
                let cause = "The cause could not be determined because Lambda did not return an error type.";
                Failure::new("Lambda.Unknown", format!("{cause} Returned payload: {}", quoted(body)))
            }
        }
    }

    /// The failure of a call whose result is larger than Step Functions takes.
    pub fn too_large(&self) -> Failure {
        let who = if self.raw { &*self.arn } else { "lambda" };
        let cause = format!(
            "The state/task '{who}' returned a result with a size exceeding the maximum number of bytes \
             service limit."
        );
        Failure::new(error_names::DATA_LIMIT_EXCEEDED, cause)
    }

    fn not_json(&self, body: &[u8], error: &str) -> Failure {
        // AWS measures before it reads.
        if body.len() > RESULT_BYTES_MAX {
            return self.too_large();
        }
        let cause = format!("The function returned something that is not JSON ({error}): {}", quoted(body));
        Failure::new("Lambda.Unknown", cause)
    }
}

fn output(answer: Answer, result: Option<Value>) -> Value {
    let status = i64::from(answer.status);
    let mut members: Vec<(&str, Value)> = Vec::new();
    if let Some(version) = answer.executed_version {
        members.push(("ExecutedVersion", Value::from(version)));
    }
    if let Some(log_result) = answer.log_result {
        members.push(("LogResult", Value::from(log_result)));
    }
    if let Some(result) = result {
        members.push(("Payload", result));
    }
    members.push(("SdkHttpMetadata", http_metadata(status, answer.headers)));
    let request_id = answer.request_id.map_or(Value::Null, Value::from);
    members.push(("SdkResponseMetadata", Value::object([("RequestId", request_id)])));
    members.push(("StatusCode", Value::from(status)));
    Value::object(members)
}

/// `SdkHttpMetadata`. Of a header that came more than once the last value stands in `HttpHeaders`, as
/// in the SDK.
fn http_metadata(status: i64, headers: Vec<(String, String)>) -> Value {
    let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in headers {
        match grouped.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some((_, values)) => values.push(value),
            None => grouped.push((name, vec![value])),
        }
    }
    let list = |values: &[String]| -> Vec<Value> {
        values.iter().map(|value| Value::from(value.as_str())).collect()
    };
    let lists = grouped.iter().map(|(name, values)| (name.as_str(), Value::array(list(values))));
    let lists = Value::object(lists);
    grouped.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let singles = grouped
        .iter()
        .map(|(name, values)| (name.as_str(), Value::from(values.last().map_or("", String::as_str))));
    let singles = Value::object(singles);
    let metadata =
        [("AllHttpHeaders", lists), ("HttpHeaders", singles), ("HttpStatusCode", Value::from(status))];
    Value::object(metadata)
}

/// The beginning of something, for a person to read.
fn quoted(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(QUOTED_CHARACTERS_MAX).collect()
}

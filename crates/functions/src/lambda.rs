//! How an invocation of a local function ended, and what Lambda would have answered.
//!
//! What a task asks of Lambda, and what its answers mean, is in the crate `lambda`; here is what the
//! platform says of an invocation, and the headers of an answer that no service sent.
//!
//! | what happened                           | `Error`                           | `Cause`              |
//! |-----------------------------------------|-----------------------------------|----------------------|
//! | the module or function cannot be loaded | `Runtime.ImportModuleError`, ...  | its JSON             |
//! | it took longer than its time-out        | `Sandbox.Timedout`                | JSON of that type    |
//! | the process ended                       | `Runtime.ExitError`               | JSON of that type    |
//! | the process could not be started        | `Runtime.InvalidEntrypoint`       | JSON of that type    |
//! | more than 6 MB were returned            | `Function.ResponseSizeTooLarge`   | JSON of that type    |
//! | no such function                        | `Lambda.ResourceNotFoundException`| AWS's text           |
//! | nothing was sent                        | `Lambda.SdkClientException`       | the reason           |
//!
//! Source: recorded answers of AWS (`X-Amz-Log-Result`, header order); Lambda Developer Guide,
//! "Troubleshoot invocation issues" for `Sandbox.Timedout` and `Runtime.ExitError`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use stepwell_lambda::{Answer, Call, Kind, LATEST, not_sent};
use stepwell_model::Failure;
use stepwell_task::TaskOutcome;
use stepwell_value::Value;

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ending {
    /// The handler returned this.
    Returned(Bytes),
    /// The handler, or what runs it, failed with this error object.
    Failed(Bytes),
    /// The service refused: the error name without `Lambda.`, and the cause.
    Refused(&'static str, String),
    /// It was not run at all, for this reason.
    NotSent(String),
    /// Nobody can tell whether it ran.
    Unknown,
}

/// The X-Ray trace id that the handler and the answer carry; not sampled. Derived from the request
/// id, so that an invocation that is sent again carries the same.
pub(crate) fn trace_id(call: &Call, epoch_seconds: i64) -> String {
    let digits: String = call.request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let digits = format!("{digits:0>32}");
    format!("Root=1-{epoch_seconds:08x}-{};Parent={};Sampled=0", &digits[..24], &digits[16..32])
}

/// The outcome of the task whose invocation ended like this. `log` is the end of the log;
/// `now_epoch_seconds` is for the `Date` of the answer.
pub(crate) fn outcome(call: &Call, ending: Ending, log: &str, now_epoch_seconds: i64) -> TaskOutcome {
    match ending {
        Ending::Returned(body) => call.answered(answer(call, 200, Some(body), log, now_epoch_seconds)),
        Ending::Failed(body) => TaskOutcome::Failed(call.function_error(&body)),
        Ending::Refused(error, cause) => TaskOutcome::Failed(Failure::new(format!("Lambda.{error}"), cause)),
        Ending::NotSent(cause) => TaskOutcome::Failed(not_sent(cause)),
        Ending::Unknown => TaskOutcome::Unknown,
    }
}

/// The outcome of an invocation that is not waited for.
pub(crate) fn accepted(call: &Call, now_epoch_seconds: i64) -> TaskOutcome {
    let status = if call.kind == Kind::DryRun { 204 } else { 202 };
    call.answered(answer(call, status, None, "", now_epoch_seconds))
}

/// The answer of the service, with its headers in AWS's order.
fn answer(call: &Call, status: u16, result: Option<Bytes>, log: &str, now: i64) -> Answer {
    let numeric = |text: &&String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let version = call.qualifier.as_ref().filter(numeric).map_or(LATEST, String::as_str);
    let log_result = (call.log_tail && result.is_some()).then(|| {
        let id = &call.request_id;
        BASE64.encode(format!("START RequestId: {id} Version: {version}\n{log}END RequestId: {id}\n"))
    });
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    if let Some(log_result) = &log_result {
        add("X-Amz-Log-Result", log_result.clone());
    }
    if result.is_some() {
        add("X-Amz-Executed-Version", version.to_owned());
    }
    add("x-amzn-Remapped-Content-Length", "0".to_owned());
    add("Connection", "keep-alive".to_owned());
    add("x-amzn-RequestId", call.request_id.to_string());
    add("Content-Length", result.as_ref().map_or(0, Bytes::len).to_string());
    add("Date", http_date(now));
    add("X-Amzn-Trace-Id", trace_id(call, now));
    add("Content-Type", "application/json".to_owned());
    Answer {
        status,
        headers,
        executed_version: result.is_some().then(|| version.to_owned()),
        result,
        log_result,
        request_id: Some(call.request_id.to_string()),
    }
}

/// A moment as HTTP writes it.
fn http_date(epoch_seconds: i64) -> String {
    let moment = jiff::Timestamp::from_second(epoch_seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The error object of something that Lambda itself says of an invocation.
pub(crate) fn platform_error(kind: &str, request_id: &str, message: &str) -> Ending {
    let message = format!("RequestId: {request_id} Error: {message}");
    let members = [("errorType", Value::from(kind)), ("errorMessage", Value::from(message))];
    Ending::Failed(Value::object(members).to_string().into())
}

/// The invocation took longer than its function may.
pub(crate) fn timed_out(request_id: &str, timeout: std::time::Duration) -> Ending {
    let message = format!("Task timed out after {}.00 seconds", timeout.as_secs());
    platform_error("Sandbox.Timedout", request_id, &message)
}

/// The function returned more than `bytes_max`.
pub(crate) fn too_large(bytes_max: usize) -> Ending {
    let message = format!("Response payload size exceeded maximum allowed payload size ({bytes_max} bytes).");
    let members =
        [("errorMessage", Value::from(message)), ("errorType", Value::from("Function.ResponseSizeTooLarge"))];
    Ending::Failed(Value::object(members).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_lambda::read;
    use stepwell_model::{EntityId, Resource, TaskRef};
    use stepwell_task::TaskRequest;
    use stepwell_value::Payload;

    const ID: &str = "0b0d5a7c-43a8-4c1c-9a4e-0123456789ab";

    fn request(resource: &str, parameters: &str) -> TaskRequest {
        TaskRequest {
            task: TaskRef { execution: EntityId { partition: 1, number: 2 }, scheduled_event_id: 3 },
            account: "000000000000".into(),
            region: "us-east-1".into(),
            resource: Resource::parse(resource).unwrap(),
            parameters: Payload::parse(parameters).unwrap(),
            timeout: None,
            idempotency_key: ID.to_owned(),
        }
    }

    fn invoke(parameters: &str) -> Call {
        read(&request("arn:aws:states:::lambda:invoke", parameters)).unwrap().unwrap()
    }

    #[test]
    fn the_answer_has_the_shape_of_the_recorded_one() {
        let call = invoke(r#"{"FunctionName":"f","LogType":"Tail"}"#);
        let body = Bytes::from_static(b"{\"foo\": \"foo-1\"}");
        let TaskOutcome::Succeeded(output) = outcome(&call, Ending::Returned(body), "log\n", 784111777)
        else {
            panic!("the call succeeds")
        };
        let log = format!("START RequestId: {ID} Version: $LATEST\nlog\nEND RequestId: {ID}\n");
        let trace = "Root=1-2ebc98a1-0b0d5a7c43a84c1c9a4e0123;Parent=9a4e0123456789ab;Sampled=0";
        assert_eq!(
            output.text(),
            r#"{"ExecutedVersion":"$LATEST","LogResult":"LOG","Payload":{"foo":"foo-1"},"SdkHttpMetadata":{"AllHttpHeaders":{"X-Amz-Log-Result":["LOG"],"X-Amz-Executed-Version":["$LATEST"],"x-amzn-Remapped-Content-Length":["0"],"Connection":["keep-alive"],"x-amzn-RequestId":["ID"],"Content-Length":["16"],"Date":["Sun, 06 Nov 1994 08:49:37 GMT"],"X-Amzn-Trace-Id":["TRACE"],"Content-Type":["application/json"]},"HttpHeaders":{"Connection":"keep-alive","Content-Length":"16","Content-Type":"application/json","Date":"Sun, 06 Nov 1994 08:49:37 GMT","X-Amz-Executed-Version":"$LATEST","X-Amz-Log-Result":"LOG","x-amzn-Remapped-Content-Length":"0","x-amzn-RequestId":"ID","X-Amzn-Trace-Id":"TRACE"},"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"ID"},"StatusCode":200}"#
                .replace("ID\"]", &format!("{ID}\"]"))
                .replace(":\"ID\"", &format!(":\"{ID}\""))
                .replace("TRACE", trace)
                .replace("LOG", &BASE64.encode(log))
        );
    }

    #[test]
    fn each_ending_has_its_failure() {
        let call = invoke(r#"{"FunctionName":"f"}"#);
        let failure = |ending| match outcome(&call, ending, "", 0) {
            TaskOutcome::Failed(failure) => {
                format!("{} {}", failure.error_name(), failure.cause.as_deref().unwrap())
            }
            other => format!("{other:?}"),
        };
        let error = r#"{"errorMessage": "", "errorType": "CustomException"}"#;
        assert_eq!(
            failure(Ending::Failed(error.into())),
            r#"CustomException {"errorMessage":"","errorType":"CustomException"}"#
        );
        let by_arn = request("arn:aws:lambda:us-east-1:000000000000:function:f", "{}");
        let by_arn = outcome(&read(&by_arn).unwrap().unwrap(), Ending::Failed(error.into()), "", 0);
        assert_eq!(by_arn, TaskOutcome::Failed(Failure::new("CustomException", error)));
        assert_eq!(
            failure(Ending::Failed("oops".into())),
            "Lambda.Unknown The cause could not be determined because Lambda did not return an error type. \
             Returned payload: oops"
        );
        assert_eq!(
            failure(timed_out("id", std::time::Duration::from_secs(3))),
            r#"Sandbox.Timedout {"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}"#
        );
        assert!(failure(Ending::Returned("aaa".into())).starts_with("Lambda.Unknown The function returned"));
        let large = Bytes::from("a".repeat(257 * 1024));
        assert_eq!(
            failure(Ending::Returned(large)),
            "States.DataLimitExceeded The state/task 'lambda' returned a result with a size exceeding the \
             maximum number of bytes service limit."
        );
        assert_eq!(failure(Ending::NotSent("why".into())), "Lambda.SdkClientException why");
        assert_eq!(failure(Ending::Unknown), "Unknown");
    }
}

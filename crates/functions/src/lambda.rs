//! `lambda:invoke` and function ARNs, as pure translation: a task in, an invocation out, and from
//! how the invocation ended to the outcome of the task.
//!
//! | parameter        | meaning                                                                      |
//! |------------------|------------------------------------------------------------------------------|
//! | `FunctionName`   | a name, a partial ARN (`ACCOUNT:function:NAME`) or an ARN; region and account are ignored |
//! | `Payload`        | what the handler is called with; `null` and absent mean `{}`                 |
//! | `InvocationType` | `RequestResponse`, `Event` (not waited for), `DryRun` (not run)              |
//! | `Qualifier`      | a version or an alias, only echoed                                           |
//! | `ClientContext`  | base64 of JSON, handed to the handler                                        |
//! | `LogType`        | `Tail` asks for the last 4 KiB of the log as `LogResult`                     |
//!
//! With a function ARN as the `Resource` the parameters are the payload and the raw result is the
//! result.
//!
//! # How an invocation fails
//!
//! | what happened                           | `Error`                           | `Cause`              |
//! |-----------------------------------------|-----------------------------------|----------------------|
//! | the handler raised or threw             | `errorType` of the error          | its JSON, as it came |
//! | an error that names no type             | `Lambda.Unknown`                  | AWS's text, the JSON |
//! | the module or function cannot be loaded | `Runtime.ImportModuleError`, ...  | its JSON             |
//! | it took longer than its time-out        | `Sandbox.Timedout`                | JSON of that type    |
//! | the process ended                       | `Runtime.ExitError`               | JSON of that type    |
//! | the process could not be started        | `Runtime.InvalidEntrypoint`       | JSON of that type    |
//! | more than 6 MB were returned            | `Function.ResponseSizeTooLarge`   | JSON of that type    |
//! | what was returned is not JSON           | `Lambda.Unknown`                  | says so              |
//! | not JSON and larger than 256 KiB        | `States.DataLimitExceeded`        | AWS's text           |
//! | no such function                        | `Lambda.ResourceNotFoundException`| AWS's text           |
//! | nothing was sent                        | `Lambda.SdkClientException`       | the reason           |
//!
//! Source: recorded answers of AWS (`X-Amz-Log-Result`, header order, `ResourceNotFoundException`,
//! `DataLimitExceeded`); Lambda Developer Guide, "Troubleshoot invocation issues" for
//! `Sandbox.Timedout` and `Runtime.ExitError`. What AWS does with a small result that is not JSON
//! was not recorded; failing loudly is our choice.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use stepwell_model::{Failure, Pattern, Resource, error_names};
use stepwell_task::{TaskOutcome, TaskRequest};
use stepwell_value::{Payload, Value};

/// The version of every function here.
const LATEST: &str = "$LATEST";
/// The largest result that Step Functions takes, in bytes.
const RESULT_BYTES_MAX: usize = 262_144;
/// How much of something unexpected is quoted in a cause, in characters.
const QUOTED_CHARACTERS_MAX: usize = 1024;

/// How an invocation is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With the result.
    RequestResponse,
    /// At once; the function runs on its own.
    Event,
    /// At once; nothing runs.
    DryRun,
}

/// What a task asks of Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The name of the function, without anything around it.
    pub name: Arc<str>,
    /// The ARN under which it is invoked, with the qualifier if there was one.
    pub arn: Arc<str>,
    /// What the handler is called with: JSON text.
    pub payload: Bytes,
    /// The request id of the invocation.
    pub request_id: Arc<str>,
    /// JSON text for the handler's context.
    pub client_context: Option<String>,
    /// How it is answered.
    pub kind: Kind,
    /// Whether the end of the log is wanted.
    pub log_tail: bool,
    /// The version or alias that was asked for.
    qualifier: Option<String>,
    /// Whether the result is wanted as it is: the resource was the function's ARN.
    raw: bool,
}

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

/// Reads the task. `None` if it is not one for Lambda; a failure if it can never be sent.
pub(crate) fn read(request: &TaskRequest) -> Option<Result<Call, Failure>> {
    match &request.resource {
        Resource::LambdaFunction { arn } => {
            let named = Named::parse(arn, request)?;
            let payload = Bytes::copy_from_slice(request.parameters.text().as_bytes());
            Some(Ok(Call { raw: true, ..named.call(payload, &request.idempotency_key) }))
        }
        Resource::Service { service, action, pattern } if &**service == "lambda" && &**action == "invoke" => {
            match pattern {
                Pattern::RequestResponse | Pattern::WaitForTaskToken => Some(read_invoke(request)),
                Pattern::Sync { .. } => None,
            }
        }
        Resource::Service { .. } | Resource::Activity { .. } => None,
    }
}

fn read_invoke(request: &TaskRequest) -> Result<Call, Failure> {
    let parameters = request.parameters.value();
    let text = |key: &str| parameters.get(key).and_then(Value::as_str);
    let invalid = |what: String| {
        let given = request.parameters.text();
        Failure::runtime(format!("The Parameters '{given}' could not be used to start the Task: [{what}]"))
    };
    let Some(function_name) = text("FunctionName") else {
        return Err(invalid("The field 'FunctionName' is required but was missing".to_owned()));
    };
    let Some(named) = Named::parse(function_name, request) else {
        return Err(invalid(format!(
            "The field 'FunctionName' is not the name of a function: {function_name}"
        )));
    };
    let payload = match parameters.get("Payload") {
        None | Some(Value::Null) => Bytes::from_static(b"{}"),
        // Lambda takes bytes: a string that holds JSON is sent as that JSON (recorded).
        Some(Value::String(text)) if Value::parse(text).is_ok() => Bytes::copy_from_slice(text.as_bytes()),
        Some(payload) => Bytes::from(payload.to_json().map_err(|error| Failure::runtime(error.to_string()))?),
    };
    let kind = match text("InvocationType") {
        None | Some("RequestResponse") => Kind::RequestResponse,
        Some("Event") => Kind::Event,
        Some("DryRun") => Kind::DryRun,
        Some(other) => return Err(invalid(format!("The value for 'InvocationType' is not known: {other}"))),
    };
    let client_context = match text("ClientContext") {
        None => None,
        Some(encoded) => {
            let decoded = BASE64.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            // It travels in a header; writing it anew leaves no line break in it.
            let json =
                decoded.and_then(|text| Value::parse(&text).ok()).and_then(|value| value.to_json().ok());
            Some(json.ok_or_else(|| {
                let cause = "Client context must be a valid Base64-encoded JSON object.";
                Failure::new("Lambda.InvalidRequestContentException", cause)
            })?)
        }
    };
    let qualifier = text("Qualifier").map(str::to_owned).or(named.qualifier.clone());
    let log_tail = text("LogType") == Some("Tail");
    let named = Named { qualifier, ..named };
    Ok(Call { kind, client_context, log_tail, ..named.call(payload, &request.idempotency_key) })
}

/// The parts of a function's name.
struct Named {
    partition: String,
    region: String,
    account: String,
    name: String,
    qualifier: Option<String>,
}

impl Named {
    /// `NAME[:Q]`, `ACCOUNT:function:NAME[:Q]` or `arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:Q]`.
    /// Without an account or a region, those of the state machine are meant.
    fn parse(text: &str, request: &TaskRequest) -> Option<Named> {
        let parts: Vec<&str> = text.split(':').collect();
        let (partition, region, account, rest) = match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", rest @ ..] => {
                (*partition, *region, *account, rest)
            }
            [account, "function", rest @ ..] => ("aws", &*request.region, *account, rest),
            rest => ("aws", &*request.region, &*request.account, rest),
        };
        let (name, qualifier) = match rest {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some((*qualifier).to_owned())),
            _ => return None,
        };
        (!name.is_empty()).then(|| Named {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
            qualifier,
        })
    }

    fn call(self, payload: Bytes, request_id: &str) -> Call {
        let Named { partition, region, account, name, qualifier } = self;
        let suffix = qualifier.as_ref().map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
        Call {
            arn: format!("arn:{partition}:lambda:{region}:{account}:function:{name}{suffix}").into(),
            name: name.into(),
            payload,
            request_id: request_id.into(),
            client_context: None,
            kind: Kind::RequestResponse,
            log_tail: false,
            qualifier,
            raw: false,
        }
    }
}

impl Call {
    /// What AWS says of a function that is not there.
    pub fn not_found(&self) -> Failure {
        let arn = match self.qualifier {
            Some(_) => self.arn.to_string(),
            None => format!("{}:{LATEST}", self.arn),
        };
        let cause = format!(
            "Function not found: {arn} (Service: AWSLambda; Status Code: 404; \
             Error Code: ResourceNotFoundException; Request ID: {}; Proxy: null)",
            self.request_id
        );
        Failure::new("Lambda.ResourceNotFoundException", cause)
    }

    /// The X-Ray trace id that the handler and the answer carry; not sampled. Derived from the
    /// request id, so that an invocation that is sent again carries the same.
    pub fn trace_id(&self, epoch_seconds: i64) -> String {
        let digits: String = self.request_id.chars().filter(char::is_ascii_hexdigit).collect();
        let digits = format!("{digits:0>32}");
        format!("Root=1-{epoch_seconds:08x}-{};Parent={};Sampled=0", &digits[..24], &digits[16..32])
    }

    /// The outcome of the task whose invocation ended like this. `log` is the end of the log;
    /// `now_epoch_seconds` is for the `Date` of the answer.
    pub fn outcome(&self, ending: Ending, log: &str, now_epoch_seconds: i64) -> TaskOutcome {
        match ending {
            Ending::Returned(body) => self.returned(&body, log, now_epoch_seconds),
            Ending::Failed(body) => TaskOutcome::Failed(self.function_error(&body)),
            Ending::Refused(error, cause) => {
                TaskOutcome::Failed(Failure::new(format!("Lambda.{error}"), cause))
            }
            Ending::NotSent(cause) => TaskOutcome::Failed(Failure::new("Lambda.SdkClientException", cause)),
            Ending::Unknown => TaskOutcome::Unknown,
        }
    }

    /// The outcome of an invocation that is not waited for.
    pub fn accepted(&self, now_epoch_seconds: i64) -> TaskOutcome {
        let status = if self.kind == Kind::DryRun { 204 } else { 202 };
        self.answer(status, None, 0, "", now_epoch_seconds)
    }

    fn returned(&self, body: &Bytes, log: &str, now_epoch_seconds: i64) -> TaskOutcome {
        let text = if body.is_empty() { "null" } else { std::str::from_utf8(body).unwrap_or("") };
        if self.raw {
            return match Payload::parse(text) {
                Ok(result) => TaskOutcome::Succeeded(result),
                Err(error) => TaskOutcome::Failed(self.not_json(body, &error.to_string())),
            };
        }
        match Value::parse(text) {
            Ok(result) => self.answer(200, Some(result), body.len(), log, now_epoch_seconds),
            Err(error) => TaskOutcome::Failed(self.not_json(body, &error.to_string())),
        }
    }

    /// The failure that an error object means. `lambda:invoke` writes the object anew, without blanks;
    /// with the function's ARN as the resource it is left as it came (recorded).
    fn function_error(&self, body: &Bytes) -> Failure {
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

    fn not_json(&self, body: &Bytes, error: &str) -> Failure {
        // AWS measures before it reads.
        if body.len() > RESULT_BYTES_MAX {
            let who = if self.raw { &*self.arn } else { "lambda" };
            let cause = format!(
                "The state/task '{who}' returned a result with a size exceeding the maximum number of \
                 bytes service limit."
            );
            return Failure::new(error_names::DATA_LIMIT_EXCEEDED, cause);
        }
        let cause = format!("The function returned something that is not JSON ({error}): {}", quoted(body));
        Failure::new("Lambda.Unknown", cause)
    }

    /// The answer of the service, with its headers in AWS's order.
    fn answer(&self, status: i64, result: Option<Value>, bytes: usize, log: &str, now: i64) -> TaskOutcome {
        let numeric = |text: &&String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let version = self.qualifier.as_ref().filter(numeric).map_or(LATEST, String::as_str);
        let log_result = (self.log_tail && result.is_some()).then(|| {
            let id = &self.request_id;
            BASE64.encode(format!("START RequestId: {id} Version: {version}\n{log}END RequestId: {id}\n"))
        });
        let mut headers: Vec<(&str, String)> = Vec::new();
        if let Some(log_result) = &log_result {
            headers.push(("X-Amz-Log-Result", log_result.clone()));
        }
        if result.is_some() {
            headers.push(("X-Amz-Executed-Version", version.to_owned()));
        }
        headers.push(("x-amzn-Remapped-Content-Length", "0".to_owned()));
        headers.push(("Connection", "keep-alive".to_owned()));
        headers.push(("x-amzn-RequestId", self.request_id.to_string()));
        headers.push(("Content-Length", bytes.to_string()));
        headers.push(("Date", http_date(now)));
        headers.push(("X-Amzn-Trace-Id", self.trace_id(now)));
        headers.push(("Content-Type", "application/json".to_owned()));
        let lists = headers.iter().map(|(name, value)| (*name, Value::array([Value::from(value.as_str())])));
        let lists = Value::object(lists);
        headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        let singles = Value::object(headers.into_iter().map(|(name, value)| (name, Value::from(value))));

        let mut members: Vec<(&str, Value)> = Vec::new();
        if let Some(result) = result {
            members.push(("ExecutedVersion", Value::from(version)));
            if let Some(log_result) = log_result {
                members.push(("LogResult", Value::from(log_result)));
            }
            members.push(("Payload", result));
        }
        let metadata =
            [("AllHttpHeaders", lists), ("HttpHeaders", singles), ("HttpStatusCode", Value::from(status))];
        members.push(("SdkHttpMetadata", Value::object(metadata)));
        let request_id = [("RequestId", Value::from(&*self.request_id))];
        members.push(("SdkResponseMetadata", Value::object(request_id)));
        members.push(("StatusCode", Value::from(status)));
        match Payload::of(Value::object(members)) {
            Ok(output) => TaskOutcome::Succeeded(output),
            // A result that only just nests no deeper than allowed does so within the answer.
            Err(error) => TaskOutcome::Failed(Failure::new("Lambda.Unknown", error.to_string())),
        }
    }
}

/// The beginning of something, for a person to read.
fn quoted(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(QUOTED_CHARACTERS_MAX).collect()
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
    use stepwell_model::{EntityId, TaskRef};

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
    fn a_function_is_found_under_each_of_its_names() {
        for (given, arn) in [
            ("charge", "arn:aws:lambda:us-east-1:000000000000:function:charge"),
            ("charge:PROD", "arn:aws:lambda:us-east-1:000000000000:function:charge:PROD"),
            ("123456789012:function:charge", "arn:aws:lambda:us-east-1:123456789012:function:charge"),
            ("arn:aws:lambda:eu-west-1:1:function:charge:7", "arn:aws:lambda:eu-west-1:1:function:charge:7"),
        ] {
            let call = invoke(&format!("{{\"FunctionName\":\"{given}\"}}"));
            assert_eq!((&*call.name, &*call.arn), ("charge", arn));
        }
        let call =
            read(&request("arn:aws:lambda:us-east-1:1:function:charge:PROD", "[1, 2]")).unwrap().unwrap();
        assert_eq!((&*call.name, &call.payload[..], call.raw), ("charge", &b"[1, 2]"[..], true));
    }

    #[test]
    fn only_lambda_is_ours() {
        assert_eq!(read(&request("arn:aws:states:::sqs:sendMessage", "{}")), None);
        assert_eq!(read(&request("arn:aws:states:::lambda:invoke.sync", "{}")), None);
        assert!(read(&request("arn:aws:states:::lambda:invoke.waitForTaskToken", "{}")).is_some());
    }

    #[test]
    fn a_call_without_a_function_name_is_refused() {
        let refused = read(&request("arn:aws:states:::lambda:invoke", "{}")).unwrap().unwrap_err();
        assert_eq!(refused.error_name(), "States.Runtime");
        assert!(refused.cause.unwrap().contains("The field 'FunctionName' is required but was missing"));
    }

    #[test]
    fn a_payload_of_null_is_an_empty_object() {
        assert_eq!(&invoke(r#"{"FunctionName":"f","Payload":null}"#).payload[..], b"{}");
        assert_eq!(&invoke(r#"{"FunctionName":"f"}"#).payload[..], b"{}");
        assert_eq!(&invoke(r#"{"FunctionName":"f","Payload":"a"}"#).payload[..], b"\"a\"");
    }

    #[test]
    fn a_string_that_holds_json_is_sent_as_that_json() {
        assert_eq!(&invoke(r#"{"FunctionName":"f","Payload":"0.0"}"#).payload[..], b"0.0");
        assert_eq!(&invoke(r#"{"FunctionName":"f","Payload":"[]"}"#).payload[..], b"[]");
        assert_eq!(&invoke(r#"{"FunctionName":"f","Payload":"\"x\""}"#).payload[..], b"\"x\"");
    }

    #[test]
    fn an_unknown_function_is_told_in_the_words_of_aws() {
        let failure = invoke(r#"{"FunctionName":"no_such"}"#).not_found();
        assert_eq!(failure.error_name(), "Lambda.ResourceNotFoundException");
        assert_eq!(
            failure.cause.as_deref().unwrap(),
            "Function not found: arn:aws:lambda:us-east-1:000000000000:function:no_such:$LATEST (Service: \
             AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: \
             0b0d5a7c-43a8-4c1c-9a4e-0123456789ab; Proxy: null)"
        );
    }

    #[test]
    fn the_answer_has_the_shape_of_the_recorded_one() {
        let call = invoke(r#"{"FunctionName":"f","LogType":"Tail"}"#);
        let body = Bytes::from_static(b"{\"foo\": \"foo-1\"}");
        let TaskOutcome::Succeeded(output) = call.outcome(Ending::Returned(body), "log\n", 784111777) else {
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
        let failure = |ending| match call.outcome(ending, "", 0) {
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
        let by_arn = read(&by_arn).unwrap().unwrap().outcome(Ending::Failed(error.into()), "", 0);
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

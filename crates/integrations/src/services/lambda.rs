//! Lambda: the operation Invoke.
//!
//! ```text
//! POST /2015-03-31/functions/FUNCTION/invocations?Qualifier=QUALIFIER
//! X-Amz-Invocation-Type: RequestResponse | Event | DryRun
//! X-Amz-Log-Type: Tail
//! X-Amz-Client-Context: BASE64
//! ```
//!
//! `FUNCTION` is what the task names, a name or an ARN, as an SDK sends it; a qualifier in it stays
//! there. What the task asks for and what the answer means is in the crate `lambda`.
//!
//! | answer                              | the task                                              |
//! |-------------------------------------|-------------------------------------------------------|
//! | 2xx                                 | succeeds                                              |
//! | 2xx with `X-Amz-Function-Error`     | fails with the error object in the body               |
//! | other                               | fails with `Lambda.` and AWS's name of the error      |
//! | larger than 6 MB                    | fails with `States.DataLimitExceeded`                 |
//!
//! Lambda takes no idempotency key: an attempt is sent once at most.
//!
//! Source: Lambda API Reference, "Invoke".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use stepwell_lambda::{Kind, Refusal, not_sent};
use stepwell_model::Failure;
use stepwell_task::{TaskOutcome, TaskRequest};
use stepwell_value::Value;

use super::{Answer, Call, Ended, Service};

/// The service.
pub(crate) const SERVICE: Service = Service { id: "lambda", host: "lambda", signing_name: "lambda", read };

/// How many calls of one function may be under way at once. AWS has no such number: what runs at once
/// is bounded by the account, and beyond it Lambda throttles. Ours keeps one function from using up the
/// connections of all.
const SLOTS: usize = 256;

/// What stays as it is in a segment of a path and in a query.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How much of an answer that is no error object is quoted, in characters.
const QUOTED_CHARACTERS_MAX: usize = 1024;

fn read(request: &TaskRequest) -> Option<Result<Call, Failure>> {
    Some(stepwell_lambda::read(request)?.map(translate))
}

fn translate(call: stepwell_lambda::Call) -> Call {
    let mut path = format!("/2015-03-31/functions/{}/invocations", utf8_percent_encode(&call.function, KEPT));
    if let Some(qualifier) = &call.qualifier_parameter {
        path = format!("{path}?Qualifier={}", utf8_percent_encode(qualifier, KEPT));
    }
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("x-amz-invocation-type", call.kind.as_str().to_owned()),
    ];
    if call.log_tail {
        headers.push(("x-amz-log-type", "Tail".to_owned()));
    }
    if let Some(client_context) = &call.client_context {
        headers.push(("x-amz-client-context", BASE64.encode(client_context)));
    }
    Call {
        region: call.region.clone(),
        lane: call.name.to_string(),
        slots: SLOTS,
        idempotent: false,
        method: Method::POST,
        path,
        headers,
        body: call.payload.clone(),
        outcome: Box::new(move |ended| outcome(&call, ended)),
    }
}

fn outcome(call: &stepwell_lambda::Call, ended: Ended) -> TaskOutcome {
    let answer = match ended {
        Ended::Answered(answer) => answer,
        Ended::TooLarge => return TaskOutcome::Failed(call.too_large()),
        Ended::NotSent(why) => return TaskOutcome::Failed(not_sent(why)),
    };
    if !(200..300).contains(&answer.status) {
        return TaskOutcome::Failed(refusal(&answer).failure());
    }
    if answer.header("x-amz-function-error").is_some() {
        return TaskOutcome::Failed(call.function_error(&answer.body));
    }
    let told = |name: &str| answer.header(name).map(str::to_owned);
    let (executed_version, log_result) = (told("x-amz-executed-version"), told("x-amz-log-result"));
    let request_id = told("x-amzn-requestid");
    let result = match call.kind {
        Kind::RequestResponse => Some(answer.body),
        Kind::Event | Kind::DryRun => None,
    };
    let Answer { status, headers, .. } = answer;
    call.answered(stepwell_lambda::Answer {
        status,
        headers,
        result,
        executed_version,
        log_result,
        request_id,
    })
}

/// The error code is in a header, with a colon and more behind it, or in the body with a namespace
/// before it; the message is a member whose case differs from error to error.
fn refusal(answer: &Answer) -> Refusal {
    let text = String::from_utf8_lossy(&answer.body);
    let body = Value::parse(&text).ok();
    let member = |names: &[&str]| {
        let body = body.as_ref()?;
        names.iter().find_map(|name| body.get(name).and_then(Value::as_str)).map(str::to_owned)
    };
    let code = answer.header("x-amzn-errortype").map(str::to_owned).or_else(|| member(&["__type", "code"]));
    let code = code.map(|code| {
        let code = code.rsplit('#').next().unwrap_or_default();
        code.split(':').next().unwrap_or_default().to_owned()
    });
    let message = member(&["message", "Message", "errorMessage"]).or_else(|| {
        // AWS never says nothing; what a proxy says in its place is better than `null`.
        let quoted: String = text.trim().chars().take(QUOTED_CHARACTERS_MAX).collect();
        (body.is_none() && !quoted.is_empty()).then_some(quoted)
    });
    let request_id = answer.header("x-amzn-requestid").map(str::to_owned);
    Refusal { status: answer.status, code: code.filter(|code| !code.is_empty()), message, request_id }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use stepwell_model::{EntityId, Resource, TaskRef};
    use stepwell_value::Payload;

    const BY_ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:charge:PROD";
    const INVOKE: &str = "arn:aws:states:::lambda:invoke";

    fn call(resource: &str, parameters: &str) -> Call {
        let request = TaskRequest {
            task: TaskRef { execution: EntityId { partition: 1, number: 2 }, scheduled_event_id: 3 },
            account: "000000000000".into(),
            region: "us-east-1".into(),
            resource: Resource::parse(resource).unwrap(),
            parameters: Payload::parse(parameters).unwrap(),
            timeout: None,
            idempotency_key: "0b0d5a7c-43a8-4c1c-9a4e-0123456789ab".to_owned(),
        };
        read(&request).unwrap().unwrap()
    }

    /// The request as text.
    fn check(resource: &str, parameters: &str) -> String {
        let call = call(resource, parameters);
        let headers: Vec<String> =
            call.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let body = String::from_utf8_lossy(&call.body);
        format!("{} {}\n{}\n{body}", call.method, call.path, headers.join("\n"))
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Ended {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ended::Answered(Answer { status, headers, body: Bytes::copy_from_slice(body.as_bytes()) })
    }

    /// The outcome as text.
    fn told(call: Call, ended: Ended) -> String {
        match (call.outcome)(ended) {
            TaskOutcome::Succeeded(output) => output.text().to_owned(),
            TaskOutcome::Failed(failure) => {
                format!("{}: {}", failure.error_name(), failure.cause.as_deref().unwrap_or_default())
            }
            TaskOutcome::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn a_function_named_as_the_resource_is_called_with_its_input() {
        assert_eq!(
            check(BY_ARN, "[1, 2]"),
            "POST /2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Acharge%3APROD/invocations\n\
             content-type: application/json\nx-amz-invocation-type: RequestResponse\n[1, 2]"
        );
        assert_eq!(call(BY_ARN, "{}").region.as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn each_parameter_goes_where_the_api_has_it() {
        let parameters = r#"{"FunctionName":"charge","Payload":{"a":1},"Qualifier":"$LATEST",
            "InvocationType":"Event","LogType":"Tail","ClientContext":"eyJjIjp7fX0="}"#;
        assert_eq!(
            check(INVOKE, parameters),
            "POST /2015-03-31/functions/charge/invocations?Qualifier=%24LATEST\n\
             content-type: application/json\nx-amz-invocation-type: Event\nx-amz-log-type: Tail\n\
             x-amz-client-context: eyJjIjp7fX0=\n{\"a\":1}"
        );
        assert_eq!(call(INVOKE, parameters).region, None);
        let path = call(INVOKE, r#"{"FunctionName":"a/../b?c:7"}"#).path;
        assert_eq!(path, "/2015-03-31/functions/a%2F..%2Fb%3Fc%3A7/invocations");
    }

    #[test]
    fn the_answer_has_the_shape_of_the_recorded_one() {
        let headers = [
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Content-Type", "application/json"),
            ("Content-Length", "16"),
            ("Connection", "keep-alive"),
            ("x-amzn-RequestId", "ID"),
            ("x-amzn-Remapped-Content-Length", "0"),
            ("X-Amz-Executed-Version", "$LATEST"),
            ("X-Amz-Log-Result", "TE9H"),
            ("X-Amzn-Trace-Id", "Root=1"),
        ];
        let ended = answer(200, &headers, r#"{"foo": "foo-1"}"#);
        assert_eq!(
            told(call(INVOKE, r#"{"FunctionName":"f","LogType":"Tail"}"#), ended),
            r#"{"ExecutedVersion":"$LATEST","LogResult":"TE9H","Payload":{"foo":"foo-1"},"SdkHttpMetadata":{"AllHttpHeaders":{"Date":["Sun, 06 Nov 1994 08:49:37 GMT"],"Content-Type":["application/json"],"Content-Length":["16"],"Connection":["keep-alive"],"x-amzn-RequestId":["ID"],"x-amzn-Remapped-Content-Length":["0"],"X-Amz-Executed-Version":["$LATEST"],"X-Amz-Log-Result":["TE9H"],"X-Amzn-Trace-Id":["Root=1"]},"HttpHeaders":{"Connection":"keep-alive","Content-Length":"16","Content-Type":"application/json","Date":"Sun, 06 Nov 1994 08:49:37 GMT","X-Amz-Executed-Version":"$LATEST","X-Amz-Log-Result":"TE9H","x-amzn-Remapped-Content-Length":"0","x-amzn-RequestId":"ID","X-Amzn-Trace-Id":"Root=1"},"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"ID"},"StatusCode":200}"#
        );
        // With the function as the resource there is nothing around the result.
        assert_eq!(
            told(call(BY_ARN, "{}"), answer(200, &headers, r#"{"foo": "foo-1"}"#)),
            r#"{"foo": "foo-1"}"#
        );
        assert_eq!(told(call(BY_ARN, "{}"), answer(200, &[], "")), "null");
    }

    #[test]
    fn a_call_that_is_not_waited_for_has_no_payload() {
        for (kind, status) in [("Event", 202), ("DryRun", 204)] {
            let parameters = format!(r#"{{"FunctionName":"f","InvocationType":"{kind}"}}"#);
            assert_eq!(
                told(call(INVOKE, &parameters), answer(status, &[("x-amzn-RequestId", "ID")], "")),
                format!(
                    r#"{{"SdkHttpMetadata":{{"AllHttpHeaders":{{"x-amzn-RequestId":["ID"]}},"HttpHeaders":{{"x-amzn-RequestId":"ID"}},"HttpStatusCode":{status}}},"SdkResponseMetadata":{{"RequestId":"ID"}},"StatusCode":{status}}}"#
                )
            );
        }
    }

    #[test]
    fn an_error_of_the_function_is_that_of_the_task() {
        let error = r#"{"errorMessage": "no", "errorType": "CustomException"}"#;
        for kind in ["Handled", "Unhandled"] {
            let ended = || answer(200, &[("X-Amz-Function-Error", kind)], error);
            assert_eq!(told(call(BY_ARN, "{}"), ended()), format!("CustomException: {error}"));
            assert_eq!(
                told(call(INVOKE, r#"{"FunctionName":"f"}"#), ended()),
                r#"CustomException: {"errorMessage":"no","errorType":"CustomException"}"#
            );
        }
        let ended =
            answer(200, &[("X-Amz-Function-Error", "Unhandled")], r#"{"errorMessage":"out of memory"}"#);
        assert_eq!(
            told(call(BY_ARN, "{}"), ended),
            "Lambda.Unknown: The cause could not be determined because Lambda did not return an error type. \
             Returned payload: {\"errorMessage\":\"out of memory\"}"
        );
    }

    #[test]
    fn a_refusal_is_named_as_aws_names_it() {
        let about = |status, code| {
            format!(
                "(Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: ID; Proxy: null)"
            )
        };
        let kind = "TooManyRequestsException:http://internal.amazon.com/coral/com.amazonaws.lambda/";
        let headers = [("x-amzn-ErrorType", kind), ("x-amzn-RequestId", "ID")];
        let body = r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#;
        assert_eq!(
            told(call(BY_ARN, "{}"), answer(429, &headers, body)),
            format!(
                "Lambda.TooManyRequestsException: Rate Exceeded. {}",
                about(429, "TooManyRequestsException")
            )
        );
        let body = r#"{"__type":"com.amazonaws#ServiceException","Message":"oops"}"#;
        assert_eq!(
            told(call(BY_ARN, "{}"), answer(500, &headers[1..], body)),
            format!("Lambda.ServiceException: oops {}", about(500, "ServiceException"))
        );
        let body = r#"{"Message":"The security token included in the request is invalid."}"#;
        let headers = [("x-amzn-ErrorType", "UnrecognizedClientException"), ("x-amzn-RequestId", "ID")];
        assert_eq!(
            told(call(BY_ARN, "{}"), answer(403, &headers, body)),
            format!(
                "Lambda.AWSLambdaException: The security token included in the request is invalid. {}",
                about(403, "UnrecognizedClientException")
            )
        );
        assert_eq!(
            told(call(BY_ARN, "{}"), answer(503, &headers[1..], "<html>down</html>")),
            format!("Lambda.AWSLambdaException: <html>down</html> {}", about(503, "null"))
        );
    }

    #[test]
    fn what_never_left_and_what_is_too_large_are_failures() {
        assert_eq!(
            told(call(BY_ARN, "{}"), Ended::NotSent("no route".into())),
            "Lambda.SdkClientException: no route"
        );
        assert_eq!(
            told(call(INVOKE, r#"{"FunctionName":"f"}"#), Ended::TooLarge),
            "States.DataLimitExceeded: The state/task 'lambda' returned a result with a size exceeding the \
             maximum number of bytes service limit."
        );
        assert!(
            told(call(BY_ARN, "{}"), answer(200, &[], "<html>")).starts_with("Lambda.Unknown: The function")
        );
    }
}

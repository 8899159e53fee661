//! `lambda:invoke` and function ARNs, as pure translation: a task in, an invocation out, and from
//! how the invocation ended to the outcome of the task.
//!
//! Whoever performs invocations uses this: the runner of local functions (`functions`) and the
//! Lambda Invoke API (`integrations`). What AWS calls things is said here and nowhere else.
//!
//! | parameter        | meaning                                                                      |
//! |------------------|------------------------------------------------------------------------------|
//! | `FunctionName`   | a name, a partial ARN (`ACCOUNT:function:NAME`) or an ARN, each also with `:QUALIFIER` |
//! | `Payload`        | what the handler is called with; `null` and absent mean `{}`                 |
//! | `InvocationType` | `RequestResponse`, `Event` (not waited for), `DryRun` (not run)              |
//! | `Qualifier`      | a version or an alias                                                        |
//! | `ClientContext`  | base64 of JSON, handed to the handler                                        |
//! | `LogType`        | `Tail` asks for the last 4 KiB of the log as `LogResult`                     |
//!
//! With a function ARN as the `Resource` the parameters are the payload and the raw result is the
//! result.
//!
//! # How an invocation fails
//!
//! | what happened                           | `Error`                            | `Cause`              |
//! |-----------------------------------------|------------------------------------|----------------------|
//! | the handler raised or threw             | `errorType` of the error           | its JSON, as it came |
//! | an error that names no type             | `Lambda.Unknown`                   | AWS's text, the JSON |
//! | what was returned is not JSON           | `Lambda.Unknown`                   | says so              |
//! | not JSON and larger than 256 KiB        | `States.DataLimitExceeded`         | AWS's text           |
//! | the service refused, in a way that its API lists | `Lambda.` and the error code | AWS's text    |
//! | it refused in another way (access denied) | `Lambda.AWSLambdaException`      | AWS's text           |
//! | nothing was sent                        | `Lambda.SdkClientException`        | the reason           |
//!
//! Source: recorded answers of AWS (order of the headers, `ResourceNotFoundException`,
//! `DataLimitExceeded`); Step Functions Developer Guide, "Handle transient Lambda service
//! exceptions". What AWS does with a small result that is not JSON was not recorded; failing loudly
//! is our choice.

mod answer;
mod refusal;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use stepwell_model::{Failure, Pattern, Resource};
use stepwell_task::TaskRequest;
use stepwell_value::Value;

pub use answer::Answer;
pub use refusal::Refusal;

/// The version of a function that was never published.
pub const LATEST: &str = "$LATEST";

/// How an invocation is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// With the result.
    RequestResponse,
    /// At once; the function runs on its own.
    Event,
    /// At once; nothing runs.
    DryRun,
}

impl Kind {
    /// Every kind.
    const ALL: [Kind; 3] = [Kind::RequestResponse, Kind::Event, Kind::DryRun];

    /// As the parameter `InvocationType` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::RequestResponse => "RequestResponse",
            Kind::Event => "Event",
            Kind::DryRun => "DryRun",
        }
    }
}

/// What a task asks of Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The function as the task names it: a name or an ARN, with a qualifier or without.
    pub function: Arc<str>,
    /// The name of the function, without anything around it.
    pub name: Arc<str>,
    /// The ARN under which it is invoked, with the qualifier if there was one.
    pub arn: Arc<str>,
    /// The region, if the task names one: that of a whole ARN.
    pub region: Option<Arc<str>>,
    /// The parameter `Qualifier`, apart from one in the name.
    pub qualifier_parameter: Option<Arc<str>>,
    /// What the handler is called with: JSON text.
    pub payload: Bytes,
    /// The request id of the invocation, where it is ours to choose: the key of the attempt.
    pub request_id: Arc<str>,
    /// JSON text for the handler's context.
    pub client_context: Option<String>,
    /// How it is answered.
    pub kind: Kind,
    /// Whether the end of the log is wanted.
    pub log_tail: bool,
    /// The version or alias that was asked for, wherever it was.
    pub qualifier: Option<String>,
    /// Whether the result is wanted as it is: the resource was the function's ARN.
    pub raw: bool,
}

/// Reads the task. `None` if it is not one for Lambda; a failure if it can never be sent.
pub fn read(request: &TaskRequest) -> Option<Result<Call, Failure>> {
    match &request.resource {
        Resource::LambdaFunction { arn } => {
            let named = Named::parse(arn, request)?;
            let payload = Bytes::copy_from_slice(request.parameters.text().as_bytes());
            Some(Ok(Call { raw: true, ..named.call(arn, payload, &request.idempotency_key) }))
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
        None => Kind::RequestResponse,
        Some(given) => Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == given)
            .ok_or_else(|| invalid(format!("The value for 'InvocationType' is not known: {given}")))?,
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
    let qualifier_parameter = text("Qualifier").map(Arc::from);
    let qualifier = text("Qualifier").map(str::to_owned).or(named.qualifier.clone());
    let log_tail = text("LogType") == Some("Tail");
    let named = Named { qualifier, ..named };
    let call = named.call(function_name, payload, &request.idempotency_key);
    Ok(Call { kind, client_context, log_tail, qualifier_parameter, ..call })
}

/// The parts of a function's name.
struct Named {
    partition: String,
    /// That of a whole ARN.
    own_region: Option<Arc<str>>,
    /// That, or the one of the state machine.
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
        let (partition, own_region, account, rest) = match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", rest @ ..] => {
                (*partition, Some(*region), *account, rest)
            }
            [account, "function", rest @ ..] => ("aws", None, *account, rest),
            rest => ("aws", None, &*request.account, rest),
        };
        let (name, qualifier) = match rest {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some((*qualifier).to_owned())),
            _ => return None,
        };
        (!name.is_empty()).then(|| Named {
            partition: partition.to_owned(),
            own_region: own_region.map(Arc::from),
            region: own_region.unwrap_or(&request.region).to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
            qualifier,
        })
    }

    fn call(self, function: &str, payload: Bytes, request_id: &str) -> Call {
        let Named { partition, own_region, region, account, name, qualifier } = self;
        let suffix = qualifier.as_ref().map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
        Call {
            function: function.into(),
            arn: format!("arn:{partition}:lambda:{region}:{account}:function:{name}{suffix}").into(),
            name: name.into(),
            region: own_region,
            qualifier_parameter: None,
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
        let refusal = Refusal {
            status: 404,
            code: Some("ResourceNotFoundException".to_owned()),
            message: Some(format!("Function not found: {arn}")),
            request_id: Some(self.request_id.to_string()),
        };
        refusal.failure()
    }
}

/// The failure of a call of which nothing was sent, for this reason.
pub fn not_sent(reason: impl Into<String>) -> Failure {
    Failure::new("Lambda.SdkClientException", reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_model::{EntityId, TaskRef};
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
    fn a_function_is_found_under_each_of_its_names() {
        for (given, arn, region) in [
            ("charge", "arn:aws:lambda:us-east-1:000000000000:function:charge", None),
            ("charge:PROD", "arn:aws:lambda:us-east-1:000000000000:function:charge:PROD", None),
            ("123456789012:function:charge", "arn:aws:lambda:us-east-1:123456789012:function:charge", None),
            (
                "arn:aws:lambda:eu-west-1:1:function:charge:7",
                "arn:aws:lambda:eu-west-1:1:function:charge:7",
                Some("eu-west-1"),
            ),
        ] {
            let call = invoke(&format!("{{\"FunctionName\":\"{given}\"}}"));
            assert_eq!((&*call.name, &*call.arn, call.region.as_deref()), ("charge", arn, region));
            assert_eq!(&*call.function, given);
        }
        let call =
            read(&request("arn:aws:lambda:us-east-1:1:function:charge:PROD", "[1, 2]")).unwrap().unwrap();
        assert_eq!((&*call.name, &call.payload[..], call.raw), ("charge", &b"[1, 2]"[..], true));
        assert_eq!(call.region.as_deref(), Some("us-east-1"));
    }

    #[test]
    fn a_qualifier_is_in_the_name_or_beside_it() {
        let call = invoke(r#"{"FunctionName":"f:1"}"#);
        assert_eq!((call.qualifier.as_deref(), call.qualifier_parameter.as_deref()), (Some("1"), None));
        let call = invoke(r#"{"FunctionName":"f","Qualifier":"PROD"}"#);
        let qualifiers = (call.qualifier.as_deref(), call.qualifier_parameter.as_deref());
        assert_eq!(qualifiers, (Some("PROD"), Some("PROD")));
        assert!(call.arn.ends_with(":function:f:PROD"), "{}", call.arn);
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
    fn a_kind_of_invocation_that_is_not_known_is_refused() {
        for kind in Kind::ALL {
            let parameters = format!(r#"{{"FunctionName":"f","InvocationType":"{}"}}"#, kind.as_str());
            assert_eq!(invoke(&parameters).kind, kind);
        }
        let parameters = r#"{"FunctionName":"f","InvocationType":"event"}"#;
        let refused = read(&request("arn:aws:states:::lambda:invoke", parameters)).unwrap().unwrap_err();
        assert!(refused.cause.unwrap().contains("'InvocationType' is not known: event"));
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
}

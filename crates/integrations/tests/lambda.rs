//! Lambda at an endpoint of this test, over real connections of the loopback.
//!
//! The endpoint does what the name of the function says and keeps what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use stepwell_integrations::{Integrations, LogLine, ServiceSettings, Settings};
use stepwell_model::{EntityId, Resource, TaskRef};
use stepwell_task::{Integration, TaskOutcome, TaskRequest};
use stepwell_value::Payload;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

const INVOKE: &str = "arn:aws:states:::lambda:invoke";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// What the endpoint was asked.
#[derive(Debug, Clone)]
struct Asked {
    /// Which connection, from 0.
    connection: usize,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A Lambda endpoint.
struct Endpoint {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Told when a request has arrived that is not answered.
    arrived: mpsc::UnboundedReceiver<()>,
}

impl Endpoint {
    async fn open() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (arrivals, arrived) = mpsc::unbounded_channel();
        let kept = asked.clone();
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (kept, arrivals) = (kept.clone(), arrivals.clone());
                let service =
                    service_fn(move |request| serve(connection, request, kept.clone(), arrivals.clone()));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Endpoint { url, asked, arrived }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    connection: usize,
    request: Request<Incoming>,
    kept: Arc<Mutex<Vec<Asked>>>,
    arrivals: mpsc::UnboundedSender<()>,
) -> Result<Response<Full<Bytes>>, String> {
    let path = request.uri().path_and_query().unwrap().to_string();
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap().to_owned();
    let headers =
        request.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let what = path.split('/').nth(3).unwrap().to_owned();
    kept.lock().unwrap().push(Asked { connection, path, headers, body: body.clone() });
    let answer = Response::builder().header("x-amzn-RequestId", "req-1");
    let refused = |answer: hyper::http::response::Builder, code: &str, text: &'static str| {
        answer.header("x-amzn-ErrorType", code).body(Full::new(Bytes::from(text))).unwrap()
    };
    Ok(match what.as_str() {
        "echo" => answer.header("X-Amz-Executed-Version", "$LATEST").body(Full::new(body)).unwrap(),
        "handled" | "unhandled" => answer
            .header("X-Amz-Function-Error", if what == "handled" { "Handled" } else { "Unhandled" })
            .body(Full::new(Bytes::from(r#"{"errorMessage":"no","errorType":"Declined"}"#)))
            .unwrap(),
        "throttled" => {
            refused(answer.status(429), "TooManyRequestsException", r#"{"message":"Rate Exceeded."}"#)
        }
        "broken" => refused(answer.status(500), "ServiceException", r#"{"Message":"An error occurred"}"#),
        "missing" => refused(
            answer.status(404),
            "ResourceNotFoundException:http://internal",
            r#"{"Type":"User","Message":"Function not found: missing"}"#,
        ),
        "forbidden" => {
            refused(answer.status(403), "AccessDeniedException", r#"{"Message":"not authorized"}"#)
        }
        "down" => answer.status(503).body(Full::new(Bytes::from("<html>"))).unwrap(),
        "garbage" => answer.body(Full::new(Bytes::from("not json"))).unwrap(),
        "huge" => answer.body(Full::new(Bytes::from(vec![b' '; 7 * 1024 * 1024]))).unwrap(),
        "huge-error" => answer.status(500).body(Full::new(Bytes::from(vec![b' '; 7 * 1024 * 1024]))).unwrap(),
        "accepted" => answer.status(202).body(Full::default()).unwrap(),
        "closing" => return Err("closed before the answer".to_owned()),
        "silent" => {
            arrivals.send(()).unwrap();
            std::future::pending().await
        }
        other => panic!("no such function: {other}"),
    })
}

/// The integration under test, and what it logged.
struct Bench {
    integrations: Integrations,
    lines: Arc<Mutex<Vec<LogLine>>>,
}

fn bench(url: &str) -> Bench {
    let ours = ServiceSettings { endpoint: Some(url.to_owned()), region: None };
    let configured = BTreeMap::from([("lambda".to_owned(), ours)]);
    let variable = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".into()),
        "AWS_SECRET_ACCESS_KEY" => Some(SECRET.into()),
        "AWS_SESSION_TOKEN" => Some("TOKEN".into()),
        _ => None,
    };
    let settings = Settings::read(&configured, &variable, None).unwrap();
    let lines: Arc<Mutex<Vec<LogLine>>> = Arc::default();
    let kept = lines.clone();
    let on_log = Arc::new(move |line: &LogLine| kept.lock().unwrap().push(line.clone()));
    Bench { integrations: Integrations::new(settings, tokio::runtime::Handle::current(), on_log), lines }
}

fn request(resource: &str, parameters: &str) -> TaskRequest {
    TaskRequest {
        task: TaskRef { execution: EntityId { partition: 1, number: 2 }, scheduled_event_id: 3 },
        account: "000000000000".into(),
        region: "eu-west-1".into(),
        resource: Resource::parse(resource).unwrap(),
        parameters: Payload::parse(parameters).unwrap(),
        timeout: None,
        idempotency_key: "0b0d5a7c-43a8-4c1c-9a4e-0123456789ab".to_owned(),
    }
}

impl Bench {
    fn start(&self, request: TaskRequest) -> oneshot::Receiver<TaskOutcome> {
        let (done, outcome) = oneshot::channel();
        self.integrations.start(request, Box::new(move |outcome| drop(done.send(outcome))));
        outcome
    }

    /// The outcome of a call of this function, as text.
    async fn call(&self, function: &str) -> String {
        let parameters = format!(r#"{{"FunctionName":"{function}","Payload":{{"a":1}}}}"#);
        told(self.start(request(INVOKE, &parameters)).await.unwrap())
    }

    fn events(&self) -> Vec<&'static str> {
        self.lines.lock().unwrap().iter().map(|line| line.event).collect()
    }
}

fn told(outcome: TaskOutcome) -> String {
    match outcome {
        TaskOutcome::Succeeded(output) => output.text().to_owned(),
        TaskOutcome::Failed(failure) => {
            format!("{}: {}", failure.error_name(), failure.cause.as_deref().unwrap_or_default())
        }
        TaskOutcome::Unknown => "unknown".to_owned(),
    }
}

#[tokio::test]
async fn each_answer_has_its_outcome() {
    let endpoint = Endpoint::open().await;
    let bench = bench(&endpoint.url);
    let about = |status, code| {
        format!(
            "(Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: req-1; Proxy: null)"
        )
    };
    let cases = [
        ("handled", "Declined: {\"errorMessage\":\"no\",\"errorType\":\"Declined\"}".to_owned()),
        ("unhandled", "Declined: {\"errorMessage\":\"no\",\"errorType\":\"Declined\"}".to_owned()),
        (
            "throttled",
            format!(
                "Lambda.TooManyRequestsException: Rate Exceeded. {}",
                about(429, "TooManyRequestsException")
            ),
        ),
        ("broken", format!("Lambda.ServiceException: An error occurred {}", about(500, "ServiceException"))),
        (
            "missing",
            format!(
                "Lambda.ResourceNotFoundException: Function not found: missing {}",
                about(404, "ResourceNotFoundException")
            ),
        ),
        (
            "forbidden",
            format!("Lambda.AWSLambdaException: not authorized {}", about(403, "AccessDeniedException")),
        ),
        ("down", format!("Lambda.AWSLambdaException: <html> {}", about(503, "null"))),
        (
            "huge",
            "States.DataLimitExceeded: The state/task 'lambda' returned a result with a size exceeding the \
             maximum number of bytes service limit."
                .to_owned(),
        ),
        ("huge-error", format!("Lambda.AWSLambdaException: null {}", about(500, "null"))),
    ];
    for (function, outcome) in &cases {
        assert_eq!(&bench.call(function).await, outcome, "{function}");
    }
    let garbage = bench.call("garbage").await;
    assert!(
        garbage.starts_with("Lambda.Unknown: The function returned something that is not JSON"),
        "{garbage}"
    );
    // Each was asked once, and none of this is trouble with a connection.
    assert_eq!(endpoint.asked().len(), cases.len() + 1);
    assert_eq!(bench.events(), [""; 0]);
}

#[tokio::test]
async fn a_result_comes_back_with_what_was_around_it() {
    let endpoint = Endpoint::open().await;
    let bench = bench(&endpoint.url);
    let output = bench.call("echo").await;
    assert!(
        output.starts_with(r#"{"ExecutedVersion":"$LATEST","Payload":{"a":1},"SdkHttpMetadata":"#),
        "{output}"
    );
    assert!(
        output.contains(r#""X-Amz-Executed-Version":"$LATEST""#) && output.contains(r#""Date":""#),
        "{output}"
    );
    assert!(output.ends_with(r#""SdkResponseMetadata":{"RequestId":"req-1"},"StatusCode":200}"#), "{output}");
    let event = request(INVOKE, r#"{"FunctionName":"accepted","InvocationType":"Event"}"#);
    let output = told(bench.start(event).await.unwrap());
    assert!(
        output.starts_with("{\"SdkHttpMetadata\"") && output.ends_with("\"StatusCode\":202}"),
        "{output}"
    );
}

#[tokio::test]
async fn a_request_bears_the_signature_of_its_region_and_key() {
    let endpoint = Endpoint::open().await;
    let bench = bench(&endpoint.url);
    bench.call("echo").await;
    let asked = endpoint.asked().remove(0);
    assert_eq!(
        (asked.path.as_str(), &asked.body[..]),
        ("/2015-03-31/functions/echo/invocations", &b"{\"a\":1}"[..])
    );
    let authorization = asked.header("authorization").unwrap();
    assert!(authorization.contains("/eu-west-1/lambda/aws4_request"), "{authorization}");
    for signed in ["host", "x-amz-date", "x-amz-security-token", "x-amz-invocation-type"] {
        let list = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
        assert!(list.split(';').any(|name| name == signed), "{list}");
    }
    assert_eq!(asked.header("x-amz-security-token"), Some("TOKEN"));
    assert_eq!(authorization, signature(&endpoint.url, &asked, SECRET));
    assert_ne!(authorization, signature(&endpoint.url, &asked, "another"));
}

/// The signature that the endpoint expects of what it was asked.
fn signature(url: &str, asked: &Asked, secret: &str) -> String {
    let date =
        jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", asked.header("x-amz-date").unwrap()).unwrap();
    let time: SystemTime = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().into();
    let identity = Credentials::new("AKIDEXAMPLE", secret, Some("TOKEN".to_owned()), None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("lambda")
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let list = asked.header("authorization").unwrap().split("SignedHeaders=").nth(1).unwrap().to_owned();
    let list = list.split(',').next().unwrap();
    // The signer puts in the date and the token itself.
    let signed = list.split(';').filter(|name| !["x-amz-date", "x-amz-security-token"].contains(name));
    let headers = signed.map(|name| (name, asked.header(name).unwrap()));
    let uri = format!("{url}{}", asked.path);
    let request = SignableRequest::new("POST", uri, headers, SignableBody::Bytes(&asked.body)).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    instructions.headers().find(|(name, _)| *name == "authorization").unwrap().1.to_owned()
}

#[tokio::test]
async fn calls_share_a_connection() {
    let endpoint = Endpoint::open().await;
    let bench = bench(&endpoint.url);
    for _ in 0..3 {
        bench.call("echo").await;
    }
    let connections: Vec<usize> = endpoint.asked().iter().map(|asked| asked.connection).collect();
    assert_eq!(connections, [0, 0, 0]);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_leaves_it_unknown_and_nothing_is_sent_again() {
    let endpoint = Endpoint::open().await;
    let bench = bench(&endpoint.url);
    assert_eq!(bench.call("closing").await, "unknown");
    assert_eq!(endpoint.asked().len(), 1);
    // The same on a connection that was used before: that it is old is no reason to send again.
    bench.call("echo").await;
    assert_eq!(bench.call("closing").await, "unknown");
    let connections: Vec<usize> = endpoint.asked().iter().map(|asked| asked.connection).collect();
    assert_eq!(connections, [0, 1, 1]);
    assert_eq!(bench.events(), ["service_call_outcome_unknown"; 2]);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_meanwhile_does_no_harm() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bench = bench(&format!("http://{}", listener.local_addr().unwrap()));
    for _ in 0..3 {
        let call = bench.call("any");
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer_one(&mut stream).await;
            stream
        };
        let (output, mut stream) = tokio::join!(call, serve);
        assert!(output.contains("\"Payload\":7"), "{output}");
        // It said nothing of closing, and closes; the other side has noticed once it closes too.
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
    }
    assert_eq!(bench.events(), [""; 0]);
}

/// Reads a request and answers 7.
async fn answer_one(stream: &mut TcpStream) {
    let mut read = Vec::new();
    while !read.ends_with(b"{\"a\":1}") {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap();
        assert_ne!(count, 0);
        read.extend_from_slice(&piece[..count]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n7").await.unwrap();
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_it_unknown_unless_its_status_is_an_error() {
    for (status, outcome) in [("200 OK", "unknown"), ("502 Bad Gateway", "Lambda.AWSLambdaException: null")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bench = bench(&format!("http://{}", listener.local_addr().unwrap()));
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            while !read.ends_with(b"{\"a\":1}") {
                read.push(stream.read_u8().await.unwrap());
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\n{{\"half\":");
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let (told, ()) = tokio::join!(bench.call("any"), serve);
        assert!(told.starts_with(outcome), "{told}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_certain_not_to_have_been_called() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let bench = bench(&format!("http://{address}"));
    let told = bench.call("echo").await;
    let begins = format!("Lambda.SdkClientException: Unable to execute HTTP request: {address}: ");
    assert!(told.starts_with(&begins) && told.contains("refused"), "{told}");
    assert_eq!(bench.events(), ["service_call_not_sent"]);
    let lines = bench.lines.lock().unwrap().clone();
    assert!(lines[0].endpoint.ends_with(&address.to_string()) && !format!("{lines:?}").contains(SECRET));
}

#[tokio::test]
async fn a_call_for_tls_at_an_endpoint_without_it_is_not_sent() {
    let endpoint = Endpoint::open().await;
    let bench = bench(&endpoint.url.replace("http://", "https://"));
    let told = bench.call("echo").await;
    assert!(told.starts_with("Lambda.SdkClientException: Unable to execute HTTP request"), "{told}");
    assert_eq!(endpoint.asked().len(), 0);
}

#[tokio::test]
async fn a_cancelled_call_is_told_at_once() {
    let mut endpoint = Endpoint::open().await;
    let bench = bench(&endpoint.url);
    let silent = request(INVOKE, r#"{"FunctionName":"silent"}"#);
    let outcome = bench.start(silent.clone());
    endpoint.arrived.recv().await.unwrap();
    bench.integrations.cancel(silent.task);
    assert_eq!(outcome.await.unwrap(), TaskOutcome::Unknown);
    assert_eq!(endpoint.asked().len(), 1);
    // Nothing is left to cancel.
    bench.integrations.cancel(silent.task);
}

#[tokio::test]
async fn a_function_has_its_own_slots_in_its_region() {
    let bench = bench("http://127.0.0.1:1");
    let target =
        |resource, parameters| bench.integrations.target(&request(resource, parameters)).unwrap().unwrap();
    let by_name = target(INVOKE, r#"{"FunctionName":"f"}"#);
    assert_eq!((&*by_name.name, by_name.idempotent), ("lambda:eu-west-1:f", false));
    assert!(by_name.slots > 0);
    let by_arn = target("arn:aws:lambda:us-west-2:123456789012:function:f:PROD", "{}");
    assert_eq!(&*by_arn.name, "lambda:us-west-2:f");
    assert_eq!(bench.integrations.target(&request("arn:aws:states:::sqs:sendMessage", "{}")), None);
    let refused = bench.integrations.target(&request(INVOKE, "{}")).unwrap().unwrap_err();
    assert_eq!(refused.error_name(), "States.Runtime");
}

#[tokio::test]
async fn without_settings_nothing_is_ours() {
    let integrations =
        Integrations::new(Settings::nowhere(), tokio::runtime::Handle::current(), Arc::new(|_| {}));
    assert_eq!(integrations.target(&request(INVOKE, r#"{"FunctionName":"f"}"#)), None);
    assert_eq!(integrations.target(&request(INVOKE, "{}")), None);
    let (done, outcome) = oneshot::channel();
    let task = request(INVOKE, r#"{"FunctionName":"f"}"#);
    integrations.start(task, Box::new(move |outcome| drop(done.send(outcome))));
    assert!(matches!(outcome.await, Ok(TaskOutcome::Failed(_))));
}

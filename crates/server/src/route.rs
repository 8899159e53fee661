//! What a request gets.

use std::convert::Infallible;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use stepwell_api::{Caller, Exception, ExceptionKind};

use crate::body::{self, NoBody};
use crate::connection::Progress;
use crate::hosts::Foreign;
use crate::request_id::RequestId;
use crate::{Level, Server};

/// What stands before the operation in the target header.
const TARGET_PREFIX: &str = "AWSStepFunctions.";

static X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
static X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
static X_AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

static AWS_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Content types that an operation takes. None of them is one that a web page may send to another
/// origin without asking first.
const CONTENT_TYPES: [&[u8]; 3] =
    [b"application/x-amz-json-1.0", b"application/x-amz-json-1.1", b"application/json"];

/// An answer before it has its request id.
struct Answer {
    status: StatusCode,
    content_type: &'static HeaderValue,
    body: Bytes,
    /// Whether nothing more can be read from the connection.
    close: bool,
}

/// Answers a request. There is always an answer, so the error never is.
pub(crate) async fn answer(
    server: &Server,
    progress: &Progress,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    progress.head_read();
    let id = server.request_ids.next();
    let (parts, body) = request.into_parts();
    let answer = match server.hosts.check(&parts.headers, parts.uri.authority()) {
        Ok(()) => route(server, progress, &parts, body, &id).await,
        Err(Foreign(why)) => refuse(server, progress, &parts, &id, why),
    };
    progress.answered();

    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, answer.content_type.clone());
    headers.insert(X_AMZN_REQUEST_ID.clone(), id.to_header());
    if answer.close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn route(
    server: &Server,
    progress: &Progress,
    parts: &Parts,
    body: Incoming,
    id: &RequestId,
) -> Answer {
    match (&parts.method, parts.uri.path()) {
        (&Method::POST, "/") => call(server, progress, parts, body, id).await,
        (&Method::GET | &Method::HEAD, "/health") => health(server),
        (&Method::GET | &Method::HEAD, "/metrics") => {
            Answer::new(StatusCode::OK, &PROMETHEUS, server.api.metrics())
        }
        _ => {
            let message =
                "There is nothing here: operations are at POST /, and there are GET /health and GET /metrics";
            let exception = Exception::new(ExceptionKind::UnknownOperation, message);
            Answer::exception(StatusCode::NOT_FOUND, &exception)
        }
    }
}

/// Does the operation that the headers name.
async fn call(server: &Server, progress: &Progress, parts: &Parts, body: Incoming, id: &RequestId) -> Answer {
    if !is_acceptable(parts.headers.get(CONTENT_TYPE)) {
        let why = "The Content-Type of an operation must be application/x-amz-json-1.0".to_owned();
        return refuse(server, progress, parts, id, why);
    }
    let target = parts.headers.get(&X_AMZ_TARGET).and_then(|target| target.to_str().ok());
    let Some(operation) = target.and_then(|target| target.strip_prefix(TARGET_PREFIX)) else {
        let exception = Exception::unknown_operation("");
        return Answer::exception(status(exception.kind), &exception);
    };
    let received = match body::receive(body, &server.body_budget).await {
        Ok(received) => received,
        Err(NoBody::TooLarge) => {
            let message = format!("The request is larger than {} bytes", body::BODY_BYTES_MAX);
            let exception = Exception::new(ExceptionKind::RequestEntityTooLarge, message);
            return Answer { close: true, ..Answer::exception(status(exception.kind), &exception) };
        }
        Err(NoBody::Broken) => {
            let exception = Exception::new(ExceptionKind::Serialization, "The body could not be read");
            return Answer { close: true, ..Answer::exception(status(exception.kind), &exception) };
        }
    };
    progress.body_read();

    let trace_header = parts.headers.get(&X_AMZN_TRACE_ID).and_then(|header| header.to_str().ok());
    let caller = server.callers.caller(parts.headers.get(AUTHORIZATION)).traced(trace_header);
    let started = (server.log_level >= Level::Info).then(Instant::now);
    let result = server.api.call(operation, &caller, &received.bytes).await;
    if let Some(started) = started {
        log_call(server, operation, &caller, id, started, result.as_ref().err());
    }
    match result {
        Ok(json) => Answer::new(StatusCode::OK, &AWS_JSON, json),
        Err(exception) => Answer::exception(status(exception.kind), &exception),
    }
}

/// Only the media type counts, not its parameters.
fn is_acceptable(content_type: Option<&HeaderValue>) -> bool {
    let Some(content_type) = content_type else { return false };
    let media_type = content_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    CONTENT_TYPES.iter().any(|known| known.eq_ignore_ascii_case(media_type.trim_ascii()))
}

/// The status that goes with an exception: 400 for all that the caller can mend, but for the two for
/// which AWS has another.
fn status(kind: ExceptionKind) -> StatusCode {
    match kind {
        ExceptionKind::InternalFailure => StatusCode::INTERNAL_SERVER_ERROR,
        ExceptionKind::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ExceptionKind::RequestEntityTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ExceptionKind::Conflict => StatusCode::CONFLICT,
        ExceptionKind::ServiceQuotaExceeded => StatusCode::PAYMENT_REQUIRED,
        ExceptionKind::AccessDenied
        | ExceptionKind::ActivityAlreadyExists
        | ExceptionKind::ActivityDoesNotExist
        | ExceptionKind::ExecutionAlreadyExists
        | ExceptionKind::ExecutionDoesNotExist
        | ExceptionKind::InvalidArn
        | ExceptionKind::InvalidDefinition
        | ExceptionKind::InvalidEncryptionConfiguration
        | ExceptionKind::InvalidExecutionInput
        | ExceptionKind::InvalidLoggingConfiguration
        | ExceptionKind::InvalidName
        | ExceptionKind::InvalidOutput
        | ExceptionKind::InvalidToken
        | ExceptionKind::MissingRequiredParameter
        | ExceptionKind::ResourceNotFound
        | ExceptionKind::Serialization
        | ExceptionKind::StateMachineAlreadyExists
        | ExceptionKind::StateMachineDeleting
        | ExceptionKind::StateMachineDoesNotExist
        | ExceptionKind::StateMachineTypeNotSupported
        | ExceptionKind::TaskTimedOut
        | ExceptionKind::Throttling
        | ExceptionKind::TooManyTags
        | ExceptionKind::UnknownOperation
        | ExceptionKind::Validation => StatusCode::BAD_REQUEST,
    }
}

fn health(server: &Server) -> Answer {
    match server.api.health() {
        Ok(()) => Answer::new(StatusCode::OK, &JSON, r#"{"status":"ok"}"#),
        Err(reason) => {
            let mut json = String::from(r#"{"status":"unavailable","reason":"#);
            stepwell_value::quote(&reason, &mut json);
            json.push('}');
            Answer::new(StatusCode::SERVICE_UNAVAILABLE, &JSON, json)
        }
    }
}

/// Turns a request away that may come from a foreign web page.
fn refuse(server: &Server, progress: &Progress, parts: &Parts, id: &RequestId, why: String) -> Answer {
    let peer = progress.peer.to_string();
    let fields = [
        ("requestId", id.as_str()),
        ("peer", &peer),
        ("method", parts.method.as_str()),
        ("path", parts.uri.path()),
    ];
    server.log(Level::Warn, "request_refused", &why, &fields);
    Answer::exception(StatusCode::FORBIDDEN, &Exception::new(ExceptionKind::AccessDenied, why))
}

fn log_call(
    server: &Server,
    operation: &str,
    caller: &Caller,
    id: &RequestId,
    started: Instant,
    exception: Option<&Exception>,
) {
    let level = match exception.map(|exception| status(exception.kind).is_server_error()) {
        None => Level::Debug,
        Some(false) => Level::Info,
        Some(true) => Level::Error,
    };
    if level > server.log_level {
        return;
    }
    let milliseconds = started.elapsed().as_millis().to_string();
    let fields = [
        ("requestId", id.as_str()),
        ("operation", operation),
        ("account", caller.account()),
        ("region", caller.region()),
        ("milliseconds", &milliseconds),
        ("errorCode", exception.map_or("", short_name)),
    ];
    // The last field is only for calls that were refused. A message may repeat a piece of what was
    // sent, which has no place in the log above debug.
    let shown = if exception.is_some() { &fields[..] } else { &fields[..5] };
    let told = level == Level::Error || server.log_level >= Level::Debug;
    let message = exception.filter(|_| told).map_or("", |exception| &exception.message);
    server.log(level, "request", message, shown);
}

/// The name that SDKs show.
fn short_name(exception: &Exception) -> &'static str {
    let name = exception.kind.name();
    name.rsplit_once('#').map_or(name, |(_, short)| short)
}

impl Answer {
    fn new(status: StatusCode, content_type: &'static HeaderValue, body: impl Into<Bytes>) -> Answer {
        Answer { status, content_type, body: body.into(), close: false }
    }

    fn exception(status: StatusCode, exception: &Exception) -> Answer {
        Answer::new(status, &AWS_JSON, exception.to_json())
    }
}

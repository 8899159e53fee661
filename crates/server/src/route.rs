//! What a request gets.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use stepwell_api::{Body, Caller, Exception, ExceptionKind};
use stepwell_sigv4::{Claim, Refusal, Request as SignedRequest, Verified};

use crate::body::{self, NoBody};
use crate::connection::Progress;
use crate::events::{self, Events, ReplyBody};
use crate::gate;
use crate::hosts::Foreign;
use crate::query::{self, Action, Form};
use crate::request_id::RequestId;
use crate::session::{self, Lease, NoSession};
use crate::{Level, Server, console, sign_in};

/// What stands before the operation in the target header.
const TARGET_PREFIX: &str = "AWSStepFunctions.";

/// What stands before the operations that AWS has not; it belongs to their names.
const OUR_PREFIX: &str = "Stepwell.";

static X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
static X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
static X_AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

static AWS_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
pub(crate) static JSON: HeaderValue = HeaderValue::from_static("application/json");
static XML: HeaderValue = HeaderValue::from_static("text/xml");
static PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The services that a signature of an operation may be for.
pub(crate) const SERVICES: [&str; 1] = ["states"];

/// The content type of a form, which is looked at only beside a signature; see [`query`].
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// What is said at every other path.
const NOTHING_HERE: &str = "There is nothing here: operations are at POST /, the console is at GET /console/, \
                            and there are GET /events, GET /health and GET /metrics";

/// Content types that an operation takes. None of them is one that a web page may send to another
/// origin without asking first.
const CONTENT_TYPES: [&[u8]; 3] =
    [b"application/x-amz-json-1.0", b"application/x-amz-json-1.1", b"application/json"];

/// An answer before it has its request id.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// What the body is, if there is one.
    pub(crate) content_type: Option<HeaderValue>,
    /// What else there is to say.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// Whether nothing more can be read from the connection.
    pub(crate) close: bool,
}

/// Answers a request. There is always an answer, so the error never is.
pub(crate) async fn answer(
    server: &Server,
    progress: &Arc<Progress>,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    progress.head_read();
    let id = server.request_ids.next();
    let (parts, body) = request.into_parts();
    let linkable = console::is_linkable(&parts);
    let step = match server.hosts.check(&parts.headers, parts.uri.authority(), linkable) {
        Ok(()) => route(server, progress, &parts, body, &id).await,
        Err(Foreign(why)) => Step::Answered(refuse(server, progress, &parts, &id, why)),
    };
    // A worker may wait for long: what it sent is not kept for that.
    drop(parts);
    let answer = match step {
        Step::Answered(answer) => answer,
        Step::Call(call) => perform(server, *call, &id).await,
        Step::Events(events) => {
            progress.answered();
            let mut response = events::response(*events);
            response.headers_mut().insert(X_AMZN_REQUEST_ID.clone(), id.to_header());
            return Ok(response);
        }
    };
    progress.answered();

    let mut response = Response::new(ReplyBody::Whole(answer.body.into()));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.extend(answer.headers);
    if let Some(content_type) = answer.content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    headers.insert(X_AMZN_REQUEST_ID.clone(), id.to_header());
    if answer.close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn route(
    server: &Server,
    progress: &Arc<Progress>,
    parts: &Parts,
    body: Incoming,
    id: &RequestId,
) -> Step {
    if sign_in::is_meant(parts) {
        return Step::Answered(sign_in::answer(server, progress, parts, body, id).await);
    }
    if let Some(answer) = console::answer(&server.console, parts) {
        return Step::Answered(answer);
    }
    let answer = match (&parts.method, parts.uri.path()) {
        (&Method::POST, "/") => {
            return match call(server, progress, parts, body, id).await {
                Ok(call) => Step::Call(Box::new(call)),
                Err(answer) => Step::Answered(answer),
            };
        }
        (&Method::GET, "/events") => {
            return match watch(server, progress, parts, id).await {
                Ok(events) => Step::Events(Box::new(events)),
                Err(answer) => Step::Answered(answer),
            };
        }
        (&Method::GET | &Method::HEAD, "/health") => health(server),
        // What a server counts tells much about what it does. With credentials that is for this
        // machine, where the collector of metrics usually is; it does not know how to sign.
        (&Method::GET | &Method::HEAD, "/metrics")
            if server.gate.is_some() && !server.public_metrics && !is_local(progress) =>
        {
            let why = "Metrics are for this machine alone; --public-metrics makes them public".to_owned();
            refuse(server, progress, parts, id, why)
        }
        (&Method::GET | &Method::HEAD, "/metrics") => {
            Answer::new(StatusCode::OK, &PROMETHEUS, server.api.metrics())
        }
        _ => {
            let exception = Exception::new(ExceptionKind::UnknownOperation, NOTHING_HERE);
            Answer::exception(StatusCode::NOT_FOUND, &exception)
        }
    };
    Step::Answered(answer)
}

/// Whether the other end is on this machine.
fn is_local(progress: &Progress) -> bool {
    progress.peer.ip().to_canonical().is_loopback()
}

/// How far a request has come once it is read.
enum Step {
    /// There is nothing left to do.
    Answered(Answer),
    /// An operation is to be done.
    Call(Box<Call>),
    /// What happens is to be told.
    Events(Box<Events>),
}

/// An operation that a caller may ask for.
struct Call {
    operation: &'static str,
    caller: Caller,
    body: Body,
}

/// Does an operation.
async fn perform(server: &Server, call: Call, id: &RequestId) -> Answer {
    let Call { operation, caller, body } = call;
    let started = (server.log_level >= Level::Info).then(Instant::now);
    let result = server.api.perform(operation, &caller, body).await;
    if let Some(started) = started {
        log_call(server, operation, &caller, id, started, result.as_ref().err());
    }
    match result {
        Ok(json) => Answer::new(StatusCode::OK, &AWS_JSON, json),
        Err(exception) => Answer::of(&exception),
    }
}

/// Opens a stream of events.
async fn watch(
    server: &Server,
    progress: &Arc<Progress>,
    parts: &Parts,
    id: &RequestId,
) -> Result<Events, Answer> {
    progress.body_read();
    let (caller, lease) = caller_of_get(server, progress, parts, id)?;
    let started = (server.log_level >= Level::Info).then(Instant::now);
    let opened = events::open(server, progress, parts, &caller, lease).await;
    if let Some(started) = started {
        log_call(server, "events", &caller, id, started, opened.as_ref().err());
    }
    opened.map_err(|exception| Answer::of(&exception))
}

/// Who asks for something by a request without a body that changes nothing, and what tells the end of
/// their session if they have one.
pub(crate) fn caller_of_get(
    server: &Server,
    progress: &Progress,
    parts: &Parts,
    id: &RequestId,
) -> Result<(Caller, Option<Lease>), Answer> {
    if let Some(session) = session::caller(server, progress, parts) {
        let session = session.map(|(caller, lease)| (caller, Some(lease)));
        return session.map_err(|exception| Answer::of(&exception));
    }
    let headers = if server.gate.is_some() { gate::headers(&parts.headers) } else { Default::default() };
    let signed = gate::signed(parts, &headers);
    let refused =
        |claim: Option<&Claim<'_>>, refusal| unsigned(server, progress, id, claim, refusal, Dialect::Json);
    let claim = server.gate.as_ref().map(|gate| gate.claim(&signed, &SERVICES)).transpose();
    let claim = claim.map_err(|refusal| refused(None, refusal))?;
    let caller = caller(server, progress, parts, claim.as_ref(), &signed, b"");
    caller.map(|(caller, _)| (caller, None)).map_err(|refusal| refused(claim.as_ref(), refusal))
}

/// Reads the call of the operation that the headers name, or does what a form asks for.
async fn call(
    server: &Server,
    progress: &Progress,
    parts: &Parts,
    body: Incoming,
    id: &RequestId,
) -> Result<Call, Answer> {
    let media_type = media_type(parts);
    let is_form = media_type.eq_ignore_ascii_case(FORM);
    if is_form && !is_signed(parts) {
        let why = "A form is only accepted with a signature (AWS4-HMAC-SHA256)".to_owned();
        return Err(refuse(server, progress, parts, id, why));
    }
    if !is_form && !is_acceptable(media_type) {
        let why = "The Content-Type of an operation must be application/x-amz-json-1.0".to_owned();
        return Err(refuse(server, progress, parts, id, why));
    }
    // Only a gate looks at what was signed.
    let headers = if server.gate.is_some() { gate::headers(&parts.headers) } else { Default::default() };
    let signed = gate::signed(parts, &headers);
    let dialect = if is_form { Dialect::Query } else { Dialect::Json };
    let session = match &server.gate {
        Some(gate) if !is_form => session::of_call(gate, parts),
        Some(_) | None => None,
    };
    let session = match session.transpose() {
        Ok(session) => session,
        Err(why) => {
            let close = !body::discard(body).await;
            let exception = why.exception();
            let answer = match why {
                NoSession::Expired => Answer::of(&exception),
                NoSession::Forged => refuse(server, progress, parts, id, exception.message),
            };
            return Err(Answer { close, ..answer });
        }
    };
    let claim = match &server.gate {
        None => None,
        Some(_) if session.is_some() => None,
        Some(gate) => match gate.claim(&signed, dialect.services()) {
            Ok(claim) => Some(claim),
            // Whoever cannot have signed this need not be listened to.
            Err(refusal) => {
                let close = !body::discard(body).await;
                let answer = unsigned(server, progress, id, None, refusal, dialect);
                return Err(Answer { close, ..answer });
            }
        },
    };
    let target = parts.headers.get(&X_AMZ_TARGET).and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| match target.strip_prefix(TARGET_PREFIX) {
        None => Some(target).filter(|target| target.starts_with(OUR_PREFIX)),
        operation => operation,
    });
    let operation = operation.and_then(stepwell_api::operations::find);
    if claim.is_none() && operation.is_none() && !is_form {
        return Err(Answer::of(&Exception::unknown_operation("")));
    }
    let received = body::receive(body, &server.body_budget).await.map_err(no_body)?;
    progress.body_read();

    let (caller, verified) = match &session {
        Some(session) => {
            let caller = session.caller(parts, progress.peer.ip(), progress.secure);
            (caller.map_err(|exception| Answer::of(&exception))?, None)
        }
        None => caller(server, progress, parts, claim.as_ref(), &signed, &received.bytes)
            .map_err(|refusal| unsigned(server, progress, id, claim.as_ref(), refusal, dialect))?,
    };
    if is_form {
        return Err(form(server, &caller, verified.as_ref(), &received.bytes, id));
    }
    let Some(operation) = operation.map(|operation| operation.name) else {
        return Err(Answer::of(&Exception::unknown_operation("")));
    };
    if let (Some(gate), Some(verified)) = (&server.gate, &verified)
        && !stepwell_api::only_reads(operation)
        && let Err(refusal) = gate.check_replay(verified)
    {
        return Err(unsigned(server, progress, id, claim.as_ref(), refusal, dialect));
    }
    let trace_header = parts.headers.get(&X_AMZN_TRACE_ID).and_then(|header| header.to_str().ok());
    let caller = caller.traced(trace_header);
    Ok(Call { operation, caller, body: Body::read(&received.bytes) })
}

/// Tells why a body was not read.
pub(crate) fn no_body(why: NoBody) -> Answer {
    let exception = match why {
        NoBody::TooLarge { bytes_max } => {
            let message = format!("The request is larger than {bytes_max} bytes");
            Exception::new(ExceptionKind::RequestEntityTooLarge, message)
        }
        NoBody::Busy => Exception::new(ExceptionKind::Throttling, "Rate exceeded"),
        NoBody::Broken => Exception::new(ExceptionKind::Serialization, "The body could not be read"),
    };
    Answer { close: true, ..Answer::of(&exception) }
}

/// How a call and its answer are written.
#[derive(Clone, Copy)]
enum Dialect {
    Json,
    Query,
}

impl Dialect {
    fn services(self) -> &'static [&'static str] {
        match self {
            Dialect::Json => &SERVICES,
            Dialect::Query => &query::SERVICES,
        }
    }
}

/// Who calls: verified where there are credentials, as claimed where there are none.
fn caller(
    server: &Server,
    progress: &Progress,
    parts: &Parts,
    claim: Option<&Claim<'_>>,
    signed: &SignedRequest<'_>,
    body: &[u8],
) -> Result<(Caller, Option<Verified>), Refusal> {
    match (&server.gate, claim) {
        (Some(gate), Some(claim)) => {
            let (caller, verified) = gate.caller(claim, signed, body, progress.peer.ip(), progress.secure)?;
            Ok((caller, Some(verified)))
        }
        // Nobody gets this far without a claim or a session where there is a gate.
        (Some(_), None) => Err(Refusal::unrecognized()),
        (None, _) => Ok((server.callers.caller(parts.headers.get(AUTHORIZATION)), None)),
    }
}

/// Does what a form names.
fn form(
    server: &Server,
    caller: &Caller,
    verified: Option<&Verified>,
    body: &[u8],
    id: &RequestId,
) -> Answer {
    let form = Form::parse(body);
    let started = (server.log_level >= Level::Info).then(Instant::now);
    let result = Action::of(&form).and_then(|action| {
        if verified.is_some_and(|verified| verified.service != action.service()) {
            let message = format!("Credential should be scoped to correct service: '{}'.", action.service());
            return Err(Exception::new(ExceptionKind::InvalidSignature, message));
        }
        let result = action.perform(&server.api, caller, &form, id.as_str());
        if let Some(started) = started {
            log_call(server, action.name(), caller, id, started, result.as_ref().err());
        }
        result
    });
    match result {
        Ok(xml) => Answer::new(StatusCode::OK, &XML, xml),
        Err(exception) => {
            let (status, xml) = query::error(&exception, id.as_str());
            Answer::new(status, &XML, xml)
        }
    }
}

/// Turns a call away that is not signed as it must be. What the client sent of the signature is
/// not logged, for the message may repeat it; whom it claimed to be is.
fn unsigned(
    server: &Server,
    progress: &Progress,
    id: &RequestId,
    claim: Option<&Claim<'_>>,
    refusal: Refusal,
    dialect: Dialect,
) -> Answer {
    let exception = gate::exception(refusal);
    let peer = progress.peer.to_string();
    let fields = [
        ("requestId", id.as_str()),
        ("peer", &peer),
        ("errorCode", short_name(&exception)),
        ("accessKeyId", claim.map_or("", Claim::access_key_id)),
    ];
    let shown = if claim.is_some() { &fields[..] } else { &fields[..3] };
    server.log(Level::Warn, "signature_refused", "a call was not signed as it must be", shown);
    match dialect {
        Dialect::Json => Answer::of(&exception),
        Dialect::Query => {
            let (status, xml) = query::error(&exception, id.as_str());
            Answer::new(status, &XML, xml)
        }
    }
}

/// Whether a request says that it is signed. A web page cannot make a browser say so to another
/// origin without that origin's leave.
fn is_signed(parts: &Parts) -> bool {
    let header = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    header.is_some_and(|header| header.starts_with(b"AWS4-HMAC-SHA256 "))
}

/// Only the media type counts, not its parameters.
pub(crate) fn media_type(parts: &Parts) -> &[u8] {
    let content_type = parts.headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

fn is_acceptable(media_type: &[u8]) -> bool {
    CONTENT_TYPES.iter().any(|known| *known == media_type || known.eq_ignore_ascii_case(media_type))
}

/// The status that goes with an exception: 400 for all that the caller can mend, but for the two for
/// which AWS has another.
pub(crate) fn status(kind: ExceptionKind) -> StatusCode {
    match kind {
        ExceptionKind::InternalFailure => StatusCode::INTERNAL_SERVER_ERROR,
        ExceptionKind::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        ExceptionKind::RequestEntityTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ExceptionKind::Conflict => StatusCode::CONFLICT,
        ExceptionKind::ServiceQuotaExceeded => StatusCode::PAYMENT_REQUIRED,
        ExceptionKind::ExpiredToken
        | ExceptionKind::InvalidSignature
        | ExceptionKind::MissingAuthenticationToken => StatusCode::FORBIDDEN,
        ExceptionKind::AccessDenied
        | ExceptionKind::ActivityAlreadyExists
        | ExceptionKind::ActivityDoesNotExist
        | ExceptionKind::ExecutionAlreadyExists
        | ExceptionKind::ExecutionDoesNotExist
        | ExceptionKind::ExecutionNotRedrivable
        | ExceptionKind::IncompleteSignature
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
        | ExceptionKind::UnrecognizedClient
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
pub(crate) fn refuse(
    server: &Server,
    progress: &Progress,
    parts: &Parts,
    id: &RequestId,
    why: String,
) -> Answer {
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
    let mut fields = vec![
        ("requestId", id.as_str()),
        ("operation", operation),
        ("account", caller.account()),
        ("region", caller.region()),
        ("milliseconds", &milliseconds),
    ];
    fields.extend(caller.user().map(|user| ("user", user)));
    fields.extend(exception.map(|exception| ("errorCode", short_name(exception))));
    // A message may repeat a piece of what was sent, which has no place in the log above debug.
    let told = level == Level::Error || server.log_level >= Level::Debug;
    let message = exception.filter(|_| told).map_or("", |exception| &exception.message);
    server.log(level, "request", message, &fields);
}

/// The name that SDKs show.
fn short_name(exception: &Exception) -> &'static str {
    let name = exception.kind.name();
    name.rsplit_once('#').map_or(name, |(_, short)| short)
}

impl Answer {
    pub(crate) fn new(
        status: StatusCode,
        content_type: &'static HeaderValue,
        body: impl Into<Bytes>,
    ) -> Answer {
        Answer { content_type: Some(content_type.clone()), body: body.into(), ..Answer::bare(status) }
    }

    /// An answer without a body.
    pub(crate) fn bare(status: StatusCode) -> Answer {
        Answer { status, content_type: None, headers: Vec::new(), body: Bytes::new(), close: false }
    }

    /// An exception with the status that goes with it.
    pub(crate) fn of(exception: &Exception) -> Answer {
        Answer::exception(status(exception.kind), exception)
    }

    pub(crate) fn exception(status: StatusCode, exception: &Exception) -> Answer {
        Answer::new(status, &AWS_JSON, exception.to_json())
    }
}

//! The Lambda Runtime API, on a loopback address of its own for each worker.
//!
//! | request                                                   | answer                           |
//! |-----------------------------------------------------------|----------------------------------|
//! | `GET  /2018-06-01/runtime/invocation/next`                | 200 once there is an invocation  |
//! | `POST /2018-06-01/runtime/invocation/{id}/response`       | 202; 413 above [`RESPONSE_BYTES_MAX`] |
//! | `POST /2018-06-01/runtime/invocation/{id}/error`          | 202                              |
//! | `POST /2018-06-01/runtime/init/error`                     | 202                              |
//!
//! An id that is not under way is answered 400, a request out of turn 403. Web pages cannot speak
//! here: a foreign `Host` (DNS rebinding) or anything that bears a browser's marks is answered 403.
//! Other users of the machine can reach the address, as they can any loopback address.
//!
//! Source: Lambda Developer Guide, "Using the Lambda runtime API".

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use stepwell_value::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::desk::{Answer, Desk, Refusal};

/// The largest result of a function, in bytes: Lambda's 6 MB and what it allows around them.
pub(crate) const RESPONSE_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;
/// The head of a request at most, in bytes: AWS's runtimes put up to 1 MiB of X-Ray text in a header.
const HEAD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long, after the process has ended, what it last sent is still read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long to wait before taking connections again when there was no room for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const ROOT: &str = "/2018-06-01/runtime/";

/// Serves one worker until `ended` says (or is dropped) that its process has; what the process had
/// sent by then is still taken.
pub(crate) async fn serve(listener: TcpListener, desk: Arc<Desk>, mut ended: oneshot::Receiver<()>) {
    let Ok(address) = listener.local_addr() else { return };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(converse(stream, address, desk.clone())); }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            _ = &mut ended => break,
        }
    }
    while let Ok(Ok((stream, _))) = tokio::time::timeout(Duration::ZERO, listener.accept()).await {
        connections.spawn(converse(stream, address, desk.clone()));
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // A connection outlasts the process only where a child that left its group holds it.
    let _ = tokio::time::timeout(LAST_WORDS, all).await;
}

async fn converse(stream: tokio::net::TcpStream, address: SocketAddr, desk: Arc<Desk>) {
    // Answers are small and awaited; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(answer(&desk, address, request).await) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
    // A connection that breaks off says nothing that the end of the process does not say.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(desk: &Desk, address: SocketAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if !is_local(request.headers(), address) {
        return plain(StatusCode::FORBIDDEN, "Forbidden", "This address serves its worker alone.");
    }
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let Some(path) = path.strip_prefix(ROOT) else { return not_found() };
    match path.trim_end_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        ["invocation", "next"] if method == Method::GET => match desk.next().await {
            Ok(handed) => next_response(&handed),
            Err(refusal) => refused(refusal),
        },
        // The body is read before anything is said about the request: an answer to a request that is
        // still being sent would end the connection under the client.
        ["invocation", id, end @ ("response" | "error")] if method == Method::POST => {
            match Body::read(request).await {
                Ok(body) => finish(desk, id, *end == "error", body),
                Err(_) => broken_off(),
            }
        }
        ["init", "error"] if method == Method::POST => match Body::read(request).await {
            Ok(body) => accepted(desk.init_error(body.bytes)),
            Err(_) => broken_off(),
        },
        _ => not_found(),
    }
}

fn finish(desk: &Desk, id: &str, is_error: bool, body: Body) -> Response<Full<Bytes>> {
    if body.too_large {
        return match desk.answer(id, Answer::ResponseTooLarge) {
            Ok(()) => {
                let text = format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
                plain(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &text)
            }
            Err(refusal) => refused(refusal),
        };
    }
    let answer = match body.error_trailer {
        // A streamed response that went wrong half-way says so at its end.
        Some(error) => Answer::Error(error),
        None if is_error => Answer::Error(body.bytes),
        None => Answer::Response(body.bytes),
    };
    accepted(desk.answer(id, answer))
}

/// Whether the request came from a process that was given this address, as far as its head tells.
fn is_local(headers: &HeaderMap, address: SocketAddr) -> bool {
    let host_is_ours = match headers.get(HOST).map(HeaderValue::to_str) {
        None => true,
        Some(Ok(host)) => host == address.to_string() || host == format!("localhost:{}", address.port()),
        Some(Err(_)) => false,
    };
    host_is_ours && !headers.contains_key(ORIGIN) && !headers.contains_key("sec-fetch-site")
}

/// The body of a request, as far as it is kept.
struct Body {
    bytes: Bytes,
    too_large: bool,
    /// The error object that came after the body of a streamed response.
    error_trailer: Option<Bytes>,
}

impl Body {
    /// Reads to the end even what is not kept: a client reads the answer only after it has sent all.
    async fn read(request: Request<Incoming>) -> Result<Body, hyper::Error> {
        let mut incoming = request.into_body();
        let mut kept: Vec<u8> = Vec::new();
        let mut body = Body { bytes: Bytes::new(), too_large: false, error_trailer: None };
        while let Some(frame) = incoming.frame().await {
            match frame?.into_data() {
                Ok(data) if kept.len() + data.len() > RESPONSE_BYTES_MAX => {
                    body.too_large = true;
                    kept = Vec::new();
                }
                Ok(data) if !body.too_large => kept.extend_from_slice(&data),
                Ok(_) => {}
                Err(frame) => body.error_trailer = frame.trailers_ref().and_then(error_trailer),
            }
        }
        body.bytes = kept.into();
        Ok(body)
    }
}

fn error_trailer(trailers: &HeaderMap) -> Option<Bytes> {
    let kind = trailers.get("lambda-runtime-function-error-type")?.to_str().ok()?;
    let encoded = trailers.get("lambda-runtime-function-error-body").map(HeaderValue::as_bytes);
    let decoded = encoded.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    let bare = || Value::object([("errorType", Value::from(kind))]).to_string().into_bytes();
    Some(decoded.unwrap_or_else(bare).into())
}

fn next_response(handed: &crate::desk::Handed) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(handed.call.payload.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut insert = |name: &'static str, value: &str| {
        // What cannot be a header came from the user's parameters; it is left out.
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.insert(name, value);
        }
    };
    insert("lambda-runtime-aws-request-id", &handed.call.request_id);
    insert("lambda-runtime-deadline-ms", &handed.deadline_epoch_ms.to_string());
    insert("lambda-runtime-invoked-function-arn", &handed.call.arn);
    insert("lambda-runtime-trace-id", &handed.trace_id);
    if let Some(client_context) = &handed.call.client_context {
        insert("lambda-runtime-client-context", client_context);
    }
    response
}

fn accepted(result: Result<(), Refusal>) -> Response<Full<Bytes>> {
    match result {
        Ok(()) => {
            let mut response = Response::new(Full::new(Bytes::from_static(b"{\"status\":\"OK\"}\n")));
            *response.status_mut() = StatusCode::ACCEPTED;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> Response<Full<Bytes>> {
    match refusal {
        Refusal::UnknownRequestId => plain(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        Refusal::InvalidStateTransition => {
            plain(StatusCode::FORBIDDEN, "InvalidStateTransition", "Transition is not allowed")
        }
    }
}

fn broken_off() -> Response<Full<Bytes>> {
    plain(StatusCode::BAD_REQUEST, "InvalidBody", "The body broke off.")
}

fn not_found() -> Response<Full<Bytes>> {
    plain(StatusCode::NOT_FOUND, "NotFound", "No such operation of the Lambda Runtime API")
}

fn plain(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    let members = [("errorMessage", Value::from(message)), ("errorType", Value::from(kind))];
    let mut response = Response::new(Full::new(Bytes::from(Value::object(members).to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

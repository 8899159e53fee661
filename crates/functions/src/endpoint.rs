//! A function behind an HTTP address: the payload is POSTed there, the body of the answer is the
//! result.
//!
//! | answer                                      | the task                                         |
//! |---------------------------------------------|--------------------------------------------------|
//! | 2xx                                         | succeeds with the body (`null` if it is empty)   |
//! | 2xx with `X-Amz-Function-Error`             | fails with the error object in the body          |
//! | other, with an error object in the body     | fails with it                                    |
//! | 429                                         | fails with `Lambda.TooManyRequestsException`     |
//! | other                                       | fails with `Lambda.Unknown`                      |
//! | none: nothing was sent                      | fails with `Lambda.SdkClientException`           |
//! | none in time, or it broke off               | has an unknown outcome                           |
//!
//! Request id, ARN and deadline travel in the headers of the Runtime API (`Lambda-Runtime-…`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use stepwell_lambda::Call;
use stepwell_value::Value;
use tokio::net::TcpStream;

use crate::lambda::{Ending, too_large};
use crate::runtime_api::RESPONSE_BYTES_MAX;

/// How much of an answer that is no error object is quoted, in characters.
const QUOTED_CHARACTERS_MAX: usize = 1024;

/// Calls the address, for at most `timeout`.
pub(crate) async fn call(uri: &Uri, call: &Call, timeout: Duration) -> Ending {
    let deadline = tokio::time::Instant::now() + timeout;
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(80);
    // `connect` looks for a name without the brackets of an IPv6 address.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let unsent = |why: &str| Ending::NotSent(format!("Unable to execute HTTP request to {uri}: {why}"));
    let stream = match tokio::time::timeout_at(deadline, TcpStream::connect((bare, port))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return unsent(&error.to_string()),
        Err(_) => return unsent("connecting took too long"),
    };
    let request = match request(uri, host, call, timeout) {
        Ok(request) => request,
        Err(error) => return unsent(&error.to_string()),
    };
    let (mut sender, connection) = match hyper::client::conn::http1::handshake(TokioIo::new(stream)).await {
        Ok(parts) => parts,
        Err(error) => return unsent(&error.to_string()),
    };
    // The connection does its work in a task of its own and ends with the sender.
    let connection = tokio::spawn(connection);
    let ending = match tokio::time::timeout_at(deadline, exchange(&mut sender, request)).await {
        Ok(ending) => ending,
        Err(_) => Ending::Unknown,
    };
    connection.abort();
    match ending {
        Ending::NotSent(why) => unsent(&why),
        ending => ending,
    }
}

fn request(
    uri: &Uri,
    host: &str,
    call: &Call,
    timeout: Duration,
) -> hyper::http::Result<Request<Full<Bytes>>> {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + timeout;
    let host = match uri.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("stepwell/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .header("lambda-runtime-aws-request-id", &*call.request_id)
        .header("lambda-runtime-invoked-function-arn", &*call.arn)
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string());
    if let Some(client_context) = &call.client_context {
        request = request.header("lambda-runtime-client-context", client_context);
    }
    request.body(Full::new(call.payload.clone()))
}

async fn exchange(
    sender: &mut hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Ending {
    let response = match sender.try_send_request(request).await {
        Ok(response) => response,
        Err(mut error) => {
            return match error.take_message() {
                // The request came back: not a byte of it was sent.
                Some(_) => Ending::NotSent(error.into_error().to_string()),
                None => Ending::Unknown,
            };
        }
    };
    let status = response.status();
    let is_function_error = response.headers().contains_key("x-amz-function-error");
    let body = match Limited::new(response.into_body(), RESPONSE_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return too_large(RESPONSE_BYTES_MAX),
        // The status said already that it failed.
        Err(_) if !status.is_success() => Bytes::new(),
        Err(_) => return Ending::Unknown,
    };
    if status.is_success() {
        return if is_function_error { Ending::Failed(body) } else { Ending::Returned(body) };
    }
    let text = String::from_utf8_lossy(&body);
    let error = Value::parse(&text).ok();
    if error.is_some_and(|error| error.get("errorType").and_then(Value::as_str).is_some()) {
        return Ending::Failed(body);
    }
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequestsException",
        _ => "Unknown",
    };
    let quoted: String = text.chars().take(QUOTED_CHARACTERS_MAX).collect();
    Ending::Refused(kind, format!("The endpoint answered {status}: {quoted}"))
}

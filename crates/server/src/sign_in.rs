//! Signing in to the console and out of it, at `/console/session`.
//!
//! | request | answer |
//! |---|---|
//! | `GET` | who is signed in, if anybody, and whether that is needed here |
//! | `POST {"accessKeyId", "secretAccessKey", "region"?}` | the same, and a session (see [`crate::session`]) |
//! | `DELETE` with `X-Stepwell-Csrf` | 204, and the session is over |
//!
//! What may be tried against it, and what comes of that (each has a test of its number in
//! `tests/http/sign_in.rs`):
//!
//! | # | abuse | answer |
//! |---|---|---|
//! | S1 | a foreign page makes the browser sign in, out, or call an operation | 403: Origin and Sec-Fetch-Site, then the CSRF token; the cookie is `SameSite=Strict` besides |
//! | S2 | secrets are guessed | 403 with one message whatever was wrong, in constant time; then 429 with `Retry-After`, and nothing is compared |
//! | S3 | a cookie is used after sign-out, or is made up | 403 `ExpiredTokenException` |
//! | S4 | a cookie comes beside a signature, right or wrong | the signature alone counts |
//! | S5 | somebody's cookie is planted before they sign in | each sign-in has a new cookie; the session of the old one ends |
//! | S6 | a giant, a form, or no JSON is sent as a sign-in | 413, 403, 400; nothing is compared |
//! | S7 | a session is used for what its key may not do | `AccessDeniedException`, as for the key |
//! | S8 | a secret is typed where the access key id belongs | it is not in the log: only ids that exist are |
//! | S9 | the session's state is linked to or framed from elsewhere | 403, and it is never cached |
//!
//! The secret travels in the request, unlike with signatures. So TLS is for this what it is for a
//! password; with `--insecure-plaintext` it is somebody else's to provide.

use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue, RETRY_AFTER, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use stepwell_api::{Exception, ExceptionKind};
use stepwell_value::{Value, quote};

use crate::connection::Progress;
use crate::console::SESSION;
use crate::gate::{Gate, NotSignedIn};
use crate::request_id::RequestId;
use crate::route::{self, Answer, JSON};
use crate::session::Session;
use crate::{Level, Server, body, credential};

/// The one content type of a sign-in; a web page may not send it to another origin without asking first.
const CONTENT_TYPE: &[u8] = b"application/json";

/// Whether a request is for this.
pub(crate) fn is_meant(parts: &Parts) -> bool {
    let methods = matches!(parts.method, Method::GET | Method::HEAD | Method::POST | Method::DELETE);
    methods && parts.uri.path() == SESSION
}

/// Answers a request at `/console/session`.
pub(crate) async fn answer(
    server: &Server,
    progress: &Progress,
    parts: &Parts,
    body: Incoming,
    id: &RequestId,
) -> Answer {
    let answered = match (&parts.method, &server.gate) {
        (&Method::POST, Some(gate)) => sign_in(server, gate, progress, parts, body, id).await,
        (&Method::POST, None) => {
            body::discard(body).await;
            let message = "Nobody signs in here: the server has no credentials and is open";
            Err(Answer::of(&Exception::new(ExceptionKind::Validation, message)))
        }
        (&Method::DELETE, gate) => sign_out(server, gate.as_ref(), progress, parts, id),
        (_, gate) => Ok(told(server, gate.as_ref(), progress, parts, id)),
    };
    let mut answer = answered.unwrap_or_else(|refusal| refusal).guarded();
    answer.headers.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    answer
}

/// Who is signed in.
fn told(server: &Server, gate: Option<&Gate>, progress: &Progress, parts: &Parts, id: &RequestId) -> Answer {
    let session = gate.and_then(|gate| gate.sessions.of(&parts.headers, Instant::now()));
    // Whoever has not signed in yet asks this first, and has done nothing wrong.
    let is_somebody = gate.is_none() || session.is_some() || parts.headers.contains_key(AUTHORIZATION);
    let caller = is_somebody.then(|| route::caller_of_get(server, progress, parts, id).ok()).flatten();
    let who = caller.as_ref().map(|(caller, _)| (caller.account(), caller.region(), caller.user()));
    Answer::new(StatusCode::OK, &JSON, state(gate.is_some(), who, session.as_ref()))
}

/// The state as the console reads it. The token is for a page that was loaded again and has lost it.
fn state(has_gate: bool, who: Option<(&str, &str, Option<&str>)>, session: Option<&Session>) -> String {
    let mut json = String::from(if has_gate { r#"{"mode":"credentials""# } else { r#"{"mode":"open""# });
    json.push_str(if session.is_some() { r#","signedIn":true"# } else { r#","signedIn":false"# });
    let mut text = |name: &str, text: &str| {
        json.push_str(&format!(r#","{name}":"#));
        quote(text, &mut json);
    };
    if let Some((account, region, user)) = who {
        text("account", account);
        text("region", region);
        user.into_iter().for_each(|user| text("user", user));
    }
    if let Some(session) = session {
        text("csrfToken", &session.csrf_token);
    }
    text("version", env!("CARGO_PKG_VERSION"));
    json.push('}');
    json
}

/// What somebody shows to sign in.
struct Shown {
    access_key_id: String,
    secret: String,
    region: Option<String>,
}

impl Shown {
    /// `None` if it is not what a sign-in has to be.
    fn read(body: &[u8]) -> Option<Shown> {
        let json = Value::parse_unique(std::str::from_utf8(body).ok()?).ok()?;
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let region = match json.get("region") {
            None | Some(Value::Null) => None,
            Some(region) => Some(region.as_str().filter(|region| credential::is_region(region))?.to_owned()),
        };
        Some(Shown { access_key_id: text("accessKeyId")?, secret: text("secretAccessKey")?, region })
    }
}

async fn sign_in(
    server: &Server,
    gate: &Gate,
    progress: &Progress,
    parts: &Parts,
    body: Incoming,
    id: &RequestId,
) -> Result<Answer, Answer> {
    if !route::media_type(parts).eq_ignore_ascii_case(CONTENT_TYPE) {
        let why = "The Content-Type of a sign-in must be application/json".to_owned();
        return Err(route::refuse(server, progress, parts, id, why));
    }
    let received = body::receive_small(body).await.map_err(route::no_body)?;
    progress.body_read();
    let shown = Shown::read(&received).ok_or_else(|| {
        let message = "A sign-in is an object with accessKeyId, secretAccessKey and, if it likes, region";
        Answer::of(&Exception::new(ExceptionKind::Serialization, message))
    })?;

    let now = Instant::now();
    let peer = progress.peer.to_string();
    let signed_in = gate.sign_in(&shown.access_key_id, &shown.secret, progress.peer.ip(), now);
    let principal = signed_in.map_err(|refusal| {
        let (level, answer) = match refusal {
            NotSignedIn::Wrong => (Level::Warn, wrong()),
            // Whoever goes on trying would fill the log.
            NotSignedIn::Wait(left) => (Level::Debug, wait(left)),
        };
        let fields = [("requestId", id.as_str()), ("peer", &peer), ("accessKeyId", &shown.access_key_id)];
        // What nobody has as an id may be a secret that was typed into the wrong field.
        let fields = if gate.knows(&shown.access_key_id) { &fields[..] } else { &fields[..2] };
        server.log(level, "sign_in_refused", "somebody could not sign in to the console", fields);
        answer
    })?;

    // Whatever session this browser had before is over.
    gate.sessions.end(&parts.headers);
    let region = shown.region.as_deref().unwrap_or(credential::REGION_DEFAULT);
    let (cookie, session) =
        gate.sessions.begin(&shown.access_key_id, principal, region, now).map_err(|error| {
            let message = format!("The system gives no randomness: {error}");
            Answer::of(&Exception::new(ExceptionKind::InternalFailure, message))
        })?;
    log_session(server, progress, id, &session, "signed_in", "somebody has signed in to the console");
    let who = (&**session.principal.account(), &*session.region, Some(session.principal.user()));
    let mut answer = Answer::new(StatusCode::OK, &JSON, state(true, Some(who), Some(&session)));
    let cookie = set_cookie(gate.sessions.cookie_name(), &cookie, progress.secure, "");
    answer.headers.push((SET_COOKIE, cookie));
    Ok(answer)
}

/// One answer for an unknown key and for a wrong secret.
fn wrong() -> Answer {
    let message = "The access key id or the secret access key is not right";
    Answer::exception(StatusCode::FORBIDDEN, &Exception::new(ExceptionKind::UnrecognizedClient, message))
}

fn wait(left: Duration) -> Answer {
    let seconds = left.as_millis().div_ceil(1000).to_string();
    let message = format!("Too many sign-ins have failed. Try again in {seconds} s");
    let exception = Exception::new(ExceptionKind::Throttling, message);
    let mut answer = Answer::exception(StatusCode::TOO_MANY_REQUESTS, &exception);
    answer.headers.push((RETRY_AFTER, HeaderValue::try_from(seconds).expect("digits fit a header")));
    answer
}

fn sign_out(
    server: &Server,
    gate: Option<&Gate>,
    progress: &Progress,
    parts: &Parts,
    id: &RequestId,
) -> Result<Answer, Answer> {
    if let Some(gate) = gate
        && let Some(session) = gate.sessions.of(&parts.headers, Instant::now())
    {
        session.check_csrf(&parts.headers).map_err(|forged| {
            let why = forged.exception().message;
            route::refuse(server, progress, parts, id, why)
        })?;
        gate.sessions.end(&parts.headers);
        log_session(server, progress, id, &session, "signed_out", "somebody has signed out of the console");
    }
    let mut answer = Answer::bare(StatusCode::NO_CONTENT);
    let cleared =
        gate.map(|gate| set_cookie(gate.sessions.cookie_name(), "", progress.secure, "; Max-Age=0"));
    answer.headers.extend(cleared.map(|cookie| (SET_COOKIE, cookie)));
    Ok(answer)
}

fn set_cookie(name: &str, value: &str, secure: bool, more: &str) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/{secure}{more}");
    HeaderValue::try_from(text).expect("hexadecimal digits fit a header")
}

fn log_session(
    server: &Server,
    progress: &Progress,
    id: &RequestId,
    session: &Session,
    event: &'static str,
    message: &str,
) {
    let peer = progress.peer.to_string();
    let fields = [
        ("requestId", id.as_str()),
        ("peer", &peer),
        ("accessKeyId", &*session.access_key_id),
        ("account", session.principal.account()),
        ("user", session.principal.user()),
    ];
    server.log(Level::Info, event, message, &fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_tls_the_cookie_is_for_tls_alone() {
        let cookie = |secure| set_cookie("name", "5e55", secure, "").to_str().unwrap().to_owned();
        assert_eq!(cookie(true), "name=5e55; HttpOnly; SameSite=Strict; Path=/; Secure");
        assert_eq!(cookie(false), "name=5e55; HttpOnly; SameSite=Strict; Path=/");
    }
}

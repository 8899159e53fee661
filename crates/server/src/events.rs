//! `GET /events`: what happens, as server-sent events.
//!
//! | request | stream |
//! |---|---|
//! | `GET /events?executionArn=ARN[&after=N]` | one Standard execution: `execution`, and `history` with the id of its last event as `id` |
//! | `GET /events` | the caller's account and region: `hello` first, then `changes` |
//!
//! A stream begins behind the event that the header `Last-Event-ID` names, which browsers send when
//! they come back, else behind `after`. A comment tells now and then that the server is there. A
//! stream ends when the client goes away, when it takes nothing for longer than the server's
//! patience, when the execution is gone, when the session is over by which it was opened, and when the
//! server stops.
//!
//! Source: WHATWG HTML, "Server-sent events".

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use stepwell_api::{Caller, Exception, ExceptionKind, ExecutionWatch, News, PlaceWatch};
use tokio::sync::OwnedSemaphorePermit;

use crate::Server;
use crate::connection::Progress;
use crate::query::Form;
use crate::session::Lease;

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks nginx, and those that do as it does, not to hold back what it passes on.
static X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// After so long without an event a comment is sent: proxies cut what is silent for a minute.
const COMMENT_AFTER: Duration = Duration::from_secs(15);

/// A long event goes out in pieces of so many bytes: a client that takes them slowly is not mistaken
/// for one that takes nothing.
const PIECE_BYTES: usize = 16 * 1024;

/// The body of a reply.
pub(crate) enum ReplyBody {
    /// All of it is there.
    Whole(Full<Bytes>),
    /// It comes as things happen.
    Events(Events),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            ReplyBody::Whole(whole) => Pin::new(whole).poll_frame(context),
            ReplyBody::Events(events) => {
                events.poll(context).map(|text| text.map(|text| Ok(Frame::data(text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReplyBody::Whole(whole) => whole.is_end_stream(),
            ReplyBody::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Whole(whole) => whole.size_hint(),
            ReplyBody::Events(_) => SizeHint::default(),
        }
    }
}

/// A stream of events on its way. Nothing is looked at before the client has taken what was before.
pub(crate) struct Events {
    next: Next,
    /// What is left of the last event.
    rest: Bytes,
    progress: Arc<Progress>,
}

/// What comes next, and the stream behind it.
type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Stream)>> + Send>>;

impl Events {
    fn new(stream: Stream, progress: Arc<Progress>) -> Events {
        progress.stream_begins();
        Events { next: Box::pin(stream.next()), rest: Bytes::new(), progress }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.rest.is_empty() {
            let Some((text, stream)) = ready!(self.next.as_mut().poll(context)) else {
                return Poll::Ready(None);
            };
            self.next = Box::pin(stream.next());
            self.rest = text;
        }
        self.progress.moved();
        Poll::Ready(Some(self.rest.split_to(PIECE_BYTES.min(self.rest.len()))))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.progress.stream_ends();
    }
}

struct Stream {
    watch: Watch,
    /// Of the session, if it was opened by one.
    lease: Option<Lease>,
    comment_after: Duration,
    _place: OwnedSemaphorePermit,
}

enum Watch {
    Execution(Box<ExecutionWatch>),
    Place(PlaceWatch),
}

impl Stream {
    async fn next(mut self) -> Option<(Bytes, Stream)> {
        let news = async {
            match &mut self.watch {
                Watch::Execution(watch) => watch.next().await,
                Watch::Place(watch) => watch.next().await,
            }
        };
        let text = tokio::select! {
            // Nothing is told any more once the session is over; what happened comes before the word that
            // nothing did.
            biased;
            () = ended(&mut self.lease) => return None,
            news = news => written(&news?),
            () = tokio::time::sleep(self.comment_after) => ":\n\n".to_owned(),
        };
        let is_over = self.lease.as_ref().is_some_and(|lease| lease.is_over(Instant::now()));
        (!is_over).then(|| (Bytes::from(text), self))
    }
}

/// Waits until a session has been ended; for ever if there is none.
async fn ended(lease: &mut Option<Lease>) {
    match lease {
        Some(lease) => lease.ended().await,
        None => std::future::pending().await,
    }
}

/// News as a server-sent event. JSON in one line needs one line of data.
fn written(news: &News) -> String {
    let data = |event: &str, json: &str| format!("event: {event}\ndata: {json}\n\n");
    match news {
        News::Execution(json) => data("execution", json),
        News::Hello(json) => data("hello", json),
        News::Changes(json) => data("changes", json),
        News::History { last_event_id, json } => {
            format!("event: history\nid: {last_event_id}\ndata: {json}\n\n")
        }
    }
}

/// Opens the stream that a request asks for.
pub(crate) async fn open(
    server: &Server,
    progress: &Arc<Progress>,
    parts: &Parts,
    caller: &Caller,
    lease: Option<Lease>,
) -> Result<Events, Exception> {
    let query = Form::parse(parts.uri.query().unwrap_or("").as_bytes());
    let place = server.event_streams.clone().try_acquire_owned();
    let place = place.map_err(|_| Exception::new(ExceptionKind::Throttling, "Rate exceeded"))?;
    let watch = match query.get("executionArn") {
        Some(arn) => {
            let after = after(parts, &query)?;
            Watch::Execution(Box::new(server.api.watch_execution(caller, arn, after).await?))
        }
        None => Watch::Place(server.api.watch_place(caller).await?),
    };
    // At least one comes between two looks at whether the client takes anything.
    let comment_after = COMMENT_AFTER.min(server.patience / 2);
    let stream = Stream { watch, lease, comment_after, _place: place };
    Ok(Events::new(stream, progress.clone()))
}

/// The id of the history event that the client has.
fn after(parts: &Parts, query: &Form) -> Result<u64, Exception> {
    let header = parts.headers.get(&LAST_EVENT_ID);
    let (name, text) = match header {
        Some(header) => ("Last-Event-ID", header.to_str().ok()),
        None => ("after", Some(query.get("after").unwrap_or("0"))),
    };
    let id = text.and_then(|text| text.parse().ok());
    id.ok_or_else(|| Exception::new(ExceptionKind::Validation, format!("{name} must be the id of an event")))
}

/// The reply whose body `events` are.
pub(crate) fn response(events: Events) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Events(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING.clone(), HeaderValue::from_static("no"));
    response
}

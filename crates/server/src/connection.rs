//! One connection: its requests one after another, and an eye on whether it gets on.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::quiet::listening;
use crate::{Server, route};

/// How large the head of a request may be, in bytes. SDKs send about two thousand; whoever sends a
/// head slowly holds so much of our memory on each connection.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// How long the end of a stream may take when the server stops: its client may not be reading.
const STREAM_END: Duration = Duration::from_millis(250);

/// How far a connection is.
///
/// One timer per connection looks at this now and then. A timer per request, as hyper has it, would
/// cost every request more than all of its routing.
pub(crate) struct Progress {
    pub(crate) peer: SocketAddr,
    /// Whether the connection is one of TLS.
    pub(crate) secure: bool,
    /// How often it got on: each request counts, and each piece of a stream.
    steps: AtomicU64,
    phase: AtomicU8,
    /// Whether the reply is one that ends only when somebody ends it.
    streams: AtomicBool,
}

/// It is the client's turn: to send a head, or to take a reply.
const CLIENT: u8 = 0;
/// A body is being read.
const BODY: u8 = 1;
/// It is our turn.
const SERVER: u8 = 2;

impl Progress {
    fn new(peer: SocketAddr, secure: bool) -> Progress {
        Progress {
            peer,
            secure,
            steps: AtomicU64::new(0),
            phase: AtomicU8::new(CLIENT),
            streams: AtomicBool::new(false),
        }
    }

    pub(crate) fn head_read(&self) {
        self.moved();
        self.phase.store(BODY, Ordering::Relaxed);
    }

    pub(crate) fn body_read(&self) {
        self.phase.store(SERVER, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) {
        self.phase.store(CLIENT, Ordering::Relaxed);
    }

    /// The client has taken something of a stream: there was room for more.
    pub(crate) fn moved(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stream_begins(&self) {
        self.streams.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stream_ends(&self) {
        self.streams.store(false, Ordering::Relaxed);
    }

    fn snapshot(&self) -> (u64, u8) {
        (self.steps.load(Ordering::Relaxed), self.phase.load(Ordering::Relaxed))
    }
}

/// Serves a connection until either side ends it.
pub(crate) async fn run(
    server: Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    mut closing: watch::Receiver<bool>,
) {
    // Replies are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    match &server.tls {
        None => serve(&server, stream, Progress::new(peer, false), closing).await,
        Some(tls) => {
            // Nobody who has not shaken hands yet is waited for at the end.
            let shaken = tokio::select! {
                shaken = tls.accept(stream) => shaken,
                _ = closing.wait_for(|closing| *closing) => None,
            };
            if let Some(stream) = shaken {
                serve(&server, stream, Progress::new(peer, true), closing).await;
            }
        }
    }
}

/// Serves what speaks HTTP in the end.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    server: &Server,
    stream: S,
    progress: Progress,
    mut closing: watch::Receiver<bool>,
) {
    let progress = Arc::new(progress);
    let service = service_fn(|request| route::answer(server, &progress, request));
    // A client that goes away in the middle of a long poll must end the poll, so a half-closed
    // connection counts as closed; that is hyper's default. Nearly every answer is small: one buffer
    // costs less than telling the system of its pieces.
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);

    let is_stalled = tokio::select! {
        biased;
        // How it ended does not matter: there is nobody left to tell.
        _ = listening(connection.as_mut()) => return,
        is_stalled = aside(async {
            tokio::select! {
                () = stalled(&progress, server.patience) => true,
                _ = closing.wait_for(|closing| *closing) => false,
            }
        }) => is_stalled,
    };
    if is_stalled {
        return;
    }
    let streams = progress.streams.load(Ordering::Relaxed);
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => (),
        () = stalled(&progress, server.patience) => (),
        () = sleep(STREAM_END), if streams => (),
    }
}

/// Waits until a client, whose turn it is, has not got on for as long as we have patience.
async fn stalled(progress: &Progress, patience: Duration) {
    let mut seen = progress.snapshot();
    loop {
        sleep(patience).await;
        let now = progress.snapshot();
        if now == seen && now.1 != SERVER {
            return;
        }
        seen = now;
    }
}

/// The same future, polled only when it has been woken itself, and not each time that the task around it
/// is: a connection is polled twice for each request, and its timer once in half a minute.
async fn aside<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut bell: Option<Arc<Bell>> = None;
    poll_fn(|context| {
        let bell = match &bell {
            Some(bell) if bell.task.will_wake(context.waker()) => bell,
            Some(_) | None => {
                let task = context.waker().clone();
                bell.insert(Arc::new(Bell { has_rung: AtomicBool::new(true), task }))
            }
        };
        if !bell.has_rung.load(Ordering::Relaxed) || !bell.has_rung.swap(false, Ordering::Acquire) {
            return Poll::Pending;
        }
        let waker = Waker::from(bell.clone());
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

/// Wakes a task, and says by whom it was woken.
struct Bell {
    has_rung: AtomicBool,
    task: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn a_future_aside_is_polled_when_it_is_woken_and_not_with_the_others() {
        let task = async {
            let (woken, others) = (Notify::new(), Notify::new());
            let polls = AtomicUsize::new(0);
            let mut at_side = pin!(woken.notified());
            let counted = poll_fn(|context| {
                polls.fetch_add(1, Ordering::Relaxed);
                at_side.as_mut().poll(context)
            });
            let listens = async {
                for _ in 0..5 {
                    others.notified().await;
                }
                assert_eq!(polls.load(Ordering::Relaxed), 1);
                woken.notify_one();
            };
            let rings = async {
                for _ in 0..5 {
                    others.notify_one();
                    tokio::task::yield_now().await;
                }
            };
            tokio::join!(aside(counted), listens, rings);
            polls.load(Ordering::Relaxed)
        };
        // A task, as each connection is: its waker stays the same.
        assert_eq!(tokio::spawn(task).await.unwrap(), 2);
    }
}

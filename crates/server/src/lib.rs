//! HTTP for the operations of Step Functions: AWS JSON 1.0 at `POST /`, `/health`, `/metrics`; TLS
//! and signatures.
//!
//! | request | answer |
//! |---|---|
//! | `POST /` with `X-Amz-Target: AWSStepFunctions.<Operation>` | what the operation answers |
//! | `POST /` with a form that names `GetCallerIdentity` or `ListRoles` | XML, as STS and IAM answer |
//! | `GET /console/**`, and what leads there | the console, for browsers (`console.rs`) |
//! | `/console/session` | signing in to it, and out (`sign_in.rs`) |
//! | `GET /events` | what happens, as server-sent events |
//! | `GET /health` | 200 `{"status":"ok"}`, or 503 with the reason |
//! | `GET /metrics` | the text format of Prometheus; with credentials only for this machine, unless made public |
//! | anything for another host or from a foreign web page | 403, before all else; but a link may lead to the console |
//! | anything else | 404 |
//!
//! Without credentials the server is open: it believes whatever credential a request names, so it
//! belongs on loopback. With credentials every `POST /`, and `GET /events`, must be signed with one of
//! them, or come from the console of somebody who has signed in with one.
//! It reads no more of a request than fits, waits for no client longer than its patience, and
//! bounds how many there are.

mod attempts;
mod body;
mod connection;
mod console;
mod credential;
mod events;
mod gate;
mod hosts;
mod log;
mod query;
mod quiet;
mod replays;
mod request_id;
mod route;
mod session;
mod sign_in;
mod tls;

pub use gate::Credentials;
pub use log::{Level, Log, LogLine};
pub use stepwell_console_assets::Assets;
pub use stepwell_sigv4::Secret;
pub use tls::{Tls, TlsError};

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use stepwell_api::{Api, ExceptionKind};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long to wait before accepting again when the system cannot give more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The HTTP status that goes with an exception, such as 400.
pub fn status_code(kind: ExceptionKind) -> u16 {
    route::status(kind).as_u16()
}

/// How the server is set up.
#[derive(Clone)]
pub struct Options {
    /// Further names that requests may call this server by, without ports. Always accepted are
    /// `localhost`, `127.0.0.1`, `[::1]` and the listen address; each also with `sync-` before it.
    pub hosts: Vec<String>,
    /// The access keys that calls must be signed with. Without, the server is open.
    pub credentials: Option<Credentials>,
    /// Whether a signed call that changes something is refused when it is sent again, a few seconds
    /// after it came first.
    pub refuse_replays: bool,
    /// A session of the console that nobody uses ends after so long.
    pub session_idle_max: Duration,
    /// Every session of the console ends after so long.
    pub session_age_max: Duration,
    /// Whether `/metrics` is for everybody even with credentials, and not for this machine alone.
    pub public_metrics: bool,
    /// The files of the console; the default is the one that was built into the program.
    pub console: Assets,
    /// How to speak TLS. Without, the server speaks plain HTTP.
    pub tls: Option<Tls>,
    /// Hears what an operator should know.
    pub log: Log,
    /// Lines that matter less than this are not made.
    pub log_level: Level,
    /// How many connections there may be; more wait to be accepted.
    pub connections_max: usize,
    /// How many streams of events there may be; more are refused.
    pub event_streams_max: usize,
    /// How long a client may take: from one request to the next, for the head and for the body of
    /// one, to take a reply. The connection is closed after that long at the earliest, after twice
    /// as long at the latest.
    pub patience: Duration,
    /// How long requests that are under way at the end may take.
    pub drain: Duration,
}

impl Default for Options {
    /// Names of the machine itself, no log, and bounds that suit a single machine.
    fn default() -> Options {
        Options {
            hosts: Vec::new(),
            credentials: None,
            refuse_replays: true,
            session_idle_max: Duration::from_secs(60 * 60),
            session_age_max: Duration::from_secs(12 * 60 * 60),
            public_metrics: false,
            console: Assets::embedded(),
            tls: None,
            log: Arc::new(|_| ()),
            log_level: Level::Info,
            connections_max: 10_000,
            event_streams_max: 1_000,
            patience: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// What all connections share.
struct Server {
    api: Arc<Api>,
    hosts: hosts::Hosts,
    callers: credential::Callers,
    gate: Option<gate::Gate>,
    public_metrics: bool,
    console: Assets,
    tls: Option<Tls>,
    request_ids: request_id::RequestIds,
    body_budget: Semaphore,
    event_streams: Arc<Semaphore>,
    log: Log,
    log_level: Level,
    patience: Duration,
}

impl Server {
    fn log(&self, level: Level, event: &'static str, message: &str, fields: &[(&'static str, &str)]) {
        if level <= self.log_level {
            (self.log)(&LogLine { level, event, message, fields });
        }
    }
}

/// Serves until `shutdown` comes, then lets what is under way finish for as long as
/// [`Options::drain`], and returns. Must run on a tokio runtime with I/O and time.
///
/// # Errors
///
/// If the listener has no local address.
pub async fn serve(
    listener: TcpListener,
    api: Arc<Api>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let lifetime = session::Lifetime { idle: options.session_idle_max, age: options.session_age_max };
    let address = listener.local_addr()?;
    let sessions = session::Sessions::new(address.port(), lifetime);
    let server = Arc::new(Server {
        hosts: hosts::Hosts::new(address, &options.hosts),
        callers: credential::Callers::new(),
        gate: options.credentials.map(|known| gate::Gate::new(known, options.refuse_replays, sessions)),
        public_metrics: options.public_metrics,
        console: options.console,
        tls: options.tls,
        request_ids: request_id::RequestIds::new(),
        body_budget: Semaphore::new(body::BUDGET_KIB),
        event_streams: Arc::new(Semaphore::new(options.event_streams_max)),
        log: options.log,
        log_level: options.log_level,
        patience: options.patience,
        api,
    });
    let closing = watch::Sender::new(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => {
                note_panic(&server, ended);
                continue;
            }
            accepted = listener.accept(), if connections.len() < options.connections_max => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(connection::run(server.clone(), stream, peer, closing.subscribe()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                server.log(Level::Error, "accept_failed", &error.to_string(), &[]);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }

    drop(listener);
    server.api.drain();
    closing.send_replace(true);
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            note_panic(&server, ended);
        }
    };
    // What does not end in time is cut off: its callers cannot know whether it was done.
    if tokio::time::timeout(options.drain, drained).await.is_err() {
        let count = connections.len().to_string();
        let text = "calls were cut off because the server ends";
        server.log(Level::Warn, "calls_cut_off", text, &[("connections", &count)]);
    }
    connections.shutdown().await;
    Ok(())
}

/// Whether `accept` failed because the client went away again.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

fn note_panic(server: &Server, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        server.log(Level::Error, "connection_panicked", &error.to_string(), &[]);
    }
}

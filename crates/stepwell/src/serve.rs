//! `stepwell serve`: the server, from the first line of its log to the last.
//!
//! stdout has exactly one line, `listening on http://HOST:PORT` (`https` with TLS), written once
//! everything that was under way at the last stop goes on and calls are taken. Everything else is on
//! stderr.
//!
//! On SIGTERM or SIGINT it takes no more connections, ends long polls, and gives what is under way
//! [`DRAIN`] to end.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use stepwell_functions::{LogLine, LogStream};
use stepwell_store_sqlite::{OpenError, SqliteOptions, SqliteStore};
use stepwell_value::Value;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::complaint::{Complaint, Exit};
use crate::config::{DataPlace, Flags, Settings, TlsFiles};
use crate::credentials::{self, CredentialsFile};
use crate::env::sync_prefix_recipe;
use crate::log::{Format, Level, Log};
use crate::own_calls::Authority;
use crate::sockets;
use crate::wiring::{self, Node, Parts};

/// How long a stop may take.
const DRAIN: Duration = Duration::from_secs(10);

/// How much of that tasks under way may use; the rest is for closing the store.
const DRAIN_TASKS: Duration = Duration::from_secs(9);

/// How much of that calls under way may use: a synchronous execution is not run again, so it is given
/// nearly all there is. Tasks go on meanwhile.
const DRAIN_CALLS: Duration = Duration::from_secs(8);

/// The folder of execution logs in the data directory.
const EXECUTION_LOGS: &str = "logs";

/// The folder of Express executions that ended in the data directory.
const RECENT_EXPRESS: &str = "express";

/// Serves until it is told to stop.
///
/// # Errors
///
/// A [`Complaint`] why it could not start.
pub fn serve(flags: &Flags) -> Result<Exit, Complaint> {
    let settings = Settings::read(flags, &|name| std::env::var_os(name))?;
    let functions = wiring::read_functions(settings.functions.as_deref())?;
    let services = wiring::read_services(&settings.aws, Some(settings.listen))?;
    let credentials = settings.credentials.as_deref().map(credentials::read).transpose()?;
    let tls = settings.tls.as_ref().map(read_tls).transpose()?;
    let by_terminal = || if std::io::stderr().is_terminal() { Format::Text } else { Format::Json };
    let log = Log::to_stderr(settings.log, settings.log_format.unwrap_or_else(by_terminal));

    let keys = credentials.as_ref().map_or(0, |file| file.keys);
    warn_of_exposed(&settings, credentials.as_ref(), &log);
    let credentials = credentials.map(|file| file.credentials);
    let authority = match credentials.is_none() || settings.own_calls_allowed {
        true => Authority::Account,
        false => Authority::Tokens,
    };

    let data = Data::open(&settings.data)?;
    let runtime = wiring::runtime()?;
    let result = runtime.block_on(async {
        // Before the line on stdout: whoever reads it may send a signal at once.
        let stop = Stop::watch()?;
        let store = Arc::new(open_store(&data.folder)?);
        let listener = sockets::listen(settings.listen).map_err(|error| cannot_listen(&settings, &error))?;
        let address = listener.local_addr().map_err(|error| cannot_listen(&settings, &error))?;

        let function_log = log.clone();
        let node = Node::open(Parts {
            store,
            functions,
            services,
            authority,
            limits: settings.limits,
            log: log.clone(),
            execution_logs: Some((data.folder.join(EXECUTION_LOGS), settings.logs)),
            recent_express: Some((data.folder.join(RECENT_EXPRESS), settings.express)),
            on_function_line: Arc::new(move |line| write_function_line(&function_log, &line)),
        })?;
        let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
        log.info(
            "server_ready",
            "taking calls",
            &[
                ("url", Value::from(url.as_str())),
                ("dataDirectory", Value::from(data.folder.display().to_string())),
                ("version", Value::from(env!("CARGO_PKG_VERSION"))),
                ("credentials", Value::from(i64::try_from(keys).unwrap_or(i64::MAX))),
            ],
        );
        log.info("sync_prefix", &sync_prefix_recipe(&url), &[]);
        announce(&url)?;
        let guard = Guard { credentials, tls };
        serve_until(&settings, guard, node, listener, stop, &log).await
    });
    // Blocking work that nobody waits for any more must not hold the end up.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

/// The data directory, for as long as it is needed.
struct Data {
    folder: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Data {
    fn open(place: &DataPlace) -> Result<Data, Complaint> {
        match place {
            DataPlace::Folder(folder) => Ok(Data { folder: folder.clone(), _temporary: None }),
            DataPlace::Temporary => {
                let made = tempfile::Builder::new().prefix("stepwell-").tempdir();
                let temporary = made.map_err(|error| {
                    Complaint::new(Exit::Data, "cannot make a temporary folder", error.to_string())
                        .hint("set TMPDIR to a folder that can be written, or use --data")
                })?;
                Ok(Data { folder: temporary.path().to_owned(), _temporary: Some(temporary) })
            }
        }
    }
}

fn open_store(folder: &Path) -> Result<SqliteStore, Complaint> {
    let options = SqliteOptions::default();
    #[cfg(feature = "sabotage")]
    let options = crate::sabotage::store(options);
    SqliteStore::open(folder, options).map_err(|error| {
        let (what, path, why) = match &error {
            OpenError::InUse { dir } => ("the data directory is in use by another server", dir, ""),
            OpenError::Unwritable { dir, why } => ("the data directory cannot be written", dir, why.as_str()),
            OpenError::Damaged { path, why } => ("the database is damaged", path, why.as_str()),
            OpenError::Newer { path, found } => ("a newer release wrote the database", path, found.as_str()),
        };
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        Complaint::new(Exit::Data, what, format!("{}{why}", path.display())).hint(error.hint())
    })
}

fn cannot_listen(settings: &Settings, error: &std::io::Error) -> Complaint {
    Complaint::new(Exit::Failure, "cannot listen", format!("{}: {error}", settings.listen))
        .hint("stop what listens there, or use --listen 127.0.0.1:0 for a free port")
}

/// What stands between the network and the operations.
struct Guard {
    credentials: Option<stepwell_server::Credentials>,
    tls: Option<stepwell_server::Tls>,
}

fn read_tls(files: &TlsFiles) -> Result<stepwell_server::Tls, Complaint> {
    let TlsFiles { certificate, key, client_authorities } = files;
    stepwell_server::Tls::read(certificate, key, client_authorities.as_deref()).map_err(|error| {
        Complaint::usage("cannot use TLS", error.to_string())
            .hint("give files in PEM, as openssl writes them")
    })
}

/// Secrets that every user of the machine can read are still used, but not in silence.
fn warn_of_exposed(settings: &Settings, credentials: Option<&CredentialsFile>, log: &Log) {
    let key = settings.tls.as_ref().map(|files| &files.key).filter(|key| credentials::is_exposed(key));
    for file in credentials.iter().flat_map(|file| &file.exposed).chain(key) {
        let fields = [("file", Value::from(file.display().to_string()))];
        log.warn(
            "secret_exposed",
            "every user of this machine can read a file with a secret; chmod o-r",
            &fields,
        );
    }
}

/// The one line on stdout.
fn announce(url: &str) -> Result<(), Complaint> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on {url}")
        .and_then(|()| stdout.flush())
        .map_err(|error| Complaint::new(Exit::Failure, "cannot write to stdout", error.to_string()))
}

/// Takes calls until a signal comes, then lets what is under way end.
async fn serve_until(
    settings: &Settings,
    guard: Guard,
    node: Node,
    listener: TcpListener,
    mut stop: Stop,
    log: &Log,
) -> Result<Exit, Complaint> {
    let (stopped_log, server_log) = (log.clone(), log.clone());
    let stopping = Arc::new(Mutex::new(None));
    let stopped = async {
        let signal = stop.asked().await;
        *stopping.lock().expect("held for a moment only") = Some(Instant::now());
        stopped_log.info("server_stopping", "taking no more calls", &[("signal", Value::from(signal))]);
    };
    let options = stepwell_server::Options {
        hosts: settings.hosts.clone(),
        credentials: guard.credentials,
        refuse_replays: settings.refuse_replays,
        public_metrics: settings.public_metrics,
        tls: guard.tls,
        log: Arc::new(move |line| write_server_line(&server_log, line)),
        log_level: server_level(settings.log),
        connections_max: sockets::connections_max(),
        drain: DRAIN_CALLS,
        ..stepwell_server::Options::default()
    };
    let served = stepwell_server::serve(listener, node.api.clone(), options, stopped).await;
    served.map_err(|error| Complaint::new(Exit::Failure, "cannot serve", error.to_string()))?;

    let began = stopping.lock().expect("held for a moment only").unwrap_or_else(Instant::now);
    let drained = node.drain(DRAIN_TASKS.saturating_sub(began.elapsed()));
    if tokio::time::timeout(DRAIN.saturating_sub(began.elapsed()), drained).await.is_err() {
        log.warn("drain_cut_off", "the stop took too long; the next start recovers as after a crash", &[]);
    }
    let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    log.info(
        "server_stopped",
        "everything acknowledged is written",
        &[("milliseconds", Value::from(took_ms))],
    );
    Ok(Exit::Success)
}

/// The level by the name that the server gives it.
fn server_level(level: Level) -> stepwell_server::Level {
    match level {
        Level::Error => stepwell_server::Level::Error,
        Level::Warn => stepwell_server::Level::Warn,
        Level::Info => stepwell_server::Level::Info,
        Level::Debug => stepwell_server::Level::Debug,
    }
}

fn write_server_line(log: &Log, line: &stepwell_server::LogLine) {
    let level = match line.level {
        stepwell_server::Level::Error => Level::Error,
        stepwell_server::Level::Warn => Level::Warn,
        stepwell_server::Level::Info => Level::Info,
        stepwell_server::Level::Debug => Level::Debug,
    };
    let fields: Vec<_> = line.fields.iter().map(|&(name, text)| (name, Value::from(text))).collect();
    log.line(level, line.event, line.message, &fields);
}

/// The signals that ask for the end.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn watch() -> Result<Stop, Complaint> {
        let watch = |kind| {
            signal(kind)
                .map_err(|error| Complaint::new(Exit::Failure, "cannot watch for signals", error.to_string()))
        };
        Ok(Stop { terminate: watch(SignalKind::terminate())?, interrupt: watch(SignalKind::interrupt())? })
    }

    /// The name of the first signal that comes.
    async fn asked(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

fn write_function_line(log: &Log, line: &LogLine) {
    let stream = match line.stream {
        LogStream::Stdout => "stdout",
        LogStream::Stderr => "stderr",
    };
    let mut fields = vec![("function", Value::from(&*line.function)), ("stream", Value::from(stream))];
    if let Some(request_id) = &line.request_id {
        fields.push(("requestId", Value::from(&**request_id)));
    }
    log.line(Level::Info, "function_output", &line.line, &fields);
}

//! A worker: one process that runs one invocation after another, and what belongs to it.
//!
//! A process begins with a bare environment, no input, its output captured, as the leader of a
//! process group of its own; dropping the worker kills the group. It is isolated from other
//! processes, not locked in: a handler runs with the rights of the server, and a child that starts a
//! session of its own leaves the group.
//!
//! An invocation's time begins when the process takes it; before that, a new process has
//! [`INIT_PATIENCE`] and the function's time-out to get ready, as AWS gives it.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use stepwell_lambda::Call;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::config::{Function, Runtime};
use crate::desk::{Answer, Desk, Offer};
use crate::log::{LogStream, OnLog, pump};
use crate::runtime_api;

/// How long a runtime may take to get ready, beside the function's own time-out; Lambda's figure.
const INIT_PATIENCE: Duration = Duration::from_secs(10);
/// How long, after a process has ended, what it last printed is still read.
const LAST_LINES: Duration = Duration::from_secs(1);
/// How long what was printed just before an answer may take to be read.
const LOG_SETTLES: Duration = Duration::from_millis(20);
/// What the context of a handler shows as its memory, in MiB; nothing enforces it.
const MEMORY_MIB: &str = "128";

const PYTHON: &str = include_str!("bootstrap/python.py");
const NODE: &str = include_str!("bootstrap/node.mjs");

/// What a worker is started with.
pub(crate) struct Start<'a> {
    pub function: &'a Function,
    pub runtime: Runtime,
    pub handler: &'a str,
    /// The function's folder.
    pub code: &'a Path,
    /// The interpreter, or the executable.
    pub program: &'a Path,
    /// `AWS_REGION`
    pub region: &'a str,
    /// Told apart from other workers in the name of its log stream.
    pub number: u64,
    pub on_log: OnLog,
}

/// How an invocation left a worker. All but the first three leave it unusable.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    Returned(Bytes),
    ReturnedTooMuch,
    Failed(Bytes),
    /// The runtime could not get ready and said why.
    InitFailed(Bytes),
    /// The process ended, with these words of AWS; before it took the invocation or after.
    Exited {
        how: String,
        taken: bool,
    },
    TimedOut,
    /// `closing` came first; before the process took the invocation or after.
    CutOff {
        taken: bool,
    },
}

/// A running process.
pub(crate) struct Worker {
    desk: Arc<Desk>,
    leash: Arc<Leash>,
    exited: watch::Receiver<Option<String>>,
}

/// Holds a process group; its id is known only as long as it is certain to be this group's.
struct Leash(Mutex<Option<Pid>>);

impl Leash {
    /// Kills the group and forgets it.
    fn kill(&self) {
        let group = self.0.lock().expect("nothing panics while it holds the lock").take();
        if let Some(group) = group {
            // It fails only where nobody is left to kill.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Whether the leader has ended, asked of the operating system without taking its status away
    /// from who waits for it.
    fn is_over(&self) -> bool {
        let Some(leader) = *self.0.lock().expect("nothing panics while it holds the lock") else {
            return true;
        };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(leader), look), Ok(None))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.desk.close();
        self.leash.kill();
    }
}

impl Worker {
    /// Starts a process.
    ///
    /// # Errors
    ///
    /// The operating system's, in its words, such as `permission denied`.
    pub async fn start(start: Start<'_>) -> Result<Worker, String> {
        let text = |error: std::io::Error| error.to_string();
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.map_err(text)?;
        let address = listener.local_addr().map_err(text)?.to_string();
        let mut child = command(&start, &address).spawn().map_err(text)?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let leash = Arc::new(Leash(Mutex::new(id)));
        let desk = Arc::new(Desk::new());
        let (exit, exited) = watch::channel(None);

        let (ended, on_ended) = oneshot::channel();
        let api = tokio::spawn(runtime_api::serve(listener, desk.clone(), on_ended));
        let name = &start.function.name;
        let mut pumps = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let on_log = start.on_log.clone();
            pumps.push(tokio::spawn(pump(stdout, LogStream::Stdout, name.clone(), desk.clone(), on_log)));
        }
        if let Some(stderr) = child.stderr.take() {
            let on_log = start.on_log.clone();
            pumps.push(tokio::spawn(pump(stderr, LogStream::Stderr, name.clone(), desk.clone(), on_log)));
        }
        tokio::spawn(supervise(child, leash.clone(), ended, api, pumps, exit));
        Ok(Worker { desk, leash, exited })
    }

    /// Whether the process has ended.
    pub fn is_over(&self) -> bool {
        self.exited.borrow().is_some() || self.leash.is_over()
    }

    /// The end of what the process printed since the invocation began. Waits a moment for lines that
    /// were printed but not read when the answer came.
    pub async fn log_tail(&self) -> String {
        tokio::time::sleep(LOG_SETTLES).await;
        self.desk.tail().text().to_owned()
    }

    /// Runs one invocation. `closing` becoming true ends it early.
    pub async fn invoke(
        &mut self,
        call: Arc<Call>,
        timeout: Duration,
        closing: &mut watch::Receiver<bool>,
    ) -> Ended {
        let (taken_tx, mut taken) = oneshot::channel();
        let (answer_tx, mut answer) = oneshot::channel();
        if !self.desk.offer(Offer { call, timeout, taken: taken_tx, answer: answer_tx }) {
            return Ended::Exited { how: exited_words(&self.exited), taken: false };
        }

        // An answer may come without the invocation having been taken: the runtime did not get
        // ready. `biased` looks first for what is known, only then for why to stop waiting.
        let since = tokio::select! {
            biased;
            Ok(since) = &mut taken => since,
            Ok(answer) = &mut answer => return Ended::of(answer),
            how = exit_of(&mut self.exited) => return Ended::Exited { how, taken: false },
            () = tokio::time::sleep(INIT_PATIENCE + timeout) => return Ended::TimedOut,
            () = closed(closing) => {
                // It may have been taken between the look and now; closing the desk settles it.
                self.desk.close();
                return Ended::CutOff { taken: taken.try_recv().is_ok() };
            }
        };
        tokio::select! {
            biased;
            Ok(answer) = &mut answer => Ended::of(answer),
            how = exit_of(&mut self.exited) => Ended::Exited { how, taken: true },
            () = tokio::time::sleep_until(since + timeout) => Ended::TimedOut,
            () = closed(closing) => Ended::CutOff { taken: true },
        }
    }
}

impl Ended {
    fn of(answer: Answer) -> Ended {
        match answer {
            Answer::Response(body) => Ended::Returned(body),
            Answer::ResponseTooLarge => Ended::ReturnedTooMuch,
            Answer::Error(error) => Ended::Failed(error),
            Answer::InitError(error) => Ended::InitFailed(error),
        }
    }
}

/// Waits until no more invocations are to be run.
pub(crate) async fn closed(closing: &mut watch::Receiver<bool>) {
    // The sender is gone only with all pools, which is the same.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Waits for the end of the process.
async fn exit_of(exited: &mut watch::Receiver<Option<String>>) -> String {
    match exited.wait_for(Option::is_some).await {
        Ok(how) => how.clone().unwrap_or_default(),
        Err(_) => NO_REASON.to_owned(),
    }
}

fn exited_words(exited: &watch::Receiver<Option<String>>) -> String {
    exited.borrow().clone().unwrap_or_else(|| NO_REASON.to_owned())
}

/// Waits for the end of the process, kills what is left of its group, takes what it had still sent
/// and printed, and only then tells.
async fn supervise(
    mut child: Child,
    leash: Arc<Leash>,
    ended: oneshot::Sender<()>,
    api: JoinHandle<()>,
    pumps: Vec<JoinHandle<()>>,
    exit: watch::Sender<Option<String>>,
) {
    let status = child.wait().await;
    // The leader's number is free from here on, unless children of it keep the group; between the
    // two lines no process can have been given it, short of the numbers running around at once.
    leash.kill();
    let _ = ended.send(());
    let _ = api.await;
    for mut pump in pumps {
        if tokio::time::timeout(LAST_LINES, &mut pump).await.is_err() {
            pump.abort();
        }
    }
    let how = status.map_or_else(|_| NO_REASON.to_owned(), words);
    // Nobody may be waiting; a worker in the pool looks when it is next taken out.
    let _ = exit.send(Some(how));
}

const NO_REASON: &str = "Runtime exited without providing a reason";

/// The end of a process in AWS's words, which are those of Go.
fn words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    if let Some(code) = status.code() {
        return match code {
            0 => NO_REASON.to_owned(),
            code => format!("Runtime exited with error: exit status {code}"),
        };
    }
    let signal = match status.signal() {
        Some(1) => "hangup".to_owned(),
        Some(2) => "interrupt".to_owned(),
        Some(3) => "quit".to_owned(),
        Some(4) => "illegal instruction".to_owned(),
        Some(6) => "aborted".to_owned(),
        Some(8) => "floating point exception".to_owned(),
        Some(9) => "killed".to_owned(),
        Some(11) => "segmentation fault".to_owned(),
        Some(13) => "broken pipe".to_owned(),
        Some(15) => "terminated".to_owned(),
        Some(other) => format!("signal {other}"),
        None => return NO_REASON.to_owned(),
    };
    let core = if status.core_dumped() { " (core dumped)" } else { "" };
    format!("Runtime exited with error: signal: {signal}{core}")
}

fn command(start: &Start<'_>, address: &str) -> Command {
    let function = start.function;
    let mut command = Command::new(start.program);
    let execution_env = match start.runtime {
        Runtime::Python { minor } => {
            // Lambda's folder of code is read-only: no `__pycache__` is left behind (-B).
            command.args(["-u", "-B", "-X", "utf8", "-c", PYTHON]);
            Some(format!("AWS_Lambda_python3.{minor}"))
        }
        Runtime::Node { major } => {
            command.args(["--input-type=module", "-e", NODE]);
            Some(format!("AWS_Lambda_nodejs{major}.x"))
        }
        Runtime::Provided => None,
    };
    let today = jiff::Timestamp::now().strftime("%Y/%m/%d").to_string();
    let log_stream = format!("{today}/[$LATEST]{:08x}{:024x}", std::process::id(), start.number);
    command
        .current_dir(start.code)
        .env_clear()
        .env("TZ", ":UTC")
        .env("LANG", "en_US.UTF-8")
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()))
        .env("AWS_REGION", start.region)
        .env("AWS_DEFAULT_REGION", start.region)
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_MIB)
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", log_stream);
    if let Some(execution_env) = execution_env {
        command.env("AWS_EXECUTION_ENV", execution_env);
    }
    command
        .envs(&function.environment)
        .env("AWS_LAMBDA_FUNCTION_NAME", &*function.name)
        .env("_HANDLER", start.handler)
        .env("LAMBDA_TASK_ROOT", start.code)
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

//! The runner with real processes of Python, Node.js and a shell.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use stepwell_functions::{CutOff, FunctionRunner, Functions, LogLine, Options};
use stepwell_model::{EntityId, Failure, Resource, TaskRef};
use stepwell_task::{Integration, TaskOutcome, TaskRequest};
use stepwell_value::{Payload, Value};

mod ending;
mod invoking;
mod runtimes;

/// Far longer than anything here takes: a test that waits for so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:";

/// A folder of functions and their runner.
struct Bench {
    folder: tempfile::TempDir,
    toml: String,
    tokio: tokio::runtime::Runtime,
    log: Arc<Mutex<Vec<LogLine>>>,
}

impl Bench {
    fn new() -> Bench {
        let tokio =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Bench { folder: tempfile::tempdir().unwrap(), toml: String::new(), tokio, log: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A Python function in a folder of its own; `more` is further lines of its table.
    fn python(self, name: &str, code: &str, more: &str) -> Bench {
        self.function(name, "python3.11", "handler.py", "handler.handler", code, more)
    }

    fn function(self, name: &str, runtime: &str, file: &str, handler: &str, code: &str, more: &str) -> Bench {
        self.write(&format!("{name}/{file}"), code);
        self.toml(&format!(
            "[[function]]\nname = \"{name}\"\nruntime = \"{runtime}\"\nhandler = \"{handler}\"\ncode = \"{name}\"\n{more}\n"
        ))
    }

    fn toml(mut self, text: &str) -> Bench {
        self.toml += text;
        self
    }

    fn start(&self) -> Arc<FunctionRunner> {
        self.start_with(Options::default())
    }

    fn start_with(&self, options: Options) -> Arc<FunctionRunner> {
        let functions = Functions::parse(&self.toml, &self.path("functions.toml")).unwrap();
        let log = self.log.clone();
        let on_log = Arc::new(move |line| log.lock().unwrap().push(line));
        FunctionRunner::new(functions, self.tokio.handle().clone(), Options { on_log, ..options })
    }

    /// Waits until the functions have printed a line with `text`.
    fn printed(&self, text: &str) -> LogLine {
        until(|| self.log.lock().unwrap().iter().find(|line| line.line.contains(text)).cloned())
    }
}

/// Waits until there is something.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not happen");
        std::thread::yield_now();
    }
}

fn request(number: u64, resource: &str, parameters: &str) -> TaskRequest {
    TaskRequest {
        task: TaskRef { execution: EntityId { partition: 0, number }, scheduled_event_id: 3 },
        account: "000000000000".into(),
        region: "us-east-1".into(),
        resource: Resource::parse(resource).unwrap(),
        parameters: Payload::parse(parameters).unwrap(),
        timeout: None,
        idempotency_key: format!("00000000-0000-4000-8000-{number:012}"),
    }
}

/// Starts an attempt; its outcome comes through the channel.
fn send(runner: &FunctionRunner, request: TaskRequest) -> mpsc::Receiver<TaskOutcome> {
    let (sender, receiver) = mpsc::channel();
    runner.start(request, Box::new(move |outcome| drop(sender.send(outcome))));
    receiver
}

fn direct(runner: &FunctionRunner, name: &str, input: &str) -> mpsc::Receiver<TaskOutcome> {
    send(runner, request(1, &format!("{ARN}{name}"), input))
}

/// Calls the function by its ARN: the raw result, or the failure.
fn call(runner: &FunctionRunner, name: &str, input: &str) -> Result<String, Failure> {
    match direct(runner, name, input).recv_timeout(PATIENCE).unwrap() {
        TaskOutcome::Succeeded(result) => Ok(result.text().to_owned()),
        TaskOutcome::Failed(failure) => Err(failure),
        TaskOutcome::Unknown => panic!("the outcome is known"),
    }
}

/// The error name, and the error object in the cause.
fn failure(result: Result<String, Failure>) -> (String, Value) {
    let failure = result.unwrap_err();
    (failure.error_name().to_owned(), Value::parse(failure.cause.as_deref().unwrap()).unwrap())
}

fn is_running(id: &str) -> bool {
    // A zombie has ended; only nobody has asked for its status yet.
    let status = std::fs::read_to_string(format!("/proc/{}/status", id.trim())).unwrap_or_default();
    !status.is_empty() && !status.contains("\nState:\tZ")
}

/// The ids that a handler wrote to a file, one in each line; waits until there are so many.
fn ids_in(file: &Path, count: usize) -> Vec<String> {
    until(|| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let whole = text.ends_with('\n') && text.lines().count() >= count;
        whole.then(|| text.lines().map(str::to_owned).collect())
    })
}

const ECHO: &str = "def handler(event, context):\n    return event\n";

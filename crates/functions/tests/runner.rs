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

#[test]
fn a_python_handler_is_called_with_its_event_and_its_context() {
    let code = r#"
import os
def handler(event, context):
    return {
        "event": event, "id": context.aws_request_id, "name": context.function_name,
        "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
        "time": 2000 < context.get_remaining_time_in_millis() <= 3000,
        "stream": "[$LATEST]" in context.log_stream_name, "cwd": os.getcwd() == os.environ["LAMBDA_TASK_ROOT"],
    }
"#;
    let bench = Bench::new().python("f", code, "");
    let runner = bench.start();
    assert_eq!(
        call(&runner, "f:PROD", "{\"n\": 1.50}").unwrap(),
        format!(
            "{{\"event\": {{\"n\": 1.5}}, \"id\": \"00000000-0000-4000-8000-000000000001\", \"name\": \"f\", \
             \"arn\": \"{ARN}f:PROD\", \"memory\": \"128\", \"time\": true, \"stream\": true, \"cwd\": true}}"
        )
    );
}

#[test]
fn lambda_invoke_answers_as_aws_does() {
    let bench = Bench::new().python("f", ECHO, "");
    let runner = bench.start();
    let parameters = r#"{"FunctionName": "f", "Payload": {"foo": "foo-1"}}"#;
    let invoke = request(7, "arn:aws:states:::lambda:invoke", parameters);
    let target = runner.target(&invoke).unwrap().unwrap();
    assert_eq!((&*target.name, target.slots, target.idempotent), ("f", 10, false));
    let TaskOutcome::Succeeded(output) = send(&runner, invoke).recv_timeout(PATIENCE).unwrap() else {
        panic!("it succeeds")
    };
    let output = output.value();
    assert_eq!(output.get("Payload").unwrap().to_string(), r#"{"foo":"foo-1"}"#);
    let headers = output.get("SdkHttpMetadata").unwrap().get("HttpHeaders").unwrap();
    assert_eq!(headers.get("Content-Length").unwrap().as_str(), Some("16"));
    assert_eq!(
        headers.get("x-amzn-RequestId").unwrap().as_str(),
        Some("00000000-0000-4000-8000-000000000007")
    );
}

#[test]
fn a_function_that_is_not_listed_is_refused_or_left_to_others() {
    let bench = Bench::new();
    let missing = request(1, "arn:aws:states:::lambda:invoke", r#"{"FunctionName": "no_such"}"#);
    let refused = bench.start().target(&missing).unwrap().unwrap_err();
    assert_eq!(refused.error_name(), "Lambda.ResourceNotFoundException");
    let outcome = send(&bench.start(), missing.clone()).recv_timeout(PATIENCE).unwrap();
    assert_eq!(outcome, TaskOutcome::Failed(refused));
    let lenient = bench.start_with(Options { refuses_unknown: false, ..Options::default() });
    assert!(lenient.target(&missing).is_none());
    assert!(lenient.target(&request(1, "arn:aws:states:::sqs:sendMessage", "{}")).is_none());
}

#[test]
fn an_exception_is_reported_as_lambda_does_with_its_trace_under_var_task() {
    let code = "import helper\ndef handler(event, context):\n    helper.fail()\n";
    let bench = Bench::new().python("f", code, "");
    bench.write("f/helper.py", "def fail():\n    raise Exception(\"Some exception was raised.\")\n");
    let failure = call(&bench.start(), "f", "{}").unwrap_err();
    assert_eq!(failure.error_name(), "Exception");
    assert_eq!(
        failure.cause.as_deref().unwrap(),
        "{\"errorMessage\": \"Some exception was raised.\", \"errorType\": \"Exception\", \
         \"requestId\": \"00000000-0000-4000-8000-000000000001\", \"stackTrace\": \
         [\"  File \\\"/var/task/handler.py\\\", line 3, in handler\\n    helper.fail()\\n\", \
         \"  File \\\"/var/task/helper.py\\\", line 2, in fail\\n    raise Exception(\\\"Some exception was raised.\\\")\\n\"]}"
    );
}

#[test]
fn what_a_handler_returns_is_written_as_lambda_writes_it() {
    let code = r#"
from decimal import Decimal
def handler(event, context):
    return [b"\"HelloWorld!\"", {"a": "é", "d": Decimal("1.10")}, {1, 2}, b"aaa"][event]
"#;
    let bench = Bench::new()
        .python("old", code, "")
        .toml("[[function]]\nname = \"new\"\nruntime = \"python3.12\"\nhandler = \"handler.handler\"\ncode = \"old\"\n");
    let runner = bench.start();
    assert_eq!(call(&runner, "old", "0").unwrap(), "\"HelloWorld!\"");
    assert_eq!(call(&runner, "old", "1").unwrap(), "{\"a\": \"\\u00e9\", \"d\": 1.10}");
    assert_eq!(call(&runner, "new", "1").unwrap(), "{\"a\": \"é\", \"d\": 1.10}");
    let (error, cause) = failure(call(&runner, "old", "2"));
    assert_eq!(error, "Runtime.MarshalError");
    let message = "Unable to marshal response: Object of type set is not JSON serializable";
    assert_eq!(cause.get("errorMessage").unwrap().as_str(), Some(message));
    let not_json = call(&runner, "old", "3").unwrap_err();
    assert_eq!(not_json.error_name(), "Lambda.Unknown");
    assert!(not_json.cause.unwrap().contains("not JSON"));
}

#[test]
fn at_the_end_of_its_time_a_process_is_killed_with_its_group() {
    let code = r#"
import os, signal, subprocess, time
def handler(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    with open(event, "w") as file:
        file.write("%d\n%d\n" % (os.getpid(), child.pid))
    time.sleep(600)
"#;
    let bench = Bench::new().python("f", code, "timeout_seconds = 1");
    let runner = bench.start();
    let ids = bench.path("ids");
    let (error, cause) = failure(call(&runner, "f", &Value::from(ids.to_str().unwrap()).to_string()));
    assert_eq!(error, "Sandbox.Timedout");
    assert_eq!(
        cause.get("errorMessage").unwrap().as_str(),
        Some("RequestId: 00000000-0000-4000-8000-000000000001 Error: Task timed out after 1.00 seconds")
    );
    let ids = ids_in(&ids, 2);
    until(|| (!ids.iter().any(|id| is_running(id))).then_some(()));
}

#[test]
fn a_process_that_ends_fails_its_invocation_and_is_replaced() {
    let code = r#"
import os, subprocess
def handler(event, context):
    if event == "pid":
        return os.getpid()
    child = subprocess.Popen(["sleep", "600"])
    with open(event["file"], "w") as file:
        file.write("%d\n" % child.pid)
    print("last words", flush=True)
    if event["how"] == "kill":
        os.kill(os.getpid(), 9)
    os._exit(event["how"])
"#;
    let bench = Bench::new().python("f", code, "timeout_seconds = 60");
    let runner = bench.start();
    let file = bench.path("ids");
    let before = call(&runner, "f", "\"pid\"").unwrap();
    for (how, words) in [
        ("1", "Runtime exited with error: exit status 1"),
        ("0", "Runtime exited without providing a reason"),
        ("\"kill\"", "Runtime exited with error: signal: killed"),
    ] {
        let (error, cause) = failure(call(&runner, "f", &format!("{{\"file\": {file:?}, \"how\": {how}}}")));
        assert_eq!(error, "Runtime.ExitError");
        let message = format!("RequestId: 00000000-0000-4000-8000-000000000001 Error: {words}");
        assert_eq!(cause.get("errorMessage").unwrap().as_str(), Some(&*message));
        let child = ids_in(&file, 1);
        until(|| (!is_running(&child[0])).then_some(()));
    }
    assert_ne!(call(&runner, "f", "\"pid\"").unwrap(), before);
    // What it printed last was read before the outcome was told.
    assert!(bench.log.lock().unwrap().iter().any(|line| line.line == "last words"));
}

#[test]
fn what_is_printed_is_log_and_nothing_else() {
    let code = r#"
import sys
def handler(event, context):
    sys.stdout.buffer.write(b"{\"garbage\": \xff\n")
    sys.stdout.buffer.flush()
    print("x" * 40000)
    print("error line", file=sys.stderr)
    print("no end", end="")
    return "result"
"#;
    let bench = Bench::new().python("f", code, "");
    let runner = bench.start();
    assert_eq!(call(&runner, "f", "{}").unwrap(), "\"result\"");
    let garbage = bench.printed("garbage");
    assert_eq!(garbage.line, "{\"garbage\": \u{fffd}");
    assert_eq!(garbage.request_id.as_deref(), Some("00000000-0000-4000-8000-000000000001"));
    assert_eq!(bench.printed("error line").stream, stepwell_functions::LogStream::Stderr);
    until(|| {
        let log = bench.log.lock().unwrap();
        let lengths: Vec<usize> =
            log.iter().filter(|line| line.line.starts_with('x')).map(|line| line.line.len()).collect();
        assert!(lengths.iter().all(|length| *length <= stepwell_functions::LINE_BYTES_MAX));
        (lengths.iter().sum::<usize>() == 40_000).then_some(())
    });
    drop(runner);
    bench.printed("no end");
}

#[test]
fn the_end_of_the_log_comes_with_the_answer_when_it_is_asked_for() {
    let code =
        "import time\ndef handler(event, context):\n    print('seen')\n    time.sleep(0.2)\n    return {}\n";
    let bench = Bench::new().python("f", code, "");
    let parameters = r#"{"FunctionName": "f", "LogType": "Tail"}"#;
    let runner = bench.start();
    let outcome = send(&runner, request(1, "arn:aws:states:::lambda:invoke", parameters));
    let TaskOutcome::Succeeded(output) = outcome.recv_timeout(PATIENCE).unwrap() else {
        panic!("it succeeds")
    };
    let log = output.value().get("LogResult").unwrap().as_str().unwrap();
    let log = String::from_utf8(BASE64.decode(log).unwrap()).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("START RequestId: "), "{log}");
    assert_eq!(lines[1], "seen");
    assert!(lines[2].starts_with("END RequestId: "), "{log}");
}

#[test]
fn a_process_sees_nothing_of_the_environment_of_the_server() {
    let code = "import os\ndef handler(event, context):\n    return sorted(os.environ)\n";
    let bench = Bench::new().python("f", code, "environment = { STAGE = \"dev\" }");
    let seen = call(&bench.start(), "f", "{}").unwrap();
    // Cargo gives tests this one; LC_CTYPE and _X_AMZN_TRACE_ID are Python's and the runtime's own.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let names = Value::parse(&seen).unwrap();
    let names: BTreeSet<&str> = names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let expected = "AWS_DEFAULT_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME \
        AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME \
        AWS_LAMBDA_LOG_STREAM_NAME AWS_LAMBDA_RUNTIME_API AWS_REGION LAMBDA_TASK_ROOT LANG LC_CTYPE PATH STAGE TZ \
        _HANDLER _X_AMZN_TRACE_ID";
    let expected: BTreeSet<&str> = expected.split_whitespace().collect();
    assert!(names.is_subset(&expected), "{:?}", names.difference(&expected));
    assert!(names.contains("STAGE"));
}

#[test]
fn no_more_than_concurrency_run_at_once_and_workers_are_used_again() {
    let code = r#"
import os, time
def handler(event, context):
    start = time.monotonic()
    time.sleep(0.1)
    return [os.getpid(), start, time.monotonic()]
"#;
    let bench = Bench::new().python("f", code, "concurrency = 2");
    let runner = bench.start();
    let outcomes: Vec<_> = (0..10).map(|_| direct(&runner, "f", "{}")).collect();
    let mut ids = BTreeSet::new();
    let mut times = Vec::new();
    for outcome in outcomes {
        let TaskOutcome::Succeeded(result) = outcome.recv_timeout(PATIENCE).unwrap() else {
            panic!("it succeeds")
        };
        let result = result.value().as_array().unwrap().clone();
        ids.insert(result[0].as_i64().unwrap());
        times.push((result[1].as_number().unwrap().as_f64(), result[2].as_number().unwrap().as_f64()));
    }
    assert!(ids.len() <= 2, "{ids:?}");
    for (start, _) in &times {
        assert!(times.iter().filter(|(from, to)| from <= start && start < to).count() <= 2, "{times:?}");
    }
    until(|| (runner.idle_workers("f") == Some(ids.len())).then_some(()));
    runner.renew();
    assert_eq!(runner.idle_workers("f"), Some(0));
}

#[test]
fn an_idle_worker_is_let_go() {
    let bench =
        Bench::new().python("f", "import os\ndef handler(event, context):\n    return os.getpid()\n", "");
    let options = Options { idle_patience: Duration::from_millis(50), ..Options::default() };
    let runner = bench.start_with(options);
    let id = call(&runner, "f", "{}").unwrap();
    until(|| (runner.idle_workers("f") == Some(0) && !is_running(&id)).then_some(()));
    assert_ne!(call(&runner, "f", "{}").unwrap(), id);
}

#[test]
fn an_idle_worker_that_died_does_not_fail_the_next_invocation() {
    let bench =
        Bench::new().python("f", "import os\ndef handler(event, context):\n    return os.getpid()\n", "");
    let runner = bench.start();
    let id = call(&runner, "f", "{}").unwrap();
    let pid = rustix::process::Pid::from_raw(id.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    until(|| (runner.idle_workers("f") == Some(0)).then_some(()));
    assert_ne!(call(&runner, "f", "{}").unwrap(), id);
}

#[test]
fn a_handler_that_cannot_be_loaded_fails_each_invocation_with_the_reason() {
    let bench = Bench::new()
        .python("import", "import no_such_module\n", "")
        .python("syntax", "def handler(:\n", "")
        .python("missing", "def other(event, context):\n    pass\n", "")
        .python("raises", "raise ValueError('at import')\n", "")
        .python("exits", "import os\nos._exit(3)\n", "");
    let runner = bench.start();
    for (name, error, message) in [
        (
            "import",
            "Runtime.ImportModuleError",
            "Unable to import module 'handler': No module named 'no_such_module'",
        ),
        (
            "import",
            "Runtime.ImportModuleError",
            "Unable to import module 'handler': No module named 'no_such_module'",
        ),
        ("syntax", "Runtime.UserCodeSyntaxError", "Syntax error in module 'handler': "),
        ("missing", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'handler'"),
        ("raises", "ValueError", "at import"),
        (
            "exits",
            "Runtime.ExitError",
            "RequestId: 00000000-0000-4000-8000-000000000001 Error: Runtime exited with error: exit status 3",
        ),
    ] {
        let (kind, cause) = failure(call(&runner, name, "{}"));
        assert_eq!(kind, error);
        let told = cause.get("errorMessage").unwrap().as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
        assert_eq!(runner.idle_workers(name), Some(0));
    }
}

#[test]
fn a_program_that_cannot_be_started_is_told() {
    let bench = Bench::new().python("f", ECHO, "");
    let options = Options { python: Some("/no/such/python".into()), ..Options::default() };
    let (error, cause) = failure(call(&bench.start_with(options), "f", "{}"));
    assert_eq!(error, "Runtime.InvalidEntrypoint");
    assert!(
        cause
            .get("errorMessage")
            .unwrap()
            .as_str()
            .unwrap()
            .contains("fork/exec /no/such/python: No such file")
    );
}

#[test]
fn six_megabytes_pass_and_more_is_refused() {
    let code = "def handler(event, context):\n    return 'a' * event\n";
    let bench = Bench::new().python("f", code, "timeout_seconds = 60");
    let runner = bench.start();
    let fits = 6 * 1024 * 1024;
    assert_eq!(call(&runner, "f", &fits.to_string()).unwrap().len(), fits + 2);
    let (error, cause) = failure(call(&runner, "f", "20000000"));
    assert_eq!(error, "Function.ResponseSizeTooLarge");
    assert_eq!(
        cause.get("errorMessage").unwrap().as_str(),
        Some("Response payload size exceeded maximum allowed payload size (6291556 bytes).")
    );
    assert_eq!(call(&runner, "f", "1").unwrap(), "\"a\"");
}

#[test]
fn node_handlers_of_every_style_are_called() {
    let bench = Bench::new()
        .function(
            "esm",
            "nodejs20.x",
            "lib/app.mjs",
            "lib/app.handler",
            "export const handler = async (event, context) => [event, context.awsRequestId, context.functionName];",
            "",
        )
        .function(
            "cjs",
            "nodejs20.x",
            "app.js",
            "app.nested.handler",
            "exports.nested = { handler: async (event) => ({ cjs: event }) };",
            "",
        )
        .function(
            "callback",
            "nodejs20.x",
            "app.cjs",
            "app.handler",
            "let later = 0;\nexports.handler = (event, context, callback) => {\n  setTimeout(() => { later += 1; }, 50);\n  callback(null, { before: later });\n};",
            "",
        )
        .function(
            "module",
            "nodejs20.x",
            "app.js",
            "app.handler",
            "import os from 'node:os';\nexport function handler(event, context) { context.succeed(typeof os.EOL); }",
            "",
        );
    bench.write("module/package.json", r#"{"type": "module"}"#);
    let runner = bench.start();
    assert_eq!(call(&runner, "esm", "1").unwrap(), r#"[1,"00000000-0000-4000-8000-000000000001","esm"]"#);
    assert_eq!(call(&runner, "cjs", "{\"a\": null}").unwrap(), r#"{"cjs":{"a":null}}"#);
    assert_eq!(call(&runner, "callback", "{}").unwrap(), r#"{"before":0}"#);
    // The first answer waited until the event loop was empty; so the timer had run by then.
    assert_eq!(call(&runner, "callback", "{}").unwrap(), r#"{"before":1}"#);
    assert_eq!(call(&runner, "module", "{}").unwrap(), "\"string\"");
}

#[test]
fn node_errors_are_reported_as_lambda_does() {
    let code = r#"
class CustomError extends Error { constructor(m) { super(m); this.name = 'CustomError'; } }
exports.handler = (event, context, callback) => {
  if (event === 'throw') throw new CustomError('thrown');
  if (event === 'reject') return Promise.reject(new CustomError('rejected'));
  if (event === 'callback') return callback('a text');
  if (event === 'later') return setTimeout(() => { throw new CustomError('uncaught'); }, 1);
  if (event === 'never') return new Promise(() => {});
  if (event === 'exit') process.exit(5);
  if (event === 'cycle') { const a = {}; a.a = a; return Promise.resolve(a); }
};
"#;
    let bench = Bench::new()
        .function("f", "nodejs20.x", "app.js", "app.handler", code, "")
        .function("broken", "nodejs20.x", "app.js", "app.handler", "exports.handler = (;", "")
        .function("missing", "nodejs20.x", "app.js", "app.handler", "exports.other = 1;", "")
        .function("import", "nodejs20.x", "app.js", "app.handler", "require('no-such-package');", "");
    let runner = bench.start();
    for (name, event, error, message) in [
        ("f", "throw", "CustomError", "thrown"),
        ("f", "reject", "CustomError", "rejected"),
        ("f", "callback", "string", "a text"),
        ("f", "later", "CustomError", "uncaught"),
        ("f", "never", "Runtime.NodeJsExit", "The event loop is empty"),
        (
            "f",
            "exit",
            "Runtime.ExitError",
            "RequestId: 00000000-0000-4000-8000-000000000001 Error: Runtime exited with error: exit status 5",
        ),
        ("f", "cycle", "Error", "Unable to stringify response body"),
        ("broken", "", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token ';'"),
        ("missing", "", "Runtime.HandlerNotFound", "app.handler is undefined or not exported"),
        ("import", "", "Runtime.ImportModuleError", "Error: Cannot find module 'no-such-package'"),
    ] {
        let (kind, cause) = failure(call(&runner, name, &Value::from(event).to_string()));
        assert_eq!(kind, error);
        let told = cause.get("errorMessage").unwrap().as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
        if event == "throw" {
            assert!(cause.get("trace").unwrap().to_string().contains("(/var/task/app.js:4:"), "{cause}");
        }
    }
    // A handler of the callback style that never calls back answers null.
    assert_eq!(call(&runner, "f", "\"other\"").unwrap(), "null");
}

/// A runtime of its own that speaks the Runtime API with chunked bodies and absolute request targets,
/// and first tries to answer for another invocation.
const PROVIDED: &str = r#"#!/usr/bin/env python3
import http.client, os, sys
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
root = "http://" + api + "/2018-06-01/runtime"
connection = http.client.HTTPConnection(api)
def ask(method, path, body=None, headers={}, chunked=False):
    connection.request(method, path, body, headers, encode_chunked=chunked)
    response = connection.getresponse()
    return response.status, response.headers, response.read()
while True:
    statuses = [ask("GET", "/2018-06-01/runtime/invocation/next", None, {"Origin": "http://evil.example"})[0]]
    status, headers, event = ask("GET", root + "/invocation/next")
    id = headers["Lambda-Runtime-Aws-Request-Id"]
    statuses.append(ask("POST", root + "/invocation/another-id/response", b"\"stolen\"")[0])
    statuses.append(ask("GET", root + "/invocation/next")[0])
    statuses.append(ask("GET", root + "/no/such/path")[0])
    body = ("[" + event.decode() + "," + ",".join(map(str, statuses)) + "]").encode()
    chunks = iter([body[:5], body[5:]])
    ask("POST", root + "/invocation/" + id + "/response", chunks, {"Transfer-Encoding": "chunked"}, True)
"#;

#[test]
fn a_runtime_of_its_own_speaks_the_runtime_api() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.write("f/bootstrap", PROVIDED);
    std::fs::set_permissions(bench.path("f/bootstrap"), PermissionsExt::from_mode(0o755)).unwrap();
    let bench = bench.toml(
        "[[function]]\nname = \"f\"\nruntime = \"provided.al2023\"\ncode = \"f\"\ntimeout_seconds = 30\n",
    );
    let runner = bench.start();
    for _ in 0..2 {
        let result = call(&runner, "f", "{\"n\": 1}");
        let expected = Ok("[{\"n\": 1},403,400,403,404]".to_owned());
        assert_eq!(result, expected, "{:?}", bench.log.lock().unwrap());
    }
}

/// An HTTP server that answers each connection with the next of these texts, and tells what it read.
fn endpoint(answers: Vec<&'static str>) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut read = Vec::new();
            let mut chunk = [0; 1024];
            while !String::from_utf8_lossy(&read).contains("\r\n\r\n{") {
                let n = stream.read(&mut chunk).unwrap();
                read.extend_from_slice(&chunk[..n]);
            }
            sender.send(String::from_utf8(read).unwrap()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (port, requests)
}

#[test]
fn a_function_can_be_an_address() {
    let (port, requests) = endpoint(vec![
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\": 1}",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 17\r\n\r\n{\"errorType\":\"E\"}",
        "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
        "HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\n\r\n",
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\"",
    ]);
    let bench = Bench::new().toml(&format!(
        "[[function]]\nname = \"f\"\nendpoint = \"http://127.0.0.1:{port}/score?x=1\"\ntimeout_seconds = 30\n\
         [[function]]\nname = \"closed\"\nendpoint = \"http://127.0.0.1:1/\"\n"
    ));
    let runner = bench.start();
    assert_eq!(call(&runner, "f", "{}").unwrap(), "{\"a\": 1}");
    let seen = requests.recv_timeout(PATIENCE).unwrap();
    assert!(seen.starts_with("POST /score?x=1 HTTP/1.1\r\n"), "{seen}");
    assert!(
        seen.contains("lambda-runtime-aws-request-id: 00000000-0000-4000-8000-000000000001\r\n"),
        "{seen}"
    );
    assert_eq!(call(&runner, "f", "{}").unwrap(), "null");
    for (error, cause) in [
        ("E", "{\"errorType\":\"E\"}"),
        ("Lambda.Unknown", "The endpoint answered 500 Internal Server Error: oops"),
        ("Lambda.TooManyRequestsException", "The endpoint answered 429 Too Many Requests: "),
    ] {
        assert_eq!(call(&runner, "f", "{}").unwrap_err(), Failure::new(error, cause));
    }
    // It broke off before and within the answer: nobody can tell.
    for _ in 0..2 {
        assert_eq!(direct(&runner, "f", "{}").recv_timeout(PATIENCE).unwrap(), TaskOutcome::Unknown);
    }
    assert_eq!(call(&runner, "closed", "{}").unwrap_err().error_name(), "Lambda.SdkClientException");
}

#[test]
fn an_address_that_does_not_answer_in_time_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bench = Bench::new().toml(&format!(
        "[[function]]\nname = \"f\"\nendpoint = \"http://127.0.0.1:{port}\"\ntimeout_seconds = 1\n"
    ));
    let outcome = direct(&bench.start(), "f", "{}").recv_timeout(PATIENCE).unwrap();
    assert_eq!(outcome, TaskOutcome::Unknown);
}

#[test]
fn an_event_is_accepted_at_once_and_a_dry_run_runs_nothing() {
    let code = "def handler(event, context):\n    open(event, 'w').write('ran\\n')\n";
    let bench = Bench::new().python("f", code, "");
    let runner = bench.start();
    let file = bench.path("file");
    for (kind, status) in [("DryRun", 204), ("Event", 202)] {
        let parameters =
            format!("{{\"FunctionName\": \"f\", \"InvocationType\": \"{kind}\", \"Payload\": {file:?}}}");
        let outcome =
            send(&runner, request(1, "arn:aws:states:::lambda:invoke", &parameters)).try_recv().unwrap();
        let TaskOutcome::Succeeded(output) = outcome else { panic!("it succeeds") };
        assert_eq!(output.value().get("StatusCode").unwrap().as_i64(), Some(status));
        assert!(output.value().get("Payload").is_none());
    }
    ids_in(&file, 1);
}

#[test]
fn a_cancelled_attempt_that_waits_is_dropped_and_one_that_runs_goes_on() {
    let bench = Bench::new().python("f", WAITS, "concurrency = 1\ntimeout_seconds = 60");
    let runner = bench.start();
    let file = bench.path("file");
    let attempt = |number| request(number, &format!("{ARN}f"), &format!("{file:?}"));
    let running = send(&runner, attempt(1));
    ids_in(&file, 1);
    let waiting = send(&runner, attempt(2));
    runner.cancel(attempt(2).task);
    let TaskOutcome::Failed(failure) = waiting.recv_timeout(PATIENCE).unwrap() else {
        panic!("it was not sent")
    };
    assert_eq!(failure.error_name(), "Lambda.SdkClientException");
    runner.cancel(attempt(1).task);
    std::fs::write(bench.path("file.go"), "").unwrap();
    assert!(matches!(running.recv_timeout(PATIENCE).unwrap(), TaskOutcome::Succeeded(_)));
}

const WAITS: &str = r#"
import os, time
def handler(event, context):
    with open(event, "w") as file:
        file.write("%d\n" % os.getpid())
    while not os.path.exists(event + ".go"):
        time.sleep(0.01)
    return "done"
"#;

#[test]
fn a_drain_waits_for_what_is_under_way() {
    let bench = Bench::new().python("f", WAITS, "timeout_seconds = 60");
    let runner = bench.start();
    let file = bench.path("file");
    let outcome = direct(&runner, "f", &format!("{file:?}"));
    let id = ids_in(&file, 1).remove(0);
    std::fs::write(bench.path("file.go"), "").unwrap();
    assert_eq!(bench.tokio.block_on(runner.drain(PATIENCE)), []);
    assert!(matches!(outcome.try_recv().unwrap(), TaskOutcome::Succeeded(_)));
    until(|| (!is_running(&id)).then_some(()));
    let late = call(&runner, "f", "{}").unwrap_err();
    assert_eq!(late.cause.as_deref(), Some("The server is shutting down; nothing was sent."));
}

#[test]
fn a_drain_that_runs_out_of_patience_cuts_off_and_says_what() {
    let bench = Bench::new().python("f", WAITS, "concurrency = 1\ntimeout_seconds = 60");
    let runner = bench.start();
    let file = bench.path("file");
    let running = direct(&runner, "f", &format!("{file:?}"));
    let id = ids_in(&file, 1).remove(0);
    let waiting = send(&runner, request(2, &format!("{ARN}f"), &format!("{file:?}")));
    let cut_off = bench.tokio.block_on(runner.drain(Duration::ZERO));
    let expected = CutOff { function: "f".into(), request_id: "00000000-0000-4000-8000-000000000001".into() };
    assert_eq!(cut_off, [expected]);
    assert_eq!(running.try_recv().unwrap(), TaskOutcome::Unknown);
    // This one had not begun, which is known.
    assert!(matches!(waiting.try_recv().unwrap(), TaskOutcome::Failed(_)));
    until(|| (!is_running(&id)).then_some(()));
}

#[test]
fn dropping_the_runner_kills_its_processes() {
    let bench = Bench::new().python("f", WAITS, "timeout_seconds = 60");
    let runner = bench.start();
    let file = bench.path("file");
    let outcome = direct(&runner, "f", &format!("{file:?}"));
    let id = ids_in(&file, 1).remove(0);
    drop(runner);
    assert_eq!(outcome.recv_timeout(PATIENCE).unwrap(), TaskOutcome::Unknown);
    until(|| (!is_running(&id)).then_some(()));
}

/// Set in the process that plays the server in the next test, to its folder.
const SERVER_FOLDER: &str = "STEPWELL_TEST_SERVER_FOLDER";

#[test]
fn handlers_do_not_outlive_a_server_that_is_killed() {
    let python = r#"
import os, subprocess, time
def handler(event, context):
    child = subprocess.Popen(["sleep", "600"])
    with open(event, "w") as file:
        file.write("%d\n%d\n" % (os.getpid(), child.pid))
    while True: pass
"#;
    let node = r#"
exports.handler = (event) => {
  const child = require('node:child_process').spawn('sleep', ['600']);
  require('node:fs').writeFileSync(event, `${process.pid}\n${child.pid}\n`);
  for (;;);
};
"#;
    if let Some(folder) = std::env::var_os(SERVER_FOLDER) {
        let folder = PathBuf::from(folder);
        let bench = Bench::new().python("p", python, "timeout_seconds = 600").function(
            "n",
            "nodejs20.x",
            "app.js",
            "app.handler",
            node,
            "timeout_seconds = 600",
        );
        let runner = bench.start();
        let python = direct(&runner, "p", &format!("{:?}", folder.join("p")));
        let _node = direct(&runner, "n", &format!("{:?}", folder.join("n")));
        let _ = python.recv();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "handlers_do_not_outlive_a_server_that_is_killed"])
        .env(SERVER_FOLDER, folder.path())
        // The folder of its functions; it is not there to remove it.
        .env("TMPDIR", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let ids = [ids_in(&folder.path().join("p"), 2), ids_in(&folder.path().join("n"), 2)].concat();
    assert!(ids.iter().all(|id| is_running(id)));
    server.kill().unwrap();
    server.wait().unwrap();
    until(|| (!ids.iter().any(|id| is_running(id))).then_some(()));
}

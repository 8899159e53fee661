//! Invocations, their answers and their logs, with handlers of Python.

use super::*;

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

//! How what runs comes to an end: cancelled, drained, dropped, killed with its server.

use super::*;

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
        .args(["--exact", "ending::handlers_do_not_outlive_a_server_that_is_killed"])
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

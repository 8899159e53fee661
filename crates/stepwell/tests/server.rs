//! The server as a shell sees it: its one line, its ends, its data directory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const MACHINE: &str = r#"{"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": true}}}"#;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepwell"));
    command.args(arguments).env_clear();
    command
}

fn output(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary was built with this test")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it writes UTF-8")
}

/// A running server; killed if a test panics.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn start(data: &Path, more: &[&str]) -> Server {
        let data = data.to_str().unwrap();
        let arguments = [&["serve", "--listen", "127.0.0.1:0", "--data", data][..], more].concat();
        let mut child = command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let mut server = Server { child, stdout, url };
        if server.url.is_empty() {
            let _ = server.child.kill();
            panic!("{line:?} {}", server.stderr());
        }
        server
    }

    /// What the server has written to stderr; it must have ended.
    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn get(&self, path: &str) -> String {
        let authority = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(authority).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends a signal by its name, and waits; the exit code and the rest of stdout.
    fn stop(&mut self, signal: &str) -> (Option<i32>, String) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let code = self.child.wait().unwrap().code();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (code, rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_says_one_line_and_ends_with_0_when_asked() {
    for signal in ["-TERM", "-INT"] {
        let data = tempfile::tempdir().unwrap();
        let mut server = Server::start(data.path(), &[]);
        assert!(server.get("/health").starts_with("HTTP/1.1 200"), "{}", server.get("/health"));
        assert_eq!(server.stop(signal), (Some(0), String::new()));
        // stderr is no terminal here: each line is JSON.
        let log = server.stderr();
        let events: Vec<_> = log
            .lines()
            .map(|line| {
                let line = stepwell_value::Value::parse(line).unwrap();
                line.get("event").unwrap().as_str().unwrap().to_owned()
            })
            .collect();
        for event in ["server_ready", "server_stopping", "server_stopped"] {
            assert!(events.iter().any(|written| written == event), "{log}");
        }
    }
}

#[test]
fn a_data_directory_has_one_server_at_a_time() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let mut server = Server::start(data.path(), &[]);
    let second = output(&["serve", "--listen", "127.0.0.1:0", "--data", folder]);
    assert_eq!(second.status.code(), Some(3));
    let stderr = text(&second.stderr);
    assert!(stderr.starts_with("error: the data directory is in use by another server: "), "{stderr}");
    assert_eq!((stderr.lines().count(), text(&second.stdout)), (1, ""));

    server.stop("-KILL");
    let mut third = Server::start(data.path(), &[]);
    assert_eq!(third.stop("-TERM").0, Some(0));
}

#[test]
fn what_is_no_data_directory_is_refused_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let damaged = folder.path().join("damaged");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::write(
        damaged.join("stepwell.db"),
        "no database at all, but long enough to be looked at".repeat(100),
    )
    .unwrap();
    for (data, told) in [(&file, "cannot be written"), (&damaged, "damaged")] {
        let refused = output(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        let stderr = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(3), "{stderr}");
        assert!(
            stderr.starts_with("error: ") && stderr.contains(told) && stderr.contains(" hint: "),
            "{stderr}"
        );
        assert_eq!((stderr.lines().count(), text(&refused.stdout)), (1, ""));
    }
}

#[test]
fn a_port_in_use_is_told_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    let refused = output(&["serve", "--listen", &address, "--data", data.to_str().unwrap()]);
    let stderr = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with(&format!("error: cannot listen: {address}: ")), "{stderr}");
}

#[test]
fn the_file_and_the_environment_configure_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("stepwell.toml");
    std::fs::write(
        &config,
        "data = 'here'\nlog = 'error'\nlisten = '127.0.0.1:0'\n[limits]\npayload_bytes_max = 10\n",
    )
    .unwrap();
    let mut child = command(&["serve"])
        .env("STEPWELL_CONFIG", &config)
        .env("STEPWELL_LOG", "debug")
        .env("STEPWELL_LOG_FORMAT", "text")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    assert!(folder.path().join("here").join("stepwell.db").exists());
    let mut server = Server { child, stdout, url: line.trim()["listening on ".len()..].to_owned() };
    server.stop("-TERM");
    assert!(server.stderr().contains(" info  server_ready: taking calls url="));
}

#[test]
fn run_can_use_a_server_that_is_there() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("go.asl.json");
    std::fs::write(&file, MACHINE).unwrap();
    let mut server = Server::start(&data.path().join("data"), &[]);
    let ran = output(&["run", file.to_str().unwrap(), "--input", "[1, 2]", "--endpoint", &server.url]);
    assert_eq!((ran.status.code(), text(&ran.stdout)), (Some(0), "[1, 2]\n"), "{}", text(&ran.stderr));
    assert!(server.get("/metrics").contains("stepwell_executions_closed_total{status=\"SUCCEEDED\"} 1"));
    server.stop("-TERM");
}

#[test]
fn an_ephemeral_server_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(&["serve", "--listen", "127.0.0.1:0", "--ephemeral"])
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{line}");
    let mut server = Server { child, stdout, url: line };
    assert_eq!(server.stop("-TERM").0, Some(0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

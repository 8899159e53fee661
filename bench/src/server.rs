//! The server under load: the real binary in a process of its own.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client;

/// How often the size of the WAL is looked at.
const SAMPLE: Duration = Duration::from_millis(10);

/// The counter of closed executions in the server's metrics.
const CLOSED: &str = "stepwell_executions_closed_total";

/// The counter of commits in the server's metrics.
const COMMITS: &str = "stepwell_journal_commits_total";

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the spawn until it said so.
    pub ready: Duration,
    data: PathBuf,
    wal: WalWatch,
}

impl Server {
    /// Starts `binary` on the data directory `data`, and waits until it listens.
    ///
    /// # Errors
    ///
    /// It cannot be started, or ends before it listens.
    pub fn start(binary: &Path, data: &Path) -> io::Result<Server> {
        Server::start_by(Command::new(binary), data)
    }

    /// The same with a command that has the binary as its last word, such as one of valgrind.
    ///
    /// # Errors
    ///
    /// As for [`Server::start`].
    pub fn start_by(mut command: Command, data: &Path) -> io::Result<Server> {
        let began = Instant::now();
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("it was asked for");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ready = began.elapsed();
        let Some(address) =
            line.trim().strip_prefix("listening on http://").and_then(|rest| rest.parse().ok())
        else {
            let _ = child.kill();
            let status = child.wait()?;
            return Err(io::Error::other(format!("the server did not start ({status}): {line:?}")));
        };
        Ok(Server { child, address, ready, data: data.to_owned(), wal: WalWatch::start(data) })
    }

    /// Calls an operation.
    pub fn call(&self, operation: &str, body: &str) -> io::Result<String> {
        let mut request = Vec::new();
        client::put_request(operation, body, &mut request);
        client::call(self.address, &request)
    }

    /// Creates a machine of `type` (`STANDARD`, `EXPRESS`); its ARN.
    ///
    /// # Errors
    ///
    /// The call is refused.
    pub fn create_machine(&self, name: &str, r#type: &str, definition: &str) -> io::Result<String> {
        let escaped = definition.replace('\\', "\\\\").replace('"', "\\\"");
        let body = format!(
            r#"{{"name":"{name}","type":"{type}","definition":"{escaped}","roleArn":"arn:aws:iam::000000000000:role/load"}}"#
        );
        let answer = self.call("CreateStateMachine", &body)?;
        text_member(&answer, "stateMachineArn")
            .ok_or_else(|| io::Error::other(format!("no machine was created: {answer}")))
    }

    /// How many executions have ended since the server started, as the server counts.
    pub fn closed(&self) -> io::Result<u64> {
        self.metric(CLOSED)
    }

    /// How many batches the server has written since it started.
    pub fn commits(&self) -> io::Result<u64> {
        self.metric(COMMITS)
    }

    /// A counter of the server's metrics, the sum over its labels.
    ///
    /// # Errors
    ///
    /// The server does not answer, or has no such counter.
    pub fn metric(&self, name: &str) -> io::Result<u64> {
        let metrics = client::call(self.address, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let samples = metrics.lines().filter(|line| line.starts_with(name));
        let values: Vec<u64> = samples.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        if values.is_empty() {
            return Err(io::Error::other(format!("the server's metrics have no {name}")));
        }
        Ok(values.iter().sum())
    }

    /// Waits until so many executions have ended since the server started.
    pub fn wait_closed(&self, count: u64) -> io::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let closed = self.closed()?;
            if closed >= count {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("only {closed} of {count} executions have ended")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many executions of a machine have a status, by the server's list: what the store says.
    pub fn count(&self, machine_arn: &str, status: &str) -> io::Result<u64> {
        let mut count = 0;
        let mut token = String::new();
        loop {
            let next = if token.is_empty() { String::new() } else { format!(r#","nextToken":"{token}""#) };
            let body = format!(
                r#"{{"stateMachineArn":"{machine_arn}","statusFilter":"{status}","maxResults":1000{next}}}"#
            );
            let answer = self.call("ListExecutions", &body)?;
            count += answer.matches(r#""executionArn":"#).count() as u64;
            match text_member(&answer, "nextToken") {
                Some(next) => token = next,
                None => return Ok(count),
            }
        }
    }

    /// The memory of the server now, in bytes (resident set).
    pub fn memory_bytes(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("the system does not tell the memory"))
    }

    /// The processor time that the server's threads have used, in seconds. What threads used that have
    /// ended since is not in it; the server's live as long as itself.
    pub fn cpu_seconds(&self) -> io::Result<f64> {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // One may end between being listed and being read.
            let Ok(times) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            let on_cpu = times.split(' ').next().and_then(|count| count.parse::<u64>().ok());
            nanoseconds +=
                on_cpu.ok_or_else(|| io::Error::other("the system does not tell processor times"))?;
        }
        Ok(nanoseconds as f64 / 1e9)
    }

    /// The largest that the WAL was since the server started, in bytes.
    pub fn wal_bytes_max(&self) -> u64 {
        self.wal.largest.load(Ordering::Relaxed)
    }

    /// The number of the server's process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// How many bytes the server has caused to be written to the disk, as the system counts.
    ///
    /// # Errors
    ///
    /// The system does not tell.
    pub fn written_bytes(&self) -> io::Result<u64> {
        written_bytes(self.child.id())
    }

    /// Ends the server with SIGTERM; what it leaves.
    ///
    /// # Errors
    ///
    /// It did not end by itself with 0.
    pub fn stop(mut self) -> io::Result<Left> {
        let id = self.child.id();
        let told = Command::new("kill").args(["-TERM", &id.to_string()]).status()?;
        // Once it has ended, and before anybody has asked how, its counters are final and still there.
        let has_ended = || {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat"));
            stat.map(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
        };
        while !has_ended()? {
            std::thread::sleep(Duration::from_millis(1));
        }
        let written_bytes = written_bytes(id)?;
        let status = self.child.wait()?;
        if !told.success() || !status.success() {
            return Err(io::Error::other(format!("the server did not stop cleanly: {status}")));
        }
        let database_bytes = std::fs::metadata(self.data.join("stepwell.db"))?.len();
        Ok(Left { database_bytes, written_bytes })
    }

    /// Ends the server with `kill -9`.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `kill` there is nothing left to do, and both only say so.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.wal.stop();
    }
}

/// What a server leaves that was stopped cleanly.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    /// The size of the database file.
    pub database_bytes: u64,
    /// How many bytes the process caused to be written to the disk from its start to its end.
    pub written_bytes: u64,
}

fn written_bytes(process_id: u32) -> io::Result<u64> {
    let counters = std::fs::read_to_string(format!("/proc/{process_id}/io"))?;
    let line = counters.lines().find_map(|line| line.strip_prefix("write_bytes:"));
    line.and_then(|count| count.trim().parse().ok())
        .ok_or_else(|| io::Error::other("the system does not tell what a process writes"))
}

/// Watches the size of the WAL.
struct WalWatch {
    largest: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl WalWatch {
    fn start(data: &Path) -> WalWatch {
        let largest = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let path = data.join("stepwell.db-wal");
        let thread = std::thread::spawn({
            let (largest, is_over) = (largest.clone(), is_over.clone());
            move || {
                while !is_over.load(Ordering::Relaxed) {
                    let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
                    largest.fetch_max(size, Ordering::Relaxed);
                    std::thread::sleep(SAMPLE);
                }
            }
        });
        WalWatch { largest, is_over, thread: Some(thread) }
    }

    fn stop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and nothing depends on it any more.
            let _ = thread.join();
        }
    }
}

/// The text of a member of a JSON object, as our server writes it: compact, and without escapes in
/// what is asked for here (ARNs and tokens).
pub fn text_member(json: &str, name: &str) -> Option<String> {
    let key = format!("\"{name}\":\"");
    let from = json.find(&key)? + key.len();
    Some(json[from..].split('"').next()?.to_owned())
}

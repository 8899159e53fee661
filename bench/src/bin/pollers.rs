//! Ten thousand workers that wait: what a `GetActivityTask` under way costs, and who gets the tasks.
//!
//! 1. Half of the workers begin to poll; when the server counts them all, so does the other half.
//! 2. The memory of the server is told, and must stay under [`MEMORY_MIB_MAX`].
//! 3. Executions with one task each are started, half as many as there are workers: every task must
//!    go to the half that polled first, one to each. Then the other half gets its tasks alike.
//!
//! A connection is an open file, here and in the server: the system has to allow 10,000 and some
//! hundred in one process (`ulimit -n`; what a process may raise itself to, `ulimit -Hn`). The server
//! raises its own limit as far as it may; this program wants it raised by the shell that starts it.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use stepwell_bench::client::{self, Plan, SILENCE_MAX, Wire};
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::{Server, text_member};
use stepwell_bench::{mib, new_folder};

/// What the server may need in all while everybody waits, in MiB.
const MEMORY_MIB_MAX: f64 = 200.0;

/// Starts under way at once.
const STARTS_IN_FLIGHT: usize = 64;

const WAITING: &str = "stepwell_activity_workers_waiting";

const HELP: &str = "\
pollers [--server FILE] [--data DIR] [--workers N] [--json]

  --server FILE   the release binary [default: $STEPWELL_BINARY, or target/release/stepwell]
  --data DIR      a folder that is made and emptied [default: target/pollers]
  --workers N     how many workers poll, an even number [default: 10000]
  --json          the figures as one JSON object
";

struct Options {
    binary: PathBuf,
    folder: PathBuf,
    workers: usize,
    json: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match options(&arguments).map(|options| run(&options)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        Err(wrong) => {
            eprint!("{wrong}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options {
        binary: std::env::var_os("STEPWELL_BINARY")
            .map_or_else(|| "target/release/stepwell".into(), PathBuf::from),
        folder: "target/pollers".into(),
        workers: 10_000,
        json: false,
    };
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        if flag == "--json" {
            options.json = true;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("{flag} is unknown or lacks its value"))?;
        match flag.as_str() {
            "--server" => options.binary = value.into(),
            "--data" => options.folder = value.into(),
            "--workers" => {
                options.workers = value.parse().map_err(|_| format!("{flag} wants a number, not {value}"))?;
            }
            _ => return Err(format!("{flag} is unknown")),
        }
    }
    options.workers = options.workers.next_multiple_of(2).max(2);
    Ok(options)
}

fn run(options: &Options) -> io::Result<()> {
    new_folder(&options.folder)?;
    let server = Server::start(&options.binary, &options.folder)?;
    let created = server.call("CreateActivity", r#"{"name":"Polled"}"#)?;
    let activity = text_member(&created, "activityArn")
        .ok_or_else(|| io::Error::other(format!("no activity was created: {created}")))?;
    let definition =
        format!(r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{activity}","End":true}}}}}}"#);
    let machine = server.create_machine("Tasks", "STANDARD", &definition)?;
    let mut report = Report::default();
    let before = server.memory_bytes()?;

    let mut workers = Workers::new(server.address, &activity)?;
    let half = options.workers / 2;
    let began = Instant::now();
    for count in [half, options.workers] {
        workers.poll_until(count)?;
        wait_for(&server, count as u64)?;
    }
    report.add(Figure::new("workers", "", options.workers as f64));
    report.add(Figure::new("all wait after", "s", began.elapsed().as_secs_f64()));
    let during = server.memory_bytes()?;
    report.add(Figure::new("server memory before", "MiB", mib(before)));
    report.add(Figure::new("server memory, all wait", "MiB", mib(during)).goal_below(MEMORY_MIB_MAX));
    let each = during.saturating_sub(before) as f64 / options.workers as f64;
    report.add(Figure::new("server memory for each", "B", each));

    let mut tokens = HashSet::new();
    for (name, first) in [("first", 0), ("second", half)] {
        let began = Instant::now();
        start(&server, &machine, half as u64)?;
        let answered = workers.answers(half)?;
        report.add(Figure::new(
            format!("tasks to the half that came {name}: all after"),
            "s",
            began.elapsed().as_secs_f64(),
        ));
        let to_them = answered.iter().filter(|(at, _)| (first..first + half).contains(at)).count();
        report.add(Figure::new(format!("tasks to the half that came {name}"), "", to_them as f64));
        if to_them != half {
            let told = format!("of {half} tasks {} went to workers who had not come {name}", half - to_them);
            return Err(io::Error::other(told));
        }
        for (_, answer) in answered {
            let token = text_member(&answer, "taskToken")
                .ok_or_else(|| io::Error::other(format!("an answer without a task: {answer}")))?;
            if !tokens.insert(token) {
                return Err(io::Error::other("two workers got the same task"));
            }
        }
    }
    report.add(Figure::new("server memory, all have a task", "MiB", mib(server.memory_bytes()?)));
    print!("{}", if options.json { report.json() } else { report.text() });
    drop(server);
    std::fs::remove_dir_all(&options.folder)?;
    if mib(during) >= MEMORY_MIB_MAX {
        return Err(io::Error::other(format!("the server needs {:.0} MiB", mib(during))));
    }
    Ok(())
}

/// Waits until the server counts so many workers that wait.
fn wait_for(server: &Server, count: u64) -> io::Result<()> {
    let deadline = Instant::now() + SILENCE_MAX;
    while server.metric(WAITING)? != count {
        if Instant::now() > deadline {
            let told = format!("{} of {count} workers wait", server.metric(WAITING)?);
            return Err(io::Error::new(ErrorKind::TimedOut, told));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn start(server: &Server, machine: &str, count: u64) -> io::Result<()> {
    let body = format!(r#"{{"stateMachineArn":"{machine}"}}"#);
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight: STARTS_IN_FLIGHT,
        time: Duration::from_secs(3_600),
        requests_max: count,
        request: &mut |_, out| client::put_request("StartExecution", &body, out),
    })?;
    match outcome.first_refusal {
        None => Ok(()),
        Some(refusal) => Err(io::Error::other(format!("a start was refused: {refusal}"))),
    }
}

/// Workers, numbered in the order in which they began to poll.
struct Workers {
    address: SocketAddr,
    request: Vec<u8>,
    wire: Wire,
    count: usize,
}

impl Workers {
    fn new(address: SocketAddr, activity: &str) -> io::Result<Workers> {
        let mut request = Vec::new();
        client::put_request("GetActivityTask", &format!(r#"{{"activityArn":"{activity}"}}"#), &mut request);
        Ok(Workers { address, request, wire: Wire::connect(address, 0)?, count: 0 })
    }

    /// More workers begin to poll, until there are so many.
    fn poll_until(&mut self, count: usize) -> io::Result<()> {
        while self.count < count {
            let at = self.wire.add(self.address).map_err(|error| {
                let at = self.count;
                io::Error::new(error.kind(), format!("worker {at} cannot connect: {error}. hint: ulimit -n"))
            })?;
            self.wire.connection(at).send(Instant::now(), |out| out.extend_from_slice(&self.request))?;
            self.count += 1;
        }
        Ok(())
    }

    /// The next so many answers: the worker's number, and the answer.
    fn answers(&mut self, count: usize) -> io::Result<Vec<(usize, String)>> {
        let mut answers = Vec::with_capacity(count);
        while answers.len() < count {
            self.wire.turn(&mut |at, connection| {
                answers.push((at, connection.text()));
                Ok(())
            })?;
        }
        Ok(answers)
    }
}

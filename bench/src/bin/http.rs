//! Express machines over HTTP, beside an echo and the disk: what is left of the machine when nothing
//! has to be made durable, and when one record has to.
//!
//! | row           | what is called, on a machine of ten `Pass` states            | what is told                      |
//! |---------------|--------------------------------------------------------------|-----------------------------------|
//! | limit: echo   | a bare hyper handler; bodies as large as those of the next row | answers/s                       |
//! | Express sync  | `StartSyncExecution`                                         | executions/s, share of echo, transitions/s |
//! | Express async | `StartExecution` of an Express machine                       | durable starts/s, by answers and by the server's counter |
//! | Standard      | `StartExecution`, until all have ended (W2)                  | executions/s, transitions/s       |
//!
//! One run measures all rows one after another, each on a server with a new data directory; told is
//! the median of the runs. The generator shares the machine with the server: one thread, one epoll.
//! A row that cannot be measured is told at the end, and the program ends with 1.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use stepwell_bench::client::{self, Outcome, Plan};
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::Server;
use stepwell_bench::{chain, limits, new_folder};

/// How many states the machine has.
const STATES: u64 = 10;

/// Requests under way where latency matters.
const IN_FLIGHT: usize = 64;

/// Requests under way where the engine is to be seen, and not the time of one flush.
const IN_FLIGHT_MANY: usize = 1_024;

/// What the echo answers with if there is no answer of `StartSyncExecution` to take the size from.
const SYNC_ANSWER_BYTES: usize = 700;

const FLUSHES: &str = "limit: fdatasync";
const ECHO: &str = "limit: echo, 64 in flight";

const STARTED: &str = "stepwell_executions_started_total";
const TRANSITIONS: &str = "stepwell_state_transitions_total";

const HELP: &str = "\
http [--server FILE] [--data DIR] [--runs N] [--seconds S] [--json]

  --server FILE   the release binary [default: $STEPWELL_BINARY, or target/release/stepwell]
  --data DIR      a folder on the disk to be measured, made and emptied by each row
                  [default: target/http]
  --runs N        how many runs the medians are of [default: 5]
  --seconds S     how long each row of each run is loaded [default: 3]
  --json          the figures as one JSON object
";

struct Options {
    binary: PathBuf,
    folder: PathBuf,
    runs: usize,
    time: Duration,
    json: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match limits::echo_asked_for(&arguments) {
        Some(answer_bytes) => limits::serve_echo(answer_bytes),
        None => match options(&arguments) {
            Ok(options) => run(&options),
            Err(wrong) => {
                eprint!("{wrong}\n\n{HELP}");
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options {
        binary: std::env::var_os("STEPWELL_BINARY")
            .map_or_else(|| "target/release/stepwell".into(), PathBuf::from),
        folder: "target/http".into(),
        runs: 5,
        time: Duration::from_secs(3),
        json: false,
    };
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        if flag == "--json" {
            options.json = true;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("{flag} is unknown or lacks its value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} wants a number, not {value}"));
        match flag.as_str() {
            "--server" => options.binary = value.into(),
            "--data" => options.folder = value.into(),
            "--runs" => options.runs = number()?.max(1) as usize,
            "--seconds" => options.time = Duration::from_secs(number()?.max(1)),
            _ => return Err(format!("{flag} is unknown")),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> io::Result<()> {
    let mut report = Report::default();
    let mut missing: Vec<String> = Vec::new();
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        new_folder(&options.folder)?;
        report.add(Figure::new(FLUSHES, "/s", limits::flushes_per_second(&options.folder)?));
        let mut row = |name: &str, result: io::Result<()>| {
            if let Err(error) = result {
                let text = format!("{name}: {error}");
                if !missing.contains(&text) {
                    missing.push(text);
                }
            }
        };
        row("Express sync", synchronous(options, &mut report));
        row("Express async, 64 in flight", asynchronous(options, IN_FLIGHT, &mut report));
        row("Express async, 1,024 in flight", asynchronous(options, IN_FLIGHT_MANY, &mut report));
        row("Standard, 64 in flight", standard(options, IN_FLIGHT, &mut report));
        row("Standard, 1,024 in flight", standard(options, IN_FLIGHT_MANY, &mut report));
    }
    std::fs::remove_dir_all(&options.folder)?;
    print!("{}", if options.json { report.json() } else { report.text() });
    match missing.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other(format!("not measured:\n  {}", missing.join("\n  ")))),
    }
}

/// A server on an empty folder with one machine, and the machine's ARN.
fn server_with(options: &Options, r#type: &str) -> io::Result<(Server, String)> {
    new_folder(&options.folder)?;
    let server = Server::start(&options.binary, &options.folder)?;
    let machine = server.create_machine("Load", r#type, &chain(STATES as usize))?;
    Ok((server, machine))
}

/// The body of start number n.
fn start_body(machine: &str, n: u64) -> String {
    format!(
        r#"{{"stateMachineArn":"{machine}","input":"{{\"order\":{n},\"customer\":\"c-1029\",\"total\":99.5}}"}}"#
    )
}

/// Calls `operation` as fast as it is answered.
fn drive(
    options: &Options,
    server: &Server,
    operation: &str,
    machine: &str,
    in_flight: usize,
) -> io::Result<Outcome> {
    let mut request =
        |n: u64, out: &mut Vec<u8>| client::put_request(operation, &start_body(machine, n), out);
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight,
        time: options.time,
        requests_max: u64::MAX,
        request: &mut request,
    })?;
    match &outcome.first_refusal {
        None => Ok(outcome),
        Some(refusal) => Err(io::Error::other(format!("{} were refused, first: {refusal}", outcome.refused))),
    }
}

/// The echo and `StartSyncExecution`, one right after the other.
fn synchronous(options: &Options, report: &mut Report) -> io::Result<()> {
    let probed = server_with(options, "EXPRESS").and_then(|(server, machine)| {
        let answer = server.call("StartSyncExecution", &start_body(&machine, 100_000))?;
        Ok((server, machine, answer))
    });
    let answer_bytes = probed.as_ref().map_or(SYNC_ANSWER_BYTES, |(_, _, answer)| answer.len());
    let body = start_body("arn:aws:states:us-east-1:000000000000:stateMachine:Load", 100_000);
    report.add(Figure::new(ECHO, "/s", limits::echoes_per_second(IN_FLIGHT, &body, answer_bytes)?));
    let (server, machine, answer) = probed?;
    if !answer.contains(r#""status":"SUCCEEDED""#) {
        return Err(io::Error::other(format!("the execution did not succeed: {answer}")));
    }

    let (cpu, transitions) = (server.cpu_seconds()?, server.metric(TRANSITIONS)?);
    let outcome = drive(options, &server, "StartSyncExecution", &machine, IN_FLIGHT)?;
    let cpu = server.cpu_seconds()? - cpu;
    let transitions = server.metric(TRANSITIONS)? - transitions;
    let count = outcome.accepted.max(1) as f64;
    let figure =
        |what: &str, unit, value| Figure::new(format!("Express sync, 64 in flight: {what}"), unit, value);
    report.add(figure("executions", "/s", outcome.per_second()).beside(ECHO));
    report.add(figure("transitions", "/s", outcome.per_second() * STATES as f64));
    report.add(figure(
        "transitions, by the server's counter",
        "/s",
        transitions as f64 / outcome.elapsed.as_secs_f64(),
    ));
    report.add(figure("p50", "ms", outcome.percentile_ms(0.5)));
    report.add(figure("p99", "ms", outcome.percentile_ms(0.99)));
    report.add(figure("server CPU per execution", "µs", cpu * 1e6 / count));
    report.add(figure("answer", "B", answer_bytes as f64));
    Ok(())
}

/// `StartExecution` of an Express machine: its answer says that the start is durable.
fn asynchronous(options: &Options, in_flight: usize, report: &mut Report) -> io::Result<()> {
    let (server, machine) = server_with(options, "EXPRESS")?;
    let started = server.metric(STARTED)?;
    let outcome = drive(options, &server, "StartExecution", &machine, in_flight)?;
    let started = server.metric(STARTED)? - started;
    let commits = server.commits()?.max(1);
    let name = if in_flight == IN_FLIGHT { "64" } else { "1,024" };
    let figure = |what: &str, unit, value| {
        Figure::new(format!("Express async, {name} in flight: {what}"), unit, value)
    };
    report.add(figure("durable starts", "/s", outcome.per_second()).beside(FLUSHES));
    let counted = started as f64 / outcome.elapsed.as_secs_f64();
    report.add(figure("durable starts, by the server's counter", "/s", counted));
    report.add(figure("starts per commit", "", outcome.accepted as f64 / commits as f64));
    report.add(figure("p50", "ms", outcome.percentile_ms(0.5)));
    report.add(figure("p99", "ms", outcome.percentile_ms(0.99)));
    if started != outcome.accepted {
        let told = format!("{} starts were answered, and the server counts {started}", outcome.accepted);
        return Err(io::Error::other(told));
    }
    Ok(())
}

/// W2: what is started has to end, and all of it is durable.
fn standard(options: &Options, in_flight: usize, report: &mut Report) -> io::Result<()> {
    let (server, machine) = server_with(options, "STANDARD")?;
    let outcome = drive(options, &server, "StartExecution", &machine, in_flight)?;
    server.wait_closed(outcome.accepted)?;
    let elapsed = outcome.began.elapsed().as_secs_f64();
    let commits = server.commits()?.max(1);
    let name = if in_flight == IN_FLIGHT { "64" } else { "1,024" };
    let figure =
        |what: &str, unit, value| Figure::new(format!("Standard, {name} in flight: {what}"), unit, value);
    let per_second = outcome.accepted as f64 / elapsed;
    report.add(figure("executions", "/s", per_second).beside(FLUSHES));
    report.add(figure("transitions", "/s", per_second * STATES as f64));
    report.add(figure("executions per commit", "", outcome.accepted as f64 / commits as f64));
    report.add(figure("p50", "ms", outcome.percentile_ms(0.5)));
    report.add(figure("p99", "ms", outcome.percentile_ms(0.99)));
    let succeeded = server.count(&machine, "SUCCEEDED")?;
    if succeeded != outcome.accepted {
        let told = format!("{} starts were answered, and {succeeded} succeeded", outcome.accepted);
        return Err(io::Error::other(told));
    }
    Ok(())
}

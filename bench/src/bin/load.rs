//! The load generator: the release binary over HTTP, beside the limits of the machine.
//!
//! | workload | what is started                                         | what is told                        |
//! |----------|---------------------------------------------------------|-------------------------------------|
//! | W1 start | one `Pass`; named by the caller, and unnamed            | executions/s, p50 and p99 of a start |
//! | W2 chain | ten `Pass` in a row, Standard, hence durable            | the same, and transitions/s         |
//! | W5 park  | a `Wait` of a day; then `kill -9`, and a start again    | time to ready, memory for each      |
//! | W6 JSONata | ten `Pass` in a row, each of which transforms an order | as W2                              |
//!
//! A run of W1, W2 or W6 ends when everything that was started has ended. The server counts what has
//! ended; after the run its list of executions is counted too, so that the figure is of executions
//! that the store holds. Each figure is the median of several runs, each on a new data directory,
//! with the limits measured in the same run: flushes of the disk, a plain log, and a hyper handler
//! that only echoes. The generator shares the machine with the server.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use stepwell_bench::client::{self, Plan};
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::Server;
use stepwell_bench::{chain, limits, mib};

/// How many states a chain has.
const CHAIN_STATES: usize = 10;

/// The name of the limit: flushes of the disk.
const FLUSHES: &str = "limit: fdatasync";

/// The name of the limit: records of a plain log.
const RECORDS: &str = "limit: plain log, 1,000 records of 400 B a flush";

/// Requests under way while executions are parked: as many as the largest load has.
const PARKING_IN_FLIGHT: usize = 1_024;

/// What was asked for on the command line.
struct Options {
    binary: PathBuf,
    folder: PathBuf,
    in_flight: Vec<usize>,
    runs: usize,
    time: Duration,
    parked: u64,
    /// What the names of the workloads to run begin with.
    only: String,
    json: bool,
}

const HELP: &str = "\
load [--server FILE] [--data DIR] [--in-flight N]... [--runs N] [--seconds S] [--parked N] [--only NAME]
     [--json]

  --server FILE   the release binary [default: $STEPWELL_BINARY, or target/release/stepwell]
  --data DIR      a folder on the disk to be measured, made and emptied by each run
                  [default: target/load]
  --in-flight N   connections, each with one request under way; repeatable [default: 1024 and 64]
  --runs N        how many runs the medians are of [default: 5]
  --seconds S     how long each workload of each run starts executions [default: 5]
  --parked N      executions in a Wait of a day, 0 for none [default: 100000]
  --only NAME     W1, W2 or W6 alone, of those that are started to end [default: all]
  --json          the figures as one JSON object
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(answer_bytes) = limits::echo_asked_for(&arguments) {
        return exit(limits::serve_echo(answer_bytes));
    }
    match options(&arguments) {
        Ok(options) => exit(run(&options)),
        Err(wrong) => {
            eprint!("{wrong}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn exit(result: io::Result<()>) -> ExitCode {
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
        folder: "target/load".into(),
        in_flight: Vec::new(),
        runs: 5,
        time: Duration::from_secs(5),
        parked: 100_000,
        only: String::new(),
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
            "--in-flight" => options.in_flight.push(number()?.max(1) as usize),
            "--runs" => options.runs = number()?.max(1) as usize,
            "--seconds" => options.time = Duration::from_secs(number()?.max(1)),
            "--parked" => options.parked = number()?,
            "--only" => options.only.clone_from(value),
            _ => return Err(format!("{flag} is unknown")),
        }
    }
    if options.in_flight.is_empty() {
        options.in_flight = vec![1_024, 64];
    }
    Ok(options)
}

fn run(options: &Options) -> io::Result<()> {
    let mut report = Report::default();
    report.add(
        Figure::new("binary size", "MiB", mib(std::fs::metadata(&options.binary)?.len())).goal_below(30.0),
    );
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        measure_disk(options, &mut report)?;
        for &in_flight in &options.in_flight {
            measure_echo(in_flight, &mut report)?;
            for workload in [Workload::StartNamed, Workload::Start, Workload::Chain, Workload::Transform] {
                if !workload.name().starts_with(&options.only) {
                    continue;
                }
                measure(options, workload, in_flight, &mut report)?;
            }
        }
    }
    if options.parked > 0 {
        measure_parked(options, &mut report)?;
    }
    std::fs::remove_dir_all(&options.folder)?;
    print!("{}", if options.json { report.json() } else { report.text() });
    Ok(())
}

/// An empty folder on the disk that is measured.
fn new_folder(options: &Options) -> io::Result<PathBuf> {
    stepwell_bench::new_folder(&options.folder)?;
    Ok(options.folder.clone())
}

fn measure_disk(options: &Options, report: &mut Report) -> io::Result<()> {
    let folder = new_folder(options)?;
    report.add(Figure::new(FLUSHES, "/s", limits::flushes_per_second(&folder)?));
    report.add(Figure::new(RECORDS, "/s", limits::records_per_second(&folder)?));
    Ok(())
}

fn echo_name(in_flight: usize) -> String {
    format!("limit: hyper echo, {in_flight} in flight")
}

fn measure_echo(in_flight: usize, report: &mut Report) -> io::Result<()> {
    let body = Workload::Start.start("arn:aws:states:us-east-1:000000000000:stateMachine:W1", 0);
    let echoes = limits::echoes_per_second(in_flight, &body, body.len())?;
    report.add(Figure::new(echo_name(in_flight), "/s", echoes));
    Ok(())
}

/// What is started.
#[derive(Clone, Copy)]
enum Workload {
    /// W1 with names.
    StartNamed,
    /// W1 without.
    Start,
    /// W2.
    Chain,
    /// W6.
    Transform,
}

impl Workload {
    fn name(self) -> &'static str {
        match self {
            Workload::StartNamed => "W1 named",
            Workload::Start => "W1 unnamed",
            Workload::Chain => "W2 chain of ten",
            Workload::Transform => "W6 JSONata, chain of ten",
        }
    }

    fn states(self) -> usize {
        match self {
            Workload::StartNamed | Workload::Start => 1,
            Workload::Chain | Workload::Transform => CHAIN_STATES,
        }
    }

    fn definition(self) -> String {
        match self {
            Workload::StartNamed | Workload::Start | Workload::Chain => chain(self.states()),
            Workload::Transform => transforming_chain(self.states()),
        }
    }

    /// The body of start number n.
    fn start(self, machine_arn: &str, n: u64) -> String {
        let name = match self {
            Workload::StartNamed => format!(r#","name":"run-{n}""#),
            Workload::Start | Workload::Chain | Workload::Transform => String::new(),
        };
        let items = match self {
            Workload::StartNamed | Workload::Start | Workload::Chain => "",
            Workload::Transform => ORDER_ITEMS,
        };
        format!(
            r#"{{"stateMachineArn":"{machine_arn}"{name},"input":"{{\"order\":{n},\"customer\":\"c-1029\",\"total\":99.5{items}}}"}}"#
        )
    }
}

/// What an order of W6 has beside what all have, as text within a JSON string.
const ORDER_ITEMS: &str = r#",\"items\":[{\"sku\":\"A-17\",\"price\":12.5,\"quantity\":3},{\"sku\":\"B-02\",\"price\":40,\"quantity\":1},{\"sku\":\"C-88\",\"price\":4.4,\"quantity\":5}]"#;

/// What each state of W6 makes of the order: an object with names, a sum, a text and a filter in it.
const TRANSFORMATION: &str = r#"{% {
    "order": $states.input.order,
    "customer": $states.input.customer,
    "total": $sum($states.input.items.(price * quantity)) + 1.5,
    "label": "order " & $states.input.order & " of " & $states.input.customer,
    "large": $states.input.items[price > 10].sku,
    "items": $states.input.items
} %}"#;

/// A definition with so many `Pass` states in a row, each with a transformation.
fn transforming_chain(states: usize) -> String {
    let output = TRANSFORMATION.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "\\\"");
    let states: Vec<String> = (1..=states)
        .map(|at| {
            let next =
                if at == states { r#""End":true"#.to_owned() } else { format!(r#""Next":"S{}""#, at + 1) };
            format!(r#""S{at}":{{"Type":"Pass","Output":"{output}",{next}}}"#)
        })
        .collect();
    format!(r#"{{"QueryLanguage":"JSONata","StartAt":"S1","States":{{{}}}}}"#, states.join(","))
}

fn measure(options: &Options, workload: Workload, in_flight: usize, report: &mut Report) -> io::Result<()> {
    let folder = new_folder(options)?;
    let server = Server::start(&options.binary, &folder)?;
    let machine = server.create_machine("Load", "STANDARD", &workload.definition())?;
    let empty_bytes = server.memory_bytes()?;

    let cpu_before = server.cpu_seconds()?;
    let mut request =
        |n: u64, out: &mut Vec<u8>| client::put_request("StartExecution", &workload.start(&machine, n), out);
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight,
        time: options.time,
        requests_max: u64::MAX,
        request: &mut request,
    })?;
    server.wait_closed(outcome.accepted)?;
    let elapsed = outcome.began.elapsed().as_secs_f64();
    let cpu_seconds = server.cpu_seconds()? - cpu_before;
    let commits = server.commits()?.max(1);
    let memory_bytes = server.memory_bytes()?;
    check(&server, &machine, &outcome)?;

    let count = outcome.accepted.max(1) as f64;
    let per_second = count / elapsed;
    let is_chain = matches!(workload, Workload::Chain | Workload::Transform);
    let goal = (matches!(workload, Workload::Chain) && in_flight >= 1_024).then_some(5_000.0);
    let figure = |what: &str, unit: &'static str, value: f64| {
        Figure::new(format!("{}, {in_flight} in flight: {what}", workload.name()), unit, value)
    };
    let completions = figure("completions", "/s", per_second).goal_above(goal);
    let completions = match workload {
        Workload::StartNamed | Workload::Start | Workload::Chain => completions,
        // The goal is a third of what the chain without transformations comes to.
        Workload::Transform => {
            completions.beside(format!("{}, {in_flight} in flight: completions", Workload::Chain.name()))
        }
    };
    report.add(completions.beside(echo_name(in_flight)).beside(FLUSHES).beside(RECORDS));
    if is_chain {
        report.add(figure("transitions", "/s", per_second * workload.states() as f64));
    }
    report.add(figure("StartExecution", "/s", outcome.per_second()));
    report.add(figure("StartExecution p50", "ms", outcome.percentile_ms(0.5)));
    let p99 = figure("StartExecution p99", "ms", outcome.percentile_ms(0.99));
    report.add(if in_flight <= 64 { p99.goal_below(50.0) } else { p99 });
    report.add(figure("executions per commit", "", count / commits as f64));
    report.add(figure("server CPU per execution", "µs", cpu_seconds * 1e6 / count));
    report.add(figure("server memory", "MiB", mib(memory_bytes)));
    report.add(figure("WAL at most", "MiB", mib(server.wal_bytes_max())).goal_below(256.0));
    report.add(Figure::new("server memory, empty", "MiB", mib(empty_bytes)));
    report.add(Figure::new("ready, empty", "ms", server.ready.as_secs_f64() * 1e3).goal_below(300.0));
    report.add(figure(
        "disk per execution, after a clean stop",
        "B",
        server.stop()?.database_bytes as f64 / count,
    ));
    Ok(())
}

/// Whether everything that was accepted is in the store, and ended well.
fn check(server: &Server, machine: &str, outcome: &client::Outcome) -> io::Result<()> {
    if let Some(refusal) = &outcome.first_refusal {
        eprintln!(
            "  {} of {} starts were refused, first: {refusal}",
            outcome.refused,
            outcome.refused + outcome.accepted
        );
    }
    let succeeded = server.count(machine, "SUCCEEDED")?;
    let running = server.count(machine, "RUNNING")?;
    if (succeeded, running) != (outcome.accepted, 0) {
        let told = format!("{} accepted, but {succeeded} succeeded and {running} running", outcome.accepted);
        return Err(io::Error::other(told));
    }
    Ok(())
}

fn measure_parked(options: &Options, report: &mut Report) -> io::Result<()> {
    eprintln!("parking {}", options.parked);
    let folder = new_folder(options)?;
    let server = Server::start(&options.binary, &folder)?;
    let wait = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}"#;
    let machine = server.create_machine("Park", "STANDARD", wait)?;
    let empty_bytes = restarted_memory(options)?;

    let mut request = |n: u64, out: &mut Vec<u8>| {
        client::put_request("StartExecution", &Workload::Start.start(&machine, n), out)
    };
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight: PARKING_IN_FLIGHT,
        time: Duration::from_secs(3_600),
        requests_max: options.parked,
        request: &mut request,
    })?;
    let each = |bytes: u64| bytes.saturating_sub(empty_bytes) as f64 / outcome.accepted as f64;
    report.add(Figure::new("W5 park: starts", "/s", outcome.per_second()));
    report.add(Figure::new("W5 park: memory each, before the kill", "B", each(server.memory_bytes()?)));
    report.add(Figure::new("W5 park: WAL at most", "MiB", mib(server.wal_bytes_max())).goal_below(256.0));
    server.kill()?;

    let server = Server::start(&options.binary, &folder)?;
    report.add(Figure::new("W5 park: executions", "", outcome.accepted as f64));
    // The goal is for a million; fewer must not take longer.
    let ready = Figure::new("W5 park: ready after the kill", "ms", server.ready.as_secs_f64() * 1e3);
    report.add(ready.goal_below(5_000.0));
    report.add(
        Figure::new("W5 park: memory each, after the restart", "B", each(server.memory_bytes()?))
            .goal_below(300.0),
    );
    let began = Instant::now();
    let running = server.count(&machine, "RUNNING")?;
    report.add(Figure::new("W5 park: listing all", "s", began.elapsed().as_secs_f64()));
    if running != outcome.accepted {
        return Err(io::Error::other(format!("{} were parked, and {running} are there", outcome.accepted)));
    }
    Ok(())
}

/// The memory of a server that was started on an empty data directory of its own.
fn restarted_memory(options: &Options) -> io::Result<u64> {
    let folder: &Path = &options.folder.join("empty");
    std::fs::create_dir_all(folder)?;
    let memory = Server::start(&options.binary, folder)?.memory_bytes()?;
    Ok(memory)
}

//! Scale on one node, and overload: what becomes of the server when there is much of something.
//!
//! | name        | what there is much of                                                           |
//! |-------------|---------------------------------------------------------------------------------|
//! | `neighbour` | work of one state machine, beside another that is quiet                         |
//! | `backlog`   | executions whose tasks nobody takes                                             |
//! | `histories` | events in a history, read page by page                                          |
//! | `lists`     | executions in a list, read page by page                                         |
//! | `full`      | closed executions in the store, beside an empty one                             |
//! | `retention` | executions that end and are swept: the size of the file                         |
//! | `overload`  | requests under way, more than the server takes                                  |
//! | `soak`      | time at 70 % of what the server can do                                          |
//!
//! Executions that are parked, timers and what waking costs are W5, which `load` measures. Each is a
//! chapter of its own, and tells figures beside their marks. The load shares the machine with the server.
//! What is started is counted by the server when it has ended, and by its lists at the end.

mod backlog;
mod full;
mod histories;
mod lists;
mod neighbour;
mod overload;
mod pace;
mod retention;
mod soak;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use stepwell_bench::client::{self, Outcome, Plan};
use stepwell_bench::report::Report;
use stepwell_bench::server::Server;
use stepwell_bench::start_body;

/// What can be measured, in the order in which it is when nothing is named. `full` and `soak` take long
/// and are only run by their names.
const CHAPTERS: [Named; 8] = [
    ("neighbour", neighbour::run),
    ("backlog", backlog::run),
    ("histories", histories::run),
    ("lists", lists::run),
    ("overload", overload::run),
    ("retention", retention::run),
    ("full", full::run),
    ("soak", soak::run),
];

/// How many of [`CHAPTERS`] are run when nothing is named.
const USUAL: usize = 6;

type Chapter = fn(&Options, &mut Report) -> io::Result<()>;

/// A chapter and its name.
type Named = (&'static str, Chapter);

/// What was asked for on the command line.
struct Options {
    /// The release binary.
    binary: PathBuf,
    /// A folder on the disk to be measured.
    folder: PathBuf,
    /// How many executions, where a chapter may have another number of them than its own.
    executions: Option<u64>,
    /// How long, where a chapter may take another time than its own.
    seconds: Option<u64>,
}

impl Options {
    /// A server on an empty data directory, in the folder that is measured.
    fn new_server(&self) -> io::Result<Server> {
        stepwell_bench::new_folder(&self.folder)?;
        Server::start(&self.binary, &self.folder)
    }
}

const HELP: &str = "\
scale [NAME] [--server FILE] [--data DIR] [--executions N] [--seconds S] [--json]

  NAME            one of neighbour, backlog, histories, lists, overload, retention, full, soak [default: all but the last two]
  --server FILE   the release binary [default: $STEPWELL_BINARY, or target/release/stepwell]
  --data DIR      a folder on the disk to be measured, made and emptied [default: target/scale]
  --executions N  how many executions [default: a million; full ten million]
  --seconds S     how long retention, neighbour and soak take [default: 90, 10 for each kind, 600]
  --json          the figures as one JSON object
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match read(&arguments) {
        Ok((chapters, options, json)) => match run(&chapters, &options, json) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        Err(wrong) => {
            eprint!("{wrong}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn read(arguments: &[String]) -> Result<(Vec<Named>, Options, bool), String> {
    let mut options = Options {
        binary: std::env::var_os("STEPWELL_BINARY")
            .map_or_else(|| "target/release/stepwell".into(), PathBuf::from),
        folder: "target/scale".into(),
        executions: None,
        seconds: None,
    };
    let mut chapters = CHAPTERS[..USUAL].to_vec();
    let mut json = false;
    let mut rest = arguments.iter().peekable();
    if let Some(name) = rest.next_if(|word| !word.starts_with("--")) {
        let chapter = CHAPTERS.iter().find(|(known, _)| known == name);
        chapters = vec![*chapter.ok_or_else(|| format!("there is no {name}"))?];
    }
    while let Some(flag) = rest.next() {
        if flag == "--json" {
            json = true;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("{flag} is unknown or lacks its value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} wants a number, not {value}"));
        match flag.as_str() {
            "--server" => options.binary = value.into(),
            "--data" => options.folder = value.into(),
            "--executions" => options.executions = Some(number()?.max(1)),
            "--seconds" => options.seconds = Some(number()?.max(1)),
            _ => return Err(format!("{flag} is unknown")),
        }
    }
    Ok((chapters, options, json))
}

fn run(chapters: &[Named], options: &Options, json: bool) -> io::Result<()> {
    let mut report = Report::default();
    for (name, chapter) in chapters {
        eprintln!("{name}");
        chapter(options, &mut report)?;
    }
    std::fs::remove_dir_all(&options.folder)?;
    print!("{}", if json { report.json() } else { report.text() });
    Ok(())
}

/// Requests under way while very many executions are started.
const STARTS_IN_FLIGHT: usize = 1_024;

/// Starts `count` executions of a machine, as fast as the server takes them; number n has the input
/// that `input` puts there, as text within a JSON string. Each must be accepted.
fn start_all(
    server: &Server,
    machine: &str,
    count: u64,
    input: &mut dyn FnMut(u64) -> String,
) -> io::Result<Outcome> {
    let mut request = |n: u64, out: &mut Vec<u8>| {
        client::put_request("StartExecution", &start_body(machine, None, &input(n)), out);
    };
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight: STARTS_IN_FLIGHT.min(count as usize),
        time: Duration::from_secs(3_600),
        requests_max: count,
        request: &mut request,
    })?;
    match &outcome.first_refusal {
        None => Ok(outcome),
        Some(refusal) => Err(io::Error::other(format!("a start was refused: {refusal}"))),
    }
}

/// Waits until a figure of the server is at least `wanted`, `patience` at most; how long that took.
fn wait_until(
    what: &str,
    wanted: u64,
    patience: Duration,
    figure: &mut dyn FnMut() -> io::Result<u64>,
) -> io::Result<Duration> {
    /// How often it is looked at.
    const LOOK: Duration = Duration::from_millis(20);
    let began = Instant::now();
    loop {
        let now = figure()?;
        if now >= wanted {
            return Ok(began.elapsed());
        }
        if began.elapsed() > patience {
            return Err(io::Error::other(format!("{what}: {now} of {wanted} after {patience:?}")));
        }
        std::thread::sleep(LOOK);
    }
}

/// A definition without the line breaks that are there for the reader.
fn one_line(definition: &str) -> String {
    definition.lines().map(str::trim).collect()
}

/// The middle one of `values`, which may not be empty.
fn median(values: &[f64]) -> f64 {
    let mut ascending = values.to_vec();
    ascending.sort_by(f64::total_cmp);
    ascending[ascending.len() / 2]
}

//! What a chapter is given: the options, the report, new servers, and the limits of this run.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use stepwell_bench::client::{self, Outcome, Plan};
use stepwell_bench::limits;
use stepwell_bench::order;
use stepwell_bench::report::{Figure, Look, Report};
use stepwell_bench::server::Server;

/// The name of the limit: flushes of the disk.
pub const FLUSHES: &str = "limit: fdatasync";

/// The name of the limit: records of a plain log.
pub const RECORDS: &str = "limit: plain log, 1,000 records of 400 B a flush";

/// Requests under way where the engine is to be seen, and not the time of one flush.
pub const MANY: usize = 1_024;

/// Requests under way where latency matters.
pub const SOME: usize = 64;

/// How the program is called.
pub const HELP: &str = "\
load [CHAPTER]... [--server FILE] [--profiled FILE] [--data DIR] [--runs N] [--seconds S] [--in-flight N]...
     [--executions N] [--quick] [--all] [--markdown] [--json]

  --server FILE    the release binary [default: $STEPWELL_BINARY, or target/release/stepwell]
  --profiled FILE  the same with its names, for `instructions` and `profile`
                   [default: target/profiling/stepwell]
  --data DIR       a folder on the disk to be measured, made and emptied again and again
                   [default: target/load]
  --runs N         how many runs the medians are of [default: 5]
  --seconds S      how long each workload of each run starts executions [default: 3]
  --in-flight N    for w1, w2, w6, bytes: requests under way; repeatable [default: 1024 and 64]
  --executions N   how many for bytes, w5-parked, w5-timers [default: 1000000, 1000000, 100000]
  --quick          a glance: one run of a second each, a tenth of the executions
  --all            every figure, not only those with a mark or a limit
  --markdown       the tables as Markdown
  --json           the figures as one JSON object

Chapters; the beginning of a name is enough. Without one, all but the last two:
";

/// What was asked for on the command line.
pub struct Options {
    /// The words that are no flags.
    pub names: Vec<String>,
    /// The release binary.
    pub binary: PathBuf,
    /// The same with its names.
    pub profiled: PathBuf,
    /// A folder on the disk that is measured.
    pub folder: PathBuf,
    /// How many runs.
    pub runs: usize,
    /// How long executions are started in each.
    pub time: Duration,
    /// How many requests are under way, if that was said.
    pub in_flight: Vec<usize>,
    /// How many executions, if that was said.
    pub executions: Option<u64>,
    /// Whether a glance is enough.
    pub quick: bool,
    /// Whether every figure is shown.
    pub all: bool,
    /// Whether the tables are Markdown.
    pub markdown: bool,
    /// Whether the figures are JSON.
    pub json: bool,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// A sentence, if a flag is unknown or its value is none.
    pub fn read(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options {
            names: Vec::new(),
            binary: std::env::var_os("STEPWELL_BINARY")
                .map_or_else(|| "target/release/stepwell".into(), PathBuf::from),
            profiled: "target/profiling/stepwell".into(),
            folder: "target/load".into(),
            runs: 5,
            time: Duration::from_secs(3),
            in_flight: Vec::new(),
            executions: None,
            quick: false,
            all: false,
            markdown: false,
            json: false,
        };
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            match word.as_str() {
                "--quick" => {
                    options.quick = true;
                    (options.runs, options.time) = (1, Duration::from_secs(1));
                }
                "--all" => options.all = true,
                "--markdown" => options.markdown = true,
                "--json" => options.json = true,
                flag if flag.starts_with('-') => {
                    let value = rest.next().ok_or_else(|| format!("{flag} is unknown or lacks its value"))?;
                    options.take(flag, value)?;
                }
                name => options.names.push(name.to_owned()),
            }
        }
        Ok(options)
    }

    fn take(&mut self, flag: &str, value: &str) -> Result<(), String> {
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} wants a number, not {value}"));
        match flag {
            "--server" => self.binary = value.into(),
            "--profiled" => self.profiled = value.into(),
            "--data" => self.folder = value.into(),
            "--runs" => self.runs = number()?.max(1) as usize,
            "--seconds" => self.time = Duration::from_secs(number()?.max(1)),
            "--in-flight" => self.in_flight.push(number()?.max(1) as usize),
            "--executions" => self.executions = Some(number()?.max(1)),
            _ => return Err(format!("{flag} is unknown")),
        }
        Ok(())
    }

    /// How many executions, if `usual` is how many a chapter has.
    pub fn executions(&self, usual: u64) -> u64 {
        self.executions.unwrap_or(if self.quick { usual / 10 } else { usual })
    }
}

/// A table of its own below that of the figures.
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The names of the columns, then the rows.
    pub lines: Vec<Vec<String>>,
}

impl Table {
    /// The table as text: the first column to the left, the others to the right.
    pub fn text(&self, look: Look) -> String {
        let columns = self.lines.first().map_or(0, Vec::len);
        let width = |at: usize| self.lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (number, line) in self.lines.iter().enumerate() {
            match look {
                Look::Markdown => {
                    text += &format!("| {} |\n", line.join(" | "));
                    if number == 0 {
                        text += &format!("|---|{}\n", "---:|".repeat(columns.saturating_sub(1)));
                    }
                }
                Look::Plain | Look::Coloured => {
                    for (at, cell) in line.iter().enumerate() {
                        let padding = " ".repeat(widths[at] - cell.chars().count());
                        text +=
                            &if at == 0 { format!("{cell}{padding}") } else { format!("  {padding}{cell}") };
                    }
                    text.push('\n');
                }
            }
        }
        text
    }
}

/// What a chapter is given.
pub struct Setting {
    /// What was asked for.
    pub options: Options,
    /// Where the figures go.
    pub report: Report,
    /// What is shown below them.
    pub tables: Vec<Table>,
    /// The limits that were measured in this run, by name.
    limits: HashMap<String, f64>,
}

impl Setting {
    /// Nothing is measured yet.
    pub fn new(options: Options) -> Setting {
        Setting { options, report: Report::default(), tables: Vec::new(), limits: HashMap::new() }
    }

    /// From here on the limits are measured anew.
    pub fn begin_run(&mut self) {
        self.limits.clear();
    }

    /// How many requests are under way, one load after the other.
    pub fn in_flight(&self) -> Vec<usize> {
        if self.options.in_flight.is_empty() { vec![MANY, SOME] } else { self.options.in_flight.clone() }
    }

    /// A server on an empty folder.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn server(&self) -> io::Result<Server> {
        stepwell_bench::new_folder(&self.options.folder)?;
        Server::start(&self.options.binary, &self.options.folder)
    }

    /// Flushes of the disk in a second, measured once in each run.
    ///
    /// # Errors
    ///
    /// The disk cannot be written.
    pub fn flushes_per_second(&mut self) -> io::Result<f64> {
        if !self.limits.contains_key(FLUSHES) {
            let folder = self.options.folder.clone();
            stepwell_bench::new_folder(&folder)?;
            self.add_limit(FLUSHES, "/s", limits::flushes_per_second(&folder)?);
            self.add_limit(RECORDS, "/s", limits::records_per_second(&folder)?);
        }
        Ok(self.limits[FLUSHES])
    }

    /// What an echo answers in a second under the load that `body` makes, measured once in each run;
    /// the name of the limit.
    ///
    /// # Errors
    ///
    /// The echo cannot be measured.
    pub fn echo(&mut self, in_flight: usize, body: &str, answer_bytes: usize) -> io::Result<String> {
        // A few bytes more or less are the same limit.
        let about = if answer_bytes > 2 * body.len() {
            format!(", answers of {answer_bytes} B")
        } else {
            String::new()
        };
        let name = format!("limit: hyper echo, {} in flight{about}", counted(in_flight as u64));
        if !self.limits.contains_key(&name) {
            self.add_limit(&name, "/s", limits::echoes_per_second(in_flight, body, answer_bytes)?);
        }
        Ok(name)
    }

    /// Takes in a limit that is computed from others; its name.
    pub fn computed(&mut self, name: String, unit: &'static str, value: f64) -> String {
        if !self.limits.contains_key(&name) {
            self.add_limit(&name, unit, value);
        }
        name
    }

    fn add_limit(&mut self, name: &str, unit: &'static str, value: f64) {
        self.limits.insert(name.to_owned(), value);
        self.report.add(Figure::new(name, unit, value));
    }
}

/// The body of start number `n`, which has no name.
pub fn start_body(machine: &str, n: u64) -> String {
    stepwell_bench::start_body(machine, None, &order(n, ""))
}

/// Starts exactly so many executions with the bodies that `body` makes.
///
/// # Errors
///
/// One was refused.
pub fn start(
    server: &Server,
    in_flight: usize,
    count: u64,
    body: &dyn Fn(u64) -> String,
) -> io::Result<Outcome> {
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight,
        time: Duration::from_secs(24 * 60 * 60),
        requests_max: count,
        request: &mut |n, out| client::put_request("StartExecution", &body(n), out),
    })?;
    match outcome.first_refusal {
        None => Ok(outcome),
        Some(refusal) => Err(io::Error::other(format!("a start was refused: {refusal}"))),
    }
}

/// Whether exactly so many executions of a machine are in the store, and all ended well.
///
/// # Errors
///
/// They are not.
pub fn check_ended(server: &Server, machine: &str, count: u64) -> io::Result<()> {
    let succeeded = server.count(machine, "SUCCEEDED")?;
    let running = server.count(machine, "RUNNING")?;
    match (succeeded, running) == (count, 0) {
        true => Ok(()),
        false => {
            let told = format!("{count} were started, but {succeeded} succeeded and {running} are running");
            Err(io::Error::other(told))
        }
    }
}

/// A number of executions for a name.
pub fn counted(count: u64) -> String {
    stepwell_bench::report::short(count as f64)
}

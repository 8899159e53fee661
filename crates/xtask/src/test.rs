//! `cargo xtask test`: everything that must hold, in the order in which a failure is cheapest.
//!
//! Each step runs with its output on the terminal. The first failure ends the run, and the summary
//! names what was not run because of it. The last line counts the tests inside the steps (of cargo,
//! pytest, vitest and the console's journeys), and the steps without tests of their own as one each.
//!
//! The console comes first of all that compiles, for the binary and every crate above
//! `console-assets` are built from it. A machine without Node or a browser skips what needs them, by
//! name; where `CI` is set that is a failure.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::{cargo, console, python, root, said, steps};

/// How many seeds the bounded simulation tries: about 40 s on one core. It runs in the development
/// profile, where it is slower than an optimized build and sooner there. `cargo xtask sim` is for more.
const SEEDS: &str = "1000";

/// How many executions callers want in each of its worlds at most: small worlds, which meet all faults.
const STARTS: &str = "25";

/// How often the crash test kills the server.
const KILLS: &str = "20";

/// How often it takes the power away from it.
const POWER_LOSSES: &str = "8";

/// What became of a step.
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// What tests counted themselves.
#[derive(Default, Clone, Copy)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

struct Report {
    name: &'static str,
    outcome: Outcome,
    counts: Counts,
    took: Duration,
}

/// How a step gets its command: late, because some need what an earlier one made; or why it is skipped.
type Make = fn() -> Result<Result<Command, String>, String>;

const STEPS: &[(&str, Make)] = &[
    ("format", || Ok(Ok(with(&["fmt", "--all", "--check"])))),
    ("the console", the_console),
    ("clippy", || {
        Ok(Ok(with(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])))
    }),
    ("licences", licences),
    ("unit, contract and property tests", || Ok(Ok(with(&["test", "--quiet", "--workspace"])))),
    ("simulation", simulation),
    ("negative controls of the simulation", || {
        let package = ["test", "--quiet", "--package", "stepwell-sim", "--features", "sabotage"];
        let mut command = with(&package);
        command.args(["--test", "negative_controls"]);
        Ok(Ok(command))
    }),
    ("the sabotaged binary", the_sabotaged_binary),
    ("the binary", || Ok(Ok(with(&["build", "--quiet", "--package", "stepwell"])))),
    ("the AWS SDK for JavaScript", || Ok(Ok(steps::javascript_client()?))),
    ("the AWS SDK for Rust", || Ok(Ok(steps::rust_client()))),
    ("black-box tests", || Ok(Ok(steps::black_box(&python::environment()?)))),
    ("console journeys", console_journeys),
    ("crash test", || {
        let mut command = steps::crash(&python::environment()?);
        command.args(["--kills", KILLS]);
        Ok(Ok(command))
    }),
    ("crash test, power loss", || {
        on_linux(|| {
            let mut command = steps::crash(&python::environment()?);
            command.args(["--power-loss", "--kills", POWER_LOSSES]);
            Ok(command)
        })
    }),
    ("crash test, power loss, negative control", || {
        on_linux(|| {
            let mut command = steps::sabotaged_crash(&python::environment()?);
            command.args([steps::SKIP_FSYNC, "--kills", "2", "--drain", "20"]);
            Ok(command)
        })
    }),
    ("crash test, acknowledged before the commit", || broken("acknowledge-before-commit")),
    ("crash test, dispatched before the commit", || broken("dispatch-before-commit")),
    ("crash test, a timer dropped at recovery", || broken("drop-timer-at-recovery")),
    ("crash test, dispatched again after a crash", || broken("dispatch-again-after-crash")),
    ("crash test, fail points", || Ok(Ok(steps::fail_points(&python::environment()?)))),
    ("crash test, negative control", || {
        let mut command = steps::crash(&python::environment()?);
        command.args(["--kills", "2", "--drain", "20", "--sabotage"]);
        Ok(Ok(command))
    }),
];

/// Runs all steps and prints the summary. Exit code 1 if anything failed.
pub fn test(arguments: &[String]) -> ExitCode {
    if let Some(argument) = arguments.first() {
        eprintln!(
            "error: this command takes no arguments: {argument}. hint: `cargo xtask help` lists the parts"
        );
        return ExitCode::from(2);
    }
    let mut reports: Vec<Report> = Vec::new();
    for (name, make) in STEPS {
        let stopped = reports.iter().any(|report| matches!(report.outcome, Outcome::Failed(_)));
        reports.push(if stopped { not_run(name) } else { step(name, *make) });
    }
    summary(&reports)
}

fn not_run(name: &'static str) -> Report {
    let outcome = Outcome::Skipped("not run after the failure".into());
    Report { name, outcome, counts: Counts { skipped: 1, ..Counts::default() }, took: Duration::ZERO }
}

fn step(name: &'static str, make: Make) -> Report {
    let began = Instant::now();
    let (outcome, counts) = match make() {
        Ok(Ok(mut command)) => {
            println!("\n== {name}: {}", said(&command));
            match counted(&mut command) {
                Ok(counts) => (Outcome::Passed, counts),
                Err((what, counts)) => (Outcome::Failed(what), counts),
            }
        }
        Ok(Err(why)) => {
            println!("\n== {name}: skipped: {why}");
            (Outcome::Skipped(why), Counts { skipped: 1, ..Counts::default() })
        }
        Err(what) => (Outcome::Failed(what), Counts::default()),
    };
    let mut counts = counts;
    match &outcome {
        Outcome::Passed if counts.passed == 0 => counts.passed = 1,
        Outcome::Failed(_) if counts.failed == 0 => counts.failed = 1,
        Outcome::Passed | Outcome::Failed(_) | Outcome::Skipped(_) => {}
    }
    Report { name, outcome, counts, took: began.elapsed() }
}

/// Runs a command, passes its stdout on line by line, and adds up the counts it prints.
fn counted(command: &mut Command) -> Result<Counts, (String, Counts)> {
    let mut counts = Counts::default();
    let words = said(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| (format!("could not start {words}: {error}"), counts))?;
    let stdout = child.stdout.take().expect("stdout was asked for as a pipe");
    for line in BufReader::new(stdout).split(b'\n') {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.add(&line);
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(counts),
        Ok(status) => Err((format!("{words} ended with {status}"), counts)),
        Err(error) => Err((format!("could not wait for {words}: {error}"), counts)),
    }
}

impl Counts {
    /// Adds what a summary line says, and nothing for any other line:
    ///
    /// - cargo: `test result: ok. 3 passed; 0 failed; 1 ignored; ...`
    /// - pytest: `2 failed, 30 passed, 1 skipped in 12.34s`
    /// - vitest: `      Tests  1 failed | 12 passed (13)`
    /// - the console's journeys: `9 passed, 0 failed, 1 skipped`
    fn add(&mut self, line: &str) {
        let line = without_colours(line);
        let of_cargo = line.strip_prefix("test result: ");
        let of_pytest = line.trim_matches(['=', ' ']).split_once(" in ").filter(|(_, time)| is_time(time));
        let of_vitest = line.trim_start().strip_prefix("Tests  ");
        let of_journeys = Some(line.trim_end()).filter(|line| is_of_journeys(line));
        let of_pytest = of_pytest.map(|(counts, _)| counts);
        let Some(text) = of_cargo.or(of_pytest).or(of_vitest).or(of_journeys) else { return };
        let words: Vec<&str> =
            text.split([' ', ',', ';', '.', '|']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" | "xfailed" => self.passed += number,
                "failed" | "error" | "errors" | "xpassed" => self.failed += number,
                "ignored" | "skipped" | "todo" => self.skipped += number,
                _ => {}
            }
        }
    }
}

/// The line without escape sequences such as `ESC [ 3 2 m`: where `CI` is set vitest has colours
/// without a terminal.
fn without_colours(line: &str) -> String {
    let mut pieces = line.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('m').map_or(piece, |(_, rest)| rest))
}

/// Whether this is the line that ends the journeys.
fn is_of_journeys(line: &str) -> bool {
    let mut words = ["passed", "failed", "skipped"].iter();
    let all = line.split(", ").all(|part| {
        let (number, word) = part.split_once(' ').unwrap_or_default();
        number.parse::<u64>().is_ok() && words.next() == Some(&word)
    });
    all && words.next().is_none()
}

/// Whether this is how pytest writes a duration: `3.20s`, `75.01s (0:01:15)`.
fn is_time(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    first.strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok())
}

fn with(arguments: &[&str]) -> Command {
    let mut command = cargo();
    command.args(arguments);
    command
}

/// The console: its packages, types, unit tests and build, by this program itself.
fn the_console() -> Result<Result<Command, String>, String> {
    if !console::is_here() {
        return Ok(Err("there is no folder console/".into()));
    }
    if let Some(why) = console::without_node() {
        return lacking(why.into());
    }
    let mut command = myself()?;
    command.args(["console", "--check"]);
    Ok(Ok(command))
}

/// The crash test against an engine that breaks a promise, which it must find.
fn broken(promise: &str) -> Result<Result<Command, String>, String> {
    on_linux(|| {
        let mut command = steps::sabotaged_crash(&python::environment()?);
        command.args([steps::BREAK, promise, "--kills", "4", "--in-flight", "60", "--drain", "8"]);
        Ok(command)
    })
}

/// The binary that breaks promises when it is told to, by this program itself.
fn the_sabotaged_binary() -> Result<Result<Command, String>, String> {
    let mut command = myself()?;
    command.arg("sabotage");
    Ok(Ok(command))
}

fn myself() -> Result<Command, String> {
    let path = std::env::current_exe().map_err(|error| format!("could not find this program: {error}"))?;
    Ok(Command::new(path))
}

/// The journeys through the console, in a real browser.
fn console_journeys() -> Result<Result<Command, String>, String> {
    if !console::is_here() {
        return Ok(Err("there is no folder console/".into()));
    }
    if let Some(why) = console::without_node() {
        return lacking(why.into());
    }
    match console::browser() {
        Some(browser) => Ok(Ok(console::journeys(&browser))),
        None => lacking("Chromium is not installed. hint: install chromium, or name one in CHROMIUM".into()),
    }
}

/// A step that needs a library before libc, which is Linux's way.
fn on_linux(command: impl FnOnce() -> Result<Command, String>) -> Result<Result<Command, String>, String> {
    match cfg!(target_os = "linux") {
        true => Ok(Ok(command()?)),
        false => Ok(Err("only on Linux".into())),
    }
}

/// Skips a step for what this machine lacks, unless it is one that checks every change: that one must
/// lack nothing.
fn lacking(what: String) -> Result<Result<Command, String>, String> {
    match std::env::var_os("CI").is_some_and(|ci| !ci.is_empty()) {
        true => Err(what),
        false => Ok(Err(what)),
    }
}

/// Licences, bans and duplicates of what we depend on, where cargo-deny is installed. The advisory
/// database needs the network, so it is not part of this.
fn licences() -> Result<Result<Command, String>, String> {
    let installed = cargo()
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !installed {
        return Ok(Err("cargo-deny is not installed (`cargo install cargo-deny`)".into()));
    }
    Ok(Ok(with(&["deny", "--offline", "check", "licenses", "bans", "sources"])))
}

fn simulation() -> Result<Result<Command, String>, String> {
    if !root().join("crates/sim/src/main.rs").exists() {
        return Ok(Err("crates/sim has no program yet".into()));
    }
    let run = ["run", "--quiet", "--package", "stepwell-sim", "--", "--seeds", SEEDS, "--starts", STARTS];
    Ok(Ok(with(&run)))
}

fn summary(reports: &[Report]) -> ExitCode {
    println!("\n== summary");
    let mut all = Counts::default();
    let mut failed = false;
    for Report { name, outcome, counts, took } in reports {
        let (word, why) = match outcome {
            Outcome::Passed => ("passed", ""),
            Outcome::Failed(what) => ("FAILED", what.as_str()),
            Outcome::Skipped(why) => ("skipped", why.as_str()),
        };
        failed |= matches!(outcome, Outcome::Failed(_));
        println!("{word:<8} {:>6.1} s  {:>5}  {name}  {why}", took.as_secs_f64(), counts.passed);
        all.passed += counts.passed;
        all.failed += counts.failed;
        all.skipped += counts.skipped;
    }
    println!("{} passed, {} failed, {} skipped", all.passed, all.failed, all.skipped);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: (u64, u64, u64)) {
        let mut counts = Counts::default();
        counts.add(line);
        assert_eq!((counts.passed, counts.failed, counts.skipped), expected, "{line}");
    }

    #[test]
    fn the_summary_lines_of_cargo_and_pytest_are_counted() {
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            (12, 0, 1),
        );
        check("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out", (2, 3, 0));
        check("30 passed in 12.34s", (30, 0, 0));
        check("2 failed, 30 passed, 1 skipped, 4 warnings in 75.01s (0:01:15)", (30, 2, 1));
        check("=== 1 failed, 2 errors in 0.10s ===", (0, 3, 0));
    }

    #[test]
    fn the_summary_lines_of_vitest_and_the_journeys_are_counted() {
        check("      Tests  12 passed (12)", (12, 0, 0));
        check("      Tests  1 failed | 10 passed | 2 skipped | 1 todo (14)", (10, 1, 3));
        check(
            "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m12 passed\u{1b}[39m\u{1b}[22m\u{1b}[90m (12)\u{1b}[39m",
            (12, 0, 0),
        );
        check("9 passed, 2 failed, 1 skipped", (9, 2, 1));
    }

    #[test]
    fn other_lines_are_not_counted() {
        check("3 passed in silence", (0, 0, 0));
        check(" Test Files  3 passed (3)", (0, 0, 0));
        check("  9 passed, 2 failed, 1 skipped", (0, 0, 0));
        check("9 passed, 2 failed", (0, 0, 0));
        check("9 passed, 2 failed, 1 skipped, 3 more", (0, 0, 0));
        check("kill  3 after 1.20 s; started again in 0.03s", (0, 0, 0));
        check("waiting for 30 executions to end", (0, 0, 0));
        check("", (0, 0, 0));
    }
}

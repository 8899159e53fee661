//! `cargo xtask`: the commands that build, run, test and measure Stepwell.
//!
//! It only starts other programs and has no dependencies, so that a fresh machine with Rust can say
//! `cargo xtask run` and nothing has to be installed before. What the programs need (a Python
//! environment with pinned boto3 and AWS CLI) it sets up itself, in `.stepwell/`, which git ignores.

mod console;
mod python;
mod run;
mod steps;
mod test;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  run [--release] [--listen ADDR:PORT] [serve flags]
                         build, start the server in the foreground, deploy the example
  test                   everything: format, the console, clippy, unit and contract tests,
                         simulation, black-box tests, journeys in a browser, crash test
  console [--check]      builds the web console, where its sources have changed; checks its types and
                         runs its unit tests before
  conformance [FILTER or pytest arguments]
                         the black-box tests alone
  recorded [--area A] [--case TEXT] [--verbose] ...
                         the cases recorded from AWS, with a table
  fields                 writes docs/asl-fields.md, which the recorded cases show
  compatibility          writes docs/compatibility.md, which the model and the tests show
  differential [--count N] [--seed N] ...
                         JSONata beside the official JavaScript, on generated expressions
  crash [--kills N] [--seed N] [--power-loss] [--json] ...
                         the crash test alone, with losses of power if wanted
  fail-points [POINT ...] [--seed N]
                         kills the server exactly where it matters, at each place or at some
  sabotage               builds target/debug/stepwell-sabotaged, which breaks promises when told to
  sim [--seeds N] [--starts N] [--threads N] [--coverage]
  sim --seed N [--trace] the simulator, in an optimized build: many seeds, or one again
  bench [CHAPTER ...] [--quick] [--markdown] [--json] ...
                         the marks, or chapters of them, beside the limits of this machine
  bench PROGRAM [arguments]
                         another benchmark: jsonata, pollers, store, ...
  tidy                   format, and apply what clippy can mend by itself
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = arguments.split_first() else {
        print!("{USAGE}");
        return ExitCode::from(2);
    };
    let done = match command.as_str() {
        "run" => run::run(rest),
        run::DEPLOY_WHEN_READY => run::deploy_when_ready(rest),
        "test" => return test::test(rest),
        "console" => console::console(rest),
        "conformance" => conformance(rest),
        "recorded" => recorded(rest),
        "fields" => fields(rest),
        "compatibility" => compatibility(rest),
        "differential" => differential(rest),
        "crash" => crash(rest),
        "fail-points" => fail_points(rest),
        "sabotage" => steps::sabotage(),
        "sim" => sim(rest),
        "bench" => bench(rest),
        "tidy" => tidy(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        unknown => {
            eprintln!("error: no such command: {unknown}. hint: `cargo xtask help` lists them");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("error: {what}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository: the folder above `crates/xtask`.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/xtask lies two folders below the root")
        .to_path_buf()
}

/// The cargo that started us, so that a toolchain override stays in force.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command with our terminal and waits for it.
///
/// # Errors
///
/// A sentence, if it could not be started or ended with anything but 0.
fn must(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("could not start {}: {error}", said(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", said(command))) }
}

/// A command as somebody would type it: the program without its folder.
fn said(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The black-box tests. One word that is neither a flag nor a file selects tests by name.
fn conformance(arguments: &[String]) -> Result<(), String> {
    let python = python::environment()?;
    must(cargo().args(["build", "--package", "stepwell"]))?;
    must(&mut steps::javascript_client()?)?;
    must(&mut steps::rust_client())?;
    let mut command = steps::black_box(&python);
    match arguments {
        [filter] if !filter.starts_with('-') && !filter.contains('.') => command.args(["-k", filter]),
        all => command.args(all),
    };
    must(&mut command)
}

fn recorded(arguments: &[String]) -> Result<(), String> {
    let python = python::environment()?;
    must(cargo().args(["build", "--package", "stepwell"]))?;
    let mut command = Command::new(python);
    must(command.current_dir(root()).arg("conformance/recorded/run.py").args(arguments))
}

fn fields(arguments: &[String]) -> Result<(), String> {
    let mut command = Command::new(python::environment()?);
    must(command.current_dir(root()).arg("conformance/recorded/fields.py").args(arguments))
}

fn compatibility(arguments: &[String]) -> Result<(), String> {
    let mut command = Command::new(python::environment()?);
    must(command.current_dir(root()).arg("conformance/compatibility.py").args(arguments))
}

fn differential(arguments: &[String]) -> Result<(), String> {
    let example = ["run", "--release", "--package", "stepwell-jsonata", "--example", "differential", "--"];
    must(cargo().args(example).args(arguments))
}

fn crash(arguments: &[String]) -> Result<(), String> {
    let python = python::environment()?;
    if arguments.iter().any(|argument| [steps::SKIP_FSYNC, steps::BREAK].contains(&argument.as_str())) {
        steps::sabotage()?;
        return must(steps::sabotaged_crash(&python).args(arguments));
    }
    must(cargo().args(["build", "--package", "stepwell"]))?;
    must(steps::crash(&python).args(arguments))
}

fn fail_points(arguments: &[String]) -> Result<(), String> {
    let python = python::environment()?;
    steps::sabotage()?;
    must(steps::fail_points(&python).args(arguments))
}

fn sim(arguments: &[String]) -> Result<(), String> {
    must(cargo().args(["run", "--release", "--quiet", "--package", "stepwell-sim", "--"]).args(arguments))
}

/// The program of the benchmarks that measures the marks: all of them, or chapters by name.
const BENCH_MARKS: &str = "load";

/// The chapters of [`BENCH_MARKS`] that look into the server, and want a build that has its names.
const BENCH_PROFILES: [&str; 2] = ["instructions", "profile"];

/// The benchmarks are a workspace of their own, so that what they compare with never enters ours.
/// Each is a file or a folder in `bench/src/bin`; another name is a chapter of the marks. They measure
/// the release binary, which is built first.
fn bench(arguments: &[String]) -> Result<(), String> {
    let programs = bench_programs()?;
    let (program, rest) = match arguments.split_first() {
        Some((name, rest)) if programs.contains(name) => (name.as_str(), rest),
        _ => (BENCH_MARKS, arguments),
    };
    must(cargo().args(["build", "--release", "--package", "stepwell"]))?;
    let chapters = || rest.iter().take_while(|argument| !argument.starts_with('-'));
    let looks_inside = chapters().next().is_none()
        || chapters().any(|chapter| BENCH_PROFILES.iter().any(|name| name.starts_with(chapter.as_str())));
    if program == BENCH_MARKS && looks_inside {
        must(cargo().args(["build", "--profile", "profiling", "--package", "stepwell"]))?;
    }
    let run = ["run", "--release", "--quiet", "--manifest-path", "bench/Cargo.toml", "--bin", program, "--"];
    must(cargo().args(run).args(rest))
}

fn bench_programs() -> Result<Vec<String>, String> {
    let folder = root().join("bench/src/bin");
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| format!("there are no benchmarks: {}: {error}", folder.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned)).collect();
    names.sort();
    Ok(names)
}

fn tidy() -> Result<(), String> {
    let fix = ["clippy", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"];
    must(cargo().args(fix))?;
    must(cargo().args(["fmt", "--all"]))
}

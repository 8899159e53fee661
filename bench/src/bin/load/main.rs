//! The marks: the release binary under load, beside the limits of the machine, and one table.
//!
//! A chapter is a file here, and a line in [`CHAPTERS`]. A run of a workload ends when everything that
//! was started has ended. The server counts what has ended; after the run its list of executions is
//! counted too, so that the figure is of executions that the store holds. Each figure is the median of
//! several runs, each on a new data directory, beside limits that were measured in the same run:
//! flushes of the disk, a plain log, and a hyper handler that only echoes. The generator shares the
//! machine with the server. `docs/performance.md` has the method and the last table.

mod bytes;
mod express;
mod instructions;
mod map;
mod parked;
mod parts;
mod profile;
mod setting;
mod starts;
mod tasks;
mod waking;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use stepwell_bench::limits;
use stepwell_bench::report::Look;

use crate::setting::{Options, Setting};

/// What is measured together.
struct Chapter {
    name: &'static str,
    about: &'static str,
    measure: fn(&mut Setting) -> io::Result<()>,
    when: When,
}

/// When a chapter is measured.
#[derive(Clone, Copy, PartialEq)]
enum When {
    /// In each run.
    EachRun,
    /// Once, after the runs: its figures hardly differ from run to run, and it takes long.
    Once,
    /// If it is named.
    Named,
}

const CHAPTERS: &[Chapter] = &[
    Chapter { name: "w1", about: "starts of one Pass", measure: starts::w1, when: When::EachRun },
    Chapter { name: "w2", about: "chains of ten Pass", measure: starts::w2, when: When::EachRun },
    Chapter {
        name: "w2-express",
        about: "StartSyncExecution of the same chain",
        measure: express::synchronous,
        when: When::EachRun,
    },
    Chapter { name: "w3", about: "five activity tasks in a row", measure: tasks::w3, when: When::EachRun },
    Chapter { name: "w4", about: "inline Map, Parallel of ten", measure: map::w4, when: When::EachRun },
    Chapter { name: "w5-timers", about: "timers due at once", measure: parked::timers, when: When::EachRun },
    Chapter { name: "w5-waking", about: "late against early", measure: waking::waking, when: When::EachRun },
    Chapter { name: "w6", about: "ten states of JSONata", measure: starts::w6, when: When::EachRun },
    Chapter { name: "w5-parked", about: "a Wait of a day", measure: parked::parked, when: When::Once },
    Chapter { name: "bytes", about: "bytes written per execution", measure: bytes::bytes, when: When::Once },
    Chapter {
        name: "instructions",
        about: "instructions under callgrind",
        measure: instructions::instructions,
        when: When::Once,
    },
    Chapter {
        name: "express-async",
        about: "durable starts of Express executions",
        measure: express::asynchronous,
        when: When::Named,
    },
    Chapter { name: "profile", about: "where W1's time goes", measure: profile::profile, when: When::Named },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(answer_bytes) = limits::echo_asked_for(&arguments) {
        return match limits::serve_echo(answer_bytes) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        };
    }
    if arguments.iter().any(|argument| argument == "help" || argument == "--help") {
        print!("{}{}", setting::HELP, list());
        return ExitCode::SUCCESS;
    }
    match Options::read(&arguments).and_then(|options| Ok((chosen(&options)?, options))) {
        Ok((chapters, options)) => run(&chapters, options),
        Err(wrong) => {
            eprint!("{wrong}\n\n{}{}", setting::HELP, list());
            ExitCode::from(2)
        }
    }
}

/// The chapters whose names begin with one of the words of the command line; without words, all but
/// those that want to be named.
fn chosen(options: &Options) -> Result<Vec<&'static Chapter>, String> {
    if options.names.is_empty() {
        return Ok(CHAPTERS.iter().filter(|chapter| chapter.when != When::Named).collect());
    }
    let fits = |chapter: &Chapter, name: &String| chapter.name.starts_with(name.as_str());
    match options.names.iter().find(|name| !CHAPTERS.iter().any(|chapter| fits(chapter, name))) {
        Some(unknown) => Err(format!("no such chapter: {unknown}")),
        None => {
            let is_named = |chapter: &&Chapter| options.names.iter().any(|name| fits(chapter, name));
            Ok(CHAPTERS.iter().filter(is_named).collect())
        }
    }
}

fn list() -> String {
    CHAPTERS.iter().map(|chapter| format!("  {:<14}  {}\n", chapter.name, chapter.about)).collect()
}

fn run(chapters: &[&Chapter], options: Options) -> ExitCode {
    let mut setting = Setting::new(options);
    let mut missing: Vec<String> = Vec::new();
    let mut measure = |setting: &mut Setting, chapter: &Chapter, told: &str| {
        eprintln!("{told}: {}, {}", chapter.name, chapter.about);
        if let Err(error) = (chapter.measure)(setting) {
            eprintln!("  error: {error}");
            missing.push(format!("{}: {error}", chapter.name));
        }
    };
    let runs = setting.options.runs;
    for run in 1..=runs {
        setting.begin_run();
        for chapter in chapters.iter().filter(|chapter| chapter.when == When::EachRun) {
            measure(&mut setting, chapter, &format!("run {run} of {runs}"));
        }
    }
    setting.begin_run();
    for chapter in chapters.iter().filter(|chapter| chapter.when != When::EachRun) {
        measure(&mut setting, chapter, "once");
    }
    // What is left there is of a run that failed, and the next one empties it.
    let _ = std::fs::remove_dir_all(&setting.options.folder);
    print(&setting);
    for what in &missing {
        eprintln!("not measured: {what}");
    }
    if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(setting: &Setting) {
    let options = &setting.options;
    if options.json {
        print!("{}", setting.report.json());
        return;
    }
    let is_coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let look = match (options.markdown, is_coloured) {
        (true, _) => Look::Markdown,
        (false, true) => Look::Coloured,
        (false, false) => Look::Plain,
    };
    // Who named a chapter wants to see all of it.
    print!("{}", setting.report.table(look, options.all || !options.names.is_empty()));
    for table in &setting.tables {
        print!("\n{}\n{}", table.title, table.text(look));
    }
}

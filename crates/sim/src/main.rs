//! The simulator as a program: runs seeds, stops at the first that breaks a promise, and says what the
//! faults were.

use std::collections::BTreeMap;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use stepwell_sim::{Options, Report, Violation, run_traced};

/// So many seeds must meet every kind of fault.
const SEEDS_FOR_ALL_FAULTS: u64 = 300;

const USAGE: &str =
    "sim [--seeds N] [--first S] [--seed S] [--starts N] [--threads N] [--coverage] [--trace]";

fn main() -> ExitCode {
    let (mut seeds, mut first): (u64, u64) = (1_000, 0);
    let mut threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut starts, mut has_coverage, mut trace) = (None, false, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|value| value.parse::<u64>().ok());
        let is_known = match argument.as_str() {
            "--coverage" => {
                has_coverage = true;
                true
            }
            "--trace" => {
                trace = true;
                true
            }
            "--seeds" => number().map(|value| seeds = value).is_some(),
            "--first" => number().map(|value| first = value).is_some(),
            "--starts" => number().map(|value| starts = Some(value.max(1))).is_some(),
            "--threads" => number().map(|value| threads = value.clamp(1, 1_024) as usize).is_some(),
            "--seed" => number().map(|value| (first, seeds) = (value, 1)).is_some(),
            _ => false,
        };
        if !is_known {
            eprintln!("error: bad usage: {argument}. hint: {USAGE}");
            return ExitCode::from(2);
        }
    }
    let options = |seed| {
        let usual = Options { trace, ..Options::of_any_size(seed) };
        Options { starts_max: starts.unwrap_or(usual.starts_max), ..usual }
    };
    let mut total = Report::default();
    let mut broken = None;
    in_order(first..first.saturating_add(seeds), threads, options, |seed, (steps, outcome)| {
        print!("{steps}");
        match outcome {
            Ok(report) => total.absorb(&report),
            Err(violation) => broken = Some((seed, violation)),
        }
        broken.is_none()
    });
    if let Some((seed, violation)) = broken {
        let starts = starts.map_or(String::new(), |starts| format!(" --starts {starts}"));
        eprintln!(
            "error: a promise is broken: seed {seed}: {violation}. hint: sim --seed {seed}{starts} --trace"
        );
        return ExitCode::from(1);
    }
    let size = starts.map_or("of all sizes".to_owned(), |starts| format!("{starts} starts each at most"));
    println!("{seeds} seeds from {first}, {size}\n{total}\n");
    print!("{}", total.faults);
    println!("{} combinations of a type of state, a fault and a rule", total.coverage.cells());
    if has_coverage {
        print!("\n{}", total.coverage);
    }
    let missing = total.faults.missing();
    match (seeds >= SEEDS_FOR_ALL_FAULTS, missing.is_empty()) {
        (true, false) => {
            eprintln!(
                "error: some faults never changed anything: {missing:?}. hint: more seeds, or a generator that lost them"
            );
            ExitCode::from(1)
        }
        (false, false) => {
            println!("not met: {missing:?}; that is asked of {SEEDS_FOR_ALL_FAULTS} seeds or more");
            ExitCode::SUCCESS
        }
        (_, true) => ExitCode::SUCCESS,
    }
}

type Outcome = (String, Result<Report, Violation>);

/// Runs the worlds of these seeds, as many at a time as there are threads, and tells of each in the order
/// of the seeds, until that wants no more. A world has one thread, and no two have anything in common.
fn in_order(
    seeds: Range<u64>,
    threads: usize,
    options: impl Fn(u64) -> Options + Sync,
    mut tell: impl FnMut(u64, Outcome) -> bool,
) {
    let (next, wants_more) = (AtomicU64::new(seeds.start), AtomicBool::new(true));
    let (sender, outcomes) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                while wants_more.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || sender.send((seed, run_traced(options(seed)))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = seeds.start;
        for (seed, outcome) in outcomes {
            early.insert(seed, outcome);
            while let Some(outcome) = early.remove(&due) {
                if !tell(due, outcome) {
                    wants_more.store(false, Ordering::Relaxed);
                    return;
                }
                due += 1;
            }
        }
    });
}

//! The simulator as a program: runs seeds, stops at the first that breaks a promise, and says what the
//! faults were.

use std::process::ExitCode;

use stepwell_sim::{Options, Report, run_traced};

/// So many seeds must meet every kind of fault.
const SEEDS_FOR_ALL_FAULTS: u64 = 300;

const USAGE: &str = "sim [--seeds N] [--first S] [--seed S] [--starts N] [--coverage] [--trace]";

fn main() -> ExitCode {
    let (mut seeds, mut first, mut starts): (u64, u64, u64) = (1_000, 0, 25);
    let (mut has_coverage, mut trace) = (false, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|value| value.parse().ok());
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
            "--starts" => number().map(|value: u64| starts = value.max(1)).is_some(),
            "--seed" => number().map(|value| (first, seeds) = (value, 1)).is_some(),
            _ => false,
        };
        if !is_known {
            eprintln!("error: bad usage: {argument}. hint: {USAGE}");
            return ExitCode::from(2);
        }
    }
    let mut total = Report::default();
    for seed in first..first.saturating_add(seeds) {
        let (steps, outcome) = run_traced(Options { trace, starts_max: starts, ..Options::of_seed(seed) });
        print!("{steps}");
        match outcome {
            Ok(report) => total.absorb(&report),
            Err(violation) => {
                eprintln!(
                    "error: a promise is broken: seed {seed}: {violation}. \
                     hint: sim --seed {seed} --starts {starts} --trace"
                );
                return ExitCode::from(1);
            }
        }
    }
    println!("{seeds} seeds from {first}, {starts} starts each at most\n{total}\n");
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

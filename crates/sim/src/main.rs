//! `sim [--seeds N] [--first S]`: runs seeds, stops at the first that breaks a promise.

use std::process::ExitCode;

use stepwell_sim::{Options, Report, run};

fn main() -> ExitCode {
    let (mut seeds, mut first): (u64, u64) = (1_000, 0);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok());
        match (argument.as_str(), value) {
            ("--seeds", Some(value)) => seeds = value,
            ("--first", Some(value)) => first = value,
            _ => {
                eprintln!("error: bad usage: {argument}. hint: sim [--seeds N] [--first S]");
                return ExitCode::from(2);
            }
        }
    }
    let mut total = Report::default();
    for seed in first..first.saturating_add(seeds) {
        match run(Options::of_seed(seed)) {
            Ok(report) => {
                total.executions += report.executions;
                total.crashes += report.crashes;
                total.commits += report.commits;
                total.swept += report.swept;
                total.effects += report.effects;
                total.hand_outs += report.hand_outs;
                total.redrives += report.redrives;
                total.children += report.children;
                total.express += report.express;
                total.steps += report.steps;
            }
            Err(violation) => {
                eprintln!(
                    "error: a promise is broken: seed {seed}: {violation}. hint: sim --seeds 1 --first {seed}"
                );
                return ExitCode::from(1);
            }
        }
    }
    println!("{seeds} seeds from {first}: {total:?}");
    ExitCode::SUCCESS
}

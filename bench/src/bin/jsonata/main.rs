//! How fast JSONata is evaluated, beside jsonata-core, a Rust implementation that is built for speed.
//!
//! Both compile an expression once and evaluate it many times from an input that is held already. What
//! Stepwell holds is a [`Value`] that threads share. For jsonata-core there are two columns:
//!
//! - *converted*: the input is a `Value` here too, and is made into jsonata-core's own value for each
//!   evaluation, and the result back. That is what embedding it would cost: its value cannot be shared
//!   between threads, so none can be held by a server. The conversion is direct, without JSON text.
//! - *native*: the input is jsonata-core's own value already, and the result is dropped as it is. That
//!   is the evaluation alone.
//!
//! Before anything is measured, both must give the same result. In each round the three are measured
//! one after the other, for every workload; a figure is the median of the rounds. The marks that we want
//! to hold are printed below, for both columns.
//!
//! Usage: `jsonata [--rounds N] [--ms N] [--only TEXT] [--json]`. `--ms` is the time that one figure of
//! one round takes; `--only` selects workloads whose group or expression contains the text.

mod core;
mod workloads;

use std::hint::black_box;
use std::time::{Duration, Instant};

use stepwell_jsonata::{Environment, Expression, Profile};
use stepwell_value::Value;

use crate::core::Other;
use crate::workloads::{Group, Workload};

/// How many evaluations are made between two looks at the clock, at the most.
const BATCH_MAX: u64 = 1 << 20;

struct Arguments {
    rounds: usize,
    time: Duration,
    only: String,
    json: bool,
}

fn main() {
    let Some(arguments) = arguments() else {
        eprintln!("usage: jsonata [--rounds N] [--ms N] [--only TEXT] [--json]");
        std::process::exit(2);
    };
    if let Err(error) = run(&arguments) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn arguments() -> Option<Arguments> {
    let mut arguments =
        Arguments { rounds: 5, time: Duration::from_millis(50), only: String::new(), json: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => arguments.rounds = words.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
            "--ms" => arguments.time = Duration::from_millis(words.next()?.parse().ok()?),
            "--only" => arguments.only = words.next()?,
            "--json" => arguments.json = true,
            _ => return None,
        }
    }
    Some(arguments)
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let workloads: Vec<Workload> = workloads::all()
        .into_iter()
        .filter(|workload| {
            workload.group.name().contains(&arguments.only) || workload.text.contains(&arguments.only)
        })
        .collect();
    let mut cases = workloads.iter().map(Case::new).collect::<Result<Vec<Case>, String>>()?;
    for _ in 0..arguments.rounds {
        for case in &mut cases {
            case.measure(arguments.time);
        }
    }
    let rows: Vec<Row> = cases.into_iter().map(Case::row).collect();
    if arguments.json {
        rows.iter().for_each(Row::print_json);
    } else {
        print_table(&rows);
    }
    Ok(())
}

/// One workload, ready to run, and what has been measured.
struct Case<'a> {
    workload: &'a Workload,
    ours: Expression,
    other: Other,
    /// Nanoseconds per evaluation, one for each round.
    ours_ns: Vec<f64>,
    native_ns: Vec<f64>,
    converted_ns: Vec<f64>,
}

impl<'a> Case<'a> {
    fn new(workload: &'a Workload) -> Result<Case<'a>, String> {
        let text = workload.text;
        let profile = if workload.is_bound { Profile::step_functions() } else { Profile::jsonata() };
        let ours = Expression::compile(text, &profile).map_err(|error| format!("{text}: {error}"))?;
        let mut other = Other::new(text, &workload.input, workload.is_bound)?;
        let expected = evaluate(&ours, workload).ok_or_else(|| format!("{text} gives nothing"))?;
        let given = other.converted(&workload.input)?;
        let native = core::to_ours(&other.native()?);
        if given != expected || native != expected {
            return Err(format!("{text} gives {expected}, but with jsonata-core {given} and {native}"));
        }
        let measured = || Vec::new();
        Ok(Case {
            workload,
            ours,
            other,
            ours_ns: measured(),
            native_ns: measured(),
            converted_ns: measured(),
        })
    }

    fn measure(&mut self, time: Duration) {
        let Case { workload, ours, other, .. } = self;
        self.ours_ns.push(nanoseconds(time, || {
            black_box(evaluate(ours, black_box(workload)));
        }));
        self.native_ns.push(nanoseconds(time, || {
            black_box(other.native()).expect("it was evaluated before");
        }));
        self.converted_ns.push(nanoseconds(time, || {
            black_box(other.converted(black_box(&workload.input))).expect("it was evaluated before");
        }));
    }

    fn row(self) -> Row {
        Row {
            group: self.workload.group,
            text: self.workload.text,
            ours_ns: median(self.ours_ns),
            native_ns: median(self.native_ns),
            converted_ns: median(self.converted_ns),
        }
    }
}

/// One evaluation by Stepwell.
fn evaluate(expression: &Expression, workload: &Workload) -> Option<Value> {
    let result = if workload.is_bound {
        let bindings = |name: &str| (name == "states").then(|| workload.input.clone());
        expression.evaluate(&Environment { bindings: &bindings, ..Environment::empty() })
    } else {
        expression.evaluate(&Environment::of(&workload.input))
    };
    result.unwrap_or_default()
}

/// How long one call takes, over about `time`.
fn nanoseconds(time: Duration, mut call: impl FnMut()) -> f64 {
    let mut batch = 1;
    loop {
        let began = Instant::now();
        for _ in 0..batch {
            call();
        }
        let took = began.elapsed();
        // The last batch is the measurement; the ones before found out how large it has to be.
        if took >= time / 2 || batch >= BATCH_MAX {
            return took.as_secs_f64() * 1e9 / batch as f64;
        }
        let wanted = time.as_secs_f64() / took.as_secs_f64().max(1e-9) * batch as f64;
        batch = (wanted as u64).clamp(batch * 2, (batch * 16).min(BATCH_MAX).max(batch * 2));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A line of the table.
struct Row {
    group: Group,
    text: &'static str,
    ours_ns: f64,
    native_ns: f64,
    converted_ns: f64,
}

impl Row {
    /// How many times faster Stepwell is than jsonata-core on a value of its own.
    fn beside_native(&self) -> f64 {
        self.native_ns / self.ours_ns
    }

    /// The same, where jsonata-core is given what Stepwell holds.
    fn beside_converted(&self) -> f64 {
        self.converted_ns / self.ours_ns
    }

    fn print_json(&self) {
        println!(
            "{{\"group\":{},\"expression\":{},\"stepwell_ns\":{:.1},\"core_native_ns\":{:.1},\"core_converted_ns\":{:.1}}}",
            Value::from(self.group.name()),
            Value::from(self.text),
            self.ours_ns,
            self.native_ns,
            self.converted_ns
        );
    }
}

/// The widest that an expression is printed.
const TEXT_WIDTH: usize = 58;

fn print_table(rows: &[Row]) {
    println!(
        "{:<TEXT_WIDTH$} {:>10} {:>11} {:>8} {:>12} {:>9}",
        "", "stepwell", "core native", "", "converted", ""
    );
    println!("{:<TEXT_WIDTH$} {:>10} {:>11} {:>8} {:>12} {:>9}", "", "ns", "ns", "times", "ns", "times");
    let mut group = None;
    for row in rows {
        if group.replace(row.group) != Some(row.group) {
            println!("{}", row.group.name());
        }
        let mut text: String = row.text.chars().take(TEXT_WIDTH - 2).collect();
        if text.len() < row.text.len() {
            text.truncate(TEXT_WIDTH - 5);
            text.push_str("...");
        }
        println!(
            "  {text:<width$} {:>10.0} {:>11.0} {:>8.1} {:>12.0} {:>9.1}",
            row.ours_ns,
            row.native_ns,
            row.beside_native(),
            row.converted_ns,
            row.beside_converted(),
            width = TEXT_WIDTH - 2
        );
    }
    println!();
    for group in Group::ALL {
        let Some(times) = group.mark() else { continue };
        let own = || rows.iter().filter(|row| row.group == group);
        if own().next().is_some() {
            let held = |ratio: fn(&Row) -> f64| {
                let least = own().map(ratio).fold(f64::INFINITY, f64::min);
                let holds = if least >= times { "holds" } else { "does not hold" };
                format!("{holds} (least {least:.1})")
            };
            println!(
                "mark: {}, {times:.0} times: from a held value {}; beside core's own values {}",
                group.name(),
                held(Row::beside_converted),
                held(Row::beside_native)
            );
        }
    }
}

//! W1, W2 and W6: executions that end by themselves, started as fast as starts are answered.
//!
//! | workload   | what is started                                          | mark                               |
//! |------------|----------------------------------------------------------|------------------------------------|
//! | W1 start   | one `Pass`; named by the caller, and unnamed             | a share of the echo, at 64 in flight of the flushes |
//! | W2 chain   | ten `Pass` in a row, Standard, hence durable             | transitions in a second            |
//! | W6 JSONata | ten `Pass` in a row, each of which transforms an order   | a third of W2                      |
//!
//! A state that is entered is a transition.

use std::io;

use stepwell_bench::client::{self, Outcome, Plan};
use stepwell_bench::report::Figure;
use stepwell_bench::{chain, mib, order, start_body};

use crate::setting::{FLUSHES, MANY, RECORDS, SOME, Setting, check_ended, counted};

/// How many states a chain has.
pub const CHAIN_STATES: usize = 10;

/// What share of the echo W1 has to reach with many in flight.
const ECHO_SHARE: f64 = 0.5;

/// What share of one flush after the other W1 has to reach with 64 in flight.
const FLUSH_SHARE: f64 = 0.6;

/// How many transitions in a second W2 has to reach with many in flight.
const CHAIN_TRANSITIONS: f64 = 150_000.0;

/// What is started.
#[derive(Clone, Copy, PartialEq)]
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

/// W1.
pub fn w1(setting: &mut Setting) -> io::Result<()> {
    let size = std::fs::metadata(&setting.options.binary)?.len();
    setting.report.add(Figure::new("binary size", "MiB", mib(size)).goal_below(30.0));
    for in_flight in setting.in_flight() {
        measure(setting, Workload::StartNamed, in_flight)?;
        measure(setting, Workload::Start, in_flight)?;
    }
    Ok(())
}

/// W2, the Standard half.
pub fn w2(setting: &mut Setting) -> io::Result<()> {
    setting.in_flight().into_iter().try_for_each(|in_flight| measure(setting, Workload::Chain, in_flight))
}

/// W6, beside W2 where that was measured.
pub fn w6(setting: &mut Setting) -> io::Result<()> {
    let in_flight = setting.options.in_flight.first().copied().unwrap_or(MANY);
    measure(setting, Workload::Transform, in_flight)
}

impl Workload {
    fn name(self) -> &'static str {
        match self {
            Workload::StartNamed => "W1 named",
            Workload::Start => "W1 unnamed",
            Workload::Chain => "W2 Standard, chain of ten",
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
        let named = matches!(self, Workload::StartNamed).then_some(n);
        let items = match self {
            Workload::StartNamed | Workload::Start | Workload::Chain => "",
            Workload::Transform => ORDER_ITEMS,
        };
        start_body(machine_arn, named, &order(n, items))
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

fn measure(setting: &mut Setting, workload: Workload, in_flight: usize) -> io::Result<()> {
    let flushes = setting.flushes_per_second()?;
    // The limit is that of the plainest start, for all alike.
    let plain = Workload::Start.start("arn:aws:states:us-east-1:000000000000:stateMachine:Load", 100_000);
    let echo = setting.echo(in_flight, &plain, plain.len())?;
    let by_flushes = format!("limit: {} divided by the time of a flush", counted(in_flight as u64));
    let by_flushes = setting.computed(by_flushes, "/s", in_flight as f64 * flushes);

    let server = setting.server()?;
    let machine = server.create_machine("Load", "STANDARD", &workload.definition())?;
    let empty_bytes = server.memory_bytes()?;
    let cpu_before = server.cpu_seconds()?;
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight,
        time: setting.options.time,
        requests_max: u64::MAX,
        request: &mut |n, out| client::put_request("StartExecution", &workload.start(&machine, n), out),
    })?;
    server.wait_closed(outcome.accepted)?;
    let elapsed = outcome.began.elapsed().as_secs_f64();
    let cpu_seconds = server.cpu_seconds()? - cpu_before;
    let commits = server.commits()?.max(1);
    let memory_bytes = server.memory_bytes()?;
    tell_refusals(&outcome);
    check_ended(&server, &machine, outcome.accepted)?;

    let count = outcome.accepted.max(1) as f64;
    let per_second = count / elapsed;
    let named = |what: &str| format!("{}, {} in flight: {what}", workload.name(), counted(in_flight as u64));
    let add = |what: &str, unit: &'static str, value: f64| Figure::new(named(what), unit, value);
    let completions = add("completions", "/s", per_second);
    let completions = match workload {
        Workload::StartNamed | Workload::Start => match in_flight {
            MANY => completions.beside(echo).ratio_above(ECHO_SHARE).beside(FLUSHES).beside(RECORDS),
            SOME => completions.beside(by_flushes).ratio_above(FLUSH_SHARE).beside(echo),
            _ => completions.beside(echo).beside(by_flushes),
        },
        Workload::Chain => completions.beside(echo).beside(RECORDS),
        Workload::Transform => {
            let chain =
                format!("{}, {} in flight: completions", Workload::Chain.name(), counted(in_flight as u64));
            completions.beside(chain).ratio_above(1.0 / 3.0)
        }
    };
    let transitions = add("transitions", "/s", per_second * workload.states() as f64);
    let has_mark = workload == Workload::Chain && in_flight == MANY;
    let transitions = transitions.goal_above(has_mark.then_some(CHAIN_TRANSITIONS));
    let wal = add("WAL at most", "MiB", mib(server.wal_bytes_max()));
    let p99 = add("StartExecution p99", "ms", outcome.percentile_ms(0.99));
    let figures = [
        completions,
        add("StartExecution", "/s", outcome.per_second()),
        add("StartExecution p50", "ms", outcome.percentile_ms(0.5)),
        if in_flight <= SOME { p99.goal_below(50.0) } else { p99 },
        add("executions per commit", "", count / commits as f64),
        add("server CPU per execution", "µs", cpu_seconds * 1e6 / count),
        add("server memory", "MiB", mib(memory_bytes)),
        if has_mark { wal.goal_below(256.0) } else { wal },
        Figure::new("server memory, empty", "MiB", mib(empty_bytes)),
        Figure::new("ready, empty", "ms", server.ready.as_secs_f64() * 1e3).goal_below(300.0),
        add("disk per execution, after a clean stop", "B", server.stop()?.database_bytes as f64 / count),
    ];
    if workload.states() > 1 {
        setting.report.add(transitions);
    }
    figures.into_iter().for_each(|figure| setting.report.add(figure));
    Ok(())
}

fn tell_refusals(outcome: &Outcome) {
    if let Some(refusal) = &outcome.first_refusal {
        let all = outcome.refused + outcome.accepted;
        eprintln!("  {} of {all} starts were refused, first: {refusal}", outcome.refused);
    }
}

//! W4: an inline Map over 1,000 items, one that fills a history, and a Parallel of ten branches.
//!
//! A Map is one execution at a time, from the call of `StartExecution` until the server counts it as
//! ended, which is asked again and again. The larger one has so many items that its history ends
//! just below AWS's limit; the time per event must not grow.

use std::io;
use std::time::{Duration, Instant};

use stepwell_bench::client::{self, Plan};
use stepwell_bench::report::{Figure, median};
use stepwell_bench::server::Server;

use crate::setting::{MANY, Setting, check_ended, counted, start_body};

/// How many items the smaller Map has.
const ITEMS: u64 = 1_000;

/// How long the smaller may take, in milliseconds.
const ITEMS_MS_MAX: f64 = 100.0;

/// How many events the history of the larger may have: a little below the limit of 25,000.
const EVENTS_MAX: u64 = 24_900;

/// How many events an iteration over one `Pass` leaves.
const EVENTS_PER_ITEM: u64 = 4;

/// What an event of the larger Map may cost of one of the smaller, to be called linear.
const LINEAR_RATIO: f64 = 1.25;

/// How many of each are measured in a run.
const EXECUTIONS: u64 = 15;

/// How many branches the Parallel has.
const BRANCHES: usize = 10;

/// How long after an answer the server is asked for the end again.
const PAUSE: Duration = Duration::from_micros(100);

/// W4.
pub fn w4(setting: &mut Setting) -> io::Result<()> {
    let server = setting.server()?;
    let machine = server.create_machine("Map", "STANDARD", MAP)?;
    let events = {
        let answer = server.call("StartExecution", &map_body(&machine, ITEMS))?;
        server.wait_closed(1)?;
        last_event_id(&server, &answer)?
    };
    let other_events = events - EVENTS_PER_ITEM * ITEMS;
    let items = (EVENTS_MAX - other_events) / EVENTS_PER_ITEM;

    let small_ms = one_by_one(&server, &machine, ITEMS, 1)?;
    let large_ms = one_by_one(&server, &machine, items, 1 + EXECUTIONS)?;
    check_ended(&server, &machine, 1 + 2 * EXECUTIONS)?;

    let small = format!("W4 inline Map, {} items: time per event", counted(ITEMS));
    let report = &mut setting.report;
    let name = |items: u64, what: &str| format!("W4 inline Map, {} items: {what}", counted(items));
    report.add(Figure::new(name(ITEMS, "start to end"), "ms", small_ms).goal_below(ITEMS_MS_MAX));
    report.add(Figure::new(name(items, "start to end"), "ms", large_ms));
    report.add(Figure::new(name(items, "events"), "", (other_events + EVENTS_PER_ITEM * items) as f64));
    report.add(Figure::new(&small, "µs", small_ms * 1e3 / events as f64));
    let per_event = large_ms * 1e3 / (other_events + EVENTS_PER_ITEM * items) as f64;
    let per_event = Figure::new(name(items, "time per event"), "µs", per_event);
    report.add(per_event.beside(small).ratio_below(LINEAR_RATIO));
    parallel(setting)
}

const MAP: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","End":true,"ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}"#;

fn map_body(machine: &str, items: u64) -> String {
    let items: Vec<String> = (0..items).map(|item| item.to_string()).collect();
    format!(r#"{{"stateMachineArn":"{machine}","input":"{{\"items\":[{}]}}"}}"#, items.join(","))
}

fn last_event_id(server: &Server, started: &str) -> io::Result<u64> {
    let arn = stepwell_bench::server::text_member(started, "executionArn")
        .ok_or_else(|| io::Error::other(format!("no execution was started: {started}")))?;
    let body = format!(r#"{{"executionArn":"{arn}","maxResults":1,"reverseOrder":true}}"#);
    let page = server.call("GetExecutionHistory", &body)?;
    let id = page.split_once(r#""id":"#).map_or("", |(_, rest)| rest);
    let id = id.split(|letter: char| !letter.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
    id.ok_or_else(|| io::Error::other(format!("no history: {page}")))
}

/// The median time of one execution, in milliseconds, if so many have ended before.
fn one_by_one(server: &Server, machine: &str, items: u64, ended_before: u64) -> io::Result<f64> {
    let body = map_body(machine, items);
    let mut times_ms = Vec::new();
    for n in 1..=EXECUTIONS {
        let began = Instant::now();
        server.call("StartExecution", &body)?;
        server.wait_closed_asking(ended_before + n, PAUSE)?;
        times_ms.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times_ms))
}

fn parallel(setting: &mut Setting) -> io::Result<()> {
    let branches: Vec<String> = (1..=BRANCHES)
        .map(|at| format!(r#"{{"StartAt":"P{at}","States":{{"P{at}":{{"Type":"Pass","End":true}}}}}}"#))
        .collect();
    let branches = branches.join(",");
    let definition = format!(
        r#"{{"StartAt":"B","States":{{"B":{{"Type":"Parallel","End":true,"Branches":[{branches}]}}}}}}"#
    );
    let server = setting.server()?;
    let machine = server.create_machine("Parallel", "STANDARD", &definition)?;
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight: MANY,
        time: setting.options.time,
        requests_max: u64::MAX,
        request: &mut |n, out| client::put_request("StartExecution", &start_body(&machine, n), out),
    })?;
    server.wait_closed(outcome.accepted)?;
    let elapsed = outcome.began.elapsed().as_secs_f64();
    check_ended(&server, &machine, outcome.accepted)?;
    let per_second = outcome.accepted as f64 / elapsed;
    let figure = |what: &str, value| {
        Figure::new(format!("W4 Parallel of ten, {} in flight: {what}", counted(MANY as u64)), "/s", value)
    };
    setting.report.add(figure("completions", per_second));
    setting.report.add(figure("transitions", per_second * (BRANCHES + 1) as f64));
    Ok(())
}

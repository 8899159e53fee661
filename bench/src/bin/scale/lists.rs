//! A list of a million executions, read page by page: without a filter, with one that nearly all pass,
//! with one that few pass, and with one that none does. A page takes as long anywhere.

use std::io;
use std::time::Instant;

use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::{Server, text_member};

use super::{Options, median, start_all};

const EXECUTIONS: u64 = 1_000_000;

/// One in so many fails.
const FAILS_ONE_IN: u64 = 50_000;

/// How much longer a page may take than the first ones.
const TIMES_MAX: f64 = 2.0;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let count = options.executions.unwrap_or(EXECUTIONS);
    let server = options.new_server()?;
    let definition = r#"{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$.fails","BooleanEquals":true,"Next":"F"}],"Default":"S"},"F":{"Type":"Fail","Error":"Asked"},"S":{"Type":"Succeed"}}}"#;
    let machine = server.create_machine("Listed", "STANDARD", definition)?;
    start_all(&server, &machine, count, &mut |n| format!(r#"{{\"fails\":{}}}"#, n % FAILS_ONE_IN == 7))?;
    report.add(Figure::new("lists: executions", "", count as f64));
    let failed = count / FAILS_ONE_IN + u64::from(count % FAILS_ONE_IN > 7);
    let cases = [
        ("all", None, count),
        ("SUCCEEDED", Some("SUCCEEDED"), count - failed),
        ("FAILED", Some("FAILED"), failed),
        ("RUNNING", Some("RUNNING"), 0),
    ];
    for (name, filter, wanted) in cases {
        let pages = pages(&server, &machine, filter)?;
        let listed: usize = pages.iter().map(|(listed, _)| listed).sum();
        if listed as u64 != wanted {
            return Err(io::Error::other(format!("{listed} are listed as {name} instead of {wanted}")));
        }
        let times: Vec<f64> = pages.iter().map(|(_, ms)| *ms).collect();
        let tenth = (times.len() / 10).max(1);
        let first = median(&times[..tenth]);
        report.add(Figure::new(format!("lists, {name}: a page of 1,000, first tenth"), "ms", first));
        if times.len() >= 10 {
            let middle = median(&times[5 * tenth..6 * tenth]);
            let last = median(&times[times.len() - tenth..]);
            report.add(Figure::new(format!("lists, {name}: in the middle"), "ms", middle));
            report.add(Figure::new(format!("lists, {name}: last tenth"), "ms", last));
            let times = Figure::new(format!("lists, {name}: last tenth against the first"), "", last / first);
            report.add(times.goal_below(TIMES_MAX));
        }
    }
    Ok(())
}

/// How many executions each page has, and how long it took in milliseconds.
fn pages(server: &Server, machine: &str, filter: Option<&str>) -> io::Result<Vec<(usize, f64)>> {
    let filter = filter.map(|status| format!(r#","statusFilter":"{status}""#)).unwrap_or_default();
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let next = if token.is_empty() { String::new() } else { format!(r#","nextToken":"{token}""#) };
        let body = format!(r#"{{"stateMachineArn":"{machine}","maxResults":1000{filter}{next}}}"#);
        let began = Instant::now();
        let answer = server.call("ListExecutions", &body)?;
        pages.push((answer.matches(r#""executionArn":"#).count(), began.elapsed().as_secs_f64() * 1e3));
        match text_member(&answer, "nextToken") {
            Some(next) => token = next,
            None => return Ok(pages),
        }
    }
}

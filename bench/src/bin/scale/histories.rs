//! A history of 25,000 events: the error that ends it, and how long its pages take, the first, those in
//! the middle and the last, from both ends.

use std::io;
use std::time::{Duration, Instant};

use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::{Server, text_member};

use super::{Options, median, one_line, wait_until};

/// What AWS allows.
const EVENTS: usize = 25_000;

/// How much longer a page may take than the first one.
const TIMES_MAX: f64 = 2.0;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let server = options.new_server()?;
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Next":"B"},
        "B":{"Type":"Choice","Choices":[{"Variable":"$.never","IsPresent":true,"Next":"E"}],"Default":"A"},
        "E":{"Type":"Succeed"}}}"#;
    let machine = server.create_machine("Endless", "STANDARD", &one_line(definition))?;
    let start = format!(r#"{{"stateMachineArn":"{machine}","input":"{{\"customer\":\"c-1029\"}}"}}"#);
    let started = server.call("StartExecution", &start)?;
    let execution = text_member(&started, "executionArn").ok_or_else(|| io::Error::other(started.clone()))?;
    wait_until("the end", 1, Duration::from_secs(30), &mut || server.closed())?;
    let described = server.call("DescribeExecution", &format!(r#"{{"executionArn":"{execution}"}}"#))?;
    eprintln!(
        "  it ended so: {} {:?}",
        text_member(&described, "status").unwrap_or_default(),
        text_member(&described, "error")
    );
    for reverse in [false, true] {
        let pages = pages(&server, &execution, reverse)?;
        let events: usize = pages.iter().map(|(events, _)| events).sum();
        if events != EVENTS {
            return Err(io::Error::other(format!("the history has {events} events")));
        }
        let times: Vec<f64> = pages.iter().map(|(_, ms)| *ms).collect();
        let third = times.len() / 3;
        let first = median(&times[..third]);
        let name = if reverse { "histories, from the end" } else { "histories" };
        report.add(Figure::new(format!("{name}: a page of 1,000, first third"), "ms", first));
        report.add(Figure::new(format!("{name}: middle third"), "ms", median(&times[third..2 * third])));
        let last = median(&times[2 * third..]);
        report.add(Figure::new(format!("{name}: last third"), "ms", last));
        report.add(
            Figure::new(format!("{name}: last third against the first"), "", last / first)
                .goal_below(TIMES_MAX),
        );
    }
    Ok(())
}

/// How many events each page has, and how long it took in milliseconds.
fn pages(server: &Server, execution: &str, reverse: bool) -> io::Result<Vec<(usize, f64)>> {
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let next = if token.is_empty() { String::new() } else { format!(r#","nextToken":"{token}""#) };
        let body =
            format!(r#"{{"executionArn":"{execution}","maxResults":1000,"reverseOrder":{reverse}{next}}}"#);
        let began = Instant::now();
        let answer = server.call("GetExecutionHistory", &body)?;
        let ms = began.elapsed().as_secs_f64() * 1e3;
        pages.push((answer.matches(r#""previousEventId":"#).count(), ms));
        match text_member(&answer, "nextToken") {
            Some(next) => token = next,
            None => return Ok(pages),
        }
    }
}

//! A backlog of a million: executions whose tasks nobody takes, then workers that take them all.
//!
//! Memory is told per execution that is queued, the p99 of other starts while the backlog is there, and
//! that everything ends once workers come.

use std::io;
use std::time::{Duration, Instant};

use stepwell_bench::client::{self, Wire};
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::{Server, text_member};
use stepwell_bench::{chain, mib, order};

use super::{Options, STARTS_IN_FLIGHT, start_all, wait_until};

const EXECUTIONS: u64 = 1_000_000;

/// How many workers come.
const WORKERS: usize = 256;

/// How many other executions are started while the backlog is there.
const OTHERS: u64 = 20_000;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let count = options.executions.unwrap_or(EXECUTIONS);
    let server = options.new_server()?;
    let created = server.call("CreateActivity", r#"{"name":"Slow"}"#)?;
    let activity = text_member(&created, "activityArn")
        .ok_or_else(|| io::Error::other(format!("no activity was created: {created}")))?;
    let definition =
        format!(r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{activity}","End":true}}}}}}"#);
    let machine = server.create_machine("Backlog", "STANDARD", &definition)?;
    let other = server.create_machine("Other", "STANDARD", &chain(1))?;
    start_all(&server, &other, OTHERS, &mut |_| "{}".to_owned())?;
    let empty_bytes = server.memory_bytes()?;
    let outcome = start_all(&server, &machine, count, &mut |n| order(n, ""))?;
    report.add(Figure::new("backlog: executions queued", "", count as f64));
    report.add(Figure::new("backlog: starts", "/s", outcome.per_second()));
    report.add(Figure::new("backlog: StartExecution p99", "ms", outcome.percentile_ms(0.99)));
    let memory_bytes = server.memory_bytes()?;
    let each = memory_bytes.saturating_sub(empty_bytes) as f64 / count as f64;
    report.add(Figure::new("backlog: memory", "MiB", mib(memory_bytes)));
    report.add(Figure::new("backlog: memory each", "B", each));
    let others = start_all(&server, &other, OTHERS, &mut |_| "{}".to_owned())?;
    report.add(Figure::new("backlog: other starts beside it", "/s", others.per_second()));
    report.add(Figure::new("backlog: other starts beside it, p99", "ms", others.percentile_ms(0.99)));

    let before = server.closed()?;
    let began = Instant::now();
    work(&server, &activity, count)?;
    let patience = Duration::from_secs(30);
    wait_until("tasks done", before + count, patience, &mut || server.closed())?;
    let per_second = count as f64 / began.elapsed().as_secs_f64();
    report.add(Figure::new("backlog: worked off", "/s", per_second));
    report.add(Figure::new("backlog: memory once it is gone", "MiB", mib(server.memory_bytes()?)));
    let succeeded = server.count(&machine, "SUCCEEDED")?;
    if succeeded != count {
        return Err(io::Error::other(format!("{count} were started, and {succeeded} succeeded")));
    }
    Ok(())
}

/// Takes so many tasks, and says of each that it is done.
fn work(server: &Server, activity: &str, count: u64) -> io::Result<()> {
    let workers = WORKERS.min(STARTS_IN_FLIGHT).min(count as usize);
    let mut wire = Wire::connect(server.address, workers)?;
    let poll = format!(r#"{{"activityArn":"{activity}"}}"#);
    let mut polled = 0;
    for at in 0..workers {
        polled += 1;
        wire.connection(at).send(Instant::now(), |out| client::put_request("GetActivityTask", &poll, out))?;
    }
    let mut done = 0;
    while done < count {
        wire.turn(&mut |_, worker| {
            let text = worker.text();
            if worker.status() != 200 {
                return Err(io::Error::other(text));
            }
            if let Some(token) = text_member(&text, "taskToken") {
                let answer = format!(r#"{{"taskToken":"{token}","output":"{{}}"}}"#);
                return worker
                    .send(Instant::now(), |out| client::put_request("SendTaskSuccess", &answer, out));
            }
            done += 1;
            if polled < count {
                polled += 1;
                worker.send(Instant::now(), |out| client::put_request("GetActivityTask", &poll, out))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

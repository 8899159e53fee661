//! A hundred thousand timers that go off at the same moment: how long until the last execution has
//! gone on and ended, and whether the server still answers meanwhile.

use std::io;
use std::time::{Duration, Instant};

use stepwell_bench::report::{Figure, Report};

use super::{Options, moment_in, one_line, sleep_until, start_all, wait_until};

const EXECUTIONS: u64 = 100_000;

/// How long until all have gone on, in seconds.
const ALL_RESUMED_SECONDS_MAX: f64 = 10.0;

/// How many starts a second are assumed when the moment is chosen: it must come after the last start.
const STARTS_PER_SECOND: u64 = 10_000;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let count = options.executions.unwrap_or(EXECUTIONS);
    let server = options.new_server()?;
    let definition = r#"{"StartAt":"W","States":{
        "W":{"Type":"Wait","TimestampPath":"$.at","Next":"P"},"P":{"Type":"Pass","End":true}}}"#;
    let machine = server.create_machine("Due", "STANDARD", &one_line(definition))?;
    let (at, due) = moment_in(3 + count / STARTS_PER_SECOND);
    start_all(&server, &machine, count, &mut |_| format!(r#"{{\"at\":\"{at}\"}}"#))?;
    if due <= std::time::SystemTime::now() {
        return Err(io::Error::other("the moment came before the last start: the machine is too slow"));
    }
    sleep_until(due);
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    wait_until("timers due", count, Duration::from_secs(120), &mut || {
        let asked = Instant::now();
        server.call("DescribeStateMachine", &format!(r#"{{"stateMachineArn":"{machine}"}}"#))?;
        slowest = slowest.max(asked.elapsed());
        server.closed()
    })?;
    let all = Figure::new("due: all resumed and ended after", "s", began.elapsed().as_secs_f64());
    report.add(Figure::new("due: timers at the same moment", "", count as f64));
    report.add(all.goal_below(ALL_RESUMED_SECONDS_MAX));
    report.add(Figure::new("due: slowest other call meanwhile", "ms", slowest.as_secs_f64() * 1e3));
    let succeeded = server.count(&machine, "SUCCEEDED")?;
    if succeeded != count {
        return Err(io::Error::other(format!("{count} were started, and {succeeded} succeeded")));
    }
    Ok(())
}

//! W5: what it costs to wake an execution that has much behind it, beside one that has little.
//!
//! Both count in a loop of `Pass` and `Choice`, up to event 20 or event 20,000, then wait for one
//! moment that all of them share, and are parked: executions that wait for much longer come after them,
//! until none of them is in memory any more. Told is the processor time that the server spends
//! from that moment until all have ended, for each: loading, going on, making the end durable.

use std::io;
use std::time::{Duration, Instant};

use stepwell_bench::report::Figure;

use crate::parked::{PARKED, WAIT_A_DAY, from_now, wait_until_due};
use crate::setting::{SOME, Setting, check_ended, counted, start, start_body};

/// Events that the loop leaves each time.
const EVENTS_PER_ROUND: u64 = 4;

/// What waking late may cost of waking early.
const RATIO_MAX: f64 = 2.0;

/// How many wake early and late, so that the one costs about a second and the other can be paid for.
const EARLY: (u64, u64) = (20_000, 20);
const LATE: (u64, u64) = (100, 20_000);

/// How many are run to see how long the loop takes.
const PROBES: u64 = 4;

/// How many that wait longer come after them: several times what stays in memory.
const FOLLOWERS: u64 = 20_000;

/// How long the followers take at most.
const FOLLOWING: Duration = Duration::from_secs(3);

/// How often the server is asked.
const PAUSE: Duration = Duration::from_millis(20);

/// Waking at event 20,000 against waking at event 20.
pub fn waking(setting: &mut Setting) -> io::Result<()> {
    let early = measure(setting, EARLY)?;
    let late = measure(setting, LATE)?;
    let name = |(_, events): (u64, u64)| format!("W5 waking at event {}: server CPU", counted(events));
    setting.report.add(Figure::new(name(EARLY), "µs", early));
    setting.report.add(Figure::new(name(LATE), "µs", late).beside(name(EARLY)).ratio_below(RATIO_MAX));
    Ok(())
}

/// The processor time for each, in microseconds.
fn measure(setting: &mut Setting, (count, events): (u64, u64)) -> io::Result<f64> {
    let count = if setting.options.quick { count / 4 } else { count };
    let server = setting.server()?;
    let machine = server.create_machine("Waking", "STANDARD", COUNT_THEN_WAIT)?;
    let rounds = events / EVENTS_PER_ROUND;
    let probe = {
        let began = Instant::now();
        start(&server, 1, PROBES, &|_| body(&machine, rounds, "2026-01-01T00:00:00Z"))?;
        server.wait_closed(PROBES)?;
        began.elapsed() / PROBES as u32
    };
    // What several at once need is less for each than what the probes needed.
    let due = from_now(Duration::from_secs(1) + FOLLOWING + probe * count as u32);
    start(&server, SOME, count, &|_| body(&machine, rounds, &due.to_rfc3339()))?;
    let follower = server.create_machine("Following", "STANDARD", WAIT_A_DAY)?;
    start(&server, SOME, FOLLOWERS, &|n| start_body(&follower, n))?;
    let parked = server.metric(PARKED)?;
    if parked < count + FOLLOWERS / 2 {
        return Err(io::Error::other(format!("only {parked} of {} are parked", count + FOLLOWERS)));
    }
    wait_until_due(&server, due, PROBES)?;
    let cpu = server.cpu_seconds()?;
    server.wait_closed_asking(PROBES + count, PAUSE)?;
    let cpu = server.cpu_seconds()? - cpu;
    check_ended(&server, &machine, PROBES + count)?;
    Ok(cpu * 1e6 / count as f64)
}

/// On one line, as it goes into JSON.
const COUNT_THEN_WAIT: &str = concat!(
    r#"{"StartAt":"Count","States":{"Count":{"Type":"Pass","Next":"Again","#,
    r#""Parameters":{"n.$":"States.MathAdd($.n, 1)","rounds.$":"$.rounds","due.$":"$.due"}},"#,
    r#""Again":{"Type":"Choice","Default":"Hold","#,
    r#""Choices":[{"Variable":"$.n","NumericLessThanPath":"$.rounds","Next":"Count"}]},"#,
    r#""Hold":{"Type":"Wait","TimestampPath":"$.due","End":true}}}"#
);

fn body(machine: &str, rounds: u64, due: &str) -> String {
    format!(
        r#"{{"stateMachineArn":"{machine}","input":"{{\"n\":0,\"rounds\":{rounds},\"due\":\"{due}\"}}"}}"#
    )
}

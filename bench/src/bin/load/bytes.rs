//! How many bytes the server writes for a Standard execution, as the system counts them for its
//! process: WAL, checkpoints and indexes included, up to its clean stop.
//!
//! Ten `Pass` states with a payload of 300 bytes, 64 or more executions to a flush. What each million
//! took is told on the way: an index whose cost grows with the store would show.

use std::io;
use std::time::Duration;

use stepwell_bench::client::{self, Plan};
use stepwell_bench::report::Figure;
use stepwell_bench::{chain, mib};

use crate::setting::{Setting, check_ended, counted};
use crate::starts::CHAIN_STATES;

/// What an execution may cost, in bytes.
const BYTES_MAX: f64 = 2_000.0;

/// How large the input is, in bytes.
const PAYLOAD_BYTES: usize = 300;

/// How many requests are under way. How many executions come to a flush depends on the disk as well.
const IN_FLIGHT: usize = 512;

/// How many executions to a flush there have to be at least for the mark to mean something.
const PER_COMMIT_MIN: f64 = 64.0;

/// After how many executions what they took is told.
const INTERVAL: u64 = 1_000_000;

/// Bytes written for each execution.
pub fn bytes(setting: &mut Setting) -> io::Result<()> {
    let count = setting.options.executions(1_000_000);
    let in_flight = setting.options.in_flight.first().copied().unwrap_or(IN_FLIGHT);
    let server = setting.server()?;
    let machine = server.create_machine("Load", "STANDARD", &chain(CHAIN_STATES))?;
    let interval = INTERVAL.min((count / 4).max(1));
    let mut intervals = Vec::new();
    let mut before = server.written_bytes()?;
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight,
        time: Duration::from_secs(24 * 60 * 60),
        requests_max: count,
        request: &mut |n, out| {
            client::put_request("StartExecution", &body(&machine, n), out);
            if n > 0 && n % interval == 0 {
                // It answered a moment ago; a figure that could not be read is missing from the table.
                if let Ok(written) = server.written_bytes() {
                    let each = (written - before) as f64 / interval as f64;
                    eprintln!("  until execution {}: {each:.0} B each", counted(n));
                    intervals.push(each);
                    before = written;
                }
            }
        },
    })?;
    if let Some(refusal) = &outcome.first_refusal {
        return Err(io::Error::other(format!("a start was refused: {refusal}")));
    }
    server.wait_closed(count)?;
    let elapsed = outcome.began.elapsed().as_secs_f64();
    let per_commit = count as f64 / server.commits()?.max(1) as f64;
    check_ended(&server, &machine, count)?;
    let wal = server.wal_bytes_max();
    let left = server.stop()?;

    let figure = |what: &str, unit, value| {
        Figure::new(format!("{} executions with {PAYLOAD_BYTES} B: {what}", counted(count)), unit, value)
    };
    let report = &mut setting.report;
    let each = figure("bytes written each", "B", left.written_bytes as f64 / count as f64);
    report.add(each.goal_below(BYTES_MAX));
    report.add(figure("executions per commit", "", per_commit).goal_above(Some(PER_COMMIT_MIN)));
    if let (Some(first), Some(last)) = (intervals.first(), intervals.last()) {
        report.add(figure("bytes written each, in the first interval", "B", *first));
        report.add(figure("bytes written each, in the last interval", "B", *last));
    }
    report.add(figure("completions", "/s", count as f64 / elapsed));
    report.add(figure("file each, after a clean stop", "B", left.database_bytes as f64 / count as f64));
    report.add(figure("WAL at most", "MiB", mib(wal)).goal_below(256.0));
    Ok(())
}

/// The body of start number `n`, with an input of [`PAYLOAD_BYTES`] whose text differs from start to start.
fn body(machine: &str, n: u64) -> String {
    let order = format!(r#"{{\"order\":\"{n:010}\",\"note\":\""#);
    // Of each backslash nothing is left in the input.
    let rest = PAYLOAD_BYTES - (order.replace('\\', "").len() + r#""}"#.len());
    let digits = format!("{:020}", n.wrapping_mul(6_364_136_223_846_793_005));
    let note: String = digits.chars().cycle().take(rest).collect();
    format!(r#"{{"stateMachineArn":"{machine}","input":"{order}{note}\"}}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_is_as_large_as_is_said() {
        for n in [0, 7, 12_345_678] {
            let body = body("arn", n);
            let input = body.split_once(r#""input":""#).and_then(|(_, rest)| rest.strip_suffix(r#""}"#));
            let input = input.unwrap().replace('\\', "");
            assert_eq!(input.len(), PAYLOAD_BYTES, "{body}");
            stepwell_value::Value::parse(&input).unwrap();
        }
    }
}

//! More than the server takes: very many starts under way at once.
//!
//! What it does not take it answers with AWS's throttling exception, and what it acknowledged it keeps:
//! every start that was answered with 200 is there and has ended. Its memory stays bounded, and once the
//! load is gone it is as quick as before.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use stepwell_bench::client::{self, Outcome, Plan};
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::Server;
use stepwell_bench::{chain, mib};

use super::Options;

/// How many connections, each with a start under way: as many as one process may usually have open.
const IN_FLIGHT: usize = 19_000;

/// How many states each execution enters: so many that it is the engine that cannot keep up, not the network.
const STATES: usize = 100;

/// How many starts there are then.
const STARTS: u64 = 200_000;

/// How many are under way before and after.
const USUAL_IN_FLIGHT: usize = 64;

/// How many starts there are before and after.
const USUAL_STARTS: u64 = 20_000;

/// What the server may take in memory, in MiB.
const MEMORY_MIB_MAX: f64 = 1_024.0;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let server = options.new_server()?;
    let machine = server.create_machine("Overload", "STANDARD", &chain(STATES))?;
    let before = start(&server, &machine, USUAL_IN_FLIGHT, USUAL_STARTS)?;
    let count = options.executions.unwrap_or(STARTS);
    let is_over = AtomicBool::new(false);
    let memory_bytes_max = AtomicU64::new(0);
    let during = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                memory_bytes_max.fetch_max(server.memory_bytes().unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let during = start(&server, &machine, IN_FLIGHT, count);
        is_over.store(true, Ordering::Relaxed);
        during
    })?;
    let after = start(&server, &machine, USUAL_IN_FLIGHT, USUAL_STARTS)?;
    report.add(Figure::new("overload: starts under way", "", IN_FLIGHT as f64));
    report.add(Figure::new("overload: accepted", "", during.accepted as f64));
    report.add(Figure::new("overload: accepted", "/s", during.per_second()));
    report.add(Figure::new("overload: refused", "", during.refused as f64));
    if let Some(refusal) = &during.first_refusal {
        if !refusal.contains("ThrottlingException") {
            return Err(io::Error::other(format!("it was refused otherwise than by throttling: {refusal}")));
        }
        eprintln!("  {}", refusal.replace("\r\n", " | "));
    }
    report.add(Figure::new("overload: p50", "ms", during.percentile_ms(0.5)));
    report.add(Figure::new("overload: p99", "ms", during.percentile_ms(0.99)));
    let memory = mib(memory_bytes_max.load(Ordering::Relaxed));
    report.add(Figure::new("overload: memory at most", "MiB", memory).goal_below(MEMORY_MIB_MAX));
    let p99 = [before.percentile_ms(0.99), after.percentile_ms(0.99)];
    report.add(Figure::new("overload: p99 at 64 under way, before", "ms", p99[0]));
    report.add(Figure::new("overload: p99 at 64 under way, after", "ms", p99[1]));
    report.add(
        Figure::new("overload: rate after against before", "", after.per_second() / before.per_second())
            .goal_above(Some(0.9)),
    );

    let acknowledged = before.accepted + during.accepted + after.accepted;
    server.wait_closed(acknowledged)?;
    let succeeded = server.count(&machine, "SUCCEEDED")?;
    if succeeded != acknowledged {
        let told = format!("{acknowledged} starts were acknowledged, and {succeeded} executions succeeded");
        return Err(io::Error::other(told));
    }
    Ok(())
}

fn start(server: &Server, machine: &str, in_flight: usize, count: u64) -> io::Result<Outcome> {
    client::drive(Plan {
        address: server.address,
        in_flight,
        time: Duration::from_secs(600),
        requests_max: count,
        request: &mut |n, out| {
            let body = format!(r#"{{"stateMachineArn":"{machine}","input":"{{\"order\":{n}}}"}}"#);
            client::put_request("StartExecution", &body, out);
        },
    })
}

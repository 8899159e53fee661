//! Very many closed executions in the store: what starting costs then, beside an empty store.
//!
//! The store is filled through the API, with named and unnamed starts in turn: these are the very figures.
//! Each is the rate while so much was started, with everything that was started ended; the first is that
//! of the empty store.

use std::io;
use std::time::Duration;

use stepwell_bench::client::{self, Plan};
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::{chain, mib, order, start_body};

use super::{Options, STARTS_IN_FLIGHT};

const EXECUTIONS: u64 = 10_000_000;

/// How many starts a figure is made of.
const STARTS: u64 = 250_000;

/// The share of the empty store's rate that a full one must have.
const SHARE_MIN: f64 = 0.8;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let count = options.executions.unwrap_or(EXECUTIONS).max(4 * STARTS);
    let server = options.new_server()?;
    let machine = server.create_machine("Filled", "STANDARD", &chain(10))?;
    let mut started = 0;
    let mut rates: [Vec<f64>; 2] = Default::default();
    while started < count {
        for (is_named, rates) in [false, true].into_iter().zip(&mut rates) {
            let mut request = |n: u64, out: &mut Vec<u8>| {
                let n = started + n;
                let body = start_body(&machine, is_named.then_some(n), &order(n, ""));
                client::put_request("StartExecution", &body, out);
            };
            let outcome = client::drive(Plan {
                address: server.address,
                in_flight: STARTS_IN_FLIGHT,
                time: Duration::from_secs(3_600),
                requests_max: STARTS,
                request: &mut request,
            })?;
            if let Some(refusal) = outcome.first_refusal {
                return Err(io::Error::other(format!("a start was refused: {refusal}")));
            }
            started += STARTS;
            server.wait_closed(started)?;
            rates.push(STARTS as f64 / outcome.began.elapsed().as_secs_f64());
        }
        let [unnamed, named] = rates.each_ref().map(|rates| rates[rates.len() - 1]);
        eprintln!(
            "  {started} executions: unnamed {unnamed:.0}/s, named {named:.0}/s, file {:.0} MiB, memory {:.0} MiB",
            mib(std::fs::metadata(options.folder.join("stepwell.db"))?.len()),
            mib(server.memory_bytes()?)
        );
    }
    report.add(Figure::new("full: closed executions", "", started as f64));
    for (name, rates) in ["unnamed", "named"].into_iter().zip(rates) {
        // The figures at either end, each the mean of two: a checkpoint falls now into one, now into the other.
        let empty = (rates[0] + rates[1]) / 2.0;
        let full = (rates[rates.len() - 2] + rates[rates.len() - 1]) / 2.0;
        report.add(Figure::new(format!("full: W2 {name}, empty store"), "/s", empty));
        report.add(Figure::new(format!("full: W2 {name}, full store"), "/s", full));
        let share = Figure::new(format!("full: W2 {name}, full against empty"), "", full / empty);
        report.add(share.goal_above(Some(SHARE_MIN)));
    }
    report.add(Figure::new("full: WAL at most", "MiB", mib(server.wal_bytes_max())).goal_below(256.0));
    let left = server.stop()?;
    report.add(Figure::new("full: file each", "B", left.database_bytes as f64 / started as f64));
    report.add(Figure::new("full: written each", "B", left.written_bytes as f64 / started as f64));
    Ok(())
}

//! A load at a given rate: requests are due at regular moments, whether the server keeps up or not, and
//! the latency of each counts from the moment at which it was due.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stepwell_bench::client::{Wire, percentile_ms};

/// What was answered in an interval.
pub struct Interval {
    /// How many were answered with status 200.
    pub accepted: u64,
    /// How many were answered otherwise.
    pub refused: u64,
    latencies_us: Vec<u32>,
}

impl Interval {
    fn new() -> Interval {
        Interval { accepted: 0, refused: 0, latencies_us: Vec::new() }
    }

    /// The latency that `share` of the answers (0 to 1) did not exceed, in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        percentile_ms(&self.latencies_us, share)
    }
}

/// A load at a rate.
pub struct Pace<'a> {
    /// To whom.
    pub address: SocketAddr,
    /// How many connections; what is due while all are busy is sent as soon as one is not.
    pub connections: usize,
    /// Requests a second.
    pub per_second: f64,
    /// How long.
    pub time: Duration,
    /// How long each interval is that is told of.
    pub interval: Duration,
    /// Puts request number n, counted from 0, into an empty buffer.
    pub request: &'a mut dyn FnMut(u64, &mut Vec<u8>),
    /// Hears of each interval when it is over.
    pub told: &'a mut dyn FnMut(Interval) -> io::Result<()>,
}

/// Sends what `pace` says, and waits for every answer.
///
/// # Errors
///
/// A connection broke off, or the server was silent for long while it owed answers.
pub fn keep(pace: Pace) -> io::Result<()> {
    /// How long the server may owe answers at the end.
    const PATIENCE: Duration = Duration::from_secs(30);
    let mut wire = Wire::connect(pace.address, pace.connections)?;
    let mut idle: Vec<usize> = (0..pace.connections).collect();
    let began = Instant::now();
    let due_at = |n: u64| began + Duration::from_secs_f64(n as f64 / pace.per_second);
    let mut next = 0;
    let mut interval = Interval::new();
    let mut told_at = began + pace.interval;
    loop {
        let now = Instant::now();
        let is_over = now >= began + pace.time;
        while !is_over && due_at(next) <= now {
            let Some(at) = idle.pop() else { break };
            wire.connection(at).send(due_at(next), |out| (pace.request)(next, out))?;
            next += 1;
        }
        if is_over && (idle.len() == pace.connections || now > began + pace.time + PATIENCE) {
            break;
        }
        let wait = due_at(next).saturating_duration_since(now).min(Duration::from_millis(10));
        // A poll counts in whole milliseconds; below that the thread waits by itself.
        if wait < Duration::from_millis(1) && idle.len() == pace.connections {
            std::thread::sleep(wait);
        }
        wire.turn_within(
            if wait < Duration::from_millis(1) { Duration::ZERO } else { wait },
            &mut |at, answered| {
                interval.latencies_us.push(answered.took_us());
                match answered.status() {
                    200 => interval.accepted += 1,
                    _ => interval.refused += 1,
                }
                idle.push(at);
                Ok(())
            },
        )?;
        if now >= told_at {
            told_at += pace.interval;
            let mut over = std::mem::replace(&mut interval, Interval::new());
            over.latencies_us.sort_unstable();
            (pace.told)(over)?;
        }
    }
    if idle.len() < pace.connections {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "the server owes answers"));
    }
    Ok(())
}

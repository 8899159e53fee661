//! The server at 70 % of what it can do, for ten minutes: memory, open files and p99 must not grow.
//!
//! What it can do is measured first, closed loop. Then starts come at a fixed rate, and each interval
//! tells memory, open files and p99. The first fifth is left out: caches fill and the allocator finds its
//! size. A line is fitted to the rest; something grows if its slope is larger than three times its own error
//! by as much as would matter (see the constants).

use std::io;
use std::time::Duration;

use stepwell_bench::client::{self, Plan};
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::Server;
use stepwell_bench::{chain, mib, order, start_body};

use super::Options;
use super::pace::{self, Pace};

const SECONDS: u64 = 600;

/// The share of what the server can do.
const SHARE: f64 = 0.7;

/// How many intervals are told of.
const INTERVALS: u64 = 60;

/// How many connections there are.
const CONNECTIONS: usize = 1_024;

/// Memory may seem to grow by so much in an hour, in MiB: less cannot be told from noise in ten minutes.
const MEMORY_MIB_AN_HOUR_MAX: f64 = 32.0;

/// Open files may seem to grow by so many in an hour.
const FILES_AN_HOUR_MAX: f64 = 10.0;

/// p99 may seem to grow by so much of itself in an hour.
const P99_SHARE_AN_HOUR_MAX: f64 = 1.0;

/// One interval.
struct Sample {
    seconds: f64,
    per_second: f64,
    p99_ms: f64,
    memory_mib: f64,
    files: f64,
}

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let seconds = options.seconds.unwrap_or(SECONDS);
    let server = options.new_server()?;
    let machine = server.create_machine("Soak", "STANDARD", &chain(10))?;
    let start = |n: u64, out: &mut Vec<u8>| {
        client::put_request("StartExecution", &start_body(&machine, None, &order(n, "")), out);
    };
    let most = client::drive(Plan {
        address: server.address,
        in_flight: CONNECTIONS,
        time: Duration::from_secs(5),
        requests_max: u64::MAX,
        request: &mut { start },
    })?;
    let rate = most.per_second() * SHARE;
    eprintln!("  {:.0}/s at most; {rate:.0}/s for {seconds} s", most.per_second());

    let interval = Duration::from_secs_f64(seconds as f64 / INTERVALS as f64);
    let mut samples: Vec<Sample> = Vec::new();
    let mut refused = 0;
    pace::keep(Pace {
        address: server.address,
        connections: CONNECTIONS,
        per_second: rate,
        time: Duration::from_secs(seconds),
        interval,
        request: &mut { start },
        told: &mut |told| {
            refused += told.refused;
            let sample = Sample {
                seconds: (samples.len() + 1) as f64 * interval.as_secs_f64(),
                per_second: told.accepted as f64 / interval.as_secs_f64(),
                p99_ms: told.percentile_ms(0.99),
                memory_mib: mib(server.memory_bytes()?),
                files: open_files(&server)? as f64,
            };
            samples.push(sample);
            Ok(())
        },
    })?;
    eprint!("{}", table(&samples));
    if refused > 0 {
        return Err(io::Error::other(format!("{refused} starts were refused at {SHARE} of the rate")));
    }

    let steady = &samples[samples.len() / 5..];
    let mean_p99 = steady.iter().map(|sample| sample.p99_ms).sum::<f64>() / steady.len() as f64;
    report.add(Figure::new("soak: time", "s", seconds as f64));
    report.add(Figure::new("soak: starts", "/s", rate));
    for (name, unit, most, value) in [
        (
            "memory, slope",
            "MiB/h",
            MEMORY_MIB_AN_HOUR_MAX,
            (|sample| sample.memory_mib) as fn(&Sample) -> f64,
        ),
        ("open files, slope", "/h", FILES_AN_HOUR_MAX, |sample| sample.files),
        ("p99, slope", "ms/h", P99_SHARE_AN_HOUR_MAX * mean_p99, |sample| sample.p99_ms),
    ] {
        let points: Vec<(f64, f64)> =
            steady.iter().map(|sample| (sample.seconds / 3_600.0, value(sample))).collect();
        let (slope, error) = slope(&points);
        report.add(Figure::new(format!("soak: {name}"), unit, slope));
        report.add(Figure::new(format!("soak: {name}, its error"), unit, error));
        // How fast it grows at least, as far as its error lets us say.
        let growth = (slope - 3.0 * error).max(0.0);
        report.add(Figure::new(format!("soak: {name}, growth for certain"), unit, growth).goal_below(most));
    }
    report.add(Figure::new("soak: p99, mean", "ms", mean_p99));
    report.add(Figure::new(
        "soak: memory at the end",
        "MiB",
        samples.last().map_or(0.0, |last| last.memory_mib),
    ));
    Ok(())
}

fn open_files(server: &Server) -> io::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{}/fd", server.process_id()))?.count())
}

/// The slope of the line that fits best, and its standard error.
fn slope(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>();
    let slope = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread;
    let off = |(x, y): &(f64, f64)| (y - mean_y - slope * (x - mean_x)).powi(2);
    let error = (points.iter().map(off).sum::<f64>() / (count - 2.0) / spread).sqrt();
    (slope, error)
}

/// The samples, with bars for p99 and memory.
fn table(samples: &[Sample]) -> String {
    /// The longest bar, in characters.
    const BAR: f64 = 30.0;
    let largest = |value: fn(&Sample) -> f64| samples.iter().map(value).fold(f64::MIN_POSITIVE, f64::max);
    let bar = |value: f64, largest: f64| "#".repeat((value / largest * BAR).round() as usize);
    let (p99_max, memory_max) = (largest(|sample| sample.p99_ms), largest(|sample| sample.memory_mib));
    let mut text =
        format!("{:>7} {:>9} {:>9} {:>6} {:<31}{:>9}\n", "s", "starts/s", "p99 ms", "files", "", "MiB");
    for sample in samples {
        text += &format!(
            "{:>7.0} {:>9.0} {:>9.2} {:>6} {:<31}{:>9.1} {}\n",
            sample.seconds,
            sample.per_second,
            sample.p99_ms,
            sample.files,
            bar(sample.p99_ms, p99_max),
            sample.memory_mib,
            bar(sample.memory_mib, memory_max)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_line_has_its_slope_and_no_error() {
        let (slope, error) = slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0), (3.0, 7.0)]);
        assert!((slope - 2.0).abs() < 1e-9 && error < 1e-9, "{slope} {error}");
    }

    #[test]
    fn noise_around_a_level_has_a_slope_within_its_error() {
        let (slope, error) = slope(&[(0.0, 1.0), (1.0, 2.0), (2.0, 1.0), (3.0, 2.0), (4.0, 1.0), (5.0, 2.0)]);
        assert!(slope.abs() < 3.0 * error, "{slope} {error}");
    }
}

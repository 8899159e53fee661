//! A million executions that only wait: what each takes in memory and on disk, before a kill and after
//! a restart, and how soon the server is there again.

use std::io;
use std::time::Instant;

use stepwell_bench::mib;
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::Server;

use super::{Options, start_all};

const EXECUTIONS: u64 = 1_000_000;

/// What an execution in a `Wait` may take in memory, in bytes.
const BYTES_EACH_MAX: f64 = 300.0;

/// How long the server may take to be there again with a million of them, in milliseconds.
const READY_MS_MAX: f64 = 5_000.0;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let count = options.executions.unwrap_or(EXECUTIONS);
    let server = options.new_server()?;
    let empty_bytes = options.empty_memory_bytes()?;
    let wait = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}"#;
    let machine = server.create_machine("Park", "STANDARD", wait)?;
    let input = &mut |n| format!(r#"{{\"order\":{n},\"customer\":\"c-1029\",\"total\":99.5}}"#);
    let outcome = start_all(&server, &machine, count, input)?;
    let each = |bytes: u64| bytes.saturating_sub(empty_bytes) as f64 / count as f64;
    let before = Figure::new("parked: memory each, before the kill", "B", each(server.memory_bytes()?));
    report.add(Figure::new("parked: executions", "", count as f64));
    report.add(Figure::new("parked: starts", "/s", outcome.per_second()));
    report.add(before.goal_below(BYTES_EACH_MAX));
    report.add(Figure::new("parked: WAL at most", "MiB", mib(server.wal_bytes_max())).goal_below(256.0));
    server.kill()?;

    let server = Server::start(&options.binary, &options.folder)?;
    let ready = Figure::new("parked: ready after the kill", "ms", server.ready.as_secs_f64() * 1e3);
    report.add(ready.goal_below(READY_MS_MAX));
    let after = Figure::new("parked: memory each, after the restart", "B", each(server.memory_bytes()?));
    report.add(after.goal_below(BYTES_EACH_MAX));
    let began = Instant::now();
    let running = server.count(&machine, "RUNNING")?;
    report.add(Figure::new("parked: listing all", "s", began.elapsed().as_secs_f64()));
    if running != count {
        return Err(io::Error::other(format!("{count} were parked, and {running} are there")));
    }
    let left = server.stop()?;
    report.add(Figure::new("parked: file each", "B", left.database_bytes as f64 / count as f64));
    Ok(())
}

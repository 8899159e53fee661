//! The size of the file under retention: executions that end and are swept a few seconds later, for
//! minutes. After the first third of the time the file must not grow any more.

use std::io;
use std::process::Command;
use std::time::Duration;

use stepwell_bench::client;
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::Server;
use stepwell_bench::{chain, mib, new_folder, start_body};

use super::Options;
use super::pace::{self, Pace};

/// How long an execution is kept.
const RETENTION_SECONDS: u64 = 10;

/// Starts in a second.
const PER_SECOND: f64 = 5_000.0;

/// How long it takes if nothing else is asked for.
const SECONDS: u64 = 90;

/// How much larger the file may be at the end than after a third of the time.
const TIMES_MAX: f64 = 1.1;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let time = Duration::from_secs(options.seconds.unwrap_or(SECONDS));
    new_folder(&options.folder)?;
    let config = options.folder.join("stepwell.toml");
    std::fs::write(&config, format!("[limits]\nretention_seconds = {RETENTION_SECONDS}\n"))?;
    let mut command = Command::new(&options.binary);
    command.env("STEPWELL_CONFIG", &config);
    let data = options.folder.join("data");
    let server = Server::start_by(command, &data)?;
    let machine = server.create_machine("Swept", "STANDARD", &chain(10))?;
    let mut sizes = Vec::new();
    let mut started = 0;
    pace::keep(Pace {
        address: server.address,
        connections: 256,
        per_second: PER_SECOND,
        time,
        interval: Duration::from_secs(1),
        request: &mut |n, out| {
            let body =
                start_body(&machine, n.is_multiple_of(2).then_some(n), &format!(r#"{{\"order\":{n}}}"#));
            client::put_request("StartExecution", &body, out);
        },
        told: &mut |interval| {
            started += interval.accepted;
            sizes.push(mib(std::fs::metadata(data.join("stepwell.db"))?.len()));
            Ok(())
        },
    })?;
    let swept = server.metric("stepwell_executions_swept_total")?;
    let third = sizes.len() / 3;
    report.add(Figure::new("retention: executions started", "", started as f64));
    report.add(Figure::new("retention: executions swept", "", swept as f64));
    let (early, last) = (sizes[third], sizes[sizes.len() - 1]);
    report.add(Figure::new("retention: file after a third of the time", "MiB", early));
    report.add(Figure::new("retention: file at the end", "MiB", last));
    report.add(Figure::new("retention: at the end against then", "", last / early).goal_below(TIMES_MAX));
    report.add(Figure::new("retention: WAL at most", "MiB", mib(server.wal_bytes_max())).goal_below(256.0));
    Ok(())
}

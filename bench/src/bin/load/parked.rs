//! W5: executions that wait: what each takes, and a hundred thousand that are due at once.
//!
//! Parked are a million in a `Wait` of a day: memory before a `kill -9` and after the start that
//! follows, the bytes of their file, and how long that start takes. Due at once are those with one
//! `Timestamp` in common: told is the time from that moment until the last has ended, durably.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use stepwell_bench::mib;
use stepwell_bench::report::Figure;
use stepwell_bench::server::Server;
use stepwell_model::Timestamp;

use crate::setting::{MANY, Setting, check_ended, counted, start, start_body};

/// What a parked execution may take in memory, in bytes.
const MEMORY_BYTES_MAX: f64 = 300.0;

/// How long a start with a million parked may take, in milliseconds.
const READY_MS_MAX: f64 = 5_000.0;

/// How long after they were due all have to have ended, in seconds.
const TIMERS_SECONDS_MAX: f64 = 10.0;

/// Starts in a second that any machine manages: so long before they are due they are begun.
const STARTS_PER_SECOND_MIN: u64 = 20_000;

/// How often the server is asked while it resumes.
const PAUSE: Duration = Duration::from_millis(20);

/// How many executions have no work to do and are out of memory.
pub const PARKED: &str = "stepwell_executions_parked";

/// A machine whose executions wait longer than any measurement lasts.
pub const WAIT_A_DAY: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}"#;

/// A million in a Wait of a day.
pub fn parked(setting: &mut Setting) -> io::Result<()> {
    let count = setting.options.executions(1_000_000);
    let server = setting.server()?;
    let machine = server.create_machine("Park", "STANDARD", WAIT_A_DAY)?;
    let empty_bytes = memory_of_an_empty_server(setting)?;
    let outcome = start(&server, MANY, count, &|n| start_body(&machine, n))?;
    let each = |bytes: u64| bytes.saturating_sub(empty_bytes) as f64 / count as f64;
    let figure =
        |what: &str, unit, value| Figure::new(format!("W5 {} parked: {what}", counted(count)), unit, value);

    let before = each(server.memory_bytes()?);
    let report = &mut setting.report;
    report.add(figure("starts", "/s", outcome.per_second()));
    report.add(figure("memory each, before the kill", "B", before).goal_below(MEMORY_BYTES_MAX));
    report.add(figure("WAL at most", "MiB", mib(server.wal_bytes_max())).goal_below(256.0));
    server.kill()?;

    let server = Server::start(&setting.options.binary, &setting.options.folder)?;
    report
        .add(figure("ready after the kill", "ms", server.ready.as_secs_f64() * 1e3).goal_below(READY_MS_MAX));
    let after = each(server.memory_bytes()?);
    report.add(figure("memory each, after the restart", "B", after).goal_below(MEMORY_BYTES_MAX));
    let began = Instant::now();
    let running = server.count(&machine, "RUNNING")?;
    report.add(figure("listing all", "s", began.elapsed().as_secs_f64()));
    if running != count {
        return Err(io::Error::other(format!("{count} were parked, and {running} are there")));
    }
    report.add(figure(
        "file each, after a clean stop",
        "B",
        server.stop()?.database_bytes as f64 / count as f64,
    ));
    Ok(())
}

/// The memory of a server that was started on an empty data directory of its own.
fn memory_of_an_empty_server(setting: &Setting) -> io::Result<u64> {
    let folder: &Path = &setting.options.folder.join("empty");
    std::fs::create_dir_all(folder)?;
    Server::start(&setting.options.binary, folder)?.memory_bytes()
}

/// A hundred thousand that are due at one moment.
pub fn timers(setting: &mut Setting) -> io::Result<()> {
    let count = setting.options.executions(100_000);
    let server = setting.server()?;
    let machine = server.create_machine("Timers", "STANDARD", WAIT_FOR_DUE)?;
    let due = from_now(Duration::from_secs(3 + count / STARTS_PER_SECOND_MIN));
    start(&server, MANY, count, &|n| due_body(&machine, n, due))?;
    let parked = wait_until_due(&server, due, 0)?;
    let cpu = server.cpu_seconds()?;
    let began = Instant::now();
    server.wait_closed_asking(count, PAUSE)?;
    let seconds = began.elapsed().as_secs_f64();
    let cpu = server.cpu_seconds()? - cpu;
    check_ended(&server, &machine, count)?;
    let figure = |what: &str, unit, value| {
        Figure::new(format!("W5 {} timers due at once: {what}", counted(count)), unit, value)
    };
    let report = &mut setting.report;
    report.add(figure("all have ended after", "s", seconds).goal_below(TIMERS_SECONDS_MAX));
    report.add(figure("parked before", "", parked as f64));
    report.add(figure("server CPU each", "µs", cpu * 1e6 / count as f64));
    Ok(())
}

const WAIT_FOR_DUE: &str =
    r#"{"StartAt":"W","States":{"W":{"Type":"Wait","TimestampPath":"$.due","End":true}}}"#;

fn due_body(machine: &str, n: u64, due: Timestamp) -> String {
    format!(
        r#"{{"stateMachineArn":"{machine}","input":"{{\"order\":{n},\"due\":\"{}\"}}"}}"#,
        due.to_rfc3339()
    )
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_epoch_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The moment so long from now.
pub fn from_now(wait: Duration) -> Timestamp {
    now().after(wait)
}

/// Sleeps until `due`; how many executions are parked shortly before.
///
/// # Errors
///
/// It is that late already, or more than `ended` executions have ended.
pub fn wait_until_due(server: &Server, due: Timestamp, ended: u64) -> io::Result<u64> {
    let parked = server.metric(PARKED)?;
    let wait = due.since(now());
    if wait.is_zero() || server.closed()? > ended {
        return Err(io::Error::other("the executions were due before all of them waited"));
    }
    std::thread::sleep(wait);
    Ok(parked)
}

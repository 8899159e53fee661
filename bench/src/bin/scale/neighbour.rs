//! A quiet state machine beside a noisy one: the quiet one's p99 at a modest rate, alone and beside each
//! kind of noise. For comparison also beside threads that only spin, as many as the server has that are busy
//! then: that much is what two processors can do for three or four threads, and no matter of the server.
//!
//! A quiet execution goes through ten `Pass` states. They, its end and the reply to its start are one
//! commit, so the latency of the start, from the moment at which it was due, is that of the whole
//! execution. Noise is [`NOISY`] executions under way at any time, each of which would like to have a
//! processor for itself.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stepwell_bench::chain;
use stepwell_bench::client;
use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::{Server, text_member};

use super::pace::{self, Pace};
use super::{Options, one_line};

/// Starts of the quiet machine in a second.
const QUIET_PER_SECOND: f64 = 200.0;

const QUIET_CONNECTIONS: usize = 64;

/// How many executions of the noisy machine are kept under way.
const NOISY: u64 = 16;

/// How many threads spin for comparison: one as a shard does, one as what commits does.
const SPINNING: [usize; 2] = [1, 2];

/// How long each kind takes, in seconds.
const SECONDS: u64 = 10;

/// How much slower the quiet machine may be beside noise.
const TIMES_MAX: f64 = 2.0;

/// The kinds of noise, with their definitions.
const NOISES: [(&str, &str); 3] = [
    (
        "Choice loops",
        r#"{"StartAt":"A","States":{
            "A":{"Type":"Choice","Choices":[{"Variable":"$.never","IsPresent":true,"Next":"E"}],"Default":"B"},
            "B":{"Type":"Choice","Choices":[{"Variable":"$.never","IsPresent":true,"Next":"E"}],"Default":"A"},
            "E":{"Type":"Succeed"}}}"#,
    ),
    (
        "heavy JSONata",
        r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{
            "A":{"Type":"Pass","Output":"{% $sum([1..20000].($ * $)) %}","Next":"B"},
            "B":{"Type":"Choice","Choices":[{"Condition":"{% $states.input < 0 %}","Next":"E"}],"Default":"A"},
            "E":{"Type":"Succeed"}}}"#,
    ),
    (
        "large Maps",
        r#"{"QueryLanguage":"JSONata","StartAt":"M","States":{
            "M":{"Type":"Map","Items":"{% [1..2400] %}","ItemProcessor":{"StartAt":"P","States":{
                "P":{"Type":"Pass","Output":{"item":"{% $states.input %}"},"End":true}}},"Next":"M2"},
            "M2":{"Type":"Map","Items":"{% [1..2400] %}","ItemProcessor":{"StartAt":"P2","States":{
                "P2":{"Type":"Pass","Output":{"item":"{% $states.input %}"},"End":true}}},"End":true}}}"#,
    ),
];

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let time = Duration::from_secs(options.seconds.unwrap_or(SECONDS));
    let server = options.new_server()?;
    let quiet = server.create_machine("Quiet", "STANDARD", &chain(10))?;
    let [p50, alone] = quiet_ms(&server, &quiet, time)?;
    report.add(Figure::new("neighbour: quiet alone, p50", "ms", p50));
    report.add(Figure::new("neighbour: quiet alone, p99", "ms", alone));
    for threads in SPINNING {
        eprintln!("  {threads} spinning");
        let p99 = beside_spinning(threads, || quiet_ms(&server, &quiet, time))?[1];
        report.add(Figure::new(format!("neighbour: beside {threads} spinning, p99"), "ms", p99));
        let times = format!("neighbour: p99 beside {threads} spinning against alone");
        report.add(Figure::new(times, "", p99 / alone));
    }
    for (at, (name, definition)) in NOISES.iter().enumerate() {
        eprintln!("  {name}");
        let definition = one_line(definition);
        let noisy = server.create_machine(&format!("Noisy{at}"), "STANDARD", &definition)?;
        let is_over = AtomicBool::new(false);
        let quiet_beside = std::thread::scope(|scope| {
            let noise = scope.spawn(|| make_noise(&server, &noisy, &is_over));
            let quiet = quiet_ms(&server, &quiet, time);
            is_over.store(true, Ordering::Relaxed);
            let made = noise.join().expect("the noise does not panic")?;
            quiet.map(|quiet| (quiet, made))
        });
        let ([p50, p99], made) = quiet_beside?;
        report.add(Figure::new(format!("neighbour: beside {name}, p50"), "ms", p50));
        report.add(Figure::new(format!("neighbour: beside {name}, p99"), "ms", p99));
        let times = Figure::new(format!("neighbour: p99 beside {name} against alone"), "", p99 / alone);
        report.add(times.goal_below(TIMES_MAX));
        report.add(Figure::new(format!("neighbour: noisy executions begun, {name}"), "", made as f64));
    }
    Ok(())
}

/// p50 and p99 of the quiet machine, in milliseconds.
fn quiet_ms(server: &Server, machine: &str, time: Duration) -> io::Result<[f64; 2]> {
    let mut whole = Err(io::Error::other("no interval ended"));
    pace::keep(Pace {
        address: server.address,
        connections: QUIET_CONNECTIONS,
        per_second: QUIET_PER_SECOND,
        time: time + Duration::from_millis(500),
        interval: time,
        request: &mut |n, out| {
            let body = format!(r#"{{"stateMachineArn":"{machine}","input":"{{\"order\":{n}}}"}}"#);
            client::put_request("StartExecution", &body, out);
        },
        told: &mut |interval| {
            whole = match interval.refused {
                0 => Ok([interval.percentile_ms(0.5), interval.percentile_ms(0.99)]),
                refused => Err(io::Error::other(format!("{refused} quiet starts were refused"))),
            };
            Ok(())
        },
    })?;
    whole
}

/// Does something while this many threads spin.
fn beside_spinning<T>(threads: usize, work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let made = work();
        is_over.store(true, Ordering::Relaxed);
        made
    })
}

/// Keeps [`NOISY`] executions under way until it is over, and stops them then; how many were begun.
fn make_noise(server: &Server, machine: &str, is_over: &AtomicBool) -> io::Result<u64> {
    /// How often it is looked how many there are.
    const LOOK: Duration = Duration::from_millis(20);
    let start = format!(r#"{{"stateMachineArn":"{machine}"}}"#);
    let mut begun = 0;
    while !is_over.load(Ordering::Relaxed) {
        for _ in server.count(machine, "RUNNING")?..NOISY {
            server.call("StartExecution", &start)?;
            begun += 1;
        }
        std::thread::sleep(LOOK);
    }
    loop {
        let list = format!(r#"{{"stateMachineArn":"{machine}","statusFilter":"RUNNING"}}"#);
        let running = server.call("ListExecutions", &list)?;
        let Some(execution) = text_member(&running, "executionArn") else { break };
        server.call("StopExecution", &format!(r#"{{"executionArn":"{execution}"}}"#))?;
    }
    Ok(begun)
}

//! What it costs to wake up after many events: the processor time of the server for executions that
//! wait after 20 events, and for as many that wait after 20,000.
//!
//! Each loops until it has its events, and then waits for a moment that all share. Further executions
//! that only wait are started meanwhile, so that those measured are let go from memory before they are
//! woken. What the last state and the commit cost is part of both figures.

use std::io;
use std::time::Duration;

use stepwell_bench::report::{Figure, Report};
use stepwell_bench::server::Server;

use super::{Options, moment_in, one_line, sleep_until, start_all, wait_until};

/// How many are woken.
const WOKEN: u64 = 400;

/// How many more executions only wait: more than a server keeps in memory as a whole.
const OTHERS: u64 = 20_000;

/// Events of a round of the loop: a `Pass` and a `Choice`, entered and left.
const EVENTS_A_ROUND: u64 = 4;

/// How much more it may cost after 20,000 events than after 20.
const TIMES_MAX: f64 = 2.0;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let few = wake(options, 20)?;
    let many = wake(options, 20_000)?;
    report.add(Figure::new("waking: server CPU each at event 20", "µs", few));
    report.add(Figure::new("waking: server CPU each at event 20,000", "µs", many));
    report.add(Figure::new("waking: event 20,000 against event 20", "", many / few).goal_below(TIMES_MAX));
    Ok(())
}

/// The processor time of the server for waking one execution after so many events, in microseconds.
fn wake(options: &Options, events: u64) -> io::Result<f64> {
    let server = options.new_server()?;
    let definition = format!(
        r#"{{"QueryLanguage":"JSONata","StartAt":"Count","States":{{
            "Count":{{"Type":"Pass","Output":{{"at":"{{% $states.input.at %}}","n":"{{% $states.input.n + 1 %}}"}},"Next":"Enough"}},
            "Enough":{{"Type":"Choice","Choices":[{{"Condition":"{{% $states.input.n >= {rounds} %}}","Next":"Wait"}}],"Default":"Count"}},
            "Wait":{{"Type":"Wait","Timestamp":"{{% $states.input.at %}}","Next":"Last"}},
            "Last":{{"Type":"Pass","End":true}}}}}}"#,
        rounds = events / EVENTS_A_ROUND,
    );
    let definition = one_line(&definition);
    let measured = server.create_machine("Woken", "STANDARD", &definition)?;
    let park = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":86400,"End":true}}}"#;
    let others = server.create_machine("Others", "STANDARD", park)?;
    let (at, due) = moment_in(5 + WOKEN * events / 200_000);
    start_all(&server, &measured, WOKEN, &mut |_| format!(r#"{{\"at\":\"{at}\",\"n\":0}}"#))?;
    all_wait(&server, WOKEN * events)?;
    start_all(&server, &others, OTHERS, &mut |_| "{}".to_owned())?;
    let patience = Duration::from_secs(10);
    wait_until("executions let go", OTHERS / 2, patience, &mut || {
        server.metric("stepwell_executions_parked")
    })?;
    if due <= std::time::SystemTime::now() + Duration::from_millis(300) {
        return Err(io::Error::other("the moment came too soon: the machine is too slow"));
    }
    sleep_until(due - Duration::from_millis(100));
    let before = server.cpu_seconds()?;
    wait_until("woken", WOKEN, Duration::from_secs(60), &mut || server.closed())?;
    Ok((server.cpu_seconds()? - before) * 1e6 / WOKEN as f64)
}

/// Waits until the loops are through.
fn all_wait(server: &Server, events: u64) -> io::Result<()> {
    let patience = Duration::from_secs(120);
    wait_until("events", events, patience, &mut || server.metric("stepwell_journal_events_total"))?;
    Ok(())
}

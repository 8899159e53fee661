//! Express executions of ten `Pass` states over HTTP: what is left of the machine when nothing has to
//! be made durable (synchronous, the other half of W2), and when one record has to (asynchronous).

use std::io;

use stepwell_bench::chain;
use stepwell_bench::client::{self, Outcome, Plan};
use stepwell_bench::report::Figure;
use stepwell_bench::server::Server;

use crate::setting::{FLUSHES, SOME, Setting, counted, start_body};
use crate::starts::CHAIN_STATES;

/// How many transitions in a second W2 has to reach.
const SYNC_TRANSITIONS: f64 = 300_000.0;

const STARTED: &str = "stepwell_executions_started_total";
const TRANSITIONS: &str = "stepwell_state_transitions_total";

fn server_and_machine(setting: &Setting) -> io::Result<(Server, String)> {
    let server = setting.server()?;
    let machine = server.create_machine("Load", "EXPRESS", &chain(CHAIN_STATES))?;
    Ok((server, machine))
}

fn drive(
    setting: &Setting,
    server: &Server,
    operation: &str,
    machine: &str,
    in_flight: usize,
) -> io::Result<Outcome> {
    let outcome = client::drive(Plan {
        address: server.address,
        in_flight,
        time: setting.options.time,
        requests_max: u64::MAX,
        request: &mut |n, out| client::put_request(operation, &start_body(machine, n), out),
    })?;
    match outcome.first_refusal {
        None => Ok(outcome),
        Some(refusal) => Err(io::Error::other(format!("{operation} was refused: {refusal}"))),
    }
}

/// `StartSyncExecution`: an answer is an execution that has ended.
pub fn synchronous(setting: &mut Setting) -> io::Result<()> {
    let (server, machine) = server_and_machine(setting)?;
    let body = start_body(&machine, 100_000);
    let answer = server.call("StartSyncExecution", &body)?;
    if !answer.contains(r#""status":"SUCCEEDED""#) {
        return Err(io::Error::other(format!("the execution did not succeed: {answer}")));
    }
    drop(server);
    let echo = setting.echo(SOME, &body, answer.len())?;

    let (server, machine) = server_and_machine(setting)?;
    let (cpu, transitions) = (server.cpu_seconds()?, server.metric(TRANSITIONS)?);
    let outcome = drive(setting, &server, "StartSyncExecution", &machine, SOME)?;
    let cpu = server.cpu_seconds()? - cpu;
    let transitions = server.metric(TRANSITIONS)? - transitions;
    if transitions != outcome.accepted * CHAIN_STATES as u64 {
        let told =
            format!("{} were answered, and the server counts {transitions} transitions", outcome.accepted);
        return Err(io::Error::other(told));
    }
    let figure = |what: &str, unit, value| {
        Figure::new(format!("W2 Express sync, {SOME} in flight: {what}"), unit, value)
    };
    let per_second = outcome.per_second();
    let report = &mut setting.report;
    report.add(figure("executions", "/s", per_second).beside(echo));
    let transitions = figure("transitions", "/s", per_second * CHAIN_STATES as f64);
    report.add(transitions.goal_above(Some(SYNC_TRANSITIONS)));
    report.add(figure("p50", "ms", outcome.percentile_ms(0.5)));
    report.add(figure("p99", "ms", outcome.percentile_ms(0.99)));
    report.add(figure("server CPU per execution", "µs", cpu * 1e6 / outcome.accepted.max(1) as f64));
    report.add(figure("answer", "B", answer.len() as f64));
    Ok(())
}

/// `StartExecution` of an Express machine: its answer says that the start is durable.
pub fn asynchronous(setting: &mut Setting) -> io::Result<()> {
    for in_flight in setting.in_flight() {
        setting.flushes_per_second()?;
        let (server, machine) = server_and_machine(setting)?;
        let started = server.metric(STARTED)?;
        let outcome = drive(setting, &server, "StartExecution", &machine, in_flight)?;
        let started = server.metric(STARTED)? - started;
        if started != outcome.accepted {
            let told = format!("{} starts were answered, and the server counts {started}", outcome.accepted);
            return Err(io::Error::other(told));
        }
        let commits = server.commits()?.max(1);
        let figure = |what: &str, unit, value| {
            Figure::new(
                format!("Express async, {} in flight: {what}", counted(in_flight as u64)),
                unit,
                value,
            )
        };
        let report = &mut setting.report;
        report.add(figure("durable starts", "/s", outcome.per_second()).beside(FLUSHES));
        report.add(figure("starts per commit", "", outcome.accepted as f64 / commits as f64));
        report.add(figure("p50", "ms", outcome.percentile_ms(0.5)));
        report.add(figure("p99", "ms", outcome.percentile_ms(0.99)));
    }
    Ok(())
}

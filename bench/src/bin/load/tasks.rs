//! W3: five tasks of an activity in a row.
//!
//! One execution in flight: the time from its start until the answer to the fifth
//! `SendTaskSuccess`, which leaves once the end of the execution is durable, because both are one
//! commit. Workers keep their connection: poll, answer, poll again.
//!
//! | workers                        | commits one after the other                                  | mark of the p50 |
//! |--------------------------------|--------------------------------------------------------------|---|
//! | several, waiting before        | start with hand-out; four results with hand-out; last result | six flushes and 5 ms |
//! | one, which polls between tasks | each hand-out is a commit of its own                         | eleven flushes and 5 ms |
//!
//! 64 in flight: as many executions are under way all the time; told are those that ended.

use std::io;
use std::time::Instant;

use stepwell_bench::client::{self, Connection, Wire, percentile_ms};
use stepwell_bench::report::Figure;
use stepwell_bench::server::{Server, text_member};

use crate::setting::{FLUSHES, SOME, Setting, check_ended};

/// How many tasks an execution has.
const TASKS: u64 = 5;

/// How many workers wait where several do: one more than there are tasks, so that none that has just
/// answered is needed again.
const WORKERS: usize = 6;

/// How many executions are measured one after the other.
const EXECUTIONS: u64 = 200;

/// How many are run before, so that connections and caches are warm.
const WARM_UP: u64 = 20;

/// What the mark allows beside the flushes, in milliseconds.
const ALLOWANCE_MS: f64 = 5.0;

const WAITING: &str = "stepwell_activity_workers_waiting";

/// W3.
pub fn w3(setting: &mut Setting) -> io::Result<()> {
    let several = format!("W3 five tasks, one in flight, {WORKERS} workers waiting");
    one_in_flight(setting, &several, WORKERS, 6)?;
    one_in_flight(setting, "W3 five tasks, one in flight, a single worker", 1, 11)?;
    many_in_flight(setting)
}

fn one_in_flight(setting: &mut Setting, name: &str, workers: usize, flushes: u32) -> io::Result<()> {
    let flush_ms = 1e3 / setting.flushes_per_second()?;
    let limit = format!("limit: {flushes} flushes and {ALLOWANCE_MS} ms");
    let limit = setting.computed(limit, "ms", f64::from(flushes) * flush_ms + ALLOWANCE_MS);
    let (server, machine, mut crew) = prepare(setting, workers, 1)?;
    let count = if setting.options.quick { EXECUTIONS / 4 } else { EXECUTIONS } + WARM_UP;
    let mut times_us = Vec::new();
    for n in 0..count {
        // Between executions nothing is measured: the server counts who waits, and who has ended.
        crew.wait_for_pollers(&server)?;
        let began = Instant::now();
        crew.start(&machine, n, began)?;
        crew.turn_until(|crew| crew.ended > n && !crew.is_starting())?;
        times_us.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        server.wait_closed(n + 1)?;
    }
    check_ended(&server, &machine, count)?;
    let commits = server.commits()? as f64 / count as f64;
    times_us.drain(..WARM_UP as usize);
    times_us.sort_unstable();
    let figure = |what: &str, unit, value| Figure::new(format!("{name}: {what}"), unit, value);
    let report = &mut setting.report;
    report.add(figure("p50", "ms", percentile_ms(&times_us, 0.5)).beside(limit).ratio_below(1.0));
    report.add(figure("p99", "ms", percentile_ms(&times_us, 0.99)));
    report.add(figure("commits per execution", "", commits));
    Ok(())
}

fn many_in_flight(setting: &mut Setting) -> io::Result<()> {
    setting.flushes_per_second()?;
    let (server, machine, mut crew) = prepare(setting, SOME, SOME)?;
    crew.wait_for_pollers(&server)?;
    let mut started = Vec::new();
    let began = Instant::now();
    let mut times_us = Vec::new();
    loop {
        let now = Instant::now();
        let may_start = now.duration_since(began) < setting.options.time;
        while may_start && started.len() as u64 - crew.ended < SOME as u64 {
            crew.start(&machine, started.len() as u64, now)?;
            started.push(now);
        }
        if crew.ended == started.len() as u64 && !crew.is_starting() {
            break;
        }
        crew.turn()?;
        for order in crew.orders_ended.drain(..) {
            times_us.push(u32::try_from(started[order as usize].elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
    let elapsed = began.elapsed().as_secs_f64();
    let count = started.len() as u64;
    server.wait_closed(count)?;
    check_ended(&server, &machine, count)?;
    let commits = server.commits()?.max(1);
    times_us.sort_unstable();
    let figure = |what: &str, unit, value| {
        Figure::new(format!("W3 five tasks, {SOME} in flight: {what}"), unit, value)
    };
    let report = &mut setting.report;
    report.add(figure("completions", "/s", count as f64 / elapsed).beside(FLUSHES));
    report.add(figure("tasks", "/s", (count * TASKS) as f64 / elapsed));
    report.add(figure("p50", "ms", percentile_ms(&times_us, 0.5)));
    report.add(figure("p99", "ms", percentile_ms(&times_us, 0.99)));
    report.add(figure("tasks per commit", "", (count * TASKS) as f64 / commits as f64));
    Ok(())
}

/// A server with an activity, a machine of five tasks of it, and workers that begin to poll.
fn prepare(setting: &Setting, workers: usize, starters: usize) -> io::Result<(Server, String, Crew)> {
    let server = setting.server()?;
    let created = server.call("CreateActivity", r#"{"name":"Work"}"#)?;
    let activity = text_member(&created, "activityArn")
        .ok_or_else(|| io::Error::other(format!("no activity was created: {created}")))?;
    let states: Vec<String> = (1..=TASKS)
        .map(|at| {
            let next = if at == TASKS { r#""End":true"#.into() } else { format!(r#""Next":"T{}""#, at + 1) };
            format!(r#""T{at}":{{"Type":"Task","Resource":"{activity}",{next}}}"#)
        })
        .collect();
    let definition = format!(r#"{{"StartAt":"T1","States":{{{}}}}}"#, states.join(","));
    let machine = server.create_machine("Tasks", "STANDARD", &definition)?;
    let crew = Crew::new(&server, &activity, workers, starters)?;
    Ok((server, machine, crew))
}

/// Workers, and connections that start executions.
struct Crew {
    wire: Wire,
    /// What each worker's answer will be to; the first connections are theirs.
    asked: Vec<Asked>,
    /// The connections that start, which are free.
    starters_free: Vec<usize>,
    starters: usize,
    poll: Vec<u8>,
    /// How many executions have ended.
    ended: u64,
    /// Which have since somebody looked.
    orders_ended: Vec<u64>,
}

#[derive(Clone, Copy)]
enum Asked {
    Task,
    /// Of the task of this execution, and how many tasks it had before.
    Success(u64, u64),
}

impl Crew {
    fn new(server: &Server, activity: &str, workers: usize, starters: usize) -> io::Result<Crew> {
        let mut poll = Vec::new();
        client::put_request("GetActivityTask", &format!(r#"{{"activityArn":"{activity}"}}"#), &mut poll);
        let mut wire = Wire::connect(server.address, workers + starters)?;
        for at in 0..workers {
            wire.connection(at).send(Instant::now(), |out| out.extend_from_slice(&poll))?;
        }
        Ok(Crew {
            wire,
            asked: vec![Asked::Task; workers],
            starters_free: (workers..workers + starters).collect(),
            starters,
            poll,
            ended: 0,
            orders_ended: Vec::new(),
        })
    }

    fn wait_for_pollers(&self, server: &Server) -> io::Result<()> {
        let deadline = Instant::now() + client::SILENCE_MAX;
        while server.metric(WAITING)? != self.asked.len() as u64 {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the workers do not all wait"));
            }
        }
        Ok(())
    }

    fn is_starting(&self) -> bool {
        self.starters_free.len() < self.starters
    }

    /// Starts the execution of order `n`.
    fn start(&mut self, machine: &str, n: u64, now: Instant) -> io::Result<()> {
        let at = self.starters_free.pop().ok_or_else(|| io::Error::other("a start is not answered yet"))?;
        let body = format!(r#"{{"stateMachineArn":"{machine}","input":"{{\"order\":{n},\"step\":0}}"}}"#);
        self.wire.connection(at).send(now, |out| client::put_request("StartExecution", &body, out))
    }

    fn turn_until(&mut self, is_reached: impl Fn(&Crew) -> bool) -> io::Result<()> {
        while !is_reached(self) {
            self.turn()?;
        }
        Ok(())
    }

    /// Takes the answers that have arrived; workers go on with their next request.
    fn turn(&mut self) -> io::Result<()> {
        let Crew { wire, asked, starters_free, poll, ended, orders_ended, .. } = self;
        wire.turn(&mut |at, connection| {
            if connection.status() != 200 {
                return Err(io::Error::other(format!("refused: {}", connection.text())));
            }
            let Some(asked) = asked.get_mut(at) else {
                starters_free.push(at);
                return Ok(());
            };
            match *asked {
                Asked::Task => *asked = answer_task(connection, poll)?,
                Asked::Success(order, step) => {
                    if step + 1 == TASKS {
                        *ended += 1;
                        orders_ended.push(order);
                    }
                    *asked = Asked::Task;
                    connection.send(Instant::now(), |out| out.extend_from_slice(poll))?;
                }
            }
            Ok(())
        })
    }
}

/// Answers the task that has arrived with its input, one step on; polls again if none has.
fn answer_task(connection: &mut Connection, poll: &[u8]) -> io::Result<Asked> {
    let text = connection.text();
    let now = Instant::now();
    let Some(token) = text_member(&text, "taskToken") else {
        connection.send(now, |out| out.extend_from_slice(poll))?;
        return Ok(Asked::Task);
    };
    let number = |name: &str| {
        let digits = text.split_once(&format!(r#"\"{name}\":"#)).map_or("", |(_, rest)| rest);
        digits
            .split(|letter: char| !letter.is_ascii_digit())
            .next()
            .and_then(|digits| digits.parse::<u64>().ok())
    };
    let (Some(order), Some(step)) = (number("order"), number("step")) else {
        return Err(io::Error::other(format!("a task with another input: {text}")));
    };
    let body = format!(r#"{{"taskToken":"{token}","output":"{{\"order\":{order},\"step\":{}}}"}}"#, step + 1);
    connection.send(now, |out| client::put_request("SendTaskSuccess", &body, out))?;
    Ok(Asked::Success(order, step))
}

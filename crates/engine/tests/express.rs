//! Express executions: durable starts, runs after a crash, ends that are noted without haste.

mod support;

use std::time::Duration;

use stepwell_engine::*;
use stepwell_model::{ExecutionStatus, MachineType};
use stepwell_value::Payload;
use support::*;
use tokio::sync::oneshot;

fn status(driver: &Driver, machine: &MachineKey) -> Vec<ExecutionStatus> {
    let list =
        ListExecutions { machine: machine.clone(), qualifier: None, status: None, after: None, limit: 100 };
    driver.commons.executions(&list).unwrap().0.iter().map(|execution| execution.status).collect()
}

#[test]
fn a_start_that_ends_at_once_is_one_commit() {
    let mut driver = Driver::new();
    let machine = driver.machine_of(MachineType::Express, "m", PASS);
    driver.start_express(&machine, "{}");
    assert_eq!((driver.commits, status(&driver, &machine)), (1, vec![ExecutionStatus::Succeeded]));
    let stats = driver.commons.stats();
    assert_eq!((stats.started, stats.succeeded, stats.transitions), (1, 1, 1));
}

#[test]
fn an_end_is_noted_with_the_next_commit_or_after_a_second() {
    let mut driver = Driver::new();
    let machine = driver.machine_of(MachineType::Express, "m", WAIT);
    driver.start_express(&machine, "{}");
    driver.pass(Duration::from_secs(60));
    assert_eq!((driver.commits, status(&driver, &machine)), (1, vec![ExecutionStatus::Running]));
    driver.pass(Duration::from_millis(1_000));
    assert_eq!((driver.commits, status(&driver, &machine)), (2, vec![ExecutionStatus::Succeeded]));
}

#[test]
fn what_was_under_way_is_run_again_three_times_at_most() {
    let mut driver = Driver::new();
    let machine = driver.machine_of(MachineType::Express, "m", &task(INVOKE_F));
    driver.start_express(&machine, "{}");
    for _ in 0..3 {
        driver.run_task();
        driver.crash();
    }
    driver.run_task();
    driver.crash();
    assert!(driver.sent.is_empty());
    driver.pass(Duration::from_secs(1));
    assert_eq!(status(&driver, &machine), [ExecutionStatus::Failed]);
    driver.crash();
    assert!(driver.sent.is_empty());
}

#[test]
fn a_run_after_a_crash_is_counted_before_anything_of_it_leaves() {
    let mut driver = Driver::new();
    let machine = driver.machine_of(MachineType::Express, "m", &task(INVOKE_F));
    driver.dies_at = Some((1, Dies::BeforeRelease));
    driver.start_express(&machine, "{}");
    assert!(driver.sent.is_empty(), "nothing leaves before the start is durable");
    let commits = driver.commits;
    driver.crash();
    assert_eq!(driver.commits, commits + 1);
    let request = driver.run_task();
    driver.done(request.task, "1");
    driver.pass(Duration::from_secs(1));
    assert_eq!(status(&driver, &machine), [ExecutionStatus::Succeeded]);
}

#[test]
fn a_clock_that_is_set_back_while_a_caller_waits_ends_nothing_before_it_began() {
    let mut driver = Driver::new();
    let machine = driver.machine_of(MachineType::Express, "m", &task(INVOKE_F));
    let input = Payload::parse("{}").unwrap();
    let start =
        StartExpress { machine, qualifier: None, name: None, input, synchronous: true, seconds_max: None };
    let mut here = driver.commons.begin_sync(start).unwrap();
    // The thread of the caller reads a clock that is set back before the shard does.
    let began = driver.now.after_seconds(5);
    assert!(matches!(here.go_on(&driver.commons, began), Ok(ExpressRound::Waits)));
    let (reply, mut heard) = oneshot::channel();
    let call = here.hand_over(&driver.commons, reply);
    driver.put(call);
    driver.run();
    let request = driver.run_task();
    driver.done(request.task, "1");
    let ended = heard.try_recv().unwrap().unwrap();
    assert_eq!((ended.started_at, ended.closed_at), (began, began));
}

#[test]
fn five_minutes_are_all_there_is() {
    let mut driver = Driver::new();
    let long = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":600,"End":true}}}"#;
    let machine = driver.machine_of(MachineType::Express, "m", long);
    driver.start_express(&machine, "{}");
    driver.pass(Duration::from_secs(299));
    assert_eq!(driver.commons.stats().timed_out, 0);
    driver.pass(Duration::from_secs(1));
    assert_eq!(driver.commons.stats().timed_out, 1);
}

const INVOKE_F: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

#[test]
fn what_it_lets_out_does_not_overtake_what_still_waits_for_a_commit() {
    let mut driver = Driver::new();
    let definition = format!(
        r#"{{"StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":1,"Next":"T"}},
           "T":{{"Type":"Task","Resource":"{INVOKE_F}","TimeoutSeconds":1,"End":true}}}}}}"#
    );
    let machine = driver.machine_of(MachineType::Express, "m", &definition);
    let _start = driver.ask_express(&machine, "{}");
    let begins = driver.turn_unwritten();
    let shard = begins[0].0;
    driver.now = driver.now.after_seconds(1);
    let sends = driver.shards[shard].turn([], driver.now);
    assert_eq!((sends.releases.len(), sends.at_once.len()), (1, 0), "its start is not durable");
    driver.write(begins, true);
    driver.now = driver.now.after_seconds(1);
    let cancels = driver.shards[shard].turn([], driver.now);
    assert!(cancels.at_once.is_empty(), "the task is not sent yet");
    driver.write(vec![(shard, sends), (shard, cancels)], true);
    let sent: Vec<&str> = driver
        .sent
        .iter()
        .map(|sent| match sent {
            Sent::Run(_) => "run",
            Sent::Cancel(_) => "cancel",
        })
        .collect();
    assert_eq!(sent, ["run", "cancel"]);
}

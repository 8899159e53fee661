//! Executions that are lent: what happens to them meanwhile, and to the others.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use stepwell_engine::*;
use stepwell_model::{ExecutionStatus, Limits, MachineType, Timestamp};
use support::*;

const ENDLESS: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}}}"#;

/// A machine with two branches: one has no end, in the other a token is waited for.
fn endless_beside(resource: &str) -> String {
    let task = format!(r#""T":{{"Type":"Task","Resource":"{resource}","End":true}}"#);
    format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","End":true,"Branches":[
            {{"StartAt":"A","States":{{"A":{{"Type":"Pass","Next":"A"}}}}}},
            {{"StartAt":"T","States":{{{task}}}}}]}}}}}}"#
    )
}

/// A driver with an execution that is lent, and stays so.
fn lent(definition: &str) -> (Driver, ExecutionStarted) {
    let mut driver = Driver::new();
    driver.holds_loans = true;
    let machine = driver.machine("m", definition);
    let started = driver.start(&machine, Some("n"), "{}").unwrap();
    assert_eq!(driver.loans.len(), 1);
    (driver, started)
}

fn status(driver: &Driver, started: &ExecutionStarted) -> ExecutionStatus {
    driver.commons.execution(&started.key).unwrap().status
}

#[test]
fn what_was_decided_before_is_durable_and_nothing_goes_on_until_it_is_back() {
    let (mut driver, started) = lent(ENDLESS);
    let before = driver.history(&started).lines().count();
    assert!(before > 8);
    driver.pass(Duration::from_secs(1));
    assert_eq!(driver.history(&started).lines().count(), before);
    driver.give_back();
    driver.run();
    assert!(driver.history(&started).lines().count() > before);
    assert_eq!(driver.loans.len(), 1, "it is lent again");
}

#[test]
fn it_is_stopped_when_it_is_back_and_not_lent_again() {
    let (mut driver, started) = lent(ENDLESS);
    let (shard, stop, mut heard) = ask_stop(&driver, &started.key);
    driver.put((shard, stop));
    driver.run();
    assert!(heard.try_recv().is_err(), "it waits");
    driver.give_back();
    driver.run();
    assert_eq!(heard.try_recv().unwrap(), Ok(driver.now));
    assert!(driver.history(&started).ends_with("ExecutionAborted"));
    assert!(driver.loans.is_empty());
    assert!(driver.shards.iter().all(|shard| shard.residents().count() == 0));
}

#[test]
fn what_concerns_it_is_heard_in_the_order_in_which_it_came() {
    let (mut driver, started) = lent(ENDLESS);
    let (_, again, mut stopped) = ask_stop(&driver, &started.key);
    let mut same = driver.ask_start(&started.key.machine, Some("n"), "{}").unwrap();
    let mut other = driver.ask_start(&started.key.machine, Some("n"), r#"{"a":1}"#).unwrap();
    let shard = driver.loans[0].0;
    driver.put((shard, again));
    let mut late = driver.ask_start(&started.key.machine, Some("n"), "{}").unwrap();
    driver.run();
    assert!(same.try_recv().is_err(), "it waits");
    driver.give_back();
    driver.run();
    assert_eq!(same.try_recv().unwrap(), Ok(started));
    assert_eq!(other.try_recv().unwrap(), Err(EngineError::ExecutionExists));
    assert!(stopped.try_recv().unwrap().is_ok());
    assert_eq!(late.try_recv().unwrap(), Err(EngineError::ExecutionExists), "it has been stopped by then");
}

#[test]
fn the_outcome_of_its_task_waits_and_counts() {
    let (mut driver, started) = lent(&endless_beside(INVOKE));
    let task = driver.run_task().task;
    driver.done(task, "{}");
    assert!(!driver.history(&started).contains("TaskSucceeded"));
    driver.give_back();
    driver.run();
    assert!(driver.history(&started).contains("TaskSucceeded"));
    assert_eq!(driver.commons.stats().late_outcomes, 0);
}

#[test]
fn a_token_that_comes_back_meanwhile_is_answered_when_it_is_back() {
    let mut driver = Driver::new();
    driver.activity("a");
    let mut worker = driver.poll("a");
    driver.holds_loans = true;
    let machine = driver.machine("m", &endless_beside(ACTIVITY));
    let started = driver.start(&machine, None, "{}").unwrap();
    let handed = worker.try_recv().unwrap().unwrap().unwrap();
    let (reply, mut heard) = tokio::sync::oneshot::channel();
    let call = driver.commons.answer(&place(), &handed.task_token, TaskAnswer::Heartbeat, reply).unwrap();
    driver.put(call);
    driver.run();
    assert!(heard.try_recv().is_err(), "it waits");
    driver.give_back();
    driver.run();
    assert_eq!(heard.try_recv().unwrap(), Ok(()));
    assert_eq!(status(&driver, &started), ExecutionStatus::Running);
}

#[test]
fn what_became_due_meanwhile_comes_before_it_is_lent_again() {
    let (mut driver, started) =
        lent(r#"{"TimeoutSeconds":60,"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}}}"#);
    driver.pass(Duration::from_secs(61));
    assert_eq!(status(&driver, &started), ExecutionStatus::Running);
    driver.give_back();
    driver.run();
    assert_eq!(status(&driver, &started), ExecutionStatus::TimedOut);
    assert!(driver.loans.is_empty());
}

#[test]
fn a_deadline_that_is_still_to_come_is_kept() {
    let (mut driver, started) =
        lent(r#"{"TimeoutSeconds":60,"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}}}"#);
    for _ in 0..59 {
        driver.give_back();
        driver.pass(Duration::from_secs(1));
        assert_eq!(status(&driver, &started), ExecutionStatus::Running);
    }
    driver.give_back();
    driver.pass(Duration::from_secs(1));
    assert_eq!(status(&driver, &started), ExecutionStatus::TimedOut);
}

#[test]
fn what_is_lent_at_a_crash_goes_on_from_what_was_durable() {
    let (mut driver, started) = lent(ENDLESS);
    let before = driver.history(&started);
    driver.crash();
    let after = driver.history(&started);
    assert!(after.starts_with(&before));
    assert_eq!(driver.loans.len(), 1, "it is lent again");
    driver.give_back();
    driver.run();
    assert!(driver.history(&started).len() > after.len());
}

#[test]
fn one_that_makes_the_language_panic_is_set_aside_and_who_waits_hears_of_it() {
    let (mut driver, started) = lent(ENDLESS);
    let before = driver.history(&started);
    let (_, stop, mut heard) = ask_stop(&driver, &started.key);
    let (shard, mut loan) = driver.loans.pop().unwrap();
    driver.put((shard, stop));
    driver.run();
    loan.decide(&|| panic!("by the test"));
    driver.put((shard, Message::Returned(Box::new(loan))));
    driver.run();
    let aside: Vec<String> =
        driver.shards[shard].set_aside_executions().map(|(_, reason)| reason.to_owned()).collect();
    assert_eq!(aside, ["the language panicked: by the test"]);
    assert!(matches!(heard.try_recv().unwrap(), Err(EngineError::Damaged(_))));
    assert_eq!(driver.history(&started), before);
    assert!(driver.loans.is_empty());
    let machine = driver.machine("other", PASS);
    driver.start(&machine, None, "{}").unwrap();
}

#[test]
fn machines_take_turns_in_being_lent_and_few_are_at_a_time() {
    let mut driver = Driver::new();
    driver.holds_loans = true;
    let noisy = driver.machine("noisy", ENDLESS);
    for name in 0..60 {
        driver.start(&noisy, Some(&name.to_string()), "{}").unwrap();
    }
    let few = driver.loans.len();
    assert!(few <= 2 * driver.shards.len());
    let long = driver.machine("long", &chain(40));
    let started = driver.start(&long, None, "{}").unwrap();
    // It waits for those that are lent, and for one of the noisy ones at most.
    for _ in 0..8 {
        assert!(driver.loans.len() <= few);
        driver.give_back();
        driver.run();
    }
    assert_eq!(status(&driver, &started), ExecutionStatus::Succeeded);
}

#[test]
fn the_others_of_its_shard_are_heard_meanwhile() {
    let (mut driver, started) = lent(ENDLESS);
    let machine = driver.machine("other", PASS);
    for name in 0..32 {
        let other = driver.start(&machine, Some(&name.to_string()), "{}").unwrap();
        assert_eq!(status(&driver, &other), ExecutionStatus::Succeeded);
    }
    assert_eq!(status(&driver, &started), ExecutionStatus::Running);
}

#[test]
fn its_task_that_cannot_be_sent_fails_as_soon_as_it_is_back_however_much_there_is_to_let_out() {
    let refused = "arn:aws:lambda:us-east-1:123456789012:function:refused";
    for turns_before in 0..3 {
        let (mut driver, started) = lent(&endless_beside(refused));
        let other = driver.machine("other", r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#);
        for _ in 0..turns_before {
            driver.start(&other, None, "{}").unwrap();
        }
        // What is let out in the very turn in which it is back.
        let _heard = driver.ask_start(&other, None, "{}").unwrap();
        driver.give_back();
        driver.run();
        assert_eq!(status(&driver, &started), ExecutionStatus::Failed, "{turns_before}");
    }
}

#[test]
fn no_more_calls_wait_for_it_than_for_a_shard() {
    let (mut driver, started) = lent(ENDLESS);
    let mut heard: Vec<Heard<Timestamp>> = (0..=Limits::default().waiting_calls_max)
        .map(|_| {
            let (shard, stop, heard) = ask_stop(&driver, &started.key);
            driver.put((shard, stop));
            heard
        })
        .collect();
    driver.run();
    let last = heard.last_mut().unwrap();
    assert_eq!(last.try_recv().unwrap(), Err(EngineError::Busy));
    assert!(heard[0].try_recv().is_err(), "it waits");
    driver.give_back();
    driver.run();
    let count = heard.len();
    for heard in &mut heard[..count - 1] {
        assert_eq!(heard.try_recv().unwrap(), Ok(driver.now));
    }
}

#[test]
fn an_express_execution_is_lent_as_well() {
    let mut driver = Driver::new();
    driver.holds_loans = true;
    let machine = driver.machine_of(MachineType::Express, "m", &chain(40));
    driver.start_express(&machine, "{}");
    assert_eq!(driver.loans.len(), 1);
    while !driver.loans.is_empty() {
        driver.give_back();
        driver.run();
    }
    assert_eq!(driver.commons.stats().succeeded, 1);
}

#[test]
fn a_machine_whose_expressions_take_long_is_lent_from_its_first_one_on() {
    let mut driver = Driver::new();
    driver.holds_loans = true;
    let looks = driver.looks.clone();
    let machine = driver.machine(
        "m",
        r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Output":"{% 1 %}","End":true}}}"#,
    );
    let quick = driver.start(&machine, None, "{}").unwrap();
    assert_eq!(status(&driver, &quick), ExecutionStatus::Succeeded);
    // From now on an expression takes a second.
    looks.store(1_000, Ordering::Relaxed);
    let slow = driver.start(&machine, None, "{}").unwrap();
    assert_eq!(driver.history(&slow).lines().count(), 3, "{}", driver.history(&slow));
    driver.give_back();
    driver.run();
    let lent = driver.start(&machine, None, "{}").unwrap();
    assert_eq!(driver.history(&lent), "ExecutionStarted");
    // And now no longer: that is believed after a while.
    looks.store(0, Ordering::Relaxed);
    for _ in 0..20 {
        driver.start(&machine, None, "{}").unwrap();
        driver.give_back();
        driver.run();
    }
    let quick = driver.start(&machine, None, "{}").unwrap();
    assert_eq!(status(&driver, &quick), ExecutionStatus::Succeeded);
}

/// So many Pass states one after the other.
fn chain(states: usize) -> String {
    let states: Vec<String> =
        (0..states).map(|n| format!(r#""S{n}":{{"Type":"Pass","Next":"S{}"}}"#, n + 1)).collect();
    let last = states.len();
    format!(r#"{{"StartAt":"S0","States":{{{},"S{last}":{{"Type":"Succeed"}}}}}}"#, states.join(","))
}

fn ask_stop(driver: &Driver, key: &ExecutionKey) -> (usize, Message, Heard<Timestamp>) {
    let (reply, heard) = tokio::sync::oneshot::channel();
    let failure = stepwell_model::Failure::new("Stopped", "by the test");
    let (shard, message) = driver.commons.stop(key.clone(), failure, reply);
    (shard, message, heard)
}

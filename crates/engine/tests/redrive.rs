//! Redrive and stop, and what they race with: restarts, commits that are lost, outcomes that come late,
//! one another.

mod support;

use std::time::Duration;

use stepwell_engine::*;
use stepwell_model::{ExecutionStatus, Failure, TaskRef, Timestamp};
use stepwell_task::TaskOutcome;
use support::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fails(driver: &mut Driver, task: TaskRef) {
    driver.outcome(task, TaskOutcome::Failed(Failure::named("Oops")));
}

/// An execution whose only task has failed.
fn failed(driver: &mut Driver) -> ExecutionStarted {
    let machine = driver.machine("m", &task(INVOKE));
    let started = driver.start(&machine, Some("n"), "{}").unwrap();
    let request = driver.run_task();
    fails(driver, request.task);
    started
}

fn status(driver: &Driver, started: &ExecutionStarted) -> ExecutionStatus {
    driver.commons.execution(&started.key).unwrap().status
}

fn refusal(driver: &mut Driver, started: &ExecutionStarted) -> NotRedrivable {
    match driver.redrive(&started.key, None) {
        Err(EngineError::NotRedrivable(why)) => why,
        other => panic!("{other:?} is no refusal"),
    }
}

#[test]
fn a_redrive_sends_the_task_again_under_another_key_also_after_a_restart() {
    for restarts in [false, true] {
        let mut driver = Driver::new();
        let machine = driver.machine("m", &task(INVOKE));
        let started = driver.start(&machine, None, "{}").unwrap();
        let first = driver.run_task();
        fails(&mut driver, first.task);
        assert!(driver.shards.iter().all(|shard| shard.residents().count() == 0));
        driver.pass(seconds(60));
        if restarts {
            driver.crash();
        }
        let commits = driver.commits;
        assert_eq!(driver.redrive(&started.key, None).unwrap(), driver.now);
        assert_eq!(driver.commits, commits + 1, "redrive, scheduling and start are one commit");
        let second = driver.run_task();
        assert_ne!(first.idempotency_key, second.idempotency_key);
        let view = driver.commons.execution(&started.key).unwrap();
        assert_eq!((view.status, view.closed_at, view.failure), (ExecutionStatus::Running, None, None));
        assert_eq!((view.redrive_count, view.redriven_at), (1, Some(driver.now)));
        driver.done(second.task, "7");
        assert!(driver.history(&started).ends_with(
            "ExecutionFailed Oops\nExecutionRedriven\nTaskScheduled\nTaskStarted\nTaskSucceeded\nTaskStateExited\n\
             ExecutionSucceeded 7"
        ));
        assert!(driver.shards.iter().all(|shard| shard.residents().count() == 0));
    }
}

#[test]
fn a_redrive_that_was_lost_did_not_happen_and_one_that_was_written_did() {
    for is_written in [false, true] {
        let mut driver = Driver::new();
        let started = failed(&mut driver);
        driver.pass(seconds(1));
        let _lost_reply = driver.ask_redrive(&started.key, Some("token"));
        let turns = driver.turn_unwritten();
        if is_written {
            driver.write(turns, false);
        }
        let redriven_at = driver.now;
        driver.pass(seconds(1));
        driver.crash();
        // Nothing had been sent; whether the call left cannot be known to who finds its start.
        assert!(driver.sent.is_empty());
        if is_written {
            let unknown =
                "TaskStarted\nTaskFailed Stepwell.OutcomeUnknown\nExecutionFailed Stepwell.OutcomeUnknown";
            assert!(driver.history(&started).ends_with(unknown));
            assert_eq!(driver.redrive(&started.key, Some("token")).unwrap(), redriven_at);
            assert!(driver.sent.is_empty());
        } else {
            assert!(driver.history(&started).ends_with("ExecutionFailed Oops"));
            assert_eq!(driver.redrive(&started.key, Some("token")).unwrap(), driver.now);
            let request = driver.run_task();
            driver.done(request.task, "1");
            assert_eq!(status(&driver, &started), ExecutionStatus::Succeeded);
        }
    }
}

#[test]
fn a_redriven_execution_is_recovered_like_any_other() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task_with(ACTIVITY, r#","TimeoutSeconds":100"#));
    let started = driver.start(&machine, None, "1").unwrap();
    let old = driver.take("a").unwrap().task_token;
    driver.stop(&started.key).unwrap();
    driver.redrive(&started.key, None).unwrap();
    driver.crash();
    // Scheduled and not started: it is handed out, once.
    let new = driver.take("a").unwrap().task_token;
    assert_eq!(driver.take("a"), None);
    driver.crash();
    assert_eq!(driver.succeed(&old, "1").unwrap_err(), EngineError::TaskEnded);
    driver.succeed(&new, "2").unwrap();
    assert!(driver.history(&started).ends_with("ExecutionSucceeded 2"));
}

#[test]
fn of_two_redrives_at_once_one_wins() {
    let mut driver = Driver::new();
    let started = failed(&mut driver);
    let mut first = driver.ask_redrive(&started.key, Some("a"));
    let mut second = driver.ask_redrive(&started.key, Some("b"));
    let mut again = driver.ask_redrive(&started.key, Some("a"));
    driver.run();
    let redriven_at = first.try_recv().unwrap().unwrap();
    assert_eq!(second.try_recv().unwrap().unwrap_err(), EngineError::NotRedrivable(NotRedrivable::Running));
    assert_eq!(again.try_recv().unwrap().unwrap(), redriven_at);
    assert_eq!(driver.commons.execution(&started.key).unwrap().redrive_count, 1);
    driver.run_task();
    assert!(driver.sent.is_empty());
}

#[test]
fn the_same_request_is_answered_the_same_for_a_quarter_of_an_hour() {
    let mut driver = Driver::new();
    let started = failed(&mut driver);
    let first = driver.redrive(&started.key, Some("a")).unwrap();
    let request = driver.run_task();
    driver.pass(seconds(10));
    assert_eq!(driver.redrive(&started.key, Some("a")).unwrap(), first);
    fails(&mut driver, request.task);
    // Also once it has failed again, and by another server.
    assert_eq!(driver.redrive(&started.key, Some("a")).unwrap(), first);
    driver.crash();
    assert_eq!(driver.redrive(&started.key, Some("a")).unwrap(), first);
    assert!(driver.shards.iter().all(|shard| shard.residents().count() == 0));
    let second = driver.redrive(&started.key, Some("b")).unwrap();
    assert!(second > first);
    let request = driver.run_task();
    assert_eq!(driver.redrive(&started.key, Some("a")).unwrap(), first);
    driver.done(request.task, "1");
    assert_eq!(driver.redrive(&started.key, Some("b")).unwrap(), second);
    assert_eq!(driver.redrive(&started.key, Some("b")).unwrap(), second);
    assert_eq!(refusal(&mut driver, &started), NotRedrivable::Succeeded);
    driver.pass(seconds(15 * 60));
    assert_eq!(
        driver.redrive(&started.key, Some("b")).unwrap_err(),
        EngineError::NotRedrivable(NotRedrivable::Succeeded)
    );
    assert_eq!(driver.commons.execution(&started.key).unwrap().redrive_count, 2);
}

#[test]
fn a_redrive_may_come_before_the_end_is_durable() {
    // In the same turn, and in the next one, written together or apart.
    for (apart, together) in [(false, true), (true, true), (true, false)] {
        let mut driver = Driver::new();
        driver.activity("a");
        let machine = driver.machine("m", &task(ACTIVITY));
        let started = driver.start(&machine, None, "1").unwrap();
        let first = driver.take("a").unwrap().task_token;
        let (reply, mut stopped) = tokio::sync::oneshot::channel();
        let call = driver.commons.stop(started.key.clone(), Failure::named("Stopped"), reply);
        driver.put(call);
        let mut turns = Vec::new();
        if apart {
            turns.extend(driver.turn_unwritten());
        }
        let mut redriven = driver.ask_redrive(&started.key, None);
        turns.extend(driver.turn_unwritten());
        if together {
            driver.write(turns, true);
        } else {
            for turn in turns {
                driver.write(vec![turn], true);
            }
        }
        stopped.try_recv().unwrap().unwrap();
        redriven.try_recv().unwrap().unwrap();
        // Still here, and in the store as well.
        assert_eq!(driver.shards.iter().map(|shard| shard.residents().count()).sum::<usize>(), 1);
        assert_eq!(status(&driver, &started), ExecutionStatus::Running);
        assert_eq!(driver.succeed(&first, "1").unwrap_err(), EngineError::TaskEnded);
        let second = driver.take("a").unwrap().task_token;
        driver.crash();
        driver.succeed(&second, "2").unwrap();
        assert!(driver.history(&started).ends_with("ExecutionSucceeded 2"));
    }
}

#[test]
fn what_cannot_be_redriven_is_refused_with_the_reason() {
    let mut driver = Driver::new();
    let started = failed(&mut driver);
    let absent = ExecutionKey { name: "x".into(), ..started.key.clone() };
    assert_eq!(driver.redrive(&absent, None).unwrap_err(), EngineError::NoSuchExecution);

    let waits = driver.machine("w", WAIT);
    let waits = driver.start(&waits, None, "{}").unwrap();
    assert_eq!(refusal(&mut driver, &waits), NotRedrivable::Running);
    driver.pass(seconds(60));
    assert_eq!(refusal(&mut driver, &waits), NotRedrivable::Succeeded);

    driver.pass(seconds(14 * 24 * 3600 - 60));
    // At the last moment it is followed; here that is lost.
    let _lost_reply = driver.ask_redrive(&started.key, None);
    assert!(driver.turn_unwritten().iter().any(|(_, turn)| !turn.chunks.is_empty()));
    driver.crash();
    driver.pass(Duration::from_millis(1));
    assert_eq!(refusal(&mut driver, &started), NotRedrivable::PeriodExceeded);

    let plan = driver.commons.catalogue().plan_delete(&started.key.machine);
    driver.keep(plan);
    assert_eq!(refusal(&mut driver, &started), NotRedrivable::MachineDeleting);
    assert!(driver.history(&started).ends_with("ExecutionFailed Oops"));
}

#[test]
fn an_execution_that_lasted_too_long_or_has_a_full_history_is_not_redrivable() {
    let mut driver = Driver::new();
    let day = seconds(24 * 3600);
    let machine = driver.machine("m", &WAIT.replace("60", "99999999"));
    let started = driver.start(&machine, None, "{}").unwrap();
    driver.pass(day * 360);
    driver.stop(&started.key).unwrap();
    driver.pass(day * 4);
    driver.redrive(&started.key, None).unwrap();
    driver.stop(&started.key).unwrap();
    driver.pass(day);
    assert_eq!(refusal(&mut driver, &started), NotRedrivable::LastedTooLong);

    let machine = driver.machine("n", r#"{"StartAt":"F","States":{"F":{"Type":"Fail"}}}"#);
    let started = driver.start(&machine, None, "{}").unwrap();
    driver.limits.history_events_max = 8;
    driver.crash();
    for _ in 0..2 {
        driver.redrive(&started.key, None).unwrap();
    }
    // Seven events: there would be room for one more alone.
    assert_eq!(driver.history(&started).lines().count(), 7);
    assert_eq!(refusal(&mut driver, &started), NotRedrivable::HistoryFull);
}

#[test]
fn an_execution_of_a_machine_that_was_created_again_is_not_redrivable() {
    let mut driver = Driver::new();
    let started = failed(&mut driver);
    let gone = Change::MachineGone(started.key.machine.clone(), Vec::new(), Vec::new());
    driver.keep(Plan::Change(gone, ()));
    assert_eq!(refusal(&mut driver, &started), NotRedrivable::MachineDeleting);
    driver.machine("m", &task(INVOKE));
    assert_eq!(refusal(&mut driver, &started), NotRedrivable::MachineDeleting);
}

#[test]
fn a_fail_that_is_redriven_ends_anew_and_stands_first_in_lists() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", r#"{"StartAt":"F","States":{"F":{"Type":"Fail"}}}"#);
    let first = driver.start(&machine, Some("first"), "{}").unwrap();
    driver.pass(seconds(1));
    driver.start(&machine, Some("second"), "{}").unwrap();
    driver.pass(seconds(1));
    driver.redrive(&first.key, None).unwrap();
    let view = driver.commons.execution(&first.key).unwrap();
    assert_eq!((view.status, view.closed_at), (ExecutionStatus::Failed, Some(driver.now)));
    let request = ListExecutions { machine, qualifier: None, status: None, after: None, limit: 10 };
    let (listed, _) = driver.commons.executions(&request).unwrap();
    let names: Vec<_> = listed.iter().map(|summary| (&*summary.key.name, summary.redrive_count)).collect();
    assert_eq!(names, [("first", 1), ("second", 0)]);
    assert_eq!(listed[0].redriven_at, Some(driver.now));
}

#[test]
fn a_redriven_execution_is_listed_by_its_redrive_and_its_name_is_its_own() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", WAIT);
    let first = driver.start(&machine, Some("first"), "{}").unwrap();
    driver.stop(&first.key).unwrap();
    driver.pass(seconds(1));
    driver.start(&machine, Some("second"), "{}").unwrap();
    driver.pass(seconds(1));
    driver.redrive(&first.key, None).unwrap();
    let status = Some(ExecutionStatus::Running);
    let request =
        ListExecutions { machine: machine.clone(), qualifier: None, status, after: None, limit: 10 };
    let (listed, _) = driver.commons.executions(&request).unwrap();
    assert_eq!(listed.iter().map(|summary| &*summary.key.name).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(driver.start(&machine, Some("first"), "{}").unwrap(), first);
    assert_eq!(driver.start(&machine, Some("first"), "1").unwrap_err(), EngineError::ExecutionExists);
}

#[test]
fn a_redriven_task_waits_for_a_slot_like_any_other() {
    let mut driver = Driver::with(1, false, 100);
    let started = failed(&mut driver);
    let other = driver.start(&started.key.machine, None, "2").unwrap();
    let request = driver.run_task();
    driver.redrive(&started.key, None).unwrap();
    assert!(driver.sent.is_empty());
    assert!(driver.history(&started).ends_with("ExecutionRedriven\nTaskScheduled"));
    driver.done(request.task, "1");
    assert_eq!(status(&driver, &other), ExecutionStatus::Succeeded);
    let request = driver.run_task();
    driver.done(request.task, "3");
    assert!(driver.history(&started).ends_with("ExecutionSucceeded 3"));
}

#[test]
fn a_late_outcome_of_the_former_run_is_nobody_s() {
    let mut driver = Driver::with(1, false, 100);
    let machine = driver.machine("m", &task(INVOKE));
    let started = driver.start(&machine, None, "{}").unwrap();
    let first = driver.run_task();
    driver.stop(&started.key).unwrap();
    assert!(matches!(driver.sent.pop_front(), Some(Sent::Cancel(task)) if task == first.task));
    driver.redrive(&started.key, None).unwrap();
    // The slot is free once the first call has come back, whatever it says.
    assert!(driver.sent.is_empty());
    driver.done(first.task, "\"late\"");
    let second = driver.run_task();
    driver.done(first.task, "\"later\"");
    driver.done(second.task, "\"right\"");
    assert!(driver.history(&started).ends_with("ExecutionSucceeded \"right\""));
    assert_eq!(driver.commons.dispatcher().running(), 0);
}

#[test]
fn the_timeout_of_the_machine_is_kept_and_begins_anew_with_a_redrive() {
    let mut driver = Driver::new();
    driver.activity("a");
    let definition = task(ACTIVITY).replacen('{', r#"{"TimeoutSeconds":10,"#, 1);
    let machine = driver.machine("m", &definition);
    let started = driver.start(&machine, None, "1").unwrap();
    driver.take("a").unwrap();
    driver.pass(seconds(9));
    driver.crash();
    assert_eq!(status(&driver, &started), ExecutionStatus::Running);
    driver.pass(seconds(1));
    assert!(driver.history(&started).ends_with("ActivityStarted\nExecutionTimedOut"));
    driver.pass(seconds(100));
    driver.redrive(&started.key, None).unwrap();
    let token = driver.take("a").unwrap().task_token;
    driver.pass(seconds(9));
    driver.crash();
    driver.answer(&token, TaskAnswer::Heartbeat).unwrap();
    driver.pass(seconds(1));
    assert!(driver.history(&started).ends_with("ActivityStarted\nExecutionTimedOut"));
    assert_eq!(driver.succeed(&token, "1").unwrap_err(), EngineError::TaskEnded);
    assert_eq!(driver.commons.execution(&started.key).unwrap().redrive_count, 1);
    driver.redrive(&started.key, None).unwrap();
    let token = driver.take("a").unwrap().task_token;
    driver.succeed(&token, "1").unwrap();
    assert!(driver.history(&started).ends_with("ExecutionSucceeded 1"));
}

#[test]
fn one_that_is_a_stub_is_stopped_and_redriven() {
    let mut driver = Driver::with(4, false, 0);
    let machine = driver.machine("m", WAIT);
    let started = driver.start(&machine, None, "{}").unwrap();
    assert!(driver.shards.iter().all(|shard| shard.residents().count() == 0));
    driver.pass(seconds(30));
    let stopped_at = driver.stop(&started.key).unwrap();
    assert_eq!(driver.stop(&started.key).unwrap(), stopped_at);
    driver.pass(seconds(60));
    assert!(driver.history(&started).ends_with("WaitStateEntered\nExecutionAborted"));
    driver.redrive(&started.key, None).unwrap();
    driver.crash();
    driver.pass(seconds(59));
    assert_eq!(status(&driver, &started), ExecutionStatus::Running);
    driver.pass(seconds(1));
    assert!(driver.history(&started).ends_with("ExecutionRedriven\nWaitStateExited\nExecutionSucceeded {}"));
}

/// Puts a stop and an outcome into the same turn, in either order.
fn race(stop_first: bool) -> (Driver, ExecutionStarted, Timestamp) {
    let mut driver = Driver::new();
    let machine = driver.machine("m", &task(INVOKE));
    let started = driver.start(&machine, None, "{}").unwrap();
    let request = driver.run_task();
    let (reply, mut stopped) = tokio::sync::oneshot::channel();
    let stop = driver.commons.stop(started.key.clone(), Failure::named("Stopped"), reply);
    let shard = driver.commons.shard_of(request.task.execution.partition);
    let output = stepwell_value::Payload::trusted("1");
    let outcome = Message::Outcome { task: request.task, outcome: TaskOutcome::Succeeded(output) };
    let (first, second) = if stop_first { (stop, (shard, outcome)) } else { ((shard, outcome), stop) };
    driver.put(first);
    driver.put(second);
    driver.run();
    let stopped_at = stopped.try_recv().unwrap().unwrap();
    (driver, started, stopped_at)
}

#[test]
fn a_stop_and_an_end_that_race_make_one_end() {
    let (driver, started, stopped_at) = race(true);
    assert!(driver.history(&started).ends_with("TaskStarted\nExecutionAborted"));
    assert_eq!(driver.commons.execution(&started.key).unwrap().closed_at, Some(stopped_at));
    let (driver, started, stopped_at) = race(false);
    assert!(driver.history(&started).ends_with("TaskStateExited\nExecutionSucceeded 1"));
    assert_eq!(driver.commons.execution(&started.key).unwrap().closed_at, Some(stopped_at));
}

#[test]
fn a_stopped_execution_hears_nothing_of_what_it_waited_for() {
    let mut driver = Driver::with(1, false, 100);
    driver.activity("a");
    let message = r#","Parameters":{"QueueUrl":"q","MessageBody.$":"$$.Task.Token"}"#;
    let machines = [task(INVOKE), task(INVOKE), task(ACTIVITY), task(ACTIVITY), task_with(SEND, message)];
    let started: Vec<ExecutionStarted> = machines
        .iter()
        .enumerate()
        .map(|(n, definition)| {
            let machine = driver.machine(&format!("m{n}"), definition);
            driver.start(&machine, None, &n.to_string()).unwrap()
        })
        .collect();
    let in_flight = driver.run_task();
    let sent = driver.run_task();
    let callback = sent.parameters.value().get("MessageBody").unwrap().as_str().unwrap().to_owned();
    driver.done(sent.task, "{}");
    let held = driver.take("a").unwrap();
    assert_eq!(held.input.text(), "2");
    for started in &started {
        driver.stop(&started.key).unwrap();
    }
    let ends: Vec<String> = started.iter().map(|started| driver.history(started)).collect();
    for (end, last) in ends.iter().zip([
        "TaskStarted",
        "TaskScheduled",
        "ActivityStarted",
        "ActivityScheduled",
        "TaskSubmitted",
    ]) {
        assert!(end.ends_with(&format!("{last}\nExecutionAborted")), "{end}");
    }
    driver.done(in_flight.task, "1");
    for token in [&*held.task_token, &callback] {
        for answer in [TaskAnswer::Heartbeat, TaskAnswer::Failed(Failure::named("Oops"))] {
            assert_eq!(driver.answer(token, answer).unwrap_err(), EngineError::TaskEnded);
        }
    }
    assert_eq!(driver.take("a"), None);
    let dispatcher = driver.commons.dispatcher();
    assert_eq!((dispatcher.running(), dispatcher.queued()), (0, 0));
    drop(dispatcher);
    for (started, end) in started.iter().zip(ends) {
        assert_eq!(driver.history(started), end);
    }
}

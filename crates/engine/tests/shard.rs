//! What a shard promises, with time and the store in the hands of the test.

mod support;

use std::time::Duration;

use stepwell_engine::*;
use stepwell_model::{Failure, TaskRef};
use stepwell_task::TaskOutcome;
use support::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_chain_of_states_is_one_commit() {
    let mut driver = Driver::new();
    let machine = driver.machine(
        "m",
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","End":true}}}"#,
    );
    let started = driver.start(&machine, None, r#"{"a": 1}"#).unwrap();
    assert_eq!(driver.commits, 1);
    assert_eq!(
        driver.history(&started),
        "ExecutionStarted\nPassStateEntered\nPassStateExited\nPassStateEntered\nPassStateExited\n\
         ExecutionSucceeded {\"a\": 1}"
    );
    let view = driver.commons.execution(&started.key).unwrap();
    assert_eq!((view.closed_at, view.output.unwrap().text()), (Some(driver.now), r#"{"a": 1}"#));
    assert!(driver.shards.iter().all(|shard| shard.residents().count() == 0));
}

#[test]
fn an_execution_without_fuel_goes_on_in_later_turns() {
    let mut driver = Driver::new();
    let states: Vec<String> =
        (0..40).map(|n| format!(r#""S{n}":{{"Type":"Pass","Next":"S{}"}}"#, n + 1)).collect();
    let definition =
        format!(r#"{{"StartAt":"S0","States":{{{},"S40":{{"Type":"Succeed"}}}}}}"#, states.join(","));
    let machine = driver.machine("m", &definition);
    let started = driver.start(&machine, None, "{}").unwrap();
    assert_eq!(driver.history(&started).lines().count(), 84);
}

#[test]
fn the_same_start_is_the_same_execution_and_another_is_refused() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", WAIT);
    let first = driver.start(&machine, Some("n"), "{}").unwrap();
    driver.pass(seconds(1));
    let check = |driver: &mut Driver| {
        assert_eq!(driver.start(&machine, Some("n"), "{}").unwrap(), first);
        assert_eq!(driver.start(&machine, Some("n"), "{ }").unwrap_err(), EngineError::ExecutionExists);
    };
    check(&mut driver);
    driver.crash();
    check(&mut driver);
    driver.pass(seconds(60));
    assert_eq!(driver.start(&machine, Some("n"), "{}").unwrap_err(), EngineError::ExecutionExists);
    driver.crash();
    assert_eq!(driver.start(&machine, Some("n"), "{}").unwrap_err(), EngineError::ExecutionExists);
    driver.pass(seconds(91 * 24 * 3600));
    let second = driver.start(&machine, Some("n"), "{}").unwrap();
    assert!(second.started_at > first.started_at);
    assert_eq!(driver.commons.execution(&second.key).unwrap().started_at, second.started_at);
}

#[test]
fn two_starts_of_one_name_in_one_turn_are_one_execution() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", PASS);
    let mut first = driver.ask_start(&machine, Some("n"), "{}").unwrap();
    let mut second = driver.ask_start(&machine, Some("n"), "{}").unwrap();
    driver.run();
    let first = first.try_recv().unwrap().unwrap();
    // It has ended within the turn, so its name is taken.
    assert_eq!(second.try_recv().unwrap().unwrap_err(), EngineError::ExecutionExists);
    assert_eq!(driver.commits, 1);
    assert!(driver.commons.execution(&first.key).is_ok());
}

#[test]
fn a_generated_name_can_be_given_by_a_caller() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", WAIT);
    let generated = driver.start(&machine, None, "{}").unwrap();
    let name = generated.key.name.to_string();
    assert_eq!(driver.start(&machine, Some(&name), "{}").unwrap(), generated);
    assert_eq!(driver.start(&machine, Some(&name), "1").unwrap_err(), EngineError::ExecutionExists);
    // Of another machine it is just a name.
    let other = driver.machine("o", WAIT);
    let given = driver.start(&other, Some(&name), "1").unwrap();
    driver.crash();
    assert_eq!(driver.start(&other, Some(&name), "1").unwrap(), given);
    assert_eq!(driver.commons.execution(&given.key).unwrap().input.text(), "1");
    assert_eq!(driver.commons.execution(&generated.key).unwrap().input.text(), "{}");
}

#[test]
fn a_machine_that_is_not_there_takes_no_executions() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", PASS);
    let absent = MachineKey { name: "x".into(), ..machine.clone() };
    assert_eq!(driver.start(&absent, None, "{}").unwrap_err(), EngineError::NoSuchMachine);
    let plan = driver.commons.catalogue().plan_delete(&machine);
    driver.keep(plan);
    assert_eq!(driver.start(&machine, None, "{}").unwrap_err(), EngineError::MachineDeleting);
}

#[test]
fn an_execution_keeps_the_revision_it_was_started_with() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", WAIT);
    let started = driver.start(&machine, None, "{}").unwrap();
    let update = UpdateMachine {
        key: machine.clone(),
        definition: Some(PASS.into()),
        role_arn: None,
        logging: None,
        tracing: None,
        encryption: None,
        publish: None,
    };
    let plan = driver.commons.catalogue().plan_update(update, "r2".into(), driver.now).unwrap();
    driver.keep(plan);
    let second = driver.start(&machine, None, "{}").unwrap();
    assert_eq!(driver.history(&second).lines().count(), 4);
    driver.crash();
    driver.pass(seconds(60));
    assert!(driver.history(&started).ends_with("WaitStateExited\nExecutionSucceeded {}"));
    assert_eq!(&*driver.commons.pinned_machine(&started.key).unwrap().definition, WAIT);
    assert_eq!(driver.commons.pinned_machine(&second.key).unwrap().revision_id.as_deref(), Some("r2"));
}

#[test]
fn timers_fire_once_and_never_early_also_after_downtime() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", WAIT);
    let started = driver.start(&machine, None, "{}").unwrap();
    driver.pass(Duration::from_millis(59_999));
    assert!(driver.history(&started).ends_with("WaitStateEntered"));
    driver.crash();
    assert!(driver.history(&started).ends_with("WaitStateEntered"));
    driver.now = driver.now.after(seconds(3600));
    driver.crash();
    assert!(driver.history(&started).ends_with("WaitStateExited\nExecutionSucceeded {}"));
}

#[test]
fn the_time_of_an_execution_passes_during_downtime_as_well() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task(ACTIVITY).replacen('{', r#"{"TimeoutSeconds":100,"#, 1));
    let started = driver.start(&machine, None, "1").unwrap();
    let token = driver.take("a").unwrap().task_token;
    driver.now = driver.now.after(seconds(100));
    driver.crash();
    driver.pass(seconds(0));
    assert!(driver.history(&started).ends_with("ActivityStarted\nExecutionTimedOut"));
    assert_eq!(driver.succeed(&token, "2").unwrap_err(), EngineError::TaskEnded);
}

#[test]
fn time_does_not_go_back_when_the_clock_does() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", PASS);
    let first = driver.start(&machine, None, "{}").unwrap();
    driver.now = stepwell_model::Timestamp::from_epoch_ms(5);
    driver.crash();
    let second = driver.start(&machine, None, "{}").unwrap();
    assert!(second.started_at >= first.started_at);
}

#[test]
fn those_that_only_wait_become_stubs_and_wake() {
    let mut driver = Driver::with(4, false, 2);
    let machine = driver.machine("m", WAIT);
    let started: Vec<_> = (0..30).map(|_| driver.start(&machine, None, "{}").unwrap()).collect();
    let resident: usize = driver.shards.iter().map(|shard| shard.residents().count()).sum();
    assert!(resident <= 6, "{resident}");
    driver.pass(seconds(60));
    for started in &started {
        assert!(driver.history(started).ends_with("ExecutionSucceeded {}"));
    }
}

#[test]
fn slots_bound_what_is_sent_and_the_queue_keeps_its_order() {
    let mut driver = Driver::with(2, false, 100);
    let machine = driver.machine("m", &task(INVOKE));
    let started: Vec<_> = (0..4).map(|_| driver.start(&machine, None, "{}").unwrap()).collect();
    let first = driver.run_task();
    let second = driver.run_task();
    assert!(driver.sent.is_empty());
    assert!(driver.history(&started[2]).ends_with("TaskScheduled"));
    assert!(driver.history(&started[1]).ends_with("TaskStarted"));
    driver.done(first.task, "1");
    assert!(driver.history(&started[0]).ends_with("ExecutionSucceeded 1"));
    let third = driver.run_task();
    assert!(driver.history(&started[2]).ends_with("TaskStarted"));
    driver.outcome(second.task, TaskOutcome::Failed(Failure::named("Oops")));
    assert!(driver.history(&started[1]).ends_with("TaskFailed Oops\nExecutionFailed Oops"));
    let fourth = driver.run_task();
    for request in [third, fourth] {
        driver.done(request.task, "2");
    }
    assert!(driver.history(&started[3]).ends_with("ExecutionSucceeded 2"));
    assert_eq!(driver.commons.dispatcher().running(), 0);
}

#[test]
fn an_outcome_counts_once() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", &task(INVOKE));
    let started = driver.start(&machine, None, "{}").unwrap();
    let request = driver.run_task();
    driver.done(request.task, "1");
    driver.done(request.task, "2");
    assert!(driver.history(&started).ends_with("ExecutionSucceeded 1"));
    let nobody = TaskRef { scheduled_event_id: 99, ..request.task };
    driver.done(nobody, "3");
}

#[test]
fn what_nobody_can_send_is_scheduled_started_and_failed() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", &task("arn:aws:states:::sns:publish"));
    let started = driver.start(&machine, None, "{}").unwrap();
    assert!(driver.history(&started).ends_with(
        "TaskScheduled\nTaskStarted\nTaskFailed Stepwell.NoIntegration\nExecutionFailed Stepwell.NoIntegration"
    ));
    let machine = driver.machine("n", &task("arn:aws:lambda:us-east-1:123456789012:function:refused"));
    let started = driver.start(&machine, None, "{}").unwrap();
    assert!(driver.history(&started).contains(
        "LambdaFunctionScheduled\nLambdaFunctionStarted\nLambdaFunctionFailed Lambda.ResourceNotFoundException"
    ));
}

#[test]
fn a_machine_that_fails_for_ever_does_not_hold_up_the_others() {
    let mut driver = Driver::new();
    let catch = r#","Catch":[{"ErrorEquals":["States.ALL"],"Next":"T"}]"#;
    let machine = driver.machine("m", &task_with("arn:aws:states:::sns:publish", catch));
    let mut first = driver.ask_start(&machine, None, "{}").unwrap();
    driver.run();
    // It ends at last, because its history is full.
    let started = first.try_recv().unwrap().unwrap();
    assert!(driver.history(&started).ends_with("ExecutionFailed States.Runtime"));
    // One failure a turn: the others of the shard had theirs between.
    assert!(driver.commits > 1_000);
}

#[test]
fn a_waiting_worker_gets_its_task_within_one_commit() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task(ACTIVITY));
    let mut heard = driver.poll("a");
    let started = driver.start(&machine, None, r#"{"a":1}"#).unwrap();
    assert_eq!(driver.commits, 1);
    let handed = heard.try_recv().unwrap().unwrap().expect("a task");
    assert_eq!(handed.input.text(), r#"{"a":1}"#);
    assert!(driver.history(&started).ends_with("ActivityScheduled\nActivityStarted"));
    driver.succeed(&handed.task_token, "7").unwrap();
    assert!(driver.history(&started).ends_with("ActivitySucceeded\nTaskStateExited\nExecutionSucceeded 7"));
    assert_eq!(driver.succeed(&handed.task_token, "7").unwrap_err(), EngineError::TaskEnded);
}

#[test]
fn tasks_wait_for_workers_in_order() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task(ACTIVITY));
    for input in ["1", "2", "3"] {
        driver.start(&machine, None, input).unwrap();
    }
    let inputs: Vec<_> = (0..3).map(|_| driver.take("a").unwrap().input.text().to_owned()).collect();
    assert_eq!(inputs, ["1", "2", "3"]);
    assert_eq!(driver.take("a"), None);
}

#[test]
fn no_task_goes_to_a_worker_that_went_away() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task(ACTIVITY));
    drop(driver.poll("a"));
    driver.start(&machine, None, "1").unwrap();
    // Found a task, and left before it was told.
    drop(driver.poll("a"));
    driver.run();
    assert_eq!(driver.take("a").unwrap().input.text(), "1");
}

#[test]
fn a_worker_that_waits_in_vain_is_told_in_time() {
    let mut driver = Driver::new();
    driver.activity("a");
    let mut heard = driver.poll("a");
    driver.pass(seconds(59));
    assert!(heard.try_recv().is_err());
    driver.pass(seconds(1));
    assert_eq!(heard.try_recv().unwrap(), Ok(None));
}

#[test]
fn heartbeats_keep_a_task_alive() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task_with(ACTIVITY, r#","HeartbeatSeconds":10"#));
    let started = driver.start(&machine, None, "1").unwrap();
    let token = driver.take("a").unwrap().task_token;
    for _ in 0..5 {
        driver.pass(seconds(9));
        driver.answer(&token, TaskAnswer::Heartbeat).unwrap();
    }
    // Nobody could reach the server meanwhile.
    driver.now = driver.now.after(seconds(3600));
    driver.crash();
    driver.pass(seconds(9));
    driver.answer(&token, TaskAnswer::Heartbeat).unwrap();
    driver.pass(seconds(10));
    assert!(driver.history(&started).ends_with("ActivityTimedOut\nExecutionFailed States.Timeout"));
    assert_eq!(driver.answer(&token, TaskAnswer::Heartbeat).unwrap_err(), EngineError::TaskEnded);
}

#[test]
fn timeout_and_heartbeat_of_an_activity_begin_when_a_worker_has_it() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task_with(ACTIVITY, r#","TimeoutSeconds":60,"HeartbeatSeconds":10"#));
    let started = driver.start(&machine, None, "1").unwrap();
    driver.pass(seconds(3600));
    assert!(driver.history(&started).ends_with("ActivityScheduled"));
    let token = driver.take("a").unwrap().task_token;
    driver.pass(seconds(9));
    driver.answer(&token, TaskAnswer::Heartbeat).unwrap();
    driver.pass(seconds(10));
    assert!(driver.history(&started).ends_with("ActivityTimedOut\nExecutionFailed States.Timeout"));
}

#[test]
fn a_forged_token_is_refused() {
    let mut driver = Driver::new();
    assert_eq!(driver.succeed("AQAB", "1").unwrap_err(), EngineError::InvalidToken);
}

#[test]
fn a_token_may_come_back_before_the_reply_to_its_own_request() {
    let mut driver = Driver::new();
    let message = r#","Parameters":{"QueueUrl":"q","MessageBody.$":"$$.Task.Token"}"#;
    let machine = driver.machine("m", &task_with(SEND, message));
    let started = driver.start(&machine, None, "{}").unwrap();
    let request = driver.run_task();
    let token = request.parameters.value().get("MessageBody").unwrap().as_str().unwrap().to_owned();
    driver.answer(&token, TaskAnswer::Heartbeat).unwrap();
    driver.succeed(&token, "5").unwrap();
    driver.done(request.task, r#"{"MessageId":"1"}"#);
    assert!(
        driver
            .history(&started)
            .ends_with("TaskStarted\nTaskSucceeded\nTaskStateExited\nExecutionSucceeded 5")
    );
    assert_eq!(driver.commons.dispatcher().running(), 0);

    let started = driver.start(&machine, None, "{}").unwrap();
    let request = driver.run_task();
    let token = request.parameters.value().get("MessageBody").unwrap().as_str().unwrap().to_owned();
    driver.done(request.task, r#"{"MessageId":"1"}"#);
    assert!(driver.history(&started).ends_with("TaskStarted\nTaskSubmitted"));
    driver.crash();
    driver.succeed(&token, "5").unwrap();
    assert!(driver.history(&started).ends_with("TaskSucceeded\nTaskStateExited\nExecutionSucceeded 5"));
}

#[test]
fn after_a_crash_what_was_not_started_is_sent() {
    let mut driver = Driver::with(1, false, 100);
    let machine = driver.machine("m", &task(INVOKE));
    let running = driver.start(&machine, None, "1").unwrap();
    let queued = driver.start(&machine, None, "2").unwrap();
    driver.crash();
    assert!(
        driver
            .history(&running)
            .ends_with("TaskFailed Stepwell.OutcomeUnknown\nExecutionFailed Stepwell.OutcomeUnknown")
    );
    let request = driver.run_task();
    assert!(driver.sent.is_empty());
    driver.done(request.task, "3");
    assert!(driver.history(&queued).ends_with("ExecutionSucceeded 3"));
}

#[test]
fn after_a_crash_an_idempotent_target_hears_the_same_request_again() {
    let mut driver = Driver::with(1, true, 100);
    let machine = driver.machine("m", &task(INVOKE));
    let started = driver.start(&machine, None, "1").unwrap();
    let before = driver.run_task();
    let history = driver.history(&started);
    driver.crash();
    let after = driver.run_task();
    assert_eq!(before.idempotency_key, after.idempotency_key);
    assert_eq!(before.task, after.task);
    assert_eq!(driver.history(&started), history);
    driver.done(after.task, "3");
    assert!(driver.history(&started).ends_with("ExecutionSucceeded 3"));
}

#[test]
fn after_a_crash_a_worker_keeps_its_token_and_the_task_is_not_handed_out_again() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task(ACTIVITY));
    let held = driver.start(&machine, None, "1").unwrap();
    let token = driver.take("a").unwrap().task_token;
    driver.start(&machine, None, "2").unwrap();
    driver.crash();
    assert_eq!(driver.take("a").unwrap().input.text(), "2");
    assert_eq!(driver.take("a"), None);
    driver.succeed(&token, "3").unwrap();
    assert!(driver.history(&held).ends_with("ExecutionSucceeded 3"));
}

#[test]
fn after_a_crash_a_token_is_waited_for_only_if_that_ends_some_day() {
    let mut driver = Driver::new();
    let endless = driver.machine("endless", &task(SEND));
    let bounded = driver.machine("bounded", &task_with(SEND, r#","TimeoutSeconds":100"#));
    let endless = driver.start(&endless, None, "1").unwrap();
    let bounded = driver.start(&bounded, None, "1").unwrap();
    driver.now = driver.now.after(seconds(200));
    driver.crash();
    assert!(driver.history(&endless).ends_with("ExecutionFailed Stepwell.OutcomeUnknown"));
    assert!(driver.history(&bounded).ends_with("TaskStarted"));
    driver.pass(seconds(29));
    assert!(driver.history(&bounded).ends_with("TaskStarted"));
    driver.pass(seconds(1));
    assert!(driver.history(&bounded).ends_with("TaskTimedOut\nExecutionFailed States.Timeout"));
}

#[test]
fn a_retrier_consents_to_another_attempt_after_an_unknown_outcome() {
    let mut driver = Driver::new();
    let retry = r#","Retry":[{"ErrorEquals":["States.TaskFailed"],"IntervalSeconds":5}]"#;
    let machine = driver.machine("m", &task_with(INVOKE, retry));
    let started = driver.start(&machine, None, "1").unwrap();
    let first = driver.run_task();
    driver.crash();
    assert!(driver.sent.is_empty());
    driver.pass(seconds(5));
    let second = driver.run_task();
    assert_ne!(first.task, second.task);
    assert_ne!(first.idempotency_key, second.idempotency_key);
    driver.done(second.task, "2");
    assert!(driver.history(&started).ends_with("ExecutionSucceeded 2"));
}

#[test]
fn stopping_ends_an_execution_once() {
    let mut driver = Driver::with(1, false, 100);
    let machine = driver.machine("m", &task(INVOKE));
    let running = driver.start(&machine, None, "1").unwrap();
    let queued = driver.start(&machine, None, "2").unwrap();
    let request = driver.run_task();
    let stopped_at = driver.stop(&running.key).unwrap();
    assert!(matches!(driver.sent.pop_front(), Some(Sent::Cancel(task)) if task == request.task));
    driver.stop(&queued.key).unwrap();
    driver.pass(seconds(5));
    assert_eq!(driver.stop(&running.key).unwrap(), stopped_at);
    // The slot is free only now.
    driver.done(request.task, "1");
    assert!(driver.sent.is_empty());
    driver.crash();
    assert_eq!(driver.stop(&running.key).unwrap(), stopped_at);
    assert!(driver.history(&running).ends_with("TaskStarted\nExecutionAborted"));
    assert!(driver.history(&queued).ends_with("TaskScheduled\nExecutionAborted"));
    let absent = ExecutionKey { name: "x".into(), ..running.key };
    assert_eq!(driver.stop(&absent).unwrap_err(), EngineError::NoSuchExecution);
}

#[test]
fn a_failed_branch_takes_its_siblings_tasks_with_it() {
    let mut driver = Driver::with(1, false, 100);
    driver.activity("a");
    // The names of states are unique in a machine.
    let branch = |resource: &str, name: &str| task(resource).replace(r#""T""#, &format!("{name:?}"));
    let definition = format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","End":true,"Branches":[{},{},{}]}}}}}}"#,
        branch(INVOKE, "A"),
        branch(INVOKE, "B"),
        branch(ACTIVITY, "C")
    );
    let machine = driver.machine("m", &definition);
    let started = driver.start(&machine, None, "1").unwrap();
    let request = driver.run_task();
    driver.outcome(request.task, TaskOutcome::Failed(Failure::named("Oops")));
    assert!(driver.history(&started).ends_with("ExecutionFailed Oops"));
    // The second task was let through by the first one's outcome at most to be found cancelled.
    assert!(driver.sent.iter().all(|sent| matches!(sent, Sent::Cancel(_))), "{:?}", driver.sent);
    assert_eq!(driver.take("a"), None);
    assert_eq!(driver.commons.dispatcher().running(), 0);
    assert_eq!(driver.commons.dispatcher().queued(), 0);
}

#[test]
fn a_damaged_journal_sets_its_execution_aside_and_no_other() {
    let mut driver = Driver::new();
    driver.activity("a");
    let machine = driver.machine("m", &task(ACTIVITY));
    let damaged = driver.start(&machine, Some("damaged"), "1").unwrap();
    let whole = driver.start(&machine, Some("whole"), "2").unwrap();
    assert!(driver.store.flip_bit(1, 77));
    driver.crash();
    let answer = driver.stop(&damaged.key).unwrap_err();
    assert!(matches!(answer, EngineError::Damaged(_)), "{answer:?}");
    assert_eq!(driver.take("a").unwrap().input.text(), "2");
    assert!(driver.history(&whole).ends_with("ActivityStarted"));
    assert!(matches!(driver.start(&machine, Some("damaged"), "1"), Err(EngineError::Damaged(_))));
    assert_eq!(driver.shards.iter().map(|shard| shard.set_aside_executions().count()).sum::<usize>(), 1);
}

#[test]
fn lists_are_paged_and_filtered() {
    let mut driver = Driver::new();
    let machine = driver.machine("m", WAIT);
    for n in 0..5 {
        driver.start(&machine, Some(&format!("n{n}")), "{}").unwrap();
        driver.pass(Duration::from_millis(10));
    }
    let key = ExecutionKey { machine: machine.clone(), name: "n2".into() };
    driver.stop(&key).unwrap();
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let status = Some(stepwell_model::ExecutionStatus::Running);
        let request = ListExecutions { machine: machine.clone(), qualifier: None, status, after, limit: 2 };
        let (page, next) = driver.commons.executions(&request).unwrap();
        assert!(page.len() <= 2);
        names.extend(page.into_iter().map(|summary| summary.key.name.to_string()));
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(names, ["n4", "n3", "n1", "n0"]);
}

//! Redrive as statements: how an execution ended, what a redrive of it does, and the history.
//!
//! The histories of activities in a chain, in a Parallel and in a Map, of a Fail, and after stops and
//! timeouts follow what was recorded from AWS event by event: ids, types and `previousEventId`. Those of
//! Wait, Choice and nested branches follow the Developer Guide and the same rules.

mod support;

use std::cell::Cell;

use expect_test::{Expect, expect};
use stepwell_asl::*;
use stepwell_model::*;
use stepwell_value::Payload;
use support::*;

fn started(definition: &str, input: &str) -> Run {
    let mut run = Run::new(definition, u32::MAX);
    run.hear(Input::Start { input: Payload::parse(input).unwrap(), seed: 7 }).unwrap();
    run
}

fn redrive(run: &mut Run) -> Result<(), Refused> {
    run.hear(Input::Redrive { client_token: None })
}

fn stop(run: &mut Run) {
    run.hear(Input::Stop { failure: Failure::new("Stopped", "by hand") }).unwrap();
}

/// The history from the end of the first run on.
fn since_the_end(run: &Run) -> String {
    let history = run.history();
    let first_end = history.find("ExecutionRedriven").expect("it was redriven");
    let lines: Vec<&str> = history[..first_end].lines().collect();
    let before = lines[..lines.len() - 2].iter().map(|line| line.len() + 1).sum();
    history[before..].to_owned()
}

/// Runs to an end, redrives, and runs to an end again.
fn check_again(definition: &str, input: &str, answer: &dyn Fn(&TaskSpec) -> Answer, expected: Expect) {
    let mut run = started(definition, input);
    run.let_it_end(answer);
    redrive(&mut run).unwrap();
    run.let_it_end(answer);
    expected.assert_eq(&since_the_end(&run));
}

const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:a";

fn task(more: &str) -> String {
    format!(r#"{{"Type": "Task", "Resource": "{ACTIVITY}"{more}}}"#)
}

/// Fails so often, and then succeeds with its own state's name, which its parameters have.
fn fails(times: usize) -> impl Fn(&TaskSpec) -> Answer {
    let left = Cell::new(times);
    move |_| match left.get() {
        0 => Answer::Ok(r#"{"done": true}"#),
        n => {
            left.set(n - 1);
            Answer::Error("Oops", "by the test")
        }
    }
}

#[test]
fn a_task_is_scheduled_again_from_its_entry_and_its_retriers_count_anew() {
    let retry = r#", "Retry": [{"ErrorEquals": ["Oops"], "MaxAttempts": 1, "IntervalSeconds": 1}]"#;
    let shown = r#", "Parameters": {"n.$": "$.n", "redriven.$": "$$.Execution.RedriveCount",
        "tried.$": "$$.State.RetryCount", "entered.$": "$$.State.EnteredTime"}"#;
    let definition = format!(
        r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Pass", "Next": "B"}}, "B": {}, "C": {{"Type": "Succeed"}}}}}}"#,
        task(&format!(r#"{retry}{shown}, "ResultPath": "$.b", "Next": "C""#))
    );
    let mut run = started(&definition, r#"{"n": 1}"#);
    let answer = fails(4);
    run.let_it_end(&answer);
    run.now = run.now.after_seconds(60);
    redrive(&mut run).unwrap();
    run.let_it_end(&answer);
    run.now = run.now.after_seconds(60);
    redrive(&mut run).unwrap();
    run.let_it_end(&answer);
    expect![[r#"
        1<0 ExecutionStarted
        2<0 PassStateEntered A {"n": 1}
        3<2 PassStateExited A {"n": 1}
        4<3 TaskStateEntered B {"n": 1}
        5<4 ActivityScheduled {"n":1,"redriven":0,"tried":0,"entered":"2026-11-22T10:00:00.000Z"}
        6<5 ActivityStarted
        7<6 ActivityFailed Oops | by the test
        +1000ms 8<7 ActivityScheduled {"n":1,"redriven":0,"tried":1,"entered":"2026-11-22T10:00:00.000Z"}
        9<8 ActivityStarted
        10<9 ActivityFailed Oops | by the test
        11<10 ExecutionFailed Oops | by the test
        +60000ms 12<11 ExecutionRedriven 1
        13<4 ActivityScheduled {"n":1,"redriven":1,"tried":0,"entered":"2026-11-22T10:00:00.000Z"}
        14<13 ActivityStarted
        15<14 ActivityFailed Oops | by the test
        +1000ms 16<15 ActivityScheduled {"n":1,"redriven":1,"tried":1,"entered":"2026-11-22T10:00:00.000Z"}
        17<16 ActivityStarted
        18<17 ActivityFailed Oops | by the test
        19<18 ExecutionFailed Oops | by the test
        +60000ms 20<19 ExecutionRedriven 2
        21<4 ActivityScheduled {"n":1,"redriven":2,"tried":0,"entered":"2026-11-22T10:00:00.000Z"}
        22<21 ActivityStarted
        23<22 ActivitySucceeded {"done": true}
        24<23 TaskStateExited B {"n":1,"b":{"done":true}}
        25<24 SucceedStateEntered C {"n":1,"b":{"done":true}}
        26<25 SucceedStateExited C {"n":1,"b":{"done":true}}
        27<26 ExecutionSucceeded {"n":1,"b":{"done":true}}
    "#]]
    .assert_eq(&run.history());
}

#[test]
fn the_context_object_tells_when_it_was_redriven() {
    let parameters = r#", "Parameters": {"execution.$": "$$.Execution"}, "End": true"#;
    let mut run = started(&one(&task(parameters)), "{}");
    let answer = fails(1);
    run.let_it_end(&answer);
    run.now = run.now.after_seconds(60);
    redrive(&mut run).unwrap();
    let outstanding = run.execution.outstanding();
    let execution = outstanding[0].task.parameters.value().get("execution").unwrap();
    assert_eq!(execution.get("RedriveCount").unwrap().to_string(), "1");
    assert_eq!(execution.get("RedriveTime").unwrap().as_str(), Some("2026-11-22T10:01:00.000Z"));
    assert_eq!(execution.get("StartTime").unwrap().as_str(), Some("2026-11-22T10:00:00.000Z"));
    assert_eq!(run.execution.redriven_at(), Some(run.now));
}

#[test]
fn a_parallel_goes_on_with_the_branches_that_had_not_succeeded() {
    let branch = |name: &str| {
        format!(r#"{{"StartAt": "{name}", "States": {{"{name}": {}}}}}"#, task(r#", "End": true"#))
    };
    let definition = one(&format!(
        r#"{{"Type": "Parallel", "End": true, "Branches": [{}, {}, {}]}}"#,
        branch("Good"),
        branch("Bad"),
        branch("Given up")
    ));
    let mut run = started(&definition, "{}");
    let tasks: Vec<u64> = run.execution.outstanding().iter().map(|o| o.task.scheduled_event_id).collect();
    for scheduled_event_id in &tasks {
        let scheduled_event_id = *scheduled_event_id;
        run.hear(Input::TaskStarted { scheduled_event_id, worker_name: None }).unwrap();
    }
    let output = Payload::trusted(r#"{"kept": true}"#);
    run.hear(Input::TaskSucceeded { scheduled_event_id: tasks[0], output }).unwrap();
    let failure = Failure::new("Oops", "by the test");
    run.hear(Input::TaskFailed { scheduled_event_id: tasks[1], failure }).unwrap();
    assert_eq!(run.execution.status(), ExecutionStatus::Failed);
    assert_eq!(run.execution.outstanding(), []);
    redrive(&mut run).unwrap();
    // What was under way before belongs to nobody any more.
    let late = Input::TaskSucceeded { scheduled_event_id: tasks[2], output: Payload::empty_object() };
    assert_eq!(run.hear(late), Err(Refused::NoSuchTask));
    run.let_it_end(&|_| Answer::Ok(r#"{"again": true}"#));
    expect![[r#"
        1<0 ExecutionStarted
        2<0 ParallelStateEntered A {}
        3<2 ParallelStateStarted
        4<3 TaskStateEntered Good {}
        5<3 TaskStateEntered Bad {}
        6<3 TaskStateEntered Given up {}
        7<4 ActivityScheduled {}
        8<5 ActivityScheduled {}
        9<6 ActivityScheduled {}
        10<7 ActivityStarted
        11<8 ActivityStarted
        12<9 ActivityStarted
        13<10 ActivitySucceeded {"kept": true}
        14<13 TaskStateExited Good {"kept": true}
        15<11 ActivityFailed Oops | by the test
        16<15 TaskStateAborted
        17<15 TaskStateAborted
        18<15 ParallelStateFailed
        19<18 ExecutionFailed Oops | by the test
        20<19 ExecutionRedriven 1
        21<5 ActivityScheduled {}
        22<6 ActivityScheduled {}
        23<21 ActivityStarted
        24<23 ActivitySucceeded {"again": true}
        25<24 TaskStateExited Bad {"again": true}
        26<22 ActivityStarted
        27<26 ActivitySucceeded {"again": true}
        28<27 TaskStateExited Given up {"again": true}
        29<28 ParallelStateSucceeded
        30<28 ParallelStateExited A [{"kept": true},{"again": true},{"again": true}]
        31<30 ExecutionSucceeded [{"kept": true},{"again": true},{"again": true}]
    "#]]
    .assert_eq(&run.history());
}

#[test]
fn a_map_goes_on_with_the_iterations_that_had_not_succeeded() {
    let definition = one(&format!(
        r#"{{"Type": "Map", "End": true, "MaxConcurrency": 1, "ItemProcessor": {{"StartAt": "B", "States": {{"B": {}}}}}}}"#,
        task(r#", "End": true"#)
    ));
    let count = Cell::new(0);
    let answer = |_: &TaskSpec| {
        count.set(count.get() + 1);
        match count.get() {
            1 => Answer::Ok("0"),
            2 => Answer::Error("Oops", "by the test"),
            _ => Answer::Ok("1"),
        }
    };
    let mut run = started(&definition, r#"[{"i": 0}, {"i": 1}, {"i": 2}]"#);
    run.let_it_end(&answer);
    redrive(&mut run).unwrap();
    run.let_it_end(&answer);
    expect![[r#"
        1<0 ExecutionStarted
        2<0 MapStateEntered A [{"i": 0}, {"i": 1}, {"i": 2}]
        3<2 MapStateStarted 3
        4<3 MapIterationStarted 0
        5<4 TaskStateEntered B {"i":0}
        6<5 ActivityScheduled {"i":0}
        7<6 ActivityStarted
        8<7 ActivitySucceeded 0
        9<8 TaskStateExited B 0
        10<9 MapIterationSucceeded 0
        11<9 MapIterationStarted 1
        12<11 TaskStateEntered B {"i":1}
        13<12 ActivityScheduled {"i":1}
        14<13 ActivityStarted
        15<14 ActivityFailed Oops | by the test
        16<15 MapIterationFailed 1
        17<15 TaskStateAborted
        18<15 MapStateFailed
        19<18 ExecutionFailed Oops | by the test
        20<19 ExecutionRedriven 1
        21<12 ActivityScheduled {"i":1}
        22<21 ActivityStarted
        23<22 ActivitySucceeded 1
        24<23 TaskStateExited B 1
        25<24 MapIterationSucceeded 1
        26<24 MapIterationStarted 2
        27<26 TaskStateEntered B {"i":2}
        28<27 ActivityScheduled {"i":2}
        29<28 ActivityStarted
        30<29 ActivitySucceeded 1
        31<30 TaskStateExited B 1
        32<31 MapIterationSucceeded 2
        33<32 MapStateSucceeded
        34<32 MapStateExited A [0,1,1]
        35<34 ExecutionSucceeded [0,1,1]
    "#]]
    .assert_eq(&run.history());
}

#[test]
fn iterations_that_were_under_way_go_on_before_new_ones_begin() {
    let definition = one(&format!(
        r#"{{"Type": "Map", "End": true, "MaxConcurrency": 2, "ItemProcessor": {{"StartAt": "B", "States": {{"B": {}}}}}}}"#,
        task(r#", "End": true"#)
    ));
    let answer = fails(1);
    check_again(
        &definition,
        "[1, 2, 3]",
        &answer,
        expect![[r#"
        17<16 ExecutionFailed Oops | by the test
        18<17 ExecutionRedriven 1
        19<6 ActivityScheduled 1
        20<7 ActivityScheduled 2
        21<19 ActivityStarted
        22<21 ActivitySucceeded {"done": true}
        23<22 TaskStateExited B {"done": true}
        24<23 MapIterationSucceeded 0
        25<23 MapIterationStarted 2
        26<25 TaskStateEntered B 3
        27<26 ActivityScheduled 3
        28<20 ActivityStarted
        29<28 ActivitySucceeded {"done": true}
        30<29 TaskStateExited B {"done": true}
        31<30 MapIterationSucceeded 1
        32<27 ActivityStarted
        33<32 ActivitySucceeded {"done": true}
        34<33 TaskStateExited B {"done": true}
        35<34 MapIterationSucceeded 2
        36<35 MapStateSucceeded
        37<35 MapStateExited A [{"done": true},{"done": true},{"done": true}]
        38<37 ExecutionSucceeded [{"done": true},{"done": true},{"done": true}]
    "#]],
    );
}

#[test]
fn a_parallel_that_fails_again_can_be_redriven_again() {
    let branch = |name: &str| {
        format!(r#"{{"StartAt": "{name}", "States": {{"{name}": {}}}}}"#, task(r#", "End": true"#))
    };
    let definition = one(&format!(
        r#"{{"Type": "Parallel", "End": true, "Branches": [{}, {}]}}"#,
        branch("B"),
        branch("C")
    ));
    let mut run = started(&definition, "{}");
    let answer = fails(2);
    run.let_it_end(&answer);
    redrive(&mut run).unwrap();
    run.let_it_end(&answer);
    assert_eq!(run.execution.status(), ExecutionStatus::Failed);
    redrive(&mut run).unwrap();
    run.let_it_end(&answer);
    assert_eq!(run.execution.output().unwrap().text(), r#"[{"done": true},{"done": true}]"#);
    assert_eq!(run.execution.redrive_count(), 2);
}

#[test]
fn a_branch_below_a_branch_goes_on_where_it_was() {
    let definition = format!(
        r#"{{"StartAt": "M", "States": {{"M": {{"Type": "Map", "End": true, "ItemProcessor": {{"StartAt": "P", "States": {{
            "P": {{"Type": "Parallel", "End": true, "Branches": [
                {{"StartAt": "X", "States": {{"X": {{"Type": "Pass", "Result": "x", "End": true}}}}}},
                {{"StartAt": "Y", "States": {{"Y": {}}}}}]}}}}}}}}}}}}"#,
        task(r#", "End": true"#)
    );
    let answer = fails(1);
    check_again(
        &definition,
        "[1, 2]",
        &answer,
        expect![[r#"
        27<26 ExecutionFailed Oops | by the test
        28<27 ExecutionRedriven 1
        29<11 ActivityScheduled 1
        30<13 ActivityScheduled 2
        31<29 ActivityStarted
        32<31 ActivitySucceeded {"done": true}
        33<32 TaskStateExited Y {"done": true}
        34<33 ParallelStateSucceeded
        35<33 ParallelStateExited P ["x",{"done": true}]
        36<35 MapIterationSucceeded 0
        37<30 ActivityStarted
        38<37 ActivitySucceeded {"done": true}
        39<38 TaskStateExited Y {"done": true}
        40<39 ParallelStateSucceeded
        41<39 ParallelStateExited P ["x",{"done": true}]
        42<41 MapIterationSucceeded 1
        43<42 MapStateSucceeded
        44<42 MapStateExited M [["x",{"done": true}],["x",{"done": true}]]
        45<44 ExecutionSucceeded [["x",{"done": true}],["x",{"done": true}]]
    "#]],
    );
}

#[test]
fn a_failure_that_was_caught_leaves_nothing_to_go_on_with() {
    let definition = format!(
        r#"{{"StartAt": "P", "States": {{
            "P": {{"Type": "Parallel", "Next": "B", "Catch": [{{"ErrorEquals": ["Oops"], "Next": "B"}}], "Branches": [
                {{"StartAt": "X", "States": {{"X": {}}}}},
                {{"StartAt": "Y", "States": {{"Y": {}}}}}]}},
            "B": {}}}}}"#,
        task(r#", "End": true"#),
        task(r#", "End": true"#),
        task(r#", "End": true"#)
    );
    let answer = fails(2);
    check_again(
        &definition,
        "{}",
        &answer,
        expect![[r#"
        18<17 ExecutionFailed Oops | by the test
        19<18 ExecutionRedriven 1
        20<14 ActivityScheduled {"Error":"Oops","Cause":"by the test"}
        21<20 ActivityStarted
        22<21 ActivitySucceeded {"done": true}
        23<22 TaskStateExited B {"done": true}
        24<23 ExecutionSucceeded {"done": true}
    "#]],
    );
}

#[test]
fn variables_of_branches_that_failed_do_not_count_for_a_catcher() {
    let assign = r#""Assign": {"v.$": "$.text"}"#;
    let definition = format!(
        r#"{{"StartAt": "P", "States": {{
            "P": {{"Type": "Parallel", "Next": "B", "Branches": [
                {{"StartAt": "X", "States": {{
                    "X": {{"Type": "Pass", {assign}, "Next": "Y"}},
                    "Y": {{"Type": "Fail", "Error": "Oops"}}}}}}],
                "Catch": [{{"ErrorEquals": ["Oops"], "Assign": {{"w": "{}"}}, "Next": "B"}}]}},
            "B": {{"Type": "Succeed"}}}}}}"#,
        "w".repeat(1000)
    );
    let input = format!(r#"{{"text": "{}"}}"#, "v".repeat(1000));
    let mut run = Run::limited(&definition, Limits { variables_bytes_max: 1_500, ..Limits::default() });
    run.hear(Input::Start { input: Payload::parse(&*input).unwrap(), seed: 7 }).unwrap();
    assert_eq!(run.execution.status(), ExecutionStatus::Succeeded, "{}", run.history());
}

#[test]
fn a_stopped_execution_goes_on_whether_its_task_was_started_or_not() {
    for starts in [false, true] {
        let mut run = started(&one(&task(r#", "End": true"#)), "{}");
        if starts {
            run.hear(Input::TaskStarted { scheduled_event_id: 3, worker_name: None }).unwrap();
        }
        stop(&mut run);
        run.effects.clear();
        redrive(&mut run).unwrap();
        assert_eq!(run.execution.failure(), None);
        assert_eq!(run.execution.closed_at(), None);
        let Effect::ScheduleTask(task) = &run.effects[0] else { panic!("{:?}", run.effects) };
        assert_eq!(task.scheduled_event_id, if starts { 7 } else { 6 });
        run.let_it_end(&|_| Answer::Ok("1"));
        if starts {
            expect![[r#"
                1<0 ExecutionStarted
                2<0 TaskStateEntered A {}
                3<2 ActivityScheduled {}
                4<3 ActivityStarted
                5<0 ExecutionAborted Stopped | by hand
                6<5 ExecutionRedriven 1
                7<2 ActivityScheduled {}
                8<7 ActivityStarted
                9<8 ActivitySucceeded 1
                10<9 TaskStateExited A 1
                11<10 ExecutionSucceeded 1
            "#]]
            .assert_eq(&run.history());
        }
    }
}

#[test]
fn the_timeout_of_the_machine_begins_anew() {
    let definition = format!(
        r#"{{"TimeoutSeconds": 8, "StartAt": "A", "States": {{"A": {}}}}}"#,
        task(r#", "TimeoutSeconds": 60, "End": true"#)
    );
    let mut run = started(&definition, "{}");
    run.let_it_end(&|_| Answer::Silence);
    assert_eq!(run.execution.status(), ExecutionStatus::TimedOut);
    run.now = run.now.after_seconds(100);
    redrive(&mut run).unwrap();
    assert_eq!(run.execution.next_due(), Some(run.now.after_seconds(8)));
    run.let_it_end(&|_| Answer::Silence);
    redrive(&mut run).unwrap();
    run.let_it_end(&|_| Answer::Ok("1"));
    expect![[r#"
        1<0 ExecutionStarted
        2<0 TaskStateEntered A {}
        3<2 ActivityScheduled {}
        4<3 ActivityStarted
        +8000ms 5<0 ExecutionTimedOut States.Timeout | -
        +100000ms 6<5 ExecutionRedriven 1
        7<2 ActivityScheduled {}
        8<7 ActivityStarted
        +8000ms 9<0 ExecutionTimedOut States.Timeout | -
        10<9 ExecutionRedriven 2
        11<2 ActivityScheduled {}
        12<11 ActivityStarted
        13<12 ActivitySucceeded 1
        14<13 TaskStateExited A 1
        15<14 ExecutionSucceeded 1
    "#]]
    .assert_eq(&run.history());
}

#[test]
fn the_longest_an_execution_may_last_does_not_begin_anew() {
    let mut run = started(&one(r#"{"Type": "Wait", "Seconds": 99999999, "End": true}"#), "{}");
    let year = run.now.after_seconds(Limits::default().execution_seconds_max);
    run.now = run.now.after_seconds(1000);
    stop(&mut run);
    redrive(&mut run).unwrap();
    assert_eq!(run.execution.next_due(), Some(year));
}

#[test]
fn the_timeout_of_a_task_begins_anew() {
    let definition = one(&task(r#", "TimeoutSeconds": 2, "End": true"#));
    let count = Cell::new(0);
    let answer = |_: &TaskSpec| {
        count.set(count.get() + 1);
        if count.get() == 1 { Answer::Silence } else { Answer::Ok("1") }
    };
    check_again(
        &definition,
        "{}",
        &answer,
        expect![[r#"
        6<5 ExecutionFailed States.Timeout | -
        7<6 ExecutionRedriven 1
        8<2 ActivityScheduled {}
        9<8 ActivityStarted
        10<9 ActivitySucceeded 1
        11<10 TaskStateExited A 1
        12<11 ExecutionSucceeded 1
    "#]],
    );
}

#[test]
fn a_fail_fails_again() {
    let definition = one(r#"{"Type": "Fail", "Error": "E", "Cause": "so"}"#);
    let mut run = started(&definition, "{}");
    redrive(&mut run).unwrap();
    redrive(&mut run).unwrap();
    expect![[r#"
        1<0 ExecutionStarted
        2<0 FailStateEntered A {}
        3<2 ExecutionFailed E | so
        4<3 ExecutionRedriven 1
        5<4 ExecutionFailed E | so
        6<5 ExecutionRedriven 2
        7<6 ExecutionFailed E | so
    "#]]
    .assert_eq(&run.history());
}

#[test]
fn a_choice_is_evaluated_again() {
    let definition = r#"{"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [
        {"Variable": "$$.Execution.RedriveCount", "NumericGreaterThan": 0, "Next": "B"}]}, "B": {"Type": "Succeed"}}}"#;
    check_again(
        definition,
        "{}",
        &|_| Answer::Ok("1"),
        expect![[r#"
        3<2 ExecutionFailed States.NoChoiceMatched | An error occurred while executing the state 'A' (entered at the event id #2). Failed to transition out of the state. The state does not point to a next state.
        4<3 ExecutionRedriven 1
        5<2 ChoiceStateExited A {}
        6<5 SucceedStateEntered B {}
        7<6 SucceedStateExited B {}
        8<7 ExecutionSucceeded {}
    "#]],
    );
}

#[test]
fn a_wait_of_seconds_waits_again_and_one_for_a_moment_that_passed_is_left() {
    let mut run = started(&one(r#"{"Type": "Wait", "Seconds": 30, "End": true}"#), "{}");
    run.now = run.now.after_seconds(20);
    stop(&mut run);
    run.now = run.now.after_seconds(100);
    redrive(&mut run).unwrap();
    assert_eq!(run.execution.next_due(), Some(run.now.after_seconds(30)));
    run.let_it_end(&|_| Answer::Silence);
    expect![[r#"
        1<0 ExecutionStarted
        2<0 WaitStateEntered A {}
        +20000ms 3<0 ExecutionAborted Stopped | by hand
        +100000ms 4<3 ExecutionRedriven 1
        +30000ms 5<2 WaitStateExited A {}
        6<5 ExecutionSucceeded {}
    "#]]
    .assert_eq(&run.history());

    for (minutes, outcome) in [(5, "+300000ms 4<3"), (15, "+900000ms 4<3")] {
        let wait = r#"{"Type": "Wait", "TimestampPath": "$.at", "End": true}"#;
        let mut run = started(&one(wait), r#"{"at": "2026-11-22T10:10:00Z"}"#);
        stop(&mut run);
        run.now = run.now.after_seconds(minutes * 60);
        redrive(&mut run).unwrap();
        assert!(run.history().contains(outcome), "{}", run.history());
        assert_eq!(run.execution.status() == ExecutionStatus::Succeeded, minutes > 10);
        run.let_it_end(&|_| Answer::Silence);
        assert!(run.now >= Timestamp::parse_rfc3339("2026-11-22T10:10:00Z").unwrap());
    }
}

#[test]
fn a_retry_that_was_waited_for_is_made_at_once() {
    let retry = r#", "Retry": [{"ErrorEquals": ["Oops"], "IntervalSeconds": 600}], "End": true"#;
    let mut run = started(&one(&task(retry)), "{}");
    run.hear(Input::TaskStarted { scheduled_event_id: 3, worker_name: None }).unwrap();
    run.hear(Input::TaskFailed { scheduled_event_id: 3, failure: Failure::named("Oops") }).unwrap();
    stop(&mut run);
    redrive(&mut run).unwrap();
    assert_eq!(run.execution.outstanding().len(), 1);
    assert!(
        run.history().ends_with("7<6 ExecutionRedriven 1\n8<2 ActivityScheduled {}\n"),
        "{}",
        run.history()
    );
}

#[test]
fn a_parallel_whose_own_result_is_too_large_begins_anew() {
    let half = format!(r#"{{"Type": "Pass", "Result": "{}", "End": true}}"#, "x".repeat(200_000));
    let branch = |name: &str| format!(r#"{{"StartAt": "{name}", "States": {{"{name}": {half}}}}}"#);
    let definition = one(&format!(
        r#"{{"Type": "Parallel", "End": true, "Branches": [{}, {}]}}"#,
        branch("B"),
        branch("C")
    ));
    let mut run = started(&definition, "{}");
    assert_eq!(run.execution.failure().unwrap().error_name(), "States.DataLimitExceeded");
    redrive(&mut run).unwrap();
    let types: Vec<String> = run
        .journal
        .iter()
        .filter_map(|event| project(event, run.execution.origin()))
        .map(|event| event.kind.type_name())
        .collect();
    assert_eq!(types.iter().filter(|name| *name == "ParallelStateStarted").count(), 2, "{types:?}");
    assert_eq!(types.iter().filter(|name| *name == "ParallelStateEntered").count(), 1, "{types:?}");
}

#[test]
fn what_branches_gave_is_kept_when_something_else_is_wrong_with_it() {
    let definition = one(&format!(
        r#"{{"Type": "Parallel", "ResultSelector": {{"x.$": "$[7]"}}, "End": true, "Branches": [
            {{"StartAt": "B", "States": {{"B": {}}}}}]}}"#,
        task(r#", "End": true"#)
    ));
    let count = Cell::new(0);
    let answer = |_: &TaskSpec| {
        count.set(count.get() + 1);
        Answer::Ok("1")
    };
    let mut run = started(&definition, "{}");
    run.let_it_end(&answer);
    redrive(&mut run).unwrap();
    assert_eq!((run.execution.status(), count.get()), (ExecutionStatus::Failed, 1));
}

#[test]
fn a_task_whose_result_cannot_be_taken_is_scheduled_again() {
    let definition = one(&task(r#", "ResultSelector": {"x.$": "$.x"}, "End": true"#));
    let count = Cell::new(0);
    let answer = |_: &TaskSpec| {
        count.set(count.get() + 1);
        if count.get() == 1 { Answer::Ok("{}") } else { Answer::Ok(r#"{"x": 5}"#) }
    };
    check_again(
        &definition,
        "{}",
        &answer,
        expect![[r#"
        6<5 ExecutionFailed States.Runtime | An error occurred while executing the state 'A' (entered at the event id #2). The JSONPath '$.x' specified for the field 'x.$' could not be found in the input '{}'
        7<6 ExecutionRedriven 1
        8<2 ActivityScheduled {}
        9<8 ActivityStarted
        10<9 ActivitySucceeded {"x": 5}
        11<10 TaskStateExited A {"x":5}
        12<11 ExecutionSucceeded {"x":5}
    "#]],
    );
}

#[test]
fn only_what_ended_badly_can_be_redriven() {
    let mut run = started(&one(r#"{"Type": "Wait", "Seconds": 30, "End": true}"#), "{}");
    assert_eq!(redrive(&mut run), Err(Refused::NotRedrivable));
    run.let_it_end(&|_| Answer::Silence);
    assert_eq!(run.execution.status(), ExecutionStatus::Succeeded);
    assert_eq!(redrive(&mut run), Err(Refused::NotRedrivable));

    // Each redrive of a Fail takes two events; the last one has no room for both.
    let mut run = started(&one(r#"{"Type": "Fail"}"#), "{}");
    let again = || Input::Redrive { client_token: None };
    let now = run.now;
    while run.execution.handle(again(), now, &Nowhere, &mut 9, &mut Recorder::default()).is_ok() {}
    assert_eq!(run.execution.last_event_id(), Limits::default().history_events_max - 1);
}

#[test]
fn a_request_is_told_by_its_token_for_a_quarter_of_an_hour_and_among_the_last_ten() {
    let mut run = started(&one(r#"{"Type": "Fail"}"#), "{}");
    let mut moments = Vec::new();
    for n in 0..12 {
        run.hear(Input::Redrive { client_token: Some(format!("token-{n}").into()) }).unwrap();
        moments.push(run.now);
        run.now = run.now.after_seconds(60);
    }
    let known = |at: Timestamp| -> Vec<usize> {
        (0..12)
            .filter(|n| run.execution.redriven_by(&format!("token-{n}"), at) == Some(moments[*n]))
            .collect()
    };
    assert_eq!(known(run.now), (2..12).collect::<Vec<usize>>());
    assert_eq!(known(run.now.after_seconds(5 * 60)), (3..12).collect::<Vec<usize>>());
    assert_eq!(known(run.now.after_seconds(15 * 60)), [] as [usize; 0]);
}

/// Each of these ends well with the same output however often it is stopped and redriven.
#[test]
fn however_often_it_is_stopped_a_redriven_execution_comes_to_the_same_end() {
    let nested = format!(
        r#"{{"StartAt": "A", "States": {{
            "A": {{"Type": "Pass", "Result": [1, 2, 3], "ResultPath": "$.items", "Assign": {{"v": 5}}, "Next": "M"}},
            "M": {{"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ResultPath": "$.done", "Next": "W", "ItemProcessor": {{
                "StartAt": "P", "States": {{
                    "P": {{"Type": "Parallel", "Next": "Z", "Branches": [
                        {{"StartAt": "X", "States": {{"X": {{"Type": "Wait", "Seconds": 3, "End": true}}}}}},
                        {{"StartAt": "Y", "States": {{"Y": {}}}}}]}},
                    "Z": {{"Type": "Pass", "Parameters": {{"v.$": "$v", "y.$": "$[1]"}}, "End": true}}}}}}}},
            "W": {{"Type": "Wait", "Seconds": 1, "End": true}}}}}}"#,
        task(r#", "Retry": [{"ErrorEquals": ["States.ALL"]}], "End": true"#)
    );
    let undisturbed = {
        let mut run = started(&nested, "{}");
        run.let_it_end(&|_| Answer::Ok("7"));
        run.execution.output().unwrap().clone()
    };
    for (fuel, stop_after) in [1, 2, 3, u32::MAX].into_iter().flat_map(|fuel| (1..9).map(move |n| (fuel, n)))
    {
        let mut run = Run::new(&nested, fuel);
        run.hear(Input::Start { input: Payload::empty_object(), seed: 7 }).unwrap();
        let mut steps = 0_u32;
        let mut stops = 0_u32;
        while run.execution.status() == ExecutionStatus::Running {
            steps += 1;
            // After so many steps of each run it is stopped; some steps more each time, so that it ends.
            if steps > stop_after + stops {
                (steps, stops) = (0, stops + 1);
                stop(&mut run);
                redrive(&mut run).unwrap();
                continue;
            }
            let waiting = run.execution.outstanding();
            let Some(task) = waiting.first() else {
                run.now = run.execution.next_due().unwrap().max(run.now);
                run.hear(Input::Tick).unwrap();
                continue;
            };
            let scheduled_event_id = task.task.scheduled_event_id;
            if task.started {
                let output = Payload::trusted("7");
                run.hear(Input::TaskSucceeded { scheduled_event_id, output }).unwrap();
            } else {
                run.hear(Input::TaskStarted { scheduled_event_id, worker_name: None }).unwrap();
            }
        }
        assert_eq!(run.execution.output(), Some(&undisturbed), "fuel {fuel}, stopped after {stop_after}");
        assert_eq!(run.execution.redrive_count(), u64::from(stops));
        assert!(stops > 0);
    }
}

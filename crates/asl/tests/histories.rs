//! Whole executions as statements: a definition, an input, what its tasks answer, and the history.
//!
//! After each input the journal so far is written, read back and applied anew, and must give the
//! same execution: replay equals live, at every step of every case.

mod support;

use std::cell::Cell;
use std::sync::Arc;

use expect_test::expect;
use stepwell_asl::*;
use stepwell_model::*;
use stepwell_value::Payload;
use support::*;

#[test]
fn a_chain_of_pass_states_hands_its_input_on() {
    check(
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Pass", "Result": [1], "ResultPath": "$.r", "Next": "C"},
            "C": {"Type": "Pass", "Parameters": {"x.$": "$.r[0]", "n.$": "$$.Execution.Name"}, "Assign": {"v.$": "$.x"}, "Next": "D"},
            "D": {"Type": "Pass", "InputPath": "$v", "End": true}}}"#,
        r#"{ "a" : 1 }"#,
        expect![[r#"
            1<0 ExecutionStarted
            2<0 PassStateEntered A { "a" : 1 }
            3<2 PassStateExited A { "a" : 1 }
            4<3 PassStateEntered B { "a" : 1 }
            5<4 PassStateExited B {"a":1,"r":[1]}
            6<5 PassStateEntered C {"a":1,"r":[1]}
            7<6 PassStateExited C {"x":1,"n":"e"} [("v", 1)]
            8<7 PassStateEntered D {"x":1,"n":"e"}
            9<8 PassStateExited D 1
            10<9 ExecutionSucceeded 1
        "#]],
    );
}

#[test]
fn a_task_is_retried_with_backoff_and_then_caught() {
    let tries = Cell::new(0);
    check_with(
        &format!(
            r#"{{"StartAt": "A", "States": {{
            "A": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true,
                 "Retry": [{{"ErrorEquals": ["E"], "IntervalSeconds": 2, "MaxAttempts": 2, "MaxDelaySeconds": 3}}],
                 "Catch": [{{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}}]}},
            "B": {{"Type": "Succeed"}}}}}}"#
        ),
        r#"{"a":1}"#,
        &|_| {
            tries.set(tries.get() + 1);
            Answer::Error("E", "because")
        },
        expect![[r#"
            1<0 ExecutionStarted
            2<0 TaskStateEntered A {"a":1}
            3<2 LambdaFunctionScheduled {"a":1}
            4<3 LambdaFunctionStarted
            5<4 LambdaFunctionFailed E | because
            +2000ms 6<5 LambdaFunctionScheduled {"a":1}
            7<6 LambdaFunctionStarted
            8<7 LambdaFunctionFailed E | because
            +3000ms 9<8 LambdaFunctionScheduled {"a":1}
            10<9 LambdaFunctionStarted
            11<10 LambdaFunctionFailed E | because
            12<11 TaskStateExited A {"a":1,"error":{"Error":"E","Cause":"because"}}
            13<12 SucceedStateEntered B {"a":1,"error":{"Error":"E","Cause":"because"}}
            14<13 SucceedStateExited B {"a":1,"error":{"Error":"E","Cause":"because"}}
            15<14 ExecutionSucceeded {"a":1,"error":{"Error":"E","Cause":"because"}}
        "#]],
    );
}

#[test]
fn a_failure_that_nobody_takes_ends_the_execution() {
    check_with(
        &one(&format!(r#"{{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}"#)),
        "{}",
        &|_| Answer::Error("E", "because"),
        expect![[r#"
            1<0 ExecutionStarted
            2<0 TaskStateEntered A {}
            3<2 LambdaFunctionScheduled {}
            4<3 LambdaFunctionStarted
            5<4 LambdaFunctionFailed E | because
            6<5 ExecutionFailed E | because
        "#]],
    );
    check(
        &one(r#"{"Type": "Fail", "Error": "E", "CausePath": "$.why"}"#),
        r#"{"why": "so"}"#,
        expect![[r#"
        1<0 ExecutionStarted
        2<0 FailStateEntered A {"why": "so"}
        3<2 ExecutionFailed E | so
    "#]],
    );
}

#[test]
fn a_path_that_leads_nowhere_fails_the_state() {
    check(
        &one(r#"{"Type": "Pass", "InputPath": "$.no", "End": true}"#),
        "{}",
        expect![[r#"
        1<0 ExecutionStarted
        2<0 PassStateEntered A {}
        3<2 ExecutionFailed States.Runtime | An error occurred while executing the state 'A' (entered at the event id #2). Invalid path '$.no' : No results for path: $['no']
    "#]],
    );
    check(
        &one(r#"{"Type": "Pass", "Parameters": {"x.$": "$.no"}, "End": true}"#),
        "{}",
        expect![[r#"
        1<0 ExecutionStarted
        2<0 PassStateEntered A {}
        3<2 ExecutionFailed States.Runtime | An error occurred while executing the state 'A' (entered at the event id #2). The JSONPath '$.no' specified for the field 'x.$' could not be found in the input '{}'
    "#]],
    );
    check(
        &one(r#"{"Type": "Wait", "SecondsPath": "$.delay", "End": true}"#),
        r#"{"delay": -1}"#,
        expect![[r#"
        1<0 ExecutionStarted
        2<0 WaitStateEntered A {"delay": -1}
        3<2 ExecutionFailed States.Runtime | An error occurred while executing the state 'A' (entered at the event id #2). The SecondsPath parameter references a negative value: $.delay == -1
    "#]],
    );
}

#[test]
fn a_wait_holds_until_its_moment() {
    check(
        &one(r#"{"Type": "Wait", "Seconds": 90, "End": true}"#),
        "{}",
        expect![[r#"
        1<0 ExecutionStarted
        2<0 WaitStateEntered A {}
        +90000ms 3<2 WaitStateExited A {}
        4<3 ExecutionSucceeded {}
    "#]],
    );
    check(
        &one(r#"{"Type": "Wait", "Timestamp": "2026-11-22T09:00:00Z", "End": true}"#),
        "{}",
        expect![[r#"
        1<0 ExecutionStarted
        2<0 WaitStateEntered A {}
        3<2 WaitStateExited A {}
        4<3 ExecutionSucceeded {}
    "#]],
    );
}

#[test]
fn a_choice_takes_the_first_rule_that_holds() {
    let definition = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Choice", "Choices": [
            {"Not": {"Variable": "$.n", "IsPresent": true}, "Next": "None"},
            {"And": [{"Variable": "$.n", "NumericGreaterThan": 10}, {"Variable": "$.s", "StringMatches": "a*"}], "Next": "Big"}]},
        "None": {"Type": "Succeed"}, "Big": {"Type": "Succeed"}}}"#;
    check(
        definition,
        r#"{"n": 11, "s": "ab"}"#,
        expect![[r#"
        1<0 ExecutionStarted
        2<0 ChoiceStateEntered A {"n": 11, "s": "ab"}
        3<2 ChoiceStateExited A {"n": 11, "s": "ab"}
        4<3 SucceedStateEntered Big {"n": 11, "s": "ab"}
        5<4 SucceedStateExited Big {"n": 11, "s": "ab"}
        6<5 ExecutionSucceeded {"n": 11, "s": "ab"}
    "#]],
    );
    check(
        definition,
        r#"{}"#,
        expect![[r#"
        1<0 ExecutionStarted
        2<0 ChoiceStateEntered A {}
        3<2 ChoiceStateExited A {}
        4<3 SucceedStateEntered None {}
        5<4 SucceedStateExited None {}
        6<5 ExecutionSucceeded {}
    "#]],
    );
    check(
        definition,
        r#"{"n": 1}"#,
        expect![[r#"
        1<0 ExecutionStarted
        2<0 ChoiceStateEntered A {"n": 1}
        3<2 ExecutionFailed States.NoChoiceMatched | An error occurred while executing the state 'A' (entered at the event id #2). Failed to transition out of the state. The state does not point to a next state.
    "#]],
    );
    check(
        definition,
        r#"{"n": 11}"#,
        expect![[r#"
        1<0 ExecutionStarted
        2<0 ChoiceStateEntered A {"n": 11}
        3<2 ExecutionFailed States.Runtime | An error occurred while executing the state 'A' (entered at the event id #2). Invalid path '$.s': The choice state's condition path references an invalid value.
    "#]],
    );
}

#[test]
fn parallel_branches_join_in_the_order_of_the_definition() {
    let definition = format!(
        r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Parallel", "End": true, "Branches": [
            {{"StartAt": "A", "States": {{"A": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}}}}},
            {{"StartAt": "B", "States": {{"B": {{"Type": "Pass", "End": true}}}}}}]}}}}}}"#
    );
    check_with(
        &definition,
        "[1, 2]",
        &|_| Answer::Ok("\"done\""),
        expect![[r#"
        1<0 ExecutionStarted
        2<0 ParallelStateEntered P [1, 2]
        3<2 ParallelStateStarted
        4<3 TaskStateEntered A [1, 2]
        5<3 PassStateEntered B [1, 2]
        6<4 LambdaFunctionScheduled [1, 2]
        7<5 PassStateExited B [1, 2]
        8<6 LambdaFunctionStarted
        9<8 LambdaFunctionSucceeded "done"
        10<9 TaskStateExited A "done"
        11<10 ParallelStateSucceeded
        12<10 ParallelStateExited P ["done",[1, 2]]
        13<12 ExecutionSucceeded ["done",[1, 2]]
    "#]],
    );
}

#[test]
fn a_failing_branch_gives_its_siblings_up() {
    let definition = format!(
        r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Parallel", "Next": "Z", "Branches": [
            {{"StartAt": "A", "States": {{"A": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}}}}},
            {{"StartAt": "B", "States": {{"B": {{"Type": "Task", "Resource": "{FUNCTION}2", "End": true}}}}}}],
            "Retry": [{{"ErrorEquals": ["E"], "MaxAttempts": 1}}],
            "Catch": [{{"ErrorEquals": ["E"], "Next": "Z"}}]}},
            "Z": {{"Type": "Pass", "End": true}}}}}}"#
    );
    check_with(
        &definition,
        "{}",
        &|task| match &task.resource {
            Resource::LambdaFunction { arn } if arn.ends_with('2') => Answer::Error("E", "because"),
            _ => Answer::Silence,
        },
        expect![[r#"
            1<0 ExecutionStarted
            2<0 ParallelStateEntered P {}
            3<2 ParallelStateStarted
            4<3 TaskStateEntered A {}
            5<3 TaskStateEntered B {}
            6<4 LambdaFunctionScheduled {}
            7<5 LambdaFunctionScheduled {}
            8<6 LambdaFunctionStarted
            9<7 LambdaFunctionStarted
            10<9 LambdaFunctionFailed E | because
            11<10 TaskStateAborted
            12<10 TaskStateAborted
            +1000ms 13<10 ParallelStateStarted
            14<13 TaskStateEntered A {}
            15<13 TaskStateEntered B {}
            16<14 LambdaFunctionScheduled {}
            17<15 LambdaFunctionScheduled {}
            18<16 LambdaFunctionStarted
            19<17 LambdaFunctionStarted
            20<19 LambdaFunctionFailed E | because
            21<20 TaskStateAborted
            22<20 TaskStateAborted
            23<20 ParallelStateFailed
            24<23 ParallelStateExited P {"Error":"E","Cause":"because"}
            25<24 PassStateEntered Z {"Error":"E","Cause":"because"}
            26<25 PassStateExited Z {"Error":"E","Cause":"because"}
            27<26 ExecutionSucceeded {"Error":"E","Cause":"because"}
        "#]],
    );
}

#[test]
fn a_map_runs_its_items_one_after_the_other() {
    check(
        r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 1, "ResultPath": "$.done",
            "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.items"},
            "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"v.$": "$.v", "index.$": "$$.Map.Item.Index"}, "End": true}}},
            "End": true}}}"#,
        r#"{"items": ["a", "b"]}"#,
        expect![[r#"
            1<0 ExecutionStarted
            2<0 MapStateEntered M {"items": ["a", "b"]}
            3<2 MapStateStarted 2
            4<3 MapIterationStarted 0
            5<4 PassStateEntered A {"i":0,"v":"a","all":["a","b"]}
            6<5 PassStateExited A {"v":"a","index":0}
            7<6 MapIterationSucceeded 0
            8<6 MapIterationStarted 1
            9<8 PassStateEntered A {"i":1,"v":"b","all":["a","b"]}
            10<9 PassStateExited A {"v":"b","index":1}
            11<10 MapIterationSucceeded 1
            12<11 MapStateSucceeded
            13<11 MapStateExited M {"items":["a","b"],"done":[{"v":"a","index":0},{"v":"b","index":1}]}
            14<13 ExecutionSucceeded {"items":["a","b"],"done":[{"v":"a","index":0},{"v":"b","index":1}]}
        "#]],
    );
}

#[test]
fn a_map_runs_its_items_at_once_and_an_empty_one_ends_at_once() {
    let definition = r#"{"StartAt": "M", "States": {"M": {"Type": "Map",
        "Iterator": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}, "End": true}}}"#;
    check(
        definition,
        "[1, 2]",
        expect![[r#"
        1<0 ExecutionStarted
        2<0 MapStateEntered M [1, 2]
        3<2 MapStateStarted 2
        4<3 MapIterationStarted 0
        5<3 MapIterationStarted 1
        6<4 PassStateEntered A 1
        7<5 PassStateEntered A 2
        8<6 PassStateExited A 1
        9<7 PassStateExited A 2
        10<8 MapIterationSucceeded 0
        11<9 MapIterationSucceeded 1
        12<11 MapStateSucceeded
        13<11 MapStateExited M [1,2]
        14<13 ExecutionSucceeded [1,2]
    "#]],
    );
    check(
        definition,
        "[]",
        expect![[r#"
        1<0 ExecutionStarted
        2<0 MapStateEntered M []
        3<2 MapStateStarted 0
        4<3 MapStateSucceeded
        5<3 MapStateExited M []
        6<5 ExecutionSucceeded []
    "#]],
    );
    check(
        definition,
        "{}",
        expect![[r#"
        1<0 ExecutionStarted
        2<0 MapStateEntered M {}
        3<2 ExecutionFailed States.Runtime | An error occurred while executing the state 'M' (entered at the event id #2). Reference path "$" must point to array.
    "#]],
    );
}

#[test]
fn a_failing_iteration_gives_its_siblings_up() {
    let definition = format!(
        r#"{{"StartAt": "M", "States": {{"M": {{"Type": "Map", "End": true,
            "ItemProcessor": {{"StartAt": "A", "States": {{"A": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}}}}}}}}}}}"#
    );
    check_with(
        &definition,
        "[1, 2]",
        &|task| if task.parameters.text() == "2" { Answer::Error("E", "because") } else { Answer::Silence },
        expect![[r#"
            1<0 ExecutionStarted
            2<0 MapStateEntered M [1, 2]
            3<2 MapStateStarted 2
            4<3 MapIterationStarted 0
            5<3 MapIterationStarted 1
            6<4 TaskStateEntered A 1
            7<5 TaskStateEntered A 2
            8<6 LambdaFunctionScheduled 1
            9<7 LambdaFunctionScheduled 2
            10<8 LambdaFunctionStarted
            11<9 LambdaFunctionStarted
            12<11 LambdaFunctionFailed E | because
            13<12 MapIterationFailed 1
            14<12 TaskStateAborted
            15<12 TaskStateAborted
            16<12 MapIterationAborted 0
            17<12 MapStateFailed
            18<17 ExecutionFailed E | because
        "#]],
    );
}

#[test]
fn a_task_that_takes_too_long_times_out_and_so_does_one_without_heartbeat() {
    let silent = |_: &TaskSpec| Answer::Silence;
    let activity = "arn:aws:states:us-east-1:000000000000:activity:a";
    check_with(
        &one(&format!(r#"{{"Type": "Task", "Resource": "{activity}", "TimeoutSeconds": 5, "End": true}}"#)),
        "{}",
        &silent,
        expect![[r#"
            1<0 ExecutionStarted
            2<0 TaskStateEntered A {}
            3<2 ActivityScheduled {}
            4<3 ActivityStarted
            +5000ms 5<4 ActivityTimedOut
            6<5 ExecutionFailed States.Timeout | -
        "#]],
    );
    check_with(
        &format!(
            r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Task", "Resource": "{activity}", "HeartbeatSeconds": 2, "End": true,
            "Catch": [{{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "B"}}]}}, "B": {{"Type": "Succeed"}}}}}}"#
        ),
        "{}",
        &silent,
        expect![[r#"
            1<0 ExecutionStarted
            2<0 TaskStateEntered A {}
            3<2 ActivityScheduled {}
            4<3 ActivityStarted
            +2000ms 5<4 ActivityTimedOut
            6<5 TaskStateExited A {"Error":"States.Timeout","Cause":""}
            7<6 SucceedStateEntered B {"Error":"States.Timeout","Cause":""}
            8<7 SucceedStateExited B {"Error":"States.Timeout","Cause":""}
            9<8 ExecutionSucceeded {"Error":"States.Timeout","Cause":""}
        "#]],
    );
}

#[test]
fn an_execution_that_takes_too_long_times_out() {
    check(
        r#"{"TimeoutSeconds": 3, "StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": true}}}"#,
        "{}",
        expect![[r#"
            1<0 ExecutionStarted
            2<0 WaitStateEntered A {}
            +3000ms 3<0 ExecutionTimedOut States.Timeout | -
        "#]],
    );
}

#[test]
fn a_token_task_ends_by_its_token_and_the_first_result_wins() {
    let definition =
        one(r#"{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}, "End": true}"#);
    let mut run = Run::new(&definition, 100);
    run.hear(Input::Start { input: Payload::empty_object(), seed: 1 }).unwrap();
    let output = |text: &str| Payload::parse(text).unwrap();
    let early = run.hear(Input::TaskSucceeded { scheduled_event_id: 3, output: output("0") });
    assert_eq!(early, Err(Refused::WrongPhase));
    run.hear(Input::TaskStarted { scheduled_event_id: 3, worker_name: None }).unwrap();
    run.hear(Input::TaskSucceeded { scheduled_event_id: 3, output: output("1") }).unwrap();
    let late = run.hear(Input::TaskSubmitted { scheduled_event_id: 3, output: output("{}") });
    assert_eq!(late, Err(Refused::Closed));
    expect![[r#"
        1<0 ExecutionStarted
        2<0 TaskStateEntered A {}
        3<2 TaskScheduled {"QueueUrl":"q","MessageBody":{"token":"token-3"}}
        4<3 TaskStarted
        5<4 TaskSucceeded 1
        6<5 TaskStateExited A 1
        7<6 ExecutionSucceeded 1
    "#]]
    .assert_eq(&run.history());
}

#[test]
fn a_history_ends_before_it_grows_too_long() {
    let definition = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "B"}], "Default": "A"},
        "B": {"Type": "Succeed"}}}"#;
    let mut run = Run::new(definition, u32::MAX);
    run.hear(Input::Start { input: Payload::empty_object(), seed: 1 }).unwrap();
    assert_eq!(run.execution.status(), ExecutionStatus::Failed);
    assert_eq!(run.execution.last_event_id(), 25_000);
}

#[test]
fn a_payload_larger_than_allowed_fails_the_state() {
    let definition = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "C"}], "Default": "A"},
        "C": {"Type": "Succeed"}}}"#;
    let mut run = Run::new(definition, u32::MAX);
    run.hear(Input::Start { input: Payload::empty_object(), seed: 1 }).unwrap();
    assert_eq!(run.execution.failure().unwrap().error_name(), "States.DataLimitExceeded");
}

#[test]
fn a_small_definition_cannot_ask_for_gigabytes() {
    let keys: Vec<String> = (0..3_000).map(|n| format!("\"k{n}.$\": \"$\"")).collect();
    let definition =
        one(&format!(r#"{{"Type": "Pass", "Parameters": {{{}}}, "End": true}}"#, keys.join(",")));
    let mut run = Run::new(&definition, u32::MAX);
    let input = Payload::trusted(format!("\"{}\"", "x".repeat(200_000)));
    run.hear(Input::Start { input, seed: 1 }).unwrap();
    assert_eq!(run.execution.failure().unwrap().error_name(), "States.DataLimitExceeded");
}

#[test]
fn an_iteration_gets_no_more_than_a_payload_may_hold() {
    let definition = one(
        r#"{"Type": "Map", "ItemsPath": "$.items", "ItemSelector": {"a.$": "$", "b.$": "$"}, "End": true,
            "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "Result": 1, "End": true}}}}"#,
    );
    let mut run = Run::new(&definition, u32::MAX);
    let input = Payload::trusted(format!(r#"{{"items": [1], "x": "{}"}}"#, "x".repeat(200_000)));
    run.hear(Input::Start { input, seed: 1 }).unwrap();
    assert_eq!(run.execution.failure().unwrap().error_name(), "States.DataLimitExceeded");
}

#[test]
fn retries_count_against_the_length_of_a_history() {
    let definition = one(&format!(
        r#"{{"Type": "Task", "Resource": "{FUNCTION}", "End": true,
            "Retry": [{{"ErrorEquals": ["States.ALL"], "MaxAttempts": 99999999, "BackoffRate": 1.0}}]}}"#
    ));
    let (definition, _) = Definition::parse(&definition).unwrap();
    let mut run = Run::new(r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#, u32::MAX);
    let old = run.execution.origin();
    let origin = Origin {
        definition: Arc::new(definition),
        execution_arn: old.execution_arn.clone(),
        execution_name: old.execution_name.clone(),
        machine_arn: old.machine_arn.clone(),
        version_arn: None,
        alias_arn: None,
        machine_name: old.machine_name.clone(),
        role_arn: old.role_arn.clone(),
        region: old.region.clone(),
        limits: Limits { history_events_max: 30, ..Limits::default() },
        synchronous: false,
    };
    run.execution = Execution::new(Arc::new(origin));
    run.hear(Input::Start { input: Payload::empty_object(), seed: 1 }).unwrap();
    run.let_it_end(&|_| Answer::Error("E", "because"));
    let failure = run.execution.failure().unwrap();
    assert!(failure.cause.as_deref().unwrap().contains("maximum number of history events (30)"));
    // An attempt that was begun is let end, so the history may be a few events longer.
    assert!(run.execution.last_event_id() < 34, "{}", run.execution.last_event_id());
}

#[test]
fn a_map_that_fails_by_itself_gives_its_iterations_up() {
    let activity = "arn:aws:states:us-east-1:000000000000:activity:a";
    check_with(
        &one(&format!(
            r#"{{"Type": "Map", "ItemsPath": "$.i", "End": true,
                "ItemSelector": {{"x.$": "States.ArrayGetItem($.i, $$.Map.Item.Value)"}},
                "ItemProcessor": {{"StartAt": "B", "States": {{"B": {{"Type": "Task", "Resource": "{activity}", "End": true}}}}}}}}"#
        )),
        r#"{"i": [0, 1, 99]}"#,
        &|_| Answer::Silence,
        expect![[r#"
            1<0 ExecutionStarted
            2<0 MapStateEntered A {"i": [0, 1, 99]}
            3<2 MapStateStarted 3
            4<3 MapIterationStarted 0
            5<3 MapIterationStarted 1
            6<3 MapIterationAborted 0
            7<3 MapIterationAborted 1
            8<3 MapStateFailed
            9<8 ExecutionFailed States.IntrinsicFailure | An error occurred while executing the state 'A' (entered at the event id #2). The function 'States.ArrayGetItem($.i, $$.Map.Item.Value)' specified for the field 'x.$' had the following error: there is no item 99 in an array of 3
        "#]],
    );
}

#[test]
fn a_waiting_sibling_is_given_up_too() {
    check(
        &one(r#"{"Type": "Parallel", "End": true, "Branches": [
                {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": true}}},
                {"StartAt": "V", "States": {"V": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": {"Type": "Fail", "Error": "E"}}}]}"#),
        "{}",
        expect![[r#"
            1<0 ExecutionStarted
            2<0 ParallelStateEntered A {}
            3<2 ParallelStateStarted
            4<3 WaitStateEntered W {}
            5<3 WaitStateEntered V {}
            +1000ms 6<5 WaitStateExited V {}
            7<6 FailStateEntered F {}
            8<7 WaitStateAborted
            9<7 ParallelStateFailed
            10<9 ExecutionFailed E | -
        "#]],
    );
}

#[test]
fn a_distributed_map_fails_when_it_is_come_to() {
    check(
        &one(
            r#"{"Type": "Map", "End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "I", "States": {"I": {"Type": "Succeed"}}}}"#,
        ),
        "[1]",
        expect![[r#"
            1<0 ExecutionStarted
            2<0 MapStateEntered A [1]
            3<2 ExecutionFailed States.Runtime | An error occurred while executing the state 'A' (entered at the event id #2). A distributed Map is not supported by this release of Stepwell.
        "#]],
    );
}

#[test]
fn an_interval_of_no_seconds_never_grows() {
    let history = history_of(
        r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true,
            "Branches": [{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}],
            "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 0, "BackoffRate": 1e308, "MaxAttempts": 5}]}}}"#,
        "{}",
    );
    assert!(!history.contains('+'), "{history}");
    assert_eq!(history.matches("ParallelStateStarted").count(), 6);
}

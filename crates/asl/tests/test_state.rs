//! Tests of one state: what it is given, and all that is told of it.

mod support;

use expect_test::{Expect, expect};
use stepwell_asl::TaskSpec;
use stepwell_asl::test_state::*;
use stepwell_model::{Failure, Limits, Timestamp};
use stepwell_value::{Payload, Value};
use support::{Answer, Nowhere};

fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-22T10:00:00Z").unwrap()
}

fn setup(input: &str) -> Setup {
    Setup {
        input: Payload::parse(input).unwrap(),
        variables: Vec::new(),
        context: None,
        mock: None,
        retries: 0,
        failed_iterations: None,
        reader_data: None,
        execution_arn: "arn:aws:states:us-east-1:000000000000:express:m:e".into(),
        execution_name: "e".into(),
        machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".into(),
        machine_name: "m".into(),
        role_arn: None,
        region: "us-east-1".into(),
        limits: Limits::default(),
        seed: 7,
    }
}

fn result(text: &str) -> Option<Mock> {
    Some(Mock::Result(Payload::parse(text).unwrap()))
}

fn error(name: &str) -> Option<Mock> {
    Some(Mock::Failure(Failure::new(name, "mocked")))
}

fn told(report: &Report) -> String {
    let mut lines = report.status.as_str().to_owned();
    if let Some(Failure { error, cause }) = &report.failure {
        let part = |part: &Option<_>| part.clone().unwrap_or_else(|| "-".into());
        lines += &format!(" {}: {}", part(error), part(cause));
    }
    if let Some(next) = &report.next_state {
        lines += &format!(" -> {next}");
    }
    lines.push('\n');
    let seen = &report.inspection;
    let payloads = [
        ("afterInputPath", &seen.after_input_path),
        ("afterParameters", &seen.after_parameters),
        ("afterArguments", &seen.after_arguments),
        ("afterItemsPointer", &seen.after_items_pointer),
        ("afterItemsPath", &seen.after_items_path),
        ("afterItemSelector", &seen.after_item_selector),
        ("afterItemBatcher", &seen.after_item_batcher),
        ("result", &seen.result),
        ("afterResultSelector", &seen.after_result_selector),
        ("afterResultPath", &seen.after_result_path),
        ("variables", &seen.variables),
        ("output", &report.output),
    ];
    for (name, payload) in payloads {
        if let Some(payload) = payload {
            lines += &format!("{name} {}\n", payload.text());
        }
    }
    let numbers = [
        ("toleratedFailureCount", seen.tolerated_failure_count),
        ("maxConcurrency", seen.max_concurrency),
        ("catchIndex", seen.catch_index),
        ("retryIndex", seen.retry_index),
        ("retryBackoffIntervalSeconds", seen.retry_backoff_seconds),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            lines += &format!("{name} {number}\n");
        }
    }
    if let Some(percentage) = seen.tolerated_failure_percentage {
        lines += &format!("toleratedFailurePercentage {percentage:?}\n");
    }
    lines
}

fn check_in(definition: &str, name: Option<&str>, setup: Setup, expected: Expect) {
    let tested = Tested::read(definition, name).unwrap_or_else(|why| panic!("{why:#?}"));
    let text = match tested.begin(setup, now(), &Nowhere) {
        Ok(Step::Done(report)) => told(&report),
        Ok(Step::Task(_, task)) => format!("{:?} with {}", task.resource, task.parameters.text()),
        Ok(Step::Wait(_, until)) => format!("waits until {}", until.to_rfc3339()),
        Err(refusal) => format!("{refusal:?}"),
    };
    expected.assert_eq(&text);
}

fn check(definition: &str, setup: Setup, expected: Expect) {
    check_in(definition, None, setup, expected);
}

/// A state whose task is really done.
fn check_task(definition: &str, input: &str, answer: &dyn Fn(&TaskSpec) -> Answer, expected: Expect) {
    let step = Tested::read(definition, None).unwrap().begin(setup(input), now(), &Nowhere);
    let Ok(Step::Task(test, task)) = step else { panic!("it wants no task done") };
    let report = match answer(&task) {
        Answer::Ok(output) => test.task_ended(Ok(Payload::parse(output).unwrap()), now(), &Nowhere),
        Answer::Error(name, cause) => test.task_ended(Err(Failure::new(name, cause)), now(), &Nowhere),
        Answer::Silence => test.timed_out(now(), &Nowhere),
    };
    expected.assert_eq(&told(&report));
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

#[test]
fn each_field_of_a_pass_is_shown() {
    check(
        r#"{"Type": "Pass", "InputPath": "$.a", "Parameters": {"b.$": "$.b", "c": 1}, "ResultPath": "$.r",
            "Assign": {"kept.$": "$.b"}, "OutputPath": "$.r.b", "Next": "Z"}"#,
        setup(r#"{"a": {"b": 2}}"#),
        expect![[r#"
            SUCCEEDED -> Z
            afterInputPath {"b":2}
            afterParameters {"b":2,"c":1}
            afterResultSelector {"b":2,"c":1}
            afterResultPath {"a":{"b":2},"r":{"b":2,"c":1}}
            variables {"kept":2}
            output 2
        "#]],
    );
    check(
        r#"{"Type": "Pass", "InputPath": "$.missing", "Result": [1], "End": true}"#,
        setup("{}"),
        expect![[r#"
            SUCCEEDED
            result [1]
            afterResultSelector [1]
            afterResultPath [1]
            output [1]
        "#]],
    );
}

#[test]
fn what_was_not_reached_is_not_shown() {
    check(
        r#"{"Type": "Pass", "InputPath": "$.a", "Parameters": {"b.$": "$.missing"}, "End": true}"#,
        setup(r#"{"a": {}}"#),
        expect![[r#"
            FAILED States.Runtime: An error occurred while executing the state 'StateName' (entered at the event id #2). The JSONPath '$.missing' specified for the field 'b.$' could not be found in the input '{}'
            afterInputPath {}
        "#]],
    );
}

#[test]
fn a_choice_leads_where_its_rule_says() {
    let choice = r#"{"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}],
        "Default": "Else"}"#;
    check(
        choice,
        setup(r#"{"n": 1}"#),
        expect![[r#"
        SUCCEEDED -> One
        afterInputPath {"n": 1}
        output {"n": 1}
    "#]],
    );
    check(
        choice,
        setup(r#"{"n": 2}"#),
        expect![[r#"
        SUCCEEDED -> Else
        afterInputPath {"n": 2}
        output {"n": 2}
    "#]],
    );
}

#[test]
fn a_wait_is_the_callers_to_wait() {
    let wait = r#"{"Type": "Wait", "Seconds": 90, "Next": "Z"}"#;
    check(wait, setup("{}"), expect!["waits until 2026-11-22T10:01:30.000Z"]);
    let step = Tested::read(wait, None).unwrap().begin(setup("[1]"), now(), &Nowhere);
    let Ok(Step::Wait(test, until)) = step else { panic!("it does not wait") };
    expect![[r#"
        SUCCEEDED -> Z
        afterInputPath [1]
        output [1]
    "#]]
    .assert_eq(&told(&test.waited(until, &Nowhere)));
}

#[test]
fn a_fail_fails_and_a_succeed_succeeds() {
    check(
        r#"{"Type": "Fail", "Error": "E", "Cause": "c"}"#,
        setup("{}"),
        expect![[r#"
            FAILED E: c
            afterInputPath {}
        "#]],
    );
    check(
        r#"{"Type": "Succeed", "QueryLanguage": "JSONata", "Output": "{% $states.context.State.Name %}"}"#,
        setup("{}"),
        expect![[r#"
            SUCCEEDED
            output "StateName"
        "#]],
    );
}

#[test]
fn a_task_without_a_mock_is_the_callers_to_do() {
    let task = format!(
        r#"{{"Type": "Task", "Resource": "{FUNCTION}", "Parameters": {{"x.$": "$.n"}}, "ResultPath": "$.r",
            "Retry": [{{"ErrorEquals": ["Again"], "IntervalSeconds": 3}}],
            "Catch": [{{"ErrorEquals": ["Other"], "Next": "O"}},
                {{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.e", "Next": "C"}}], "End": true}}"#
    );
    check_task(
        &task,
        r#"{"n": 1}"#,
        &|task| {
            assert_eq!(task.parameters.text(), r#"{"x":1}"#);
            Answer::Ok("42")
        },
        expect![[r#"
        SUCCEEDED
        afterInputPath {"n": 1}
        afterParameters {"x":1}
        result 42
        afterResultSelector 42
        afterResultPath {"n":1,"r":42}
        output {"n":1,"r":42}
    "#]],
    );
    check_task(
        &task,
        r#"{"n": 1}"#,
        &|_| Answer::Error("Again", "why"),
        expect![[r#"
        RETRIABLE Again: why
        afterInputPath {"n": 1}
        afterParameters {"x":1}
        retryIndex 0
        retryBackoffIntervalSeconds 3
    "#]],
    );
    check_task(
        &task,
        r#"{"n": 1}"#,
        &|_| Answer::Error("Boom", "why"),
        expect![[r#"
        CAUGHT_ERROR Boom: why -> C
        afterInputPath {"n": 1}
        afterParameters {"x":1}
        output {"n":1,"e":{"Error":"Boom","Cause":"why"}}
        catchIndex 1
    "#]],
    );
    check_task(
        &task,
        r#"{"n": 1}"#,
        &|_| Answer::Silence,
        expect![[r#"
        FAILED States.Timeout: -
        afterInputPath {"n": 1}
        afterParameters {"x":1}
    "#]],
    );
}

#[test]
fn a_mock_stands_in_for_the_task() {
    let task = r#"{"Type": "Task", "QueryLanguage": "JSONata", "Resource": "arn:aws:states:::aws-sdk:sqs:sendMessage",
        "Arguments": {"a": "{% $states.input.a + 1 %}"}, "Assign": {"got": "{% $states.result.id %}"},
        "Output": "{% $states.result.id & '!' %}",
        "Retry": [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 5}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "C"}],
        "Next": "Z"}"#;
    check(
        task,
        Setup { mock: result(r#"{"id": "x"}"#), ..setup(r#"{"a": 1}"#) },
        expect![[r#"
        SUCCEEDED -> Z
        afterArguments {"a":2}
        result {"id": "x"}
        variables {"got":"x"}
        output "x!"
    "#]],
    );
    check(
        task,
        Setup { mock: error("Again"), retries: 4, ..setup(r#"{"a": 1}"#) },
        expect![[r#"
        RETRIABLE Again: mocked
        afterArguments {"a":2}
        retryIndex 0
        retryBackoffIntervalSeconds 16
    "#]],
    );
    check(
        task,
        Setup { mock: error("Again"), retries: 5, ..setup(r#"{"a": 1}"#) },
        expect![[r#"
        CAUGHT_ERROR Again: mocked -> C
        afterArguments {"a":2}
        output "Again"
        catchIndex 0
        retryIndex 0
    "#]],
    );
    check(
        task,
        Setup { mock: result(r#"{"id": {}}"#), ..setup(r#"{"a": "b"}"#) },
        expect![[r#"
        CAUGHT_ERROR States.QueryEvaluationError: An error occurred while executing the state 'StateName' (entered at the event id #2). The JSONata expression '$states.input.a + 1' specified for the field 'Arguments/a' threw an error during evaluation. T2001: The left side of the "+" operator must evaluate to a number -> C
        output "States.QueryEvaluationError"
        catchIndex 0
    "#]],
    );
}

#[test]
fn a_parallel_is_mocked_as_a_whole() {
    let branch = |name: &str| {
        format!(r#"{{"StartAt": "{name}", "States": {{"{name}": {{"Type": "Pass", "End": true}}}}}}"#)
    };
    let parallel = format!(
        r#"{{"Type": "Parallel", "Parameters": {{"p": 1}}, "ResultSelector": {{"first.$": "$[0]"}},
            "Branches": [{}, {}], "Next": "Z"}}"#,
        branch("A"),
        branch("B")
    );
    check(
        &parallel,
        Setup { mock: result("[1, 2]"), ..setup("{}") },
        expect![[r#"
        SUCCEEDED -> Z
        afterInputPath {}
        afterParameters {"p":1}
        afterResultSelector {"first":1}
        afterResultPath {"first":1}
        output {"first":1}
    "#]],
    );
    check(
        &parallel,
        Setup { mock: error("E"), ..setup("{}") },
        expect![[r#"
        FAILED E: mocked
        afterInputPath {}
        afterParameters {"p":1}
    "#]],
    );
}

/// A distributed Map in JSONPath with further fields.
fn map(more: &str) -> String {
    format!(
        r#"{{"Type": "Map", {more} "End": true, "ItemProcessor": {{"ProcessorConfig": {{"Mode": "DISTRIBUTED",
            "ExecutionType": "STANDARD"}}, "StartAt": "I", "States": {{"I": {{"Type": "Pass", "End": true}}}}}}}}"#
    )
}

#[test]
fn the_items_of_a_map_are_shown_at_each_step() {
    check(
        &map(r#""InputPath": "$.in", "ItemsPath": "$.list", "MaxConcurrencyPath": "$.most",
            "ItemSelector": {"n.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "m.$": "$.most"},
            "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"common.$": "$.most"}},
            "ToleratedFailurePercentagePath": "$.share", "ResultPath": "$.r","#),
        Setup { mock: result("[1]"), ..setup(r#"{"in": {"list": [7, 8, 9], "most": 3, "share": 12.5}}"#) },
        expect![[r#"
            SUCCEEDED
            afterInputPath {"list":[7,8,9],"most":3,"share":12.5}
            afterItemsPath [7, 8, 9]
            afterItemSelector [{"n":0,"v":7,"m":3}, {"n":1,"v":8,"m":3}, {"n":2,"v":9,"m":3}]
            afterItemBatcher [{"BatchInput":{"common":3},"Items":[{"n":0,"v":7,"m":3},{"n":1,"v":8,"m":3}]}, {"BatchInput":{"common":3},"Items":[{"n":2,"v":9,"m":3}]}]
            afterResultSelector [1]
            afterResultPath {"in":{"list":[7,8,9],"most":3,"share":12.5},"r":[1]}
            output {"in":{"list":[7,8,9],"most":3,"share":12.5},"r":[1]}
            maxConcurrency 3
            toleratedFailurePercentage 12.5
        "#]],
    );
}

#[test]
fn a_reader_reads_what_the_caller_says_is_there() {
    let reader = |config: &str| {
        map(&format!(
            r#""ItemReader": {{"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {{{config}}},
                "Parameters": {{"Bucket": "b", "Key": "k"}}}}, "ItemSelector": {{"v.$": "$$.Map.Item.Value"}},"#
        ))
    };
    let read = |data: &str| Setup { mock: result("[]"), reader_data: Some(data.into()), ..setup("{}") };
    check(
        &reader(r#""InputType": "JSON", "ItemsPointer": "/a/b", "MaxItems": 2"#),
        read(r#"{"a": {"b": [1, 2, 3]}}"#),
        expect![[r#"
            SUCCEEDED
            afterInputPath {}
            afterItemsPointer [1, 2, 3]
            afterItemSelector [{"v":1}, {"v":2}]
            afterResultSelector []
            afterResultPath []
            output []
            maxConcurrency 0
        "#]],
    );
    let selected = |config: &str, data: &str| {
        let tested = Tested::read(&reader(config), None).unwrap();
        match tested.begin(read(data), now(), &Nowhere) {
            Ok(Step::Done(report)) => match report.inspection.after_item_selector {
                Some(selected) => selected.text().to_owned(),
                None => format!("{:?}", report.failure),
            },
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        selected(
            r#""InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW""#,
            "a,b\r\n1,\"x,\"\"y\"\"\"\n\n2,\n"
        ),
        r#"[{"v":{"a":"1","b":"x,\"y\""}}, {"v":{"a":"2","b":""}}]"#
    );
    let given =
        r#""InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"], "CSVDelimiter": "TAB""#;
    assert_eq!(selected(given, "1\t2"), r#"[{"v":{"a":"1"}}]"#);
    assert_eq!(selected(r#""InputType": "JSONL""#, "1\n[2]\n"), r#"[{"v":1}, {"v":[2]}]"#);
    assert_eq!(selected("", r#"{"k": 1}"#), r#"[{"v":{"Key":"k","Value":1}}]"#);
    expect![[r#"Some(Failure { error: Some("States.ItemReaderFailed"), cause: Some("Attempting to map over non-iterable node.") })"#]]
        .assert_eq(&selected("", "1"));
}

#[test]
fn failed_iterations_are_held_against_what_the_map_tolerates() {
    let failed = |failed| Setup {
        mock: result("[0, 0, 1]"),
        failed_iterations: Some(failed),
        ..setup(r#"{"list": ["a", "b", "c"]}"#)
    };
    let tolerant = map(r#""ItemsPath": "$.list", "ToleratedFailureCount": 1, "Catch": [
        {"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "C"}],"#);
    check(
        &tolerant,
        failed(1),
        expect![[r#"
        SUCCEEDED
        afterInputPath {"list": ["a", "b", "c"]}
        afterItemsPath ["a", "b", "c"]
        afterResultSelector [0, 0, 1]
        afterResultPath [0, 0, 1]
        output [0, 0, 1]
        toleratedFailureCount 1
        maxConcurrency 0
    "#]],
    );
    check(
        &tolerant,
        failed(2),
        expect![[r#"
        CAUGHT_ERROR States.ExceedToleratedFailureThreshold: The specified tolerated failure threshold was exceeded -> C
        afterInputPath {"list": ["a", "b", "c"]}
        afterItemsPath ["a", "b", "c"]
        output {"Error":"States.ExceedToleratedFailureThreshold","Cause":"The specified tolerated failure threshold was exceeded"}
        toleratedFailureCount 1
        maxConcurrency 0
        catchIndex 0
    "#]],
    );
    check(&tolerant, failed(4), expect!["MoreFailuresThanIterations"]);
    let by_share = map(r#""ItemsPath": "$.list", "ToleratedFailurePercentage": 50,"#);
    check(
        &by_share,
        failed(2),
        expect![[r#"
        FAILED States.ExceedToleratedFailureThreshold: The specified tolerated failure threshold was exceeded
        afterInputPath {"list": ["a", "b", "c"]}
        afterItemsPath ["a", "b", "c"]
        maxConcurrency 0
        toleratedFailurePercentage 50.0
    "#]],
    );
}

#[test]
fn a_state_is_found_in_a_machine_on_any_level() {
    let inner = map(r#""ItemsPath": "$.list", "Comment": "x","#).replace(
        r#"{"Type": "Pass", "End": true}"#,
        r#"{"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.context.Map.Item %}", "End": true}"#,
    );
    let machine = format!(r#"{{"StartAt": "M", "States": {{"M": {inner}}}}}"#);
    check_in(
        &machine,
        Some("I"),
        setup(r#"{"a": 1}"#),
        expect![[r#"
        SUCCEEDED
        output {"Index":0,"Value":{"a":1},"Source":"STATE_DATA"}
    "#]],
    );
    assert!(matches!(Tested::read(&machine, Some("N")), Err(Untestable::NoSuchState)));
    assert!(Tested::read(&machine, Some("M")).unwrap().holds("I"));
    let looping = r#"{"StartAt": "A", "States": {"A": {"Type": "Choice", "Default": "A", "Choices": [
        {"Variable": "$.x", "IsPresent": true, "Next": "B"}]}, "B": {"Type": "Succeed"}}}"#;
    check_in(
        looping,
        Some("A"),
        setup("{}"),
        expect![[r#"
        SUCCEEDED -> A
        afterInputPath {}
        output {}
    "#]],
    );
}

#[test]
fn the_context_and_the_variables_are_what_the_caller_gives() {
    let pass = r#"{"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
        "Output": "{% [$states.context.Execution.(Id & Name), $states.context.State.RetryCount, $v] %}"}"#;
    check(
        pass,
        Setup {
            context: Some(Value::parse(r#"{"Execution": {"Id": "given "}}"#).unwrap()),
            variables: vec![("v".into(), Payload::parse("[1]").unwrap())],
            ..setup("{}")
        },
        expect![[r#"
            SUCCEEDED
            variables {"v":[1]}
            output ["given e",1]
        "#]],
    );
}

#[test]
fn the_places_of_mistakes_are_those_in_what_the_caller_wrote() {
    let places = |definition: &str, name| match Tested::read(definition, name) {
        Err(Untestable::Invalid(found)) => found
            .iter()
            .map(|found| (found.pointer.clone(), found.position(definition).column))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let state = r#"{"Type": "Pass", "Ned": "B", "End": true}"#;
    assert_eq!(places(state, None), [("/Ned".to_owned(), 18)]);
    let machine = format!(r#"{{"StartAt": "A", "States": {{"A": {state}}}}}"#);
    assert_eq!(places(&machine, Some("A"))[0].0, "/States/A/Ned");
    assert_eq!(places("nothing", None), [(String::new(), 1)]);
    // The machine that is made around a state has no places.
    assert_eq!(places(r#"{"Type": "Choice", "Choices": [], "Default": 1}"#, None)[0].0, "/Default");
    let shown = Tested::read(r#"{"Type": "Map", "End": true}"#, None).unwrap_err();
    let Untestable::Invalid(found) = shown else { panic!("{shown:?}") };
    assert_eq!(found[0].location.as_deref(), Some("/"));
}

#[test]
fn the_machine_made_around_a_state_is_nothing_to_the_caller() {
    for state in [
        r#"{"Type": "Pass", "Next": "StateName"}"#,
        r#"{"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "StateName", "States": {"StateName": {"Type": "Succeed"}}}}"#,
    ] {
        assert!(Tested::read(state, None).is_ok(), "{state}");
    }
    for nothing in ["{}", "[]", "1", "null"] {
        let Err(Untestable::Invalid(found)) = Tested::read(nothing, None) else { panic!("{nothing}") };
        assert!(!found.is_empty(), "{nothing}");
        assert!(found.iter().all(|found| found.code != "MISSING_END_STATE"), "{found:?}");
    }
}

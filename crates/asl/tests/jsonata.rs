//! States in JSONata: whole executions with their histories, and what is refused.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the bound of time is what is tested"
)]

mod support;

use expect_test::expect;
use support::*;

fn jsonata(states: &str) -> String {
    format!(r#"{{"QueryLanguage": "JSONata", "StartAt": "A", "States": {{{states}}}}}"#)
}

#[test]
fn expressions_shape_output_and_variables_at_any_depth() {
    check(
        &jsonata(
            r#"
            "A": {"Type": "Pass", "Next": "B",
                "Assign": {"total": "{% $sum($states.input.lines.price) %}", "kept": [1, "{% 'x' & 'y' %}"]},
                "Output": {"count": "{% $count($states.input.lines) %}", "plain": "{ no expression }",
                    "nested": [{"who": "{% $states.context.Execution.Name %}"}, 1.50]}},
            "B": {"Type": "Pass", "Next": "C",
                "Output": "{% $merge([$states.input, {'total': $total, 'kept': $kept}]) %}"},
            "C": {"Type": "Succeed"}"#,
        ),
        r#"{"lines": [{"price": 1}, {"price": 2.5}]}"#,
        expect![[r#"
            1<0 ExecutionStarted
            2<0 PassStateEntered A {"lines": [{"price": 1}, {"price": 2.5}]}
            3<2 PassStateExited A {"count":2,"plain":"{ no expression }","nested":[{"who":"e"},1.50]} [("total", 3.5), ("kept", [1,"xy"])]
            4<3 PassStateEntered B {"count":2,"plain":"{ no expression }","nested":[{"who":"e"},1.50]}
            5<4 PassStateExited B {"count":2,"plain":"{ no expression }","nested":[{"who":"e"},1.5],"total":3.5,"kept":[1,"xy"]}
            6<5 SucceedStateEntered C {"count":2,"plain":"{ no expression }","nested":[{"who":"e"},1.5],"total":3.5,"kept":[1,"xy"]}
            7<6 SucceedStateExited C {"count":2,"plain":"{ no expression }","nested":[{"who":"e"},1.5],"total":3.5,"kept":[1,"xy"]}
            8<7 ExecutionSucceeded {"count":2,"plain":"{ no expression }","nested":[{"who":"e"},1.5],"total":3.5,"kept":[1,"xy"]}
        "#]],
    );
}

#[test]
fn without_output_the_text_of_the_input_goes_on_untouched() {
    check(
        &jsonata(r#""A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Wait", "Seconds": 0, "End": true}"#),
        "{ \"big\" : 12345678901234567890.10 }",
        expect![[r#"
            1<0 ExecutionStarted
            2<0 PassStateEntered A { "big" : 12345678901234567890.10 }
            3<2 PassStateExited A { "big" : 12345678901234567890.10 }
            4<3 WaitStateEntered B { "big" : 12345678901234567890.10 }
            5<4 WaitStateExited B { "big" : 12345678901234567890.10 }
            6<5 ExecutionSucceeded { "big" : 12345678901234567890.10 }
        "#]],
    );
}

#[test]
fn numbers_that_have_been_through_an_expression_are_written_as_java_does() {
    let definition = jsonata(r#""A": {"Type": "Pass", "Output": "{% $states.input %}", "End": true}"#);
    let input = r#"[1.0, [2, 1e2, {"a": 9223372036854775808}], 0.10, 12345678901234567]"#;
    let output = r#"[1,[2,100,{"a":9.223372036854776E18}],0.1,12345678901234567]"#;
    assert_eq!(output_of(&definition, input), output);
}

#[test]
fn a_task_takes_arguments_and_its_result_is_seen() {
    check_with(
        &jsonata(&format!(
            r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", "TimeoutSeconds": "{{% $states.input.t %}}",
                "Arguments": {{"n": "{{% $states.input.t + 1 %}}"}},
                "Assign": {{"answer": "{{% $states.result.answer %}}"}},
                "Output": {{"was": "{{% $states.input %}}", "is": "{{% $states.result %}}"}}, "End": true}}"#
        )),
        r#"{"t":5}"#,
        &|_| Answer::Ok(r#"{"answer": 42}"#),
        expect![[r#"
            1<0 ExecutionStarted
            2<0 TaskStateEntered A {"t":5}
            3<2 LambdaFunctionScheduled {"n":6}
            4<3 LambdaFunctionStarted
            5<4 LambdaFunctionSucceeded {"answer": 42}
            6<5 TaskStateExited A {"was":{"t":5},"is":{"answer":42}} [("answer", 42)]
            7<6 ExecutionSucceeded {"was":{"t":5},"is":{"answer":42}}
        "#]],
    );
}

#[test]
fn a_catcher_sees_the_error_and_says_what_goes_on() {
    check_with(
        &jsonata(&format!(
            r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", "Next": "B",
                "Catch": [{{"ErrorEquals": ["Other"], "Next": "B"}}, {{"ErrorEquals": ["States.ALL"], "Next": "B",
                    "Assign": {{"name": "{{% $states.errorOutput.Error %}}"}},
                    "Output": {{"in": "{{% $states.input %}}", "error": "{{% $states.errorOutput %}}"}}}}]}},
              "B": {{"Type": "Fail", "Error": "{{% $name %}}", "Cause": "{{% $string($states.input) %}}"}}"#
        )),
        "7",
        &|_| Answer::Error("Broken", "badly"),
        expect![[r#"
            1<0 ExecutionStarted
            2<0 TaskStateEntered A 7
            3<2 LambdaFunctionScheduled 7
            4<3 LambdaFunctionStarted
            5<4 LambdaFunctionFailed Broken | badly
            6<5 TaskStateExited A {"in":7,"error":{"Error":"Broken","Cause":"badly"}} [("name", "Broken")]
            7<6 FailStateEntered B {"in":7,"error":{"Error":"Broken","Cause":"badly"}}
            8<7 ExecutionFailed Broken | {"in":7,"error":{"Error":"Broken","Cause":"badly"}}
        "#]],
    );
}

#[test]
fn a_rule_that_holds_brings_its_own_output() {
    let definition = jsonata(
        r#""A": {"Type": "Choice", "Default": "B", "Output": "by default", "Assign": {"by": "default"},
            "Choices": [
                {"Condition": false, "Next": "B"},
                {"Condition": "{% $states.input.n > 10 %}", "Next": "B", "Output": "{% $states.input.n %}"},
                {"Condition": "{% $states.input.n > 5 %}", "Next": "B", "Assign": {"by": "rule"}}]},
          "B": {"Type": "Pass", "Output": ["{% $states.input %}", "{% $by %}"], "End": true}"#,
    );
    for (input, output) in
        [("11", r#"[11,"default"]"#), ("6", r#"["by default","rule"]"#), ("1", r#"["by default","default"]"#)]
    {
        assert_eq!(output_of(&definition, &format!(r#"{{"n":{input}}}"#)), output);
    }
    check(
        &definition,
        r#"{"n":"x"}"#,
        expect![[r#"
        1<0 ExecutionStarted
        2<0 ChoiceStateEntered A {"n":"x"}
        3<0 EvaluationFailed A Choices[1]/Condition States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$states.input.n > 10' specified for the field 'Choices[1]/Condition' threw an error during evaluation. T2009: The values "x" and 10 either side of operator ">" must be of the same data type
        4<3 ExecutionFailed States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$states.input.n > 10' specified for the field 'Choices[1]/Condition' threw an error during evaluation. T2009: The values "x" and 10 either side of operator ">" must be of the same data type
    "#]],
    );
}

#[test]
fn a_condition_that_is_no_boolean_fails_the_state() {
    check(
        &jsonata(
            r#""A": {"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "B"}]}, "B": {"Type": "Succeed"}"#,
        ),
        "{}",
        expect![[r#"
            1<0 ExecutionStarted
            2<0 ChoiceStateEntered A {}
            3<0 EvaluationFailed A Choices[0]/Condition States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '1' specified for the field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean', but was 'number' for value: 1
            4<3 ExecutionFailed States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '1' specified for the field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean', but was 'number' for value: 1
        "#]],
    );
}

#[test]
fn what_an_expression_gives_must_fit_its_field() {
    let mut told = String::new();
    for state in [
        r#"{"Type": "Pass", "Output": {"a": {"b c": [0, "{% $nothing %}"]}}, "End": true}"#,
        r#"{"Type": "Pass", "Output": "{% 1 + 'a' %}", "End": true}"#,
        r#"{"Type": "Pass", "Output": "{% $sum %}", "End": true}"#,
        r#"{"Type": "Pass", "Assign": {"v": "{% $eval('1') %}"}, "End": true}"#,
        r#"{"Type": "Pass", "Output": "{% $pad('x', 2e9) %}", "End": true}"#,
        r#"{"Type": "Pass", "Output": "{% ($f := function($x) { 1 + $f($x) }; $f(1)) %}", "End": true}"#,
        r#"{"Type": "Pass", "Output": "{% ($f := function($x) { $f($x) }; $f(1)) %}", "End": true}"#,
        r#"{"Type": "Wait", "Seconds": "{% 'a' %}", "End": true}"#,
        r#"{"Type": "Wait", "Seconds": "{% -1 %}", "End": true}"#,
        r#"{"Type": "Wait", "Seconds": "{% 1.5 %}", "End": true}"#,
        r#"{"Type": "Wait", "Timestamp": "{% 'tomorrow' %}", "End": true}"#,
        r#"{"Type": "Fail", "Error": "{% 1 %}"}"#,
        r#"{"Type": "Map", "Items": "{% {'a': 1} %}", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}, "End": true}"#,
        r#"{"Type": "Map", "MaxConcurrency": "{% 'x' %}", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}, "End": true}"#,
        r#"{"Type": "Parallel", "Arguments": "{% $none %}", "Branches": [{"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}], "End": true}"#,
    ] {
        let history = history_of(&jsonata(&format!("\"A\": {state}")), "{}");
        let line = history.lines().find(|line| line.contains("EvaluationFailed")).unwrap_or("no failure");
        told.push_str(line);
        told.push('\n');
    }
    expect![[r#"
        3<0 EvaluationFailed A Output/a/b c[1] States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$nothing' specified for the field 'Output/a/b c[1]' returned nothing (undefined).
        3<0 EvaluationFailed A Output States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '1 + 'a'' specified for the field 'Output' threw an error during evaluation. T2002: The right side of the "+" operator must evaluate to a number
        3<0 EvaluationFailed A Output States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$sum' specified for the field 'Output' returned an unsupported result type.
        3<0 EvaluationFailed A Assign/v States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$eval('1')' specified for the field 'Assign/v' threw an error during evaluation. T1006: Attempted to invoke a non-function
        3<0 EvaluationFailed A Output States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$pad('x', 2e9)' specified for the field 'Output' threw an error during evaluation: Expression evaluation memory limit exceeded: Check for excessive memory usage
        3<0 EvaluationFailed A Output States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '($f := function($x) { 1 + $f($x) }; $f(1))' specified for the field 'Output' threw an error during evaluation: Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive
        3<0 EvaluationFailed A Output States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '($f := function($x) { $f($x) }; $f(1))' specified for the field 'Output' threw an error during evaluation: Expression evaluation timeout: Check for infinite loop
        3<2 EvaluationFailed A Seconds States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression ''a'' specified for the field 'Seconds' returned an unexpected result type. Expected 'number', but was 'string' for value: "a"
        3<2 EvaluationFailed A Seconds States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The Seconds field must be between 0 and 99999999 but was: -1
        3<2 EvaluationFailed A Seconds States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The Seconds field must be an integer but was: 1.5
        3<2 EvaluationFailed A Timestamp States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: tomorrow
        3<0 EvaluationFailed A Error States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '1' specified for the field 'Error' returned an unexpected result type. Expected 'string', but was 'number' for value: 1
        3<0 EvaluationFailed A Items States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '{'a': 1}' specified for the field 'Items' returned an unexpected result type. Expected 'array', but was 'object' for value: {"a":1}
        3<0 EvaluationFailed A MaxConcurrency States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression ''x'' specified for the field 'MaxConcurrency' returned an unexpected result type. Expected 'number', but was 'string' for value: "x"
        3<0 EvaluationFailed A Arguments States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$none' specified for the field 'Arguments' returned nothing (undefined).
    "#]].assert_eq(&told);
}

#[test]
fn an_evaluation_that_fails_can_be_caught_and_tried_again() {
    check(
        &jsonata(&format!(
            r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", "Arguments": "{{% $none %}}", "Next": "B",
                "Retry": [{{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1}}],
                "Catch": [{{"ErrorEquals": ["States.ALL"], "Next": "B", "Output": "{{% $states.errorOutput.Error %}}"}}]}},
              "B": {{"Type": "Succeed"}}"#
        )),
        "{}",
        expect![[r#"
            1<0 ExecutionStarted
            2<0 TaskStateEntered A {}
            3<0 EvaluationFailed A Arguments States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$none' specified for the field 'Arguments' returned nothing (undefined).
            +1000ms 4<3 EvaluationFailed A Arguments States.QueryEvaluationError | An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$none' specified for the field 'Arguments' returned nothing (undefined).
            5<4 TaskStateExited A "States.QueryEvaluationError"
            6<5 SucceedStateEntered B "States.QueryEvaluationError"
            7<6 SucceedStateExited B "States.QueryEvaluationError"
            8<7 ExecutionSucceeded "States.QueryEvaluationError"
        "#]],
    );
    check(
        &jsonata(
            r#""A": {"Type": "Pass", "Next": "B"},
              "B": {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}},
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}], "Next": "C"},
              "C": {"Type": "Succeed"}"#,
        ),
        r#"{"foo":"bar"}"#,
        expect![[r#"
            1<0 ExecutionStarted
            2<0 PassStateEntered A {"foo":"bar"}
            3<2 PassStateExited A {"foo":"bar"}
            4<3 MapStateEntered B {"foo":"bar"}
            5<3 EvaluationFailed B - States.QueryEvaluationError | An error occurred while executing the state 'B' (entered at the event id #4). Map state input must be an array but was: {"foo":"bar"}
            6<5 MapStateFailed
            7<6 MapStateExited B {"Error":"States.QueryEvaluationError","Cause":"An error occurred while executing the state 'B' (entered at the event id #4). Map state input must be an array but was: {\"foo\":\"bar\"}"}
            8<7 SucceedStateEntered C {"Error":"States.QueryEvaluationError","Cause":"An error occurred while executing the state 'B' (entered at the event id #4). Map state input must be an array but was: {\"foo\":\"bar\"}"}
            9<8 SucceedStateExited C {"Error":"States.QueryEvaluationError","Cause":"An error occurred while executing the state 'B' (entered at the event id #4). Map state input must be an array but was: {\"foo\":\"bar\"}"}
            10<9 ExecutionSucceeded {"Error":"States.QueryEvaluationError","Cause":"An error occurred while executing the state 'B' (entered at the event id #4). Map state input must be an array but was: {\"foo\":\"bar\"}"}
        "#]],
    );
}

#[test]
fn a_map_iterates_over_items_and_selects_from_each() {
    check(
        &jsonata(
            r#""A": {"Type": "Map", "Items": [3, "{% $states.input.n %}"], "MaxConcurrency": "{% 1 %}",
                "ToleratedFailureCount": "{% $x := 1 %}",
                "ItemSelector": {"i": "{% $states.context.Map.Item.Index %}", "v": "{% $states.context.Map.Item.Value * 2 %}"},
                "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "Output": "{% $states.input.v + $states.input.i %}", "End": true}}},
                "Output": "{% $sum($states.result) %}", "End": true}"#,
        ),
        r#"{"n":4}"#,
        expect![[r#"
            1<0 ExecutionStarted
            2<0 MapStateEntered A {"n":4}
            3<2 MapStateStarted 2
            4<3 MapIterationStarted 0
            5<4 PassStateEntered I {"i":0,"v":6}
            6<5 PassStateExited I 6
            7<6 MapIterationSucceeded 0
            8<6 MapIterationStarted 1
            9<8 PassStateEntered I {"i":1,"v":8}
            10<9 PassStateExited I 9
            11<10 MapIterationSucceeded 1
            12<11 MapStateSucceeded
            13<11 MapStateExited A 15
            14<13 ExecutionSucceeded 15
        "#]],
    );
}

#[test]
fn states_of_both_languages_share_data_and_variables() {
    check(
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Assign": {"x.$": "$.n"}, "Next": "B"},
            "B": {"Type": "Pass", "QueryLanguage": "JSONata", "Assign": {"y": "{% $x + 1 %}"}, "Output": {"z": "{% $x * 2 %}"}, "Next": "C"},
            "C": {"Type": "Parallel", "Branches": [{"StartAt": "D", "States": {
                "D": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.input.z + $y %}", "End": true}}}], "Next": "E"},
            "E": {"Type": "Pass", "Parameters": {"y.$": "$y", "all.$": "$"}, "End": true}}}"#,
        r#"{"n":1}"#,
        expect![[r#"
            1<0 ExecutionStarted
            2<0 PassStateEntered A {"n":1}
            3<2 PassStateExited A {"n":1} [("x", 1)]
            4<3 PassStateEntered B {"n":1}
            5<4 PassStateExited B {"z":2} [("y", 2)]
            6<5 ParallelStateEntered C {"z":2}
            7<6 ParallelStateStarted
            8<7 PassStateEntered D {"z":2}
            9<8 PassStateExited D 4
            10<9 ParallelStateSucceeded
            11<9 ParallelStateExited C [4]
            12<11 PassStateEntered E [4]
            13<12 PassStateExited E {"y":2,"all":[4]}
            14<13 ExecutionSucceeded {"y":2,"all":[4]}
        "#]],
    );
}

#[test]
fn chance_and_time_come_from_the_execution() {
    let definition = jsonata(
        r#""A": {"Type": "Pass", "Output": ["{% $uuid() %}", "{% $uuid() %}", "{% $random() %}", "{% $now() %}"], "End": true}"#,
    );
    let first = output_of(&definition, "{}");
    assert_eq!(first, output_of(&definition, "{}"));
    assert!(first.ends_with("\"2026-11-22T10:00:00.000Z\"]"), "{first}");
    let parts: Vec<&str> = first.split(',').collect();
    assert_ne!(parts[0][1..], *parts[1]);
}

#[test]
fn what_cannot_be_evaluated_is_refused_with_its_place() {
    expect![[r#"
        5:38 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. at /States/A/Output/v
        5:38 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'email' at the top level is not supported. at /States/A/Output/v
        6:27 UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$' at the top level is not supported. at /States/B/Output
        6:27 UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' is not supported. at /States/B/Output
        6:68 RESERVED_VARIABLE_NAME: Cannot assign to reserved variable '$states'. at /States/B/Assign/states
        6:81 INVALID_VARIABLE_NAME: Invalid variable name 'a b': the variable name contains invalid characters. at /States/B/Assign/a b
        7:38 INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/C/Output[0]
        7:51 UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.result' does not exist. at /States/C/Output[1]
        7:75 UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.errorOutput' does not exist. at /States/C/Output[2]
        8:27 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage at /States/D
        8:47 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'Parameters' is only supported for the 'JSONPath' QueryLanguage at /States/D
        8:65 SCHEMA_VALIDATION_FAILED: JSONata string must start with {% and end with %} at /States/D/Output
        9:27 SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/E
        10:27 SCHEMA_VALIDATION_FAILED: Value should be one of the following: [JSONPath, JSONata] at /States/F/QueryLanguage
        11:42 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'a' at the top level is not supported. at /States/G/Choices[0]/Condition
        11:81 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage at /States/G/Choices[1]
        12:38 SCHEMA_VALIDATION_FAILED: Field 'Arguments' is not supported at /States/H
        12:26 SCHEMA_VALIDATION_FAILED: Expected value of type [ARRAY] at /States/H/Items
        12:73 SCHEMA_VALIDATION_FAILED: Field 'QueryLanguage' is not supported at /States/H/ItemProcessor"#]].assert_eq(&mistakes(
        r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Output": {"v": "{% phone & email & phone %}"}, "Next": "B"},
    "B": {"Type": "Pass", "Output": "{% $.a + $$.b %}", "Assign": {"states": 1, "a b": 2}, "Next": "C"},
    "C": {"Type": "Pass", "Output": ["{% 1 + %}", "{% $states.result %}", "{% $states.errorOutput %}"], "Next": "D"},
    "D": {"Type": "Pass", "InputPath": "$.a", "Parameters": {}, "Output": "{% 1", "Next": "E"},
    "E": {"Type": "Pass", "QueryLanguage": "JSONPath", "Next": "F"},
    "F": {"Type": "Pass", "QueryLanguage": "Other", "Next": "G"},
    "G": {"Type": "Choice", "Choices": [{"Condition": "{% a %}", "Next": "H"}, {"Variable": "$.a", "Next": "H"}]},
    "H": {"Type": "Map", "Items": 1, "Arguments": {}, "ItemProcessor": {"QueryLanguage": "JSONata", "StartAt": "I", "States": {"I": {"Type": "Succeed"}}}, "End": true}
  }
}"#,
    ));
    expect![[r#"
        2:27 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/A
        4:78 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/B/ItemProcessor/States/I"#]].assert_eq(&mistakes(
        r#"{"StartAt": "A", "States": {
    "A": {"Type": "Pass", "Output": "{% 1 %}", "Next": "B"},
    "B": {"Type": "Map", "QueryLanguage": "JSONata", "End": true, "Items": [],
          "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "Output": "{% 1 %}", "End": true}}}}}}"#,
    ));
}

#[test]
fn an_expression_in_another_place_than_its_own_is_a_text() {
    let definition =
        jsonata(r#""A": {"Type": "Pass", "Comment": "{% nonsense( %}", "Output": " {% 1 %}", "End": true}"#);
    assert_eq!(output_of(&definition, "{}"), r#"" {% 1 %}""#);
}

#[test]
fn a_template_of_many_expressions_is_bounded_as_a_whole() {
    let fields: Vec<String> = (0..300).map(|n| format!(r#""f{n}": "{{% [1..100000] %}}""#)).collect();
    let definition =
        jsonata(&format!(r#""A": {{"Type": "Pass", "Output": {{{}}}, "End": true}}"#, fields.join(",")));
    let began = std::time::Instant::now();
    let history = history_of(&definition, "{}");
    assert!(history.contains("States.DataLimitExceeded"), "{history:.500}");
    assert!(began.elapsed() < std::time::Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn chance_before_and_after_a_wait_differs() {
    let definition = jsonata(
        r#""A": {"Type": "Wait", "Seconds": "{% 1 + $floor($random() * 1000000) %}",
            "Output": "{% 1 + $floor($random() * 1000000) %}", "End": true}"#,
    );
    let history = history_of(&definition, "{}");
    let output = output_of(&definition, "{}");
    assert!(!history.contains(&format!("+{output}000ms")), "{history}");
}

#[test]
fn an_error_and_a_cause_are_no_longer_than_aws_has_them() {
    let history = history_of(
        &jsonata(
            r#""A": {"Type": "Fail", "Error": "{% $pad('e', 300) %}", "Cause": "{% $pad('c', 40000, '.') %}"}"#,
        ),
        "{}",
    );
    let last = history.lines().last().unwrap();
    let (error, cause) = last.split_once(" | ").unwrap();
    assert_eq!(error.split_once("ExecutionFailed ").unwrap().1.chars().count(), 256);
    assert_eq!(cause.chars().count(), 32_768);
}

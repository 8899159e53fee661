//! What is wrong with definitions, in the words of AWS and at the places that it shows.

mod support;

use std::sync::Arc;

use expect_test::{Expect, expect};
use stepwell_asl::Definition;
use stepwell_model::MachineType;
use stepwell_value::Value;
use support::{mistakes, mistakes_for};

fn check(definition: &str, expected: Expect) {
    expected.assert_eq(&mistakes(definition));
}

/// States that stand in a machine which begins with `A`.
fn check_states(states: &str, expected: Expect) {
    check(&format!("{{\"StartAt\": \"A\", \"States\": {{\n{states}\n}}}}"), expected);
}

/// States of a machine in JSONata.
fn check_jsonata(states: &str, expected: Expect) {
    let definition =
        format!("{{\"QueryLanguage\": \"JSONata\", \"StartAt\": \"A\", \"States\": {{\n{states}\n}}}}");
    check(&definition, expected);
}

#[test]
fn all_that_is_wrong_is_told_at_once_each_with_its_place() {
    check(
        r#"{
  "StartAt": "Frist",
  "TimeoutSeconds": 0,
  "Version": "2.0",
  "Timeout": 5,
  "States": {
    "First": {"Type": "Pass", "Nxt": "Second", "End": true},
    "Second": {"Type": "Task", "Resource": "nothing", "Next": "Nowhere"},
    "Third": {"Type": "Choice", "Choices": []},
    "Fourth": {"Type": "Wait", "Timestamp": "tomorrow", "End": true},
    "Fifth": {"Type": "Pass", "Parameters": {"x.$": "no path", "y": [{"z.$": 1}]}, "End": true},
    "Sixth": {"Type": "Sleep"},
    "Seventh": 7
  }
}"#,
        expect![[r#"
            4:3 SCHEMA_VALIDATION_FAILED: Value should be one of the following: [1.0] at /Version
            7:31 SCHEMA_VALIDATION_FAILED: Field 'Nxt' is not supported at /States/First [did you mean "Next"?]
            8:32 SCHEMA_VALIDATION_FAILED: Value is not a valid resource ARN at /States/Second/Resource
            9:33 SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/Third/Choices
            10:32 SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at /States/Fourth/Timestamp
            11:46 SCHEMA_VALIDATION_FAILED: The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call at /States/Fifth/Parameters
            11:71 SCHEMA_VALIDATION_FAILED: The value for the field 'z.$' must be a STRING that contains a JSONPath but was a NUMBER at /States/Fifth/Parameters/y[0]
            12:15 SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/Sixth/Type
            13:5 SCHEMA_VALIDATION_FAILED: Expected value of type [OBJECT] at /States/Seventh
            5:3 SCHEMA_VALIDATION_FAILED: Field 'Timeout' is not supported at /
            2:3 MISSING_TRANSITION_TARGET: Missing 'Next' target: Frist at /StartAt
            8:55 MISSING_TRANSITION_TARGET: Missing 'Next' target: Nowhere at /States/Second/Next
            7:5 MISSING_TRANSITION_TARGET: State "First" is not reachable. at /States/First
            8:5 MISSING_TRANSITION_TARGET: State "Second" is not reachable. at /States/Second
            9:5 MISSING_TRANSITION_TARGET: State "Third" is not reachable. at /States/Third
            10:5 MISSING_TRANSITION_TARGET: State "Fourth" is not reachable. at /States/Fourth
            11:5 MISSING_TRANSITION_TARGET: State "Fifth" is not reachable. at /States/Fifth
            12:5 MISSING_TRANSITION_TARGET: State "Sixth" is not reachable. at /States/Sixth
            13:5 MISSING_TRANSITION_TARGET: State "Seventh" is not reachable. at /States/Seventh"#]],
    );
}

#[test]
fn a_definition_is_an_object_with_states_and_a_beginning() {
    check("", expect!["1:1 SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"]);
    check("[1]", expect!["1:1 SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object at null"]);
    check("{}", expect!["1:1 SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /"]);
    check(
        r#"{"States": {"A": {"Type": "Pass", "End": true}}}"#,
        expect!["1:1 SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt] at /"],
    );
    check(
        r#"{"StartAt": "A", "States": {}}"#,
        expect![[r#"
        1:18 SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States
        1:2 MISSING_TRANSITION_TARGET: Missing 'Next' target: A at /StartAt
        1:18 MISSING_END_STATE: Workflow has no terminal state at null"#]],
    );
    check("{\n \"StartAt\": }", expect!["2:13 INVALID_JSON_DESCRIPTION: unexpected '}' at null"]);
    let deep = format!("{}1{}", "[".repeat(600), "]".repeat(600));
    check(&deep, expect!["1:513 TOO_DEEPLY_NESTED: nesting deeper than 512 levels at null"]);
}

#[test]
fn a_machine_has_an_end_and_every_state_is_reached() {
    check_states(
        r#""A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}"#,
        expect!["1:18 MISSING_END_STATE: Workflow has no terminal state at null"],
    );
    // Without an end nothing is said about reach, but about targets.
    check_states(
        r#""A": {"Type": "Pass", "Next": "NOPE"}, "C": {"Type": "Pass", "Next": "A"}"#,
        expect![[r#"
            2:23 MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next
            1:18 MISSING_END_STATE: Workflow has no terminal state at null"#]],
    );
    check_states(
        r#""A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}, "a/b~c": {"Type": "Succeed"}"#,
        expect![[r#"2:73 MISSING_TRANSITION_TARGET: State "a/b~c" is not reachable. at /States/a/b~c"#]],
    );
    check(
        r#"{"StartAt": "Nope", "States": {"A": {"Type": "Pass", "End": true}}}"#,
        expect![[r#"
        1:2 MISSING_TRANSITION_TARGET: Missing 'Next' target: Nope at /StartAt
        1:32 MISSING_TRANSITION_TARGET: State "A" is not reachable. at /States/A"#]],
    );
    check_states(
        r#""A": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": true, "Next": "X"}], "Default": "Y"},
           "B": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": true,
                 "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}]}"#,
        expect![[r#"
            2:73 MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Choices[0]/Next
            2:88 MISSING_TRANSITION_TARGET: Missing 'Next' target: Y at /States/A/Default
            4:60 MISSING_TRANSITION_TARGET: Missing 'Next' target: Z at /States/B/Catch[0]/Next
            3:12 MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B"#]],
    );
    // A loop inside is fine; what is not reached there is not.
    check_states(
        r#""A": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "I", "States": {
                "I": {"Type": "Pass", "Next": "J"}, "J": {"Type": "Pass", "Next": "I"},
                "K": {"Type": "Pass", "Next": "I"}}}}"#,
        expect![[
            r#"4:17 MISSING_TRANSITION_TARGET: State "K" is not reachable. at /States/A/ItemProcessor/States/K"#
        ]],
    );
    check_states(
        r#""A": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "X", "States": {"X": {"Type": "Succeed"}}},
             {"StartAt": "X", "States": {"X": {"Type": "Succeed"}}}, {"StartAt": "Q", "States": {"R": {"Type": "Succeed"}}}]}"#,
        expect![[r#"
            3:42 DUPLICATE_STATE_NAME: Duplicate State name: X at /States/A/Branches[1]/States/X
            3:71 MISSING_TRANSITION_TARGET: Missing 'Next' target: Q at /States/A/Branches[2]/StartAt
            3:98 MISSING_TRANSITION_TARGET: State "R" is not reachable. at /States/A/Branches[2]/States/R"#]],
    );
}

#[test]
fn a_state_has_the_fields_of_its_type() {
    check_states(
        r#""A": {"Type": "Pass", "ResultSelector": {}, "Retry": [], "end": true, "Next": "B"},
           "B": {"Type": "Map", "TimeoutSeconds": 5, "Arguments": {}, "End": true,
                 "ItemProcessor": {"QueryLanguage": "JSONata", "StartAt": "I", "States": {"I": {"Type": "Succeed", "Assign": {}}}}}"#,
        expect![[r#"
            2:23 SCHEMA_VALIDATION_FAILED: Field 'ResultSelector' is not supported at /States/A
            2:45 SCHEMA_VALIDATION_FAILED: Field 'Retry' is not supported at /States/A
            2:58 SCHEMA_VALIDATION_FAILED: Field 'end' is not supported at /States/A [did you mean "End"?]
            3:33 SCHEMA_VALIDATION_FAILED: Field 'TimeoutSeconds' is not supported at /States/B
            3:54 SCHEMA_VALIDATION_FAILED: Field 'Arguments' is not supported at /States/B
            4:116 SCHEMA_VALIDATION_FAILED: Field 'Assign' is not supported at /States/B/ItemProcessor/States/I
            4:36 SCHEMA_VALIDATION_FAILED: Field 'QueryLanguage' is not supported at /States/B/ItemProcessor"#]],
    );
    check_states(
        r#""A": {"Type": "Pass", "Next": "B", "End": true},
           "B": {"Type": "Wait", "Seconds": 1, "Timestamp": "2020-01-01T00:00:00Z", "Next": "C"},
           "C": {"Type": "Wait", "End": false, "Next": "D"},
           "D": {"Type": "Fail", "Error": "E", "ErrorPath": "$.e", "Cause": "$.c"},
           "E": {"Type": "Pass"}"#,
        expect![[r#"
            2:1 SCHEMA_VALIDATION_FAILED: There should only be one of the following fields: [Next, End] at /States/A
            3:12 SCHEMA_VALIDATION_FAILED: There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp] at /States/B
            4:12 SCHEMA_VALIDATION_FAILED: This object should have only one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp] at /States/C
            5:12 SCHEMA_VALIDATION_FAILED: There should only be one of the following fields: [Error, ErrorPath] at /States/D
            5:68 NO_PATH: The value of 'Cause' looks like a JSONPath. Use 'CausePath' to evaluate it. at /States/D/Cause
            6:12 SCHEMA_VALIDATION_FAILED: This object should have only one of the following fields: [Next, End] at /States/E
            6:12 MISSING_TRANSITION_TARGET: State "E" is not reachable. at /States/E"#]],
    );
    check_states(
        r#""A": {"Type": 5}, "B": {"Type": "pass"}, "C": {"Comment": 1}, "": {"Type": "Succeed"},
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": {"Type": "Succeed"}"#,
        expect![[r#"
            2:7 SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /States/A/Type
            2:25 SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/B/Type
            2:42 SCHEMA_VALIDATION_FAILED: These fields are required: [Type] at /States/C
            2:63 INVALID_STATE_NAME: Invalid State name: it cannot be empty at /States/
            3:12 INVALID_STATE_NAME: Invalid State name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa exceeds the 80-character limit allowed by the service at /States/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            2:19 MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B
            2:42 MISSING_TRANSITION_TARGET: State "C" is not reachable. at /States/C
            2:63 MISSING_TRANSITION_TARGET: State "" is not reachable. at /States/
            3:12 MISSING_TRANSITION_TARGET: State "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is not reachable. at /States/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"#]],
    );
}

#[test]
fn numbers_have_ranges() {
    check_states(
        r#""A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "Next": "B",
            "TimeoutSeconds": 0, "HeartbeatSeconds": 100000000, "TimeoutSecondsPath": "$.t"},
           "B": {"Type": "Wait", "Seconds": -1, "Next": "C"},
           "C": {"Type": "Wait", "Seconds": "5", "Next": "D"},
           "D": {"Type": "Wait", "Seconds": 99999999999999999999, "Next": "E"},
           "E": {"Type": "Map", "MaxConcurrency": -1, "ToleratedFailurePercentage": 100.5, "ToleratedFailureCount": -1,
             "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}, "End": true,
             "Retry": [{"ErrorEquals": ["E"], "IntervalSeconds": 0, "MaxAttempts": -1, "BackoffRate": 0.5, "MaxDelaySeconds": 0,
               "JitterStrategy": "SOME"}]}"#,
        expect![[r#"
            2:1 SCHEMA_VALIDATION_FAILED: There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath] at /States/A
            3:13 SCHEMA_VALIDATION_FAILED: Minimum value is 1 at /States/A/TimeoutSeconds
            3:34 SCHEMA_VALIDATION_FAILED: Maximum value is 99999999 at /States/A/HeartbeatSeconds
            4:34 SCHEMA_VALIDATION_FAILED: Minimum value is 0 at /States/B/Seconds
            5:34 SCHEMA_VALIDATION_FAILED: Expected value of type Integer at /States/C/Seconds
            6:34 SCHEMA_VALIDATION_FAILED: Maximum value is 99999999 at /States/D/Seconds
            9:69 SCHEMA_VALIDATION_FAILED: Minimum value is 0 at /States/E/Retry[0]/MaxAttempts
            9:88 SCHEMA_VALIDATION_FAILED: Minimum value is 1.0 at /States/E/Retry[0]/BackoffRate
            9:108 SCHEMA_VALIDATION_FAILED: Minimum value is 1 at /States/E/Retry[0]/MaxDelaySeconds
            10:16 SCHEMA_VALIDATION_FAILED: Value should be one of the following: [NONE, FULL] at /States/E/Retry[0]/JitterStrategy
            7:92 SCHEMA_VALIDATION_FAILED: Minimum value is 0 at /States/E/ToleratedFailureCount
            7:55 SCHEMA_VALIDATION_FAILED: Maximum value is 100.0 at /States/E/ToleratedFailurePercentage
            7:33 SCHEMA_VALIDATION_FAILED: Minimum value is 0 at /States/E/MaxConcurrency"#]],
    );
}

#[test]
fn retriers_and_catchers_name_errors() {
    check_states(
        r#""A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": true,
            "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E", "States.ALL"]}, {"ErrorEquals": []},
                {"MaxAttempts": 1}, {"ErrorEquals": [1]}, 5],
            "Catch": [{"ErrorEquals": ["E"]}, {"Next": "A"}, {"ErrorEquals": ["States.ALL"], "Next": "A", "Retry": 1}]}"#,
        expect![[r#"
            3:40 SCHEMA_VALIDATION_FAILED: States.ALL must appear alone and at end of list at /States/A/Retry[0]/ErrorEquals[0]
            3:78 SCHEMA_VALIDATION_FAILED: States.ALL must appear alone and at end of list at /States/A/Retry[1]/ErrorEquals[1]
            3:95 SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/A/Retry[2]/ErrorEquals
            4:17 SCHEMA_VALIDATION_FAILED: These fields are required: [ErrorEquals] at /States/A/Retry[3]
            4:54 SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /States/A/Retry[4]/ErrorEquals[0]
            4:59 SCHEMA_VALIDATION_FAILED: Expected value of type [OBJECT] at /States/A/Retry[5]
            5:23 SCHEMA_VALIDATION_FAILED: These fields are required: [Next] at /States/A/Catch[0]
            5:47 SCHEMA_VALIDATION_FAILED: These fields are required: [ErrorEquals] at /States/A/Catch[1]
            5:107 SCHEMA_VALIDATION_FAILED: Field 'Retry' is not supported at /States/A/Catch[2]"#]],
    );
}

#[test]
fn a_rule_is_one_thing() {
    check_states(
        r#""A": {"Type": "Choice", "Choices": [
             {"Variable": "$.x", "IsNull": true},
             {"Next": "B"},
             {"Variable": "$.x", "And": [], "Next": "B"},
             {"Variable": "$.x", "IsNull": true, "IsString": true, "Next": "B"},
             {"Variable": "$.x", "Next": "B"},
             {"Not": {"Variable": "x", "StringEqualsPath": "y", "Next": "B"}, "Next": "B"},
             {"Or": [], "Next": "B"},
             {"Condition": true, "Next": "B"},
             {"And": [{"Variable": "$.x[*]", "NumericEquals": "1"}, {"Variable": "$.x", "StringEquals": 1},
                {"Variable": "$.x", "TimestampEquals": "soon"}, {"Variable": "$.x", "BooleanEquals": 0}], "Next": "B"},
             {"Variable": "$.x", "StringEquals": "$.y", "Next": "B"}]},
           "B": {"Type": "Succeed"}"#,
        expect![[r#"
            3:14 SCHEMA_VALIDATION_FAILED: These fields are required: [Next] at /States/A/Choices[0]
            4:14 SCHEMA_VALIDATION_FAILED: The object must have only one of the following fields, [And, Or, Not, Variable, Condition] at /States/A/Choices[1]
            5:14 SCHEMA_VALIDATION_FAILED: The object must have only one of the following fields, [And, Or, Not, Variable, Condition] at /States/A/Choices[2]
            5:34 SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/A/Choices[2]/And
            6:14 SCHEMA_VALIDATION_FAILED: There should only be one of the following fields: [StringEquals, StringEqualsPath, StringLessThan, StringLessThanPath, StringGreaterThan, StringGreaterThanPath, StringLessThanEquals, StringLessThanEqualsPath, StringGreaterThanEquals, StringGreaterThanEqualsPath, NumericEquals, NumericEqualsPath, NumericLessThan, NumericLessThanPath, NumericGreaterThan, NumericGreaterThanPath, NumericLessThanEquals, NumericLessThanEqualsPath, NumericGreaterThanEquals, NumericGreaterThanEqualsPath, TimestampEquals, TimestampEqualsPath, TimestampLessThan, TimestampLessThanPath, TimestampGreaterThan, TimestampGreaterThanPath, TimestampLessThanEquals, TimestampLessThanEqualsPath, TimestampGreaterThanEquals, TimestampGreaterThanEqualsPath, BooleanEquals, BooleanEqualsPath, IsPresent, IsNull, IsString, IsNumeric, IsBoolean, IsTimestamp, StringMatches] at /States/A/Choices[3]
            7:14 SCHEMA_VALIDATION_FAILED: This object should have only one of the following fields: [StringEquals, StringEqualsPath, StringLessThan, StringLessThanPath, StringGreaterThan, StringGreaterThanPath, StringLessThanEquals, StringLessThanEqualsPath, StringGreaterThanEquals, StringGreaterThanEqualsPath, NumericEquals, NumericEqualsPath, NumericLessThan, NumericLessThanPath, NumericGreaterThan, NumericGreaterThanPath, NumericLessThanEquals, NumericLessThanEqualsPath, NumericGreaterThanEquals, NumericGreaterThanEqualsPath, TimestampEquals, TimestampEqualsPath, TimestampLessThan, TimestampLessThanPath, TimestampGreaterThan, TimestampGreaterThanPath, TimestampLessThanEquals, TimestampLessThanEqualsPath, TimestampGreaterThanEquals, TimestampGreaterThanEqualsPath, BooleanEquals, BooleanEqualsPath, IsPresent, IsNull, IsString, IsNumeric, IsBoolean, IsTimestamp, StringMatches] at /States/A/Choices[4]
            8:23 SCHEMA_VALIDATION_FAILED: Value is not a Reference Path: Reference path didn't start with '$' at /States/A/Choices[5]/Not/Variable
            8:40 SCHEMA_VALIDATION_FAILED: Value is not a Reference Path: Reference path didn't start with '$' at /States/A/Choices[5]/Not/StringEqualsPath
            8:65 SCHEMA_VALIDATION_FAILED: Field 'Next' is not supported at /States/A/Choices[5]/Not
            9:15 SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/A/Choices[6]/Or
            10:15 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage at /States/A/Choices[7]
            11:24 SCHEMA_VALIDATION_FAILED: Value is not a Reference Path at /States/A/Choices[8]/And[0]/Variable
            11:46 SCHEMA_VALIDATION_FAILED: Expected value of type [NUMBER] at /States/A/Choices[8]/And[0]/NumericEquals
            11:89 SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /States/A/Choices[8]/And[1]/StringEquals
            12:37 SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at /States/A/Choices[8]/And[2]/TimestampEquals
            12:85 SCHEMA_VALIDATION_FAILED: Expected value of type [BOOLEAN] at /States/A/Choices[8]/And[3]/BooleanEquals
            13:34 NO_PATH: The value of 'StringEquals' looks like a JSONPath. Use 'StringEqualsPath' to evaluate it. at /States/A/Choices[9]/StringEquals"#]],
    );
    check_states(
        r#""A": {"Type": "Choice"}, "B": {"Type": "Succeed"}"#,
        expect![[r#"
        2:1 SCHEMA_VALIDATION_FAILED: These fields are required: [Choices] at /States/A
        2:26 MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B"#]],
    );
    check_jsonata(
        r#""A": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": true, "Next": "B"}, {"Next": "B"},
             {"Condition": "{% a %}", "Next": "B"}, {"Condition": "{% true", "Next": "B"}, {"Condition": 1, "Next": "B"}]},
           "B": {"Type": "Succeed"}"#,
        expect![[r#"
            2:38 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage at /States/A/Choices[0]
            2:87 SCHEMA_VALIDATION_FAILED: The object must have only one of the following fields, [And, Or, Not, Variable, Condition] at /States/A/Choices[1]
            3:15 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'a' at the top level is not supported. at /States/A/Choices[2]/Condition
            3:54 SCHEMA_VALIDATION_FAILED: JSONata string must start with {% and end with %} at /States/A/Choices[3]/Condition
            3:93 SCHEMA_VALIDATION_FAILED: Expected value of type [BOOLEAN] at /States/A/Choices[4]/Condition"#]],
    );
}

#[test]
fn paths_are_paths_of_their_kind() {
    check_states(
        r#""A": {"Type": "Pass", "InputPath": "a", "OutputPath": "States.UUID()", "ResultPath": "$.a[*]", "Next": "B"},
           "B": {"Type": "Wait", "SecondsPath": "seconds", "Next": "C"},
           "C": {"Type": "Wait", "TimestampPath": "$.a[*]", "Next": "D"},
           "D": {"Type": "Map", "ItemsPath": "$.a[?(@.b)]", "MaxConcurrencyPath": "$$.Execution.Input.n",
             "ToleratedFailureCountPath": "$v", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}, "Next": "E"},
           "E": {"Type": "Map", "ItemsPath": "$$.Execution.Input.a",
             "ItemProcessor": {"StartAt": "J", "States": {"J": {"Type": "Succeed"}}}, "Next": "F"},
           "F": {"Type": "Fail", "ErrorPath": "States.UUID()", "CausePath": "cause"}"#,
        expect![[r#"
            2:23 SCHEMA_VALIDATION_FAILED: Value must be a valid JSONPath. at /States/A/InputPath
            2:41 SCHEMA_VALIDATION_FAILED: Value must be a valid JSONPath. at /States/A/OutputPath
            2:72 SCHEMA_VALIDATION_FAILED: Value is not a Reference Path at /States/A/ResultPath
            3:34 SCHEMA_VALIDATION_FAILED: Value must be a valid JSONPath. at /States/B/SecondsPath
            4:34 SCHEMA_VALIDATION_FAILED: Value is not a Reference Path at /States/C/TimestampPath
            5:33 SCHEMA_VALIDATION_FAILED: Value is not a Reference Path at /States/D/ItemsPath
            5:61 SCHEMA_VALIDATION_FAILED: Value is not a Reference Path at /States/D/MaxConcurrencyPath
            9:64 SCHEMA_VALIDATION_FAILED: Value must be a valid JSONPath. at /States/F/CausePath"#]],
    );
}

#[test]
fn what_looks_like_a_path_and_is_none_is_warned_of() {
    check_states(
        r#""A": {"Type": "Pass", "Parameters": {"a": "$.b", "c": [{"d": "States.UUID()"}], "price": "$5", "e.$": "$.f"}, "Next": "B"},
           "B": {"Type": "Pass", "Result": {"a.$": "$.b"}, "Next": "C"},
           "C": {"Type": "Pass", "Result": "$.b", "End": true}"#,
        expect![[r#"
            2:38 NO_DOLLAR: The value of 'a' looks like a JSONPath or intrinsic function. Use 'a.$' to evaluate it at runtime. at /States/A/Parameters/a
            2:57 NO_DOLLAR: The value of 'd' looks like a JSONPath or intrinsic function. Use 'd.$' to evaluate it at runtime. at /States/A/Parameters/c[0]/d
            3:34 PASS_RESULT_IS_STATIC: The 'Result' of a Pass state is taken as it is; a path in it is not evaluated. at /States/B/Result
            4:34 PASS_RESULT_IS_STATIC: The 'Result' of a Pass state is taken as it is; a path in it is not evaluated. at /States/C/Result"#]],
    );
}

#[test]
fn resources_are_what_can_be_called_with_what_they_need() {
    let task = |resource: &str, rest: &str| {
        mistakes(&format!(
            r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Task", "Resource": "{resource}", {rest} "End": true}}}}}}"#
        ))
    };
    for known in [
        "arn:aws:states:::aws-sdk:s3:getObject",
        "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess.waitForTaskToken",
        "arn:aws-cn:states:::ecs:runTask.sync",
        "arn:aws:states:::states:startExecution.sync:2",
    ] {
        let member = if known.contains("ecs") { "TaskDefinition" } else { "StateMachineArn" };
        let members = format!(r#""Parameters": {{"{member}": "m"}},"#);
        assert_eq!(task(known, &members), "nothing is wrong", "{known}");
    }
    for unknown in [
        "arn:aws:states:::dynamodb:query",
        "arn:aws:states:::lambda:invoke.sync",
        "arn:aws:states:::dynamodb:getItem.waitForTaskToken",
        "arn:aws:states:::glue:startJobRun.sync:2",
        "arn:aws:states:::aws-sdk:s3:getObject.sync",
        "arn:aws:states:::nothing:atAll",
        "arn:aws:s3:::bucket",
    ] {
        assert!(task(unknown, "").contains("is not recognized."), "{unknown}");
    }
    expect!["1:51 SCHEMA_VALIDATION_FAILED: Value is not a valid resource ARN at /States/A/Resource"]
        .assert_eq(&task("lambda:invoke", ""));
    expect!["1:51 SCHEMA_VALIDATION_FAILED: Parameters field is required for resource ARN: arn:aws:states:::lambda:invoke at /States/A/Resource"].assert_eq(&task("arn:aws:states:::lambda:invoke", ""));
    expect!["1:99 SCHEMA_VALIDATION_FAILED: The field 'MessageBody' is required but was missing at /States/A/Parameters"].assert_eq(&task("arn:aws:states:::sqs:sendMessage", r#""Parameters": {"QueueUrl.$": "$.q"},"#));
    expect![[r#"1:97 SCHEMA_VALIDATION_FAILED: The field "Waits" is not supported by Step Functions at /States/A/Parameters"#]].assert_eq(&task("arn:aws:states:::lambda:invoke", r#""Parameters": {"FunctionName": "f", "Waits.$": "$.q"},"#));
    let activity = "arn:aws:states:us-east-1:123456789012:activity:a";
    expect!["1:115 SCHEMA_VALIDATION_FAILED: The field 'Credentials' is not supported for activities at /States/A/Credentials"].assert_eq(&task(activity, r#""Credentials": {"RoleArn": "r"},"#));
    let function = "arn:aws:lambda:us-east-1:123456789012:function:f";
    expect!["1:115 SCHEMA_VALIDATION_FAILED: The field 'RoleArn' is required but was missing at /States/A/Credentials"].assert_eq(&task(function, r#""Credentials": {},"#));
    expect!["nothing is wrong"].assert_eq(&task(function, r#""Credentials": {"RoleArn.$": "$.r"},"#));
    expect!["1:136 SCHEMA_VALIDATION_FAILED: HeartbeatSeconds must be smaller than TimeoutSeconds at /States/A/HeartbeatSeconds"].assert_eq(&task(function, r#""TimeoutSeconds": 5, "HeartbeatSeconds": 5,"#));
}

#[test]
fn a_distributed_map_is_read_and_checked() {
    let map = |fields: &str, config: &str| {
        format!(
            r#""A": {{"Type": "Map", {fields} "End": true, "ItemProcessor": {{"ProcessorConfig": {config},
               "StartAt": "I", "States": {{"I": {{"Type": "Succeed"}}}}}}}}"#
        )
    };
    let distributed = r#"{"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}"#;
    check_states(
        &map(
            r#""Label": "l", "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket.$": "$.b"},
                 "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"], "MaxItemsPath": "$.n"}},
               "ItemBatcher": {"MaxItemsPerBatch": 5, "BatchInput": {"x.$": "$.y"}},
               "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"},
                 "WriterConfig": {"OutputType": "JSONL", "Transformation": "FLATTEN"}},"#,
            distributed,
        ),
        expect![
            "2:1 STEPWELL_NOT_RUN_YET: Stepwell does not run a distributed Map yet: an execution that comes to it fails at /States/A"
        ],
    );
    check_states(
        &map(
            r#""Label": "not a label", "ItemReader": {"Resource": "arn:aws:states:::s3:deleteObject", "Arguments": {},
                 "ReaderConfig": {"InputType": "CSV", "MaxItems": 100000001, "MaxItemsPath": "$$.n"}},
               "ItemBatcher": {"MaxItemsPerBatch": -1, "MaxInputBytesPerBatch": 262145, "Size": 1},
               "ResultWriter": {},"#,
            r#"{"Mode": "DISTRIBUTED"}"#,
        ),
        expect![[r#"
            2:22 INVALID_LABEL_NAME: Invalid Label name: not a label contains invalid characters at /States/A/Label
            2:61 SCHEMA_VALIDATION_FAILED: The field 'Resource' does not match any of the allowed values. Examples: [arn:<partition>:states:::s3:getObject, arn:<partition>:states:::s3:listObjectsV2] at /States/A/ItemReader/Resource
            3:18 SCHEMA_VALIDATION_FAILED: The field 'CSVHeaderLocation' is required at /States/A/ItemReader/ReaderConfig
            3:55 SCHEMA_VALIDATION_FAILED: Maximum value is 100000000 at /States/A/ItemReader/ReaderConfig/MaxItems
            3:18 SCHEMA_VALIDATION_FAILED: There should only be one of the following fields: [MaxItems, MaxItemsPath] at /States/A/ItemReader/ReaderConfig
            3:78 SCHEMA_VALIDATION_FAILED: Value is not a Reference Path at /States/A/ItemReader/ReaderConfig/MaxItemsPath
            2:109 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Arguments' is only supported for the 'JSONata' QueryLanguage at /States/A/ItemReader
            4:32 SCHEMA_VALIDATION_FAILED: Minimum value is 0 at /States/A/ItemBatcher/MaxItemsPerBatch
            4:56 SCHEMA_VALIDATION_FAILED: Maximum value is 262144 at /States/A/ItemBatcher/MaxInputBytesPerBatch
            4:89 SCHEMA_VALIDATION_FAILED: Field 'Size' is not supported at /States/A/ItemBatcher
            5:16 SCHEMA_VALIDATION_FAILED: These fields are required: [Resource] at /States/A/ResultWriter
            5:67 SCHEMA_VALIDATION_FAILED: These fields are required: [ExecutionType] at /States/A/ItemProcessor/ProcessorConfig
            2:1 STEPWELL_NOT_RUN_YET: Stepwell does not run a distributed Map yet: an execution that comes to it fails at /States/A"#]],
    );
    check_states(
        &map(
            r#""ItemReader": {"ReaderConfig": {"InputType": "JSON", "CSVHeaderLocation": "FIRST_ROW"}},"#,
            r#"{"Mode": "INLINE", "ExecutionType": "STANDARD"}"#,
        ),
        expect![[r#"
            2:22 SCHEMA_VALIDATION_FAILED: These fields are required: [Resource] at /States/A/ItemReader
            2:75 SCHEMA_VALIDATION_FAILED: Field 'CSVHeaderLocation' is not supported at /States/A/ItemReader/ReaderConfig
            2:180 SCHEMA_VALIDATION_FAILED: Field 'ExecutionType' is not supported at /States/A/ItemProcessor/ProcessorConfig
            2:1 STEPWELL_NOT_RUN_YET: Stepwell does not run a distributed Map yet: an execution that comes to it fails at /States/A"#]],
    );
    check_states(
        &map(
            r#""ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "TEXT", "CSVHeaderLocation": "GIVEN"}},"#,
            r#"{"Mode": "EVERYWHERE"}"#,
        ),
        expect![[r#"
            2:99 SCHEMA_VALIDATION_FAILED: The field 'InputType' should have one of these values: [MANIFEST, JSON, CSV, JSONL, PARQUET] at /States/A/ItemReader/ReaderConfig/InputType
            2:82 SCHEMA_VALIDATION_FAILED: These fields are required: [CSVHeaders] at /States/A/ItemReader/ReaderConfig
            2:203 SCHEMA_VALIDATION_FAILED: Value should be one of the following: [INLINE, DISTRIBUTED] at /States/A/ItemProcessor/ProcessorConfig/Mode
            2:1 STEPWELL_NOT_RUN_YET: Stepwell does not run a distributed Map yet: an execution that comes to it fails at /States/A"#]],
    );
    check_jsonata(
        &map(
            r#""ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": "{% bucket %}"},
                 "ReaderConfig": {"MaxItems": "{% 1 + %}", "MaxItemsPath": "$.n"}},
               "ItemBatcher": {"MaxItemsPerBatchPath": "$.n", "BatchInput": {"Comment": "{% c %}"}},
               "ItemSelector": {"Next": "{% n %}"},"#,
            distributed,
        ),
        expect![[r#"
            5:33 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'n' at the top level is not supported. at /States/A/ItemSelector/Next
            2:100 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'bucket' at the top level is not supported. at /States/A/ItemReader/Arguments/Bucket
            3:35 INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/A/ItemReader/ReaderConfig/MaxItems
            3:60 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'MaxItemsPath' is only supported for the 'JSONPath' QueryLanguage at /States/A/ItemReader/ReaderConfig
            4:78 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'c' at the top level is not supported. at /States/A/ItemBatcher/BatchInput/Comment
            4:32 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'MaxItemsPerBatchPath' is only supported for the 'JSONPath' QueryLanguage at /States/A/ItemBatcher
            2:1 STEPWELL_NOT_RUN_YET: Stepwell does not run a distributed Map yet: an execution that comes to it fails at /States/A"#]],
    );
    let two = format!(
        "{}, {}",
        map(r#""Label": "same","#, distributed).replace("\"End\": true", "\"Next\": \"B\""),
        map(r#""Label": "same","#, distributed).replace("\"A\"", "\"B\"").replace("\"I\"", "\"J\"")
    );
    check_states(
        &two,
        expect![[r#"
        2:1 STEPWELL_NOT_RUN_YET: Stepwell does not run a distributed Map yet: an execution that comes to it fails at /States/A
        3:93 DUPLICATE_LABEL_NAME: Duplicate Label name: same at /States/B/Label
        3:72 STEPWELL_NOT_RUN_YET: Stepwell does not run a distributed Map yet: an execution that comes to it fails at /States/B"#]],
    );
    // No map may be called without states.
    check_states(
        r#""A": {"Type": "Map", "End": true}"#,
        expect![
            "2:1 SCHEMA_VALIDATION_FAILED: This object should have only one of the following fields: [ItemProcessor, Iterator] at /States/A"
        ],
    );
    check_states(
        r#""A": {"Type": "Map", "End": true, "ItemProcessor": {"States": {"I": {"Type": "Succeed"}}}, "Iterator": {}}"#,
        expect![[r#"
            2:1 SCHEMA_VALIDATION_FAILED: There should only be one of the following fields: [ItemProcessor, Iterator] at /States/A
            2:35 SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt] at /States/A/ItemProcessor"#]],
    );
}

#[test]
fn an_express_machine_has_no_activities_and_waits_for_no_job() {
    let definition =
        |state: &str| format!(r#"{{"StartAt": "A", "States": {{"A": {{{state}, "End": true}}}}}}"#);
    let task = |resource: &str, members: &str| {
        definition(&format!(r#""Type": "Task", "Resource": "{resource}", "Parameters": {{{members}}}"#))
    };
    let topic = r#""TopicArn": "t", "Message": "m""#;
    let machine = r#""StateMachineArn": "a""#;
    let express = |definition: &str| mistakes_for(MachineType::Express, definition);
    expect!["1:51 SCHEMA_VALIDATION_FAILED: Express state machine does not support '.waitForTaskToken' service integration  at /States/A/Resource"].assert_eq(&express(&task("arn:aws:states:::sns:publish.waitForTaskToken", topic)));
    expect!["1:51 SCHEMA_VALIDATION_FAILED: Express state machine does not support '.sync' service integration at /States/A/Resource"].assert_eq(&express(&task("arn:aws:states:::states:startExecution.sync:2", machine)));
    expect!["1:51 SCHEMA_VALIDATION_FAILED: Express state machine does not support Activity ARN at /States/A/Resource"].assert_eq(&express(&task("arn:aws:states:us-east-1:123456789012:activity:a", "")));
    expect![[r#"
        1:88 SCHEMA_VALIDATION_FAILED: The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines at /States/A/ItemProcessor/ProcessorConfig/Mode
        1:29 STEPWELL_NOT_RUN_YET: Stepwell does not run a distributed Map yet: an execution that comes to it fails at /States/A"#]].assert_eq(&express(&definition(
        r#""Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
           "StartAt": "I", "States": {"I": {"Type": "Succeed"}}}"#,
    )));
}

#[test]
fn the_language_is_told_before_all_else_of_a_state() {
    check(
        r#"{"QueryLanguage": "jsonpath", "StartAt": "X", "States": {
            "X": {"Type": "Pass", "QueryLanguage": 5, "InputPath": "$.a", "Output": 1, "End": true}}}"#,
        expect![[r#"
            1:2 SCHEMA_VALIDATION_FAILED: Value should be one of the following: [JSONPath, JSONata] at /QueryLanguage
            2:55 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage at /States/X
            2:35 SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /States/X/QueryLanguage"#]],
    );
    // A downgrade is the whole answer about the language of a state, and no more than that.
    check_jsonata(
        r#""A": {"Type": "Map", "QueryLanguage": "JSONPath", "MaxConcurrency": -1, "Output": "{% 1 %}", "End": true,
             "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}"#,
        expect![[r#"
            2:22 SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/A
            2:51 SCHEMA_VALIDATION_FAILED: Minimum value is 0 at /States/A/MaxConcurrency"#]],
    );
    check_jsonata(
        r#""A": {"Type": "Pass", "QueryLanguage": "jsonpath", "End": true}"#,
        expect![
            "2:23 SCHEMA_VALIDATION_FAILED: Value should be one of the following: [JSONPath, JSONata] at /States/A/QueryLanguage"
        ],
    );
}

#[test]
fn expressions_are_checked_where_they_count() {
    check_jsonata(
        r#""A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true, "Comment": "{% 1 + %}",
            "Arguments": {"FunctionName": "f", "Payload": {"Comment": "{% aaa + bbb %}"}},
            "TimeoutSeconds": "{% phone %}", "HeartbeatSeconds": "{% 1",
            "Credentials": {"RoleArn": "{% 1 + %}"},
            "Catch": [{"ErrorEquals": ["{% 1 + %}"], "Next": "A", "Output": {"v": ["{% $states.errorOutput.Error & x %}"]},
                "Assign": {"Retry": "{% y %}"}}],
            "Output": {"a": {"b": ["{% $states.errorOutput %}", "{%  %}"]}}}"#,
        expect![[r#"
            3:60 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'aaa' at the top level is not supported. at /States/A/Arguments/Payload/Comment
            3:60 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'bbb' at the top level is not supported. at /States/A/Arguments/Payload/Comment
            8:36 UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.errorOutput' does not exist. at /States/A/Output/a/b[0]
            8:65 INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/A/Output/a/b[1]
            6:84 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'x' at the top level is not supported. at /States/A/Catch[0]/Output/v[0]
            7:28 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'y' at the top level is not supported. at /States/A/Catch[0]/Assign/Retry
            4:13 UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. at /States/A/TimeoutSeconds
            4:46 SCHEMA_VALIDATION_FAILED: JSONata string must start with {% and end with %} at /States/A/HeartbeatSeconds"#]],
    );
}

#[test]
fn variables_have_names_and_no_second_home() {
    check_states(
        r#""A": {"Type": "Pass", "Assign": {"x": 1, "states.$": "$", "a-b": 1, "1a": 1, "größe_1": 1}, "Next": "B"},
           "B": {"Type": "Map", "Assign": {"z": 1}, "Next": "C",
             "ItemProcessor": {"StartAt": "I", "States": {
                "I": {"Type": "Pass", "Assign": {"x.$": "$", "z": 2, "later": 3}, "Next": "J"},
                "J": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "K", "States": {
                    "K": {"Type": "Choice", "Default": "L", "Choices": [
                        {"Variable": "$.a", "IsNull": true, "Next": "L", "Assign": {"x": 1, "z": 1}}]},
                    "L": {"Type": "Succeed"}}}]}}}},
           "C": {"Type": "Pass", "Assign": {"later": 3}, "End": true}"#,
        expect![[r#"
            2:42 RESERVED_VARIABLE_NAME: Cannot assign to reserved variable '$states'. at /States/A/Assign/states.$
            2:59 INVALID_VARIABLE_NAME: Invalid variable name 'a-b': the variable name contains invalid characters. at /States/A/Assign/a-b
            2:69 INVALID_VARIABLE_NAME: Invalid variable name '1a': the variable name contains invalid characters. at /States/A/Assign/1a
            5:50 DUPLICATE_VARIABLE_NAME: The variable name 'x' was already defined in a parent scope. at /States/B/ItemProcessor/States/I/Assign/x.$
            8:85 DUPLICATE_VARIABLE_NAME: The variable name 'x' was already defined in a parent scope. at /States/B/ItemProcessor/States/J/Branches[0]/States/K/Choices[0]/Assign/x
            8:93 DUPLICATE_VARIABLE_NAME: The variable name 'z' was already defined in a parent scope. at /States/B/ItemProcessor/States/J/Branches[0]/States/K/Choices[0]/Assign/z"#]],
    );
}

#[test]
fn the_variables_that_states_read_are_known() {
    let references = |definition: &str| {
        let (definition, _) = Definition::parse(definition).unwrap();
        let states = definition.variable_references();
        states.map(|(state, names)| format!("{state}: {}\n", names.join(" "))).collect::<String>()
    };
    expect![[r#"
        A: a assigned b in out
        B: rule v w
        C: batch count given items most percentage selected
        D: caught role selector timeout
        E: cause error
        I: inner
    "#]].assert_eq(&references(
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Pass", "InputPath": "$in.x", "OutputPath": "$out", "Parameters": {"p.$": "States.Array($b, $a, $b)"},
                "Assign": {"q.$": "$assigned"}, "Next": "B"},
            "B": {"Type": "Choice", "Choices": [{"And": [{"Variable": "$v", "StringEqualsPath": "$w"}], "Next": "C", "Assign": {"t.$": "$rule"}}], "Default": "C"},
            "C": {"Type": "Map", "ItemsPath": "$items", "MaxConcurrencyPath": "$most", "ItemSelector": {"i.$": "$$.Map.Item.Value", "j.$": "$selected"},
                "ToleratedFailureCountPath": "$count", "ToleratedFailurePercentagePath": "$percentage",
                "ItemBatcher": {"MaxItemsPerBatchPath": "$batch", "BatchInput": {"k.$": "$given"}},
                "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "Parameters": {"n.$": "$inner"}, "End": true}}}, "Next": "D"},
            "D": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "TimeoutSecondsPath": "$timeout",
                "Credentials": {"RoleArn.$": "$role"}, "ResultSelector": {"r.$": "$selector"},
                "Catch": [{"ErrorEquals": ["E"], "Next": "E", "Assign": {"c.$": "$caught"}}], "Next": "E"},
            "E": {"Type": "Fail", "ErrorPath": "$error", "CausePath": "States.Format('{}', $cause)"}}}"#,
    ));
    expect![[r#"
        A: assigned out rate wait
        B: c o
    "#]].assert_eq(&references(
        r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Wait", "Seconds": "{% $wait + $states.input.n %}", "Output": {"x": ["{% ($local := $out; $local & $sum([1])) %}"]},
                "Assign": {"y": "{% $map($assigned, function($v) { $v * $rate }) %}"}, "Next": "B"},
            "B": {"Type": "Choice", "Choices": [{"Condition": "{% $c %}", "Next": "C", "Output": "{% $o %}"}], "Default": "C"},
            "C": {"Type": "Succeed"}}}"#,
    ));
}

/// Each value that is `value` with one thing in it changed, at any depth.
fn changed(value: &Value) -> Vec<Value> {
    let mut all: Vec<Value> = [
        "null",
        "true",
        "-1",
        "0",
        "1.5",
        "1e300",
        "\"\"",
        "\"x\"",
        "\"$\"",
        "\"$.a[*]\"",
        "\"$$.a\"",
        "\"{% a %}\"",
        "\"{%\"",
        "[]",
        "[null]",
        "{}",
        "\"DISTRIBUTED\"",
        "\"JSONata\"",
        "\"Choice\"",
        "\"Map\"",
    ]
    .map(|text| Value::parse(text).unwrap())
    .into();
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter() {
                let others: Vec<(Arc<str>, Value)> = map
                    .iter()
                    .filter(|(other, _)| *other != key)
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                all.push(Value::object(others.clone()));
                for new in changed(inner) {
                    all.push(Value::object(others.iter().cloned().chain([(key.clone(), new)])));
                }
            }
        }
        Value::Array(items) => {
            for (place, inner) in items.iter().enumerate() {
                for new in changed(inner) {
                    let mut items = Vec::clone(items);
                    items[place] = new;
                    all.push(Value::array(items));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all
}

#[test]
fn whatever_is_changed_is_taken_or_refused_with_a_reason() {
    let path = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Map", "ItemsPath": "$.a", "MaxConcurrency": 1, "ItemSelector": {"x.$": "$.a"}, "Next": "B",
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b"},
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"]}},
            "ItemBatcher": {"MaxItemsPerBatch": 1}, "ResultWriter": {"WriterConfig": {"OutputType": "JSON"}}, "Label": "l",
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "I",
                "States": {"I": {"Type": "Pass", "Assign": {"v.$": "$"}, "End": true}}}},
        "B": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Next": "C",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$"}, "TimeoutSeconds": 5, "Credentials": {"RoleArn": "r"},
            "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 1.5}],
            "Catch": [{"ErrorEquals": ["E"], "ResultPath": "$.e", "Next": "C"}]},
        "C": {"Type": "Choice", "Default": "D", "Choices": [{"And": [{"Variable": "$.a", "StringEquals": "b"}], "Next": "D"}]},
        "D": {"Type": "Wait", "Seconds": 1, "Next": "E"},
        "E": {"Type": "Parallel", "Branches": [{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}], "End": true}}}"#;
    let query = r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Map", "Items": "{% [1] %}", "ItemSelector": {"x": "{% 1 %}"}, "Next": "B", "Output": "{% $states.result %}",
            "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "Assign": {"v": "{% 1 %}"}, "End": true}}}},
        "B": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "f"}, "Next": "C",
            "TimeoutSeconds": "{% 5 %}", "Catch": [{"ErrorEquals": ["E"], "Output": 1, "Next": "C"}]},
        "C": {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Output": 1, "Next": "D"}], "Default": "D"},
        "D": {"Type": "Wait", "Timestamp": "{% $now() %}", "End": true}}}"#;
    for definition in [path, query] {
        assert!(Definition::parse(definition).is_ok(), "{}", mistakes(definition));
        for changed in changed(&Value::parse(definition).unwrap()) {
            let changed = changed.to_json().unwrap();
            for machine_type in [MachineType::Standard, MachineType::Express] {
                match Definition::parse_for(machine_type, &changed) {
                    Ok(_) => assert!(Definition::reread(&changed).is_some(), "{changed}"),
                    Err(found) => {
                        assert!(found.iter().any(|found| found.is_error()), "{changed}");
                        for found in &found {
                            found.position(&changed);
                        }
                    }
                }
            }
        }
    }
}

"""Every state type from end to end, with the exact history that AWS writes for it.

Where an expected sequence is not plain, it follows a recorded case of real AWS.
"""

import json

import server as servers
from conftest import lines


def test_pass_in_all_its_forms(world):
    output = world.output(
        world.states(
            "Shape",
            Shape={
                "Type": "Pass",
                "InputPath": "$.in",
                "Parameters": {"fixed": 1, "taken.$": "$.a", "sum.$": "States.MathAdd($.a, 2)"},
                "ResultPath": "$.shaped",
                "OutputPath": "$.shaped",
                "Next": "Result",
            },
            Result={"Type": "Pass", "Result": {"deep": [1, 2]}, "ResultPath": "$.new.place", "End": True},
        ),
        {"in": {"a": 40}},
    )
    assert output == {"fixed": 1, "taken": 40, "sum": 42, "new": {"place": {"deep": [1, 2]}}}


def test_the_history_of_a_chain(world):
    machine = world.states(
        "One",
        One={"Type": "Pass", "Assign": {"x.$": "$.a"}, "Next": "Two"},
        Two={"Type": "Wait", "Seconds": 0, "Next": "Three"},
        Three={"Type": "Choice", "Choices": [{"Variable": "$x", "NumericEquals": 1, "Next": "Four"}]},
        Four={"Type": "Succeed"},
    )
    _, history = world.run(machine, {"a": 1})
    assert lines(history) == [
        "1<0 ExecutionStarted",
        "2<0 PassStateEntered One",
        "3<2 PassStateExited One",
        "4<3 WaitStateEntered Two",
        "5<4 WaitStateExited Two",
        "6<5 ChoiceStateEntered Three",
        "7<6 ChoiceStateExited Three",
        "8<7 SucceedStateEntered Four",
        "9<8 SucceedStateExited Four",
        "10<9 ExecutionSucceeded",
    ]
    exited = history[2]["stateExitedEventDetails"]
    assert exited["assignedVariables"] == {"x": "1"}
    assert exited["output"] == '{"a": 1}' or json.loads(exited["output"]) == {"a": 1}
    assert history[0]["executionStartedEventDetails"]["roleArn"] == servers.ROLE_ARN


def test_a_fail_state_fails_the_execution(world):
    described, history = world.run(world.states("No", No={"Type": "Fail", "Error": "Mine", "Cause": "so it is"}))
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Mine", "so it is")
    assert lines(history) == ["1<0 ExecutionStarted", "2<0 FailStateEntered No", "3<2 ExecutionFailed"]


def test_a_fail_state_takes_error_and_cause_from_paths(world):
    machine = world.states(
        "No", No={"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format('because of {}', $.c)"}
    )
    described, _ = world.run(machine, {"e": "Mine", "c": "you"})
    assert (described["error"], described["cause"]) == ("Mine", "because of you")


def test_wait_holds_for_its_seconds(world):
    machine = world.states("Hold", Hold={"Type": "Wait", "SecondsPath": "$.s", "End": True})
    described, _ = world.run(machine, {"s": 1})
    held = (described["stopDate"] - described["startDate"]).total_seconds()
    assert 1.0 <= held < 5


def test_wait_until_a_moment_that_has_passed_does_not_wait(world):
    machine = world.states("Hold", Hold={"Type": "Wait", "TimestampPath": "$.t", "End": True})
    described, _ = world.run(machine, {"t": "2001-01-01T00:00:00Z"})
    assert described["status"] == "SUCCEEDED"


def test_choice_takes_the_first_rule_that_holds(world):
    machine = world.states(
        "Which",
        Which={
            "Type": "Choice",
            "Choices": [
                {"And": [
                    {"Variable": "$.n", "IsNumeric": True},
                    {"Not": {"Variable": "$.n", "NumericLessThan": 10}},
                ], "Next": "Large"},
                {"Or": [
                    {"Variable": "$.n", "NumericEquals": 3},
                    {"Variable": "$.s", "StringMatches": "log-*.txt"},
                ], "Next": "Special"},
            ],
            "Default": "Other",
        },
        **{name: {"Type": "Pass", "Result": name, "End": True} for name in ["Large", "Special", "Other"]},
    )
    assert world.output(machine, {"n": 10, "s": ""}) == "Large"
    assert world.output(machine, {"n": 3, "s": ""}) == "Special"
    assert world.output(machine, {"n": 4, "s": "log-7.txt"}) == "Special"
    assert world.output(machine, {"n": 4, "s": "x"}) == "Other"


def test_a_choice_without_a_match_fails(world):
    machine = world.states(
        "Which",
        Which={"Type": "Choice", "Choices": [{"Variable": "$.a", "BooleanEquals": True, "Next": "Yes"}]},
        Yes={"Type": "Succeed"},
    )
    described, history = world.run(machine, {"a": False})
    assert described["error"] == "States.NoChoiceMatched"
    assert lines(history)[-1] == "3<2 ExecutionFailed"


def test_parallel_gathers_the_outputs_of_its_branches_in_order(world):
    machine = world.states(
        "Both",
        Both={
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "L", "States": {"L": {"Type": "Pass", "Result": 1, "End": True}}},
                {"StartAt": "R", "States": {"R": {"Type": "Pass", "Result": 2, "End": True}}},
            ],
            "End": True,
        },
    )
    described, history = world.run(machine)
    assert json.loads(described["output"]) == [1, 2]
    text = lines(history)
    assert text[:3] == ["1<0 ExecutionStarted", "2<0 ParallelStateEntered Both", "3<2 ParallelStateStarted"]
    inner = {(event["type"], event["stateEnteredEventDetails"]["name"]): event
             for event in history if event["type"] == "PassStateEntered"}
    assert {name for _, name in inner} == {"L", "R"}
    assert all(event["previousEventId"] == 3 for event in inner.values())
    succeeded, exited, ended = history[-3:]
    assert [event["type"] for event in history[-3:]] == [
        "ParallelStateSucceeded", "ParallelStateExited", "ExecutionSucceeded"
    ]
    assert succeeded["previousEventId"] == exited["previousEventId"], "as AWS: both point at the same event"
    assert ended["previousEventId"] == exited["id"]


def test_a_failing_branch_fails_the_parallel_state_and_can_be_caught(world):
    machine = world.states(
        "Both",
        Both={
            "Type": "Parallel",
            "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Fail", "Error": "Mine", "Cause": "why"}}}],
            "Catch": [{"ErrorEquals": ["Mine"], "ResultPath": "$.failure", "Next": "After"}],
            "End": True,
        },
        After={"Type": "Pass", "End": True},
    )
    described, history = world.run(machine, {"kept": True})
    assert json.loads(described["output"]) == {"kept": True, "failure": {"Error": "Mine", "Cause": "why"}}
    assert lines(history) == [
        "1<0 ExecutionStarted",
        "2<0 ParallelStateEntered Both",
        "3<2 ParallelStateStarted",
        "4<3 FailStateEntered B",
        "5<4 ParallelStateFailed",
        "6<5 ParallelStateExited Both",
        "7<6 PassStateEntered After",
        "8<7 PassStateExited After",
        "9<8 ExecutionSucceeded",
    ]


def test_a_serial_map_leaves_the_history_that_aws_leaves(world):
    machine = world.states(
        "Each",
        Each={
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 1,
            "ItemSelector": {"index.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value"},
            "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": True}}},
            "End": True,
        },
    )
    described, history = world.run(machine, {"items": ["a", "b"]})
    assert json.loads(described["output"]) == [{"index": 0, "value": "a"}, {"index": 1, "value": "b"}]
    assert lines(history) == [
        "1<0 ExecutionStarted",
        "2<0 MapStateEntered Each",
        "3<2 MapStateStarted",
        "4<3 MapIterationStarted Each 0",
        "5<4 PassStateEntered One",
        "6<5 PassStateExited One",
        "7<6 MapIterationSucceeded Each 0",
        "8<6 MapIterationStarted Each 1",
        "9<8 PassStateEntered One",
        "10<9 PassStateExited One",
        "11<10 MapIterationSucceeded Each 1",
        "12<11 MapStateSucceeded",
        "13<11 MapStateExited Each",
        "14<13 ExecutionSucceeded",
    ]
    assert history[2]["mapStateStartedEventDetails"] == {"length": 2}


def test_a_map_of_many_items_keeps_their_order(world):
    machine = world.states(
        "Each",
        Each={
            "Type": "Map",
            "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Wait", "Seconds": 0, "End": True}}},
            "End": True,
        },
    )
    described, history = world.run(machine, list(range(300)))
    assert json.loads(described["output"]) == list(range(300))
    started = [event for event in history if event["type"] == "MapIterationStarted"]
    assert len(started) == 300
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))


def test_a_map_of_nothing_is_an_empty_list(world):
    each = {"Type": "Map", "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Succeed"}}}, "End": True}
    described, history = world.run(world.states("Each", Each=each), [])
    assert described["output"] == "[]"
    assert [event["type"] for event in history] == [
        "ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapStateSucceeded", "MapStateExited",
        "ExecutionSucceeded",
    ]


def test_a_map_retries_from_the_start_and_fails_in_the_end(world):
    machine = world.states(
        "Each",
        Each={
            "Type": "Map",
            "MaxConcurrency": 1,
            "ItemProcessor": {"StartAt": "Bad", "States": {"Bad": {"Type": "Fail", "Error": "Mine"}}},
            "Retry": [{"ErrorEquals": ["Mine"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            "End": True,
        },
    )
    described, history = world.run(machine, [1])
    assert described["error"] == "Mine"
    assert lines(history) == [
        "1<0 ExecutionStarted",
        "2<0 MapStateEntered Each",
        "3<2 MapStateStarted",
        "4<3 MapIterationStarted Each 0",
        "5<4 FailStateEntered Bad",
        "6<5 MapIterationFailed Each 0",
        "7<5 MapStateStarted",
        "8<7 MapIterationStarted Each 0",
        "9<8 FailStateEntered Bad",
        "10<9 MapIterationFailed Each 0",
        "11<9 MapStateFailed",
        "12<11 ExecutionFailed",
    ]


def test_maps_and_parallels_nest(world):
    inner = {
        "Type": "Parallel",
        "Branches": [
            {"StartAt": f"P{number}", "States": {f"P{number}": {
                "Type": "Pass", "Parameters": {"v.$": f"States.MathAdd($, {number})"}, "OutputPath": "$.v", "End": True
            }}}
            for number in range(3)
        ],
        "End": True,
    }
    machine = world.states("Each", Each={
        "Type": "Map", "ItemProcessor": {"StartAt": "Inner", "States": {"Inner": inner}}, "End": True
    })
    assert world.output(machine, [10, 20]) == [[10, 11, 12], [20, 21, 22]]


def test_intrinsic_functions_work_end_to_end(world):
    machine = world.states("All", All={"Type": "Pass", "End": True, "Parameters": {
        "format.$": "States.Format('{} of {}', $.a[0], $.s)",
        "parse.$": "States.StringToJson('[1, 2]')",
        "write.$": "States.JsonToString($.o)",
        "array.$": "States.Array(1, 'two', null)",
        "parts.$": "States.ArrayPartition($.a, 2)",
        "has.$": "States.ArrayContains($.a, 3)",
        "range.$": "States.ArrayRange(1, 7, 3)",
        "item.$": "States.ArrayGetItem($.a, 1)",
        "length.$": "States.ArrayLength($.a)",
        "unique.$": "States.ArrayUnique($.a)",
        "encode.$": "States.Base64Encode($.s)",
        "decode.$": "States.Base64Decode('aGk=')",
        "hash.$": "States.Hash('hi', 'SHA-256')",
        "merge.$": "States.JsonMerge($.o, States.StringToJson('{\"k\":2}'), false)",
        "add.$": "States.MathAdd(40, 2)",
        "split.$": "States.StringSplit('a,b', ',')",
        "uuid.$": "States.UUID()",
        "random.$": "States.MathRandom(1, 2)",
    }})
    output = world.output(machine, {"a": [1, 2, 3, 3], "s": "hi", "o": {"k": 1}})
    assert len(output.pop("uuid")) == 36
    assert output == {
        "format": "1 of hi",
        "parse": [1, 2],
        "write": '{"k":1}',
        "array": [1, "two", None],
        "parts": [[1, 2], [3, 3]],
        "has": True,
        "range": [1, 4, 7],
        "item": 2,
        "length": 4,
        "unique": [1, 2, 3],
        "encode": "aGk=",
        "decode": "hi",
        "hash": "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
        "merge": {"k": 2},
        "add": 42,
        "split": ["a", "b"],
        "random": 1,
    }


def test_the_context_object_tells_where_we_are(world):
    machine = world.states("Where", Where={"Type": "Pass", "End": True, "Parameters": {"context.$": "$$"}})
    described, _ = world.run(machine, {"n": 1})
    context = json.loads(described["output"])["context"]
    assert context["Execution"]["Id"] == described["executionArn"]
    assert context["Execution"]["Name"] == described["name"]
    assert context["Execution"]["Input"] == {"n": 1}
    assert context["Execution"]["RoleArn"] == servers.ROLE_ARN
    assert context["Execution"]["RedriveCount"] == 0
    assert context["Execution"]["StartTime"].endswith("Z")
    assert context["State"]["Name"] == "Where"
    assert context["State"]["EnteredTime"].endswith("Z")
    assert context["StateMachine"]["Id"] == machine


def test_variables_are_read_in_inner_scopes(world):
    machine = world.states(
        "Keep",
        Keep={"Type": "Pass", "Assign": {"kept.$": "$.v"}, "Next": "Each"},
        Each={
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {"StartAt": "Use", "States": {"Use": {
                "Type": "Pass",
                "Parameters": {"item.$": "$", "kept.$": "$kept"},
                "End": True,
            }}},
            "End": True,
        },
    )
    assert world.output(machine, {"v": "x", "items": [1, 2]}) == [
        {"item": 1, "kept": "x"}, {"item": 2, "kept": "x"}
    ]


def test_a_path_that_leads_nowhere_fails_with_states_runtime(world):
    machine = world.states("Nowhere", Nowhere={"Type": "Pass", "InputPath": "$.missing", "End": True})
    described, history = world.run(machine)
    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
    assert lines(history) == ["1<0 ExecutionStarted", "2<0 PassStateEntered Nowhere", "3<2 ExecutionFailed"]


def test_an_output_above_256_kib_fails_the_execution(world):
    machine = world.states(
        "Double",
        Double={"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "End": True},
    )
    described, _ = world.run(machine, "x" * 200_000)
    assert (described["status"], described["error"]) == ("FAILED", "States.DataLimitExceeded")

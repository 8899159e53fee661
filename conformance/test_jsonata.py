"""JSONata through real clients: states, failures, and what is refused when a machine is created."""

import json

import pytest
from botocore.exceptions import ClientError
from conftest import lines


def machine(world, start, **states):
    definition = {"QueryLanguage": "JSONata", "StartAt": start, "States": states}
    return world.machine(definition)


def test_an_order_is_priced_and_shipped(world):
    arn = machine(
        world,
        "Price",
        Price={
            "Type": "Pass",
            "Assign": {"total": "{% $sum($states.input.lines.(price * quantity)) %}"},
            "Output": {"id": "{% $states.input.id %}", "lines": "{% $count($states.input.lines) %}"},
            "Next": "Large",
        },
        Large={
            "Type": "Choice",
            "Choices": [{"Condition": "{% $total > 100 %}", "Next": "Each", "Output": "{% [1..3] %}"}],
            "Default": "Small",
        },
        Each={
            "Type": "Map",
            "ItemSelector": {"n": "{% $states.context.Map.Item.Value * 2 %}"},
            "ItemProcessor": {
                "StartAt": "Square",
                "States": {"Square": {"Type": "Pass", "Output": "{% $power($states.input.n, 2) %}", "End": True}},
            },
            "Output": {"squares": "{% $states.result %}", "total": "{% $total %}"},
            "End": True,
        },
        Small={"Type": "Succeed", "Output": "{% $merge([$states.input, {'total': $total}]) %}"},
    )
    small = {"id": "o-1", "lines": [{"price": 1.5, "quantity": 2}, {"price": 4, "quantity": 1}]}
    assert world.output(arn, small) == {"id": "o-1", "lines": 2, "total": 7}
    large = {"id": "o-2", "lines": [{"price": 60, "quantity": 2}]}
    assert world.output(arn, large) == {"squares": [4, 16, 36], "total": 120}


def test_a_failed_expression_is_an_event_and_can_be_caught(world):
    arn = machine(
        world,
        "All",
        All={
            "Type": "Map",
            "Items": "{% $states.input.missing %}",
            "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Succeed"}}},
            "Catch": [
                {"ErrorEquals": ["States.QueryEvaluationError"], "Next": "After", "Output": "{% $states.errorOutput %}"}
            ],
            "Next": "After",
        },
        After={"Type": "Succeed", "Output": "{% $states.input.Cause %}"},
    )
    described, history = world.run(arn, {})
    assert lines(history)[:4] == [
        "1<0 ExecutionStarted",
        "2<0 MapStateEntered All",
        "3<0 EvaluationFailed",
        "4<3 MapStateFailed",
    ]
    cause = (
        "An error occurred while executing the state 'All' (entered at the event id #2). The JSONata expression "
        "'$states.input.missing' specified for the field 'Items' returned nothing (undefined)."
    )
    details = {"state": "All", "location": "Items", "error": "States.QueryEvaluationError", "cause": cause}
    assert history[2]["evaluationFailedEventDetails"] == details
    assert json.loads(described["output"]) == cause


def test_an_expression_without_end_costs_a_second_at_most(world):
    endless = "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}"
    arn = machine(world, "Spin", Spin={"Type": "Pass", "Output": endless, "End": True})
    described, _ = world.run(arn, {})
    assert described["error"] == "States.QueryEvaluationError"
    assert described["cause"].endswith("Expression evaluation timeout: Check for infinite loop")
    taken = described["stopDate"] - described["startDate"]
    assert taken.total_seconds() < 5


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("{% 1 + %}", "INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/A/Output"),
        (
            "{% total %}",
            "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'total' at the top level is not supported. at /States/A/Output",
        ),
        ("{% $states.errorOutput %}", "UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.errorOutput' does not exist."),
    ],
)
def test_what_cannot_be_evaluated_is_refused_at_creation(world, output, told):
    with pytest.raises(ClientError) as refused:
        machine(world, "A", A={"Type": "Pass", "Output": output, "End": True})
    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidDefinition"
    assert told in error["Message"]

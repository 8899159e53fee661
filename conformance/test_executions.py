"""Starting, stopping, describing and listing executions, and reading their histories, with boto3."""

import json

import pytest
import server as servers

PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "Only", "States": {"Only": {"Type": "Wait", "Seconds": 600, "End": True}}}


def test_an_execution_is_described_while_it_runs_and_after(sfn, world):
    machine = world.machine(WAIT)
    started = sfn.start_execution(stateMachineArn=machine, name="first", input='{"a": 1}')
    arn = started["executionArn"]
    assert arn == machine.replace(":stateMachine:", ":execution:") + ":first"
    running = sfn.describe_execution(executionArn=arn)
    assert running["status"] == "RUNNING"
    assert running["startDate"] == started["startDate"]
    assert running["input"] == '{"a": 1}', "the text is kept as it was written"
    assert running["inputDetails"] == {"included": True}
    assert running["name"] == "first"
    assert running["stateMachineArn"] == machine
    assert "stopDate" not in running and "output" not in running
    stopped = sfn.stop_execution(executionArn=arn, error="Enough", cause="it took too long")
    after = sfn.describe_execution(executionArn=arn)
    assert after["status"] == "ABORTED"
    assert (after["error"], after["cause"]) == ("Enough", "it took too long")
    assert after["stopDate"] == stopped["stopDate"]
    assert sfn.stop_execution(executionArn=arn)["stopDate"] == stopped["stopDate"], "stopping twice is harmless"
    events = world.history(arn)
    assert [event["type"] for event in events] == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    assert events[-1]["previousEventId"] == 0
    assert events[-1]["executionAbortedEventDetails"] == {"error": "Enough", "cause": "it took too long"}


def test_an_execution_without_a_name_gets_a_uuid(sfn, world):
    arn = sfn.start_execution(stateMachineArn=world.machine(PASS))["executionArn"]
    name = arn.rsplit(":", 1)[1]
    assert [len(part) for part in name.split("-")] == [8, 4, 4, 4, 12]
    assert world.end(arn)["input"] == "{}", "the input of a start without one"


def test_a_repeated_start_with_the_same_input_is_the_same_execution(sfn, world):
    machine = world.machine(WAIT)
    first = sfn.start_execution(stateMachineArn=machine, name="once", input='{"n": 1}')
    again = sfn.start_execution(stateMachineArn=machine, name="once", input='{"n": 1}')
    assert again["executionArn"] == first["executionArn"]
    assert again["startDate"] == first["startDate"]
    world.refused(
        "ExecutionAlreadyExists", "start_execution", stateMachineArn=machine, name="once", input='{"n": 2}'
    )
    sfn.stop_execution(executionArn=first["executionArn"])
    world.refused(
        "ExecutionAlreadyExists", "start_execution", stateMachineArn=machine, name="once", input='{"n": 1}'
    )
    assert len(sfn.list_executions(stateMachineArn=machine)["executions"]) == 1


def test_a_bad_input_is_refused_in_the_words_of_aws(world):
    machine = world.machine(PASS)

    def refuse(text):
        return world.refused("InvalidExecutionInput", "start_execution", stateMachineArn=machine, input=text)

    assert "Unrecognized token 'not': was expecting" in refuse("not json")
    assert refuse("").startswith("Invalid State Machine Execution Input: ")
    assert "double-quote to start field name" in refuse("{'a': 1}")


def test_any_json_value_is_an_input(sfn, world):
    machine = world.machine(PASS)
    for text in ["1", '"text"', "null", "[1, 2]", "true", "-1.5e3"]:
        arn = sfn.start_execution(stateMachineArn=machine, input=text)["executionArn"]
        assert json.loads(world.end(arn)["output"]) == json.loads(text)


def test_an_input_above_256_kib_is_refused_and_one_of_exactly_that_size_runs(sfn, world):
    machine = world.machine(PASS)
    exact = json.dumps("x" * (262144 - 2))
    assert len(exact) == 262144
    arn = sfn.start_execution(stateMachineArn=machine, input=exact)["executionArn"]
    assert world.end(arn)["output"] == exact
    message = world.refused("ValidationException", "start_execution", stateMachineArn=machine, input=exact[:-1] + 'x"')
    assert "'input' failed to satisfy constraint" in message and "262144" in message


@pytest.mark.parametrize("name", ["a b", "a*b", "a:b", "a/b"])
def test_execution_names_follow_the_rules_of_names(world, name):
    world.refused("InvalidName", "start_execution", stateMachineArn=world.machine(PASS), name=name)


def test_executions_are_listed_most_recent_first_by_status_and_in_pages(sfn, world):
    machine = world.states("Choose", Choose={
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.end", "StringEquals": "well", "Next": "Well"},
            {"Variable": "$.end", "StringEquals": "badly", "Next": "Badly"},
        ],
        "Default": "Never",
    }, Well={"Type": "Succeed"}, Badly={"Type": "Fail", "Error": "Bad"}, Never={
        "Type": "Wait", "Seconds": 600, "End": True
    })
    arns = {"well": [], "badly": [], "never": []}
    for number in range(4):
        for end, started in arns.items():
            started.append(world.start(machine, {"end": end}, name=f"{end}-{number}"))
    for arn in arns["well"] + arns["badly"]:
        world.end(arn)

    def listed(size=1000, **filters):
        rows, more = [], {}
        while True:
            page = sfn.list_executions(stateMachineArn=machine, maxResults=size, **filters, **more)
            assert len(page["executions"]) <= size
            rows += page["executions"]
            if "nextToken" not in page:
                return rows
            more = {"nextToken": page["nextToken"]}

    assert len(listed()) == 12
    assert sorted(row["executionArn"] for row in listed(5)) == sorted(sum(arns.values(), []))
    by_status = {"SUCCEEDED": "well", "FAILED": "badly", "RUNNING": "never"}
    for status, end in by_status.items():
        rows = listed(3, statusFilter=status)
        assert sorted(row["executionArn"] for row in rows) == sorted(arns[end])
        assert {row["status"] for row in rows} == {status}
        assert all(row["stateMachineArn"] == machine for row in rows)
        assert all(("stopDate" in row) == (status != "RUNNING") for row in rows)
    recency = [row.get("stopDate", row["startDate"]) for row in listed()]
    assert recency == sorted(recency, reverse=True)
    assert listed(statusFilter="TIMED_OUT") == []
    message = world.refused(
        "ValidationException", "list_executions", stateMachineArn=machine, statusFilter="succeeded"
    )
    assert "at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set" in message
    for arn in arns["never"]:
        sfn.stop_execution(executionArn=arn)


def test_a_history_is_read_in_pages_forwards_and_backwards(sfn, world):
    states = {f"S{number}": {"Type": "Pass", "Next": f"S{number + 1}"} for number in range(20)}
    states["S20"] = {"Type": "Succeed"}
    machine = world.states("S0", **states)
    arn = world.start(machine)
    world.end(arn)
    whole = world.history(arn)
    assert [event["id"] for event in whole] == list(range(1, len(whole) + 1))

    def pages(**arguments):
        events, more = [], {}
        while True:
            page = sfn.get_execution_history(executionArn=arn, **arguments, **more)
            events += page["events"]
            if "nextToken" not in page:
                return events
            more = {"nextToken": page["nextToken"]}

    assert pages(maxResults=7) == whole
    assert pages(maxResults=7, reverseOrder=True) == whole[::-1]
    assert pages(maxResults=0) == whole, "0 means the default"
    bare = pages(includeExecutionData=False)
    assert [event["id"] for event in bare] == [event["id"] for event in whole]
    assert all("input" not in event.get("stateEnteredEventDetails", {}) for event in bare)
    world.refused("ValidationException", "get_execution_history", executionArn=arn, maxResults=1001)
    world.refused("InvalidToken", "get_execution_history", executionArn=arn, nextToken="made-up")


def test_timestamps_have_milliseconds_and_never_go_back(world):
    _, history = world.run(world.machine(PASS))
    times = [event["timestamp"] for event in history]
    assert times == sorted(times)


def test_a_machine_that_takes_too_long_times_out(world):
    machine = world.machine({**WAIT, "TimeoutSeconds": 1})
    described, history = world.run(machine)
    assert described["status"] == "TIMED_OUT"
    assert "error" not in described and "cause" not in described, "as AWS shows it (recorded)"
    assert [event["type"] for event in history] == ["ExecutionStarted", "WaitStateEntered", "ExecutionTimedOut"]


def test_an_execution_fails_at_25000_events(world):
    machine = world.states("Again", End={"Type": "Succeed"}, Again={
        "Type": "Choice", "Default": "Again",
        "Choices": [{"Variable": "$.enough", "IsPresent": True, "Next": "End"}],
    })
    described, history = world.run(machine, seconds=120)
    assert described["status"] == "FAILED"
    assert len(history) == 25000
    assert history[-1]["type"] == "ExecutionFailed"


def test_many_starts_at_once_all_end(world):
    import concurrent.futures

    machine = world.machine(PASS)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        arns = list(pool.map(lambda number: world.start(machine, {"n": number}), range(200)))
    assert len(set(arns)) == 200
    for number, arn in enumerate(arns):
        assert json.loads(world.end(arn)["output"]) == {"n": number}


def test_starts_of_one_name_from_many_clients_are_one_execution(sfn, world):
    import concurrent.futures

    machine = world.machine(WAIT)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        arns = set(pool.map(lambda _: world.start(machine, {"n": 1}, name="same"), range(64)))
    assert len(arns) == 1
    assert len(sfn.list_executions(stateMachineArn=machine)["executions"]) == 1
    sfn.stop_execution(executionArn=arns.pop())


def test_the_server_names_its_account_and_region_in_every_arn(sfn, world):
    arn = world.start(world.machine(PASS))
    assert f":{servers.REGION}:{servers.ACCOUNT}:" in arn

"""Creating, changing, describing, listing and deleting machines and activities, with boto3."""

import json

import pytest
import server as servers

PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "Only", "States": {"Only": {"Type": "Wait", "Seconds": 600, "End": True}}}


def machine_arn(name):
    return f"arn:aws:states:{servers.REGION}:{servers.ACCOUNT}:stateMachine:{name}"


def test_a_machine_is_described_as_it_was_created(sfn, world):
    definition = json.dumps(PASS, indent=3)
    created = sfn.create_state_machine(name="described", definition=definition, roleArn=servers.ROLE_ARN)
    assert created["stateMachineArn"] == machine_arn("described")
    described = sfn.describe_state_machine(stateMachineArn=created["stateMachineArn"])
    assert described["definition"] == definition, "the text is kept as it was written"
    assert described["name"] == "described"
    assert described["roleArn"] == servers.ROLE_ARN
    assert described["type"] == "STANDARD"
    assert described["status"] == "ACTIVE"
    assert described["creationDate"] == created["creationDate"]
    assert described["loggingConfiguration"] == {"level": "OFF", "includeExecutionData": False}
    assert "revisionId" not in described


def test_creating_the_same_machine_again_gives_the_same_machine(sfn):
    arguments = dict(name="twice", definition=json.dumps(PASS), roleArn=servers.ROLE_ARN)
    first = sfn.create_state_machine(**arguments)
    second = sfn.create_state_machine(**{**arguments, "roleArn": servers.ROLE_ARN + "-other"})
    assert first["stateMachineArn"] == second["stateMachineArn"]
    assert first["creationDate"] == second["creationDate"]
    described = sfn.describe_state_machine(stateMachineArn=first["stateMachineArn"])
    assert described["roleArn"] == servers.ROLE_ARN, "another role is ignored, not stored"


def test_the_same_name_with_another_definition_is_refused(sfn, world):
    world.machine(PASS, "taken")
    world.refused(
        "StateMachineAlreadyExists",
        "create_state_machine",
        name="taken",
        definition=json.dumps(PASS, indent=1),
        roleArn=servers.ROLE_ARN,
    )


@pytest.mark.parametrize("name", ["with space", "a/b", "a:b", "a*", "a<b", "a\u0001b", "{a}", "a,b"])
def test_names_with_forbidden_characters_are_refused(world, name):
    message = world.refused(
        "InvalidName", "create_state_machine", name=name, definition=json.dumps(PASS), roleArn=servers.ROLE_ARN
    )
    assert message == f"Invalid Name: '{name}'"
    assert world.refused("InvalidName", "create_activity", name=name) == f"Invalid Name: '{name}'"


def test_a_definition_without_states_is_refused_in_the_words_of_aws(world):
    message = world.refused(
        "InvalidDefinition", "create_state_machine", name="bad", definition='{"StartAt": "A"}', roleArn=servers.ROLE_ARN
    )
    assert message.startswith("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ")
    assert "These fields are required: [States] at /" in message


def test_a_definition_that_is_no_json_is_refused(world):
    message = world.refused(
        "InvalidDefinition", "create_state_machine", name="bad", definition="{", roleArn=servers.ROLE_ARN
    )
    assert message.startswith("Invalid State Machine Definition: 'INVALID_JSON")


def test_all_mistakes_of_a_definition_are_told_at_once(world):
    definition = {
        "StartAt": "Nowhere",
        "States": {"A": {"Type": "Pass", "Next": "Missing"}, "B": {"Type": "Wait", "End": True}},
    }
    message = world.refused(
        "InvalidDefinition",
        "create_state_machine",
        name="bad",
        definition=json.dumps(definition),
        roleArn=servers.ROLE_ARN,
    )
    assert "/StartAt" in message
    assert "/States/A/Next" in message
    assert "/States/B" in message


def test_an_update_shows_in_the_next_execution_and_not_in_one_that_runs(sfn, world):
    machine = world.machine(WAIT)
    running = world.start(machine)
    updated = sfn.update_state_machine(stateMachineArn=machine, definition=json.dumps(PASS))
    assert updated["revisionId"]
    described = sfn.describe_state_machine(stateMachineArn=machine)
    assert described["definition"] == json.dumps(PASS)
    assert described["revisionId"] == updated["revisionId"]
    assert world.run(machine)[0]["status"] == "SUCCEEDED"
    pinned = sfn.describe_state_machine_for_execution(executionArn=running)
    assert json.loads(pinned["definition"]) == WAIT
    assert pinned["stateMachineArn"] == machine
    assert sfn.describe_execution(executionArn=running)["status"] == "RUNNING"
    sfn.stop_execution(executionArn=running)


def test_an_update_of_nothing_is_refused(world):
    world.refused("MissingRequiredParameter", "update_state_machine", stateMachineArn=world.machine(PASS))


def test_an_update_to_a_bad_definition_changes_nothing(sfn, world):
    machine = world.machine(PASS)
    world.refused("InvalidDefinition", "update_state_machine", stateMachineArn=machine, definition="{}")
    assert json.loads(sfn.describe_state_machine(stateMachineArn=machine)["definition"]) == PASS


def test_a_deleted_machine_goes_away_and_its_name_is_free(sfn, world):
    machine = world.machine(PASS, "fleeting")
    sfn.delete_state_machine(stateMachineArn=machine)

    def gone():
        try:
            sfn.describe_state_machine(stateMachineArn=machine)
        except sfn.exceptions.StateMachineDoesNotExist:
            return True
        return False

    servers.until(gone, what="the end of the machine")
    world.refused("StateMachineDoesNotExist", "start_execution", stateMachineArn=machine)
    assert world.machine(WAIT, "fleeting") == machine


def test_deleting_a_machine_that_is_not_there_succeeds(sfn):
    sfn.delete_state_machine(stateMachineArn=machine_arn("never-was"))


def test_what_is_no_arn_is_an_invalid_arn(world):
    for call in ["describe_state_machine", "delete_state_machine", "start_execution", "list_executions"]:
        message = world.refused("InvalidArn", call, stateMachineArn="no-arn")
        assert message == "Invalid Arn: 'Invalid ARN prefix: no-arn'", call
    for call in ["describe_execution", "get_execution_history", "stop_execution"]:
        message = world.refused("InvalidArn", call, executionArn="no-arn")
        assert message == "Invalid Arn: 'Invalid ARN prefix: no-arn'", call


def test_what_does_not_exist_is_named(world):
    machine = machine_arn("never-was")
    assert machine in world.refused("StateMachineDoesNotExist", "describe_state_machine", stateMachineArn=machine)
    assert machine in world.refused("StateMachineDoesNotExist", "start_execution", stateMachineArn=machine)
    execution = machine.replace(":stateMachine:", ":execution:") + ":never"
    for call in ["describe_execution", "get_execution_history", "stop_execution"]:
        message = world.refused("ExecutionDoesNotExist", call, executionArn=execution)
        assert message == f"Execution Does Not Exist: '{execution}'", call


def test_machines_are_listed_in_pages(sfn, world):
    created = {world.machine(PASS, f"paged-{number}") for number in range(7)}
    listed, pages, more = [], 0, {}
    while True:
        page = sfn.list_state_machines(maxResults=3, **more)
        assert len(page["stateMachines"]) <= 3
        listed += page["stateMachines"]
        pages += 1
        if "nextToken" not in page:
            break
        more = {"nextToken": page["nextToken"]}
    arns = [machine["stateMachineArn"] for machine in listed]
    assert created <= set(arns)
    assert len(arns) == len(set(arns)), "no machine twice"
    assert pages >= 3
    assert {machine["type"] for machine in listed} == {"STANDARD"}


def test_a_made_up_page_token_is_refused(world):
    world.refused("InvalidToken", "list_state_machines", nextToken="made-up")
    world.refused("InvalidToken", "list_activities", nextToken="made-up")
    world.refused("InvalidToken", "list_executions", stateMachineArn=world.machine(PASS), nextToken="made-up")


def test_activities_are_created_described_listed_and_deleted(sfn, world):
    created = sfn.create_activity(name="an-activity")
    assert created["activityArn"] == servers.activity_arn("an-activity")
    again = sfn.create_activity(name="an-activity")
    assert again["creationDate"] == created["creationDate"], "creating is idempotent by name"
    described = sfn.describe_activity(activityArn=created["activityArn"])
    assert described["name"] == "an-activity"
    assert described["creationDate"] == created["creationDate"]
    pages = sfn.get_paginator("list_activities").paginate(PaginationConfig={"PageSize": 1})
    assert created["activityArn"] in [row["activityArn"] for page in pages for row in page["activities"]]
    for _ in range(2):
        sfn.delete_activity(activityArn=created["activityArn"])
    world.refused("ActivityDoesNotExist", "describe_activity", activityArn=created["activityArn"])
    world.refused("ActivityDoesNotExist", "get_activity_task", activityArn=created["activityArn"])


def test_accounts_and_regions_do_not_see_each_other(server, world):
    import boto3

    machine = world.machine(PASS, "mine")

    def other(account, region):
        return boto3.client(
            "stepfunctions",
            endpoint_url=server.endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="x",
        )

    elsewhere = other("111122223333", "eu-west-1")
    assert elsewhere.list_state_machines()["stateMachines"] == []
    created = elsewhere.create_state_machine(
        name="mine", definition=json.dumps(PASS), roleArn="arn:aws:iam::111122223333:role/r"
    )
    assert created["stateMachineArn"] == "arn:aws:states:eu-west-1:111122223333:stateMachine:mine"
    assert created["stateMachineArn"] != machine
    assert other("111122223333", "us-east-1").list_state_machines()["stateMachines"] == []

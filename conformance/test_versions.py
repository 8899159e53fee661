"""Versions, aliases and tags, with boto3: what a deployment does with them, and that it outlives the server."""

import json

import pytest
import server as servers
from conftest import World


def says(value):
    """A definition whose executions give this value."""
    return {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "Result": value, "End": True}}}


@pytest.fixture
def server():
    with servers.running() as running:
        yield running


@pytest.fixture
def world(server):
    return World(server.client())


def published(world, count, name="released"):
    """A machine with so many versions, each of which says its number; the ARN of each is the machine's and that."""
    world.sfn.create_state_machine(
        name=name, definition=json.dumps(says(1)), roleArn=servers.ROLE_ARN, publish=True, versionDescription="first"
    )
    arn = f"arn:aws:states:{servers.REGION}:{servers.ACCOUNT}:stateMachine:{name}"
    for number in range(2, count + 1):
        updated = world.sfn.update_state_machine(
            stateMachineArn=arn, definition=json.dumps(says(number)), publish=True, versionDescription=f"v{number}"
        )
        assert updated["stateMachineVersionArn"] == f"{arn}:{number}"
    return arn


def routes(*pairs):
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in pairs]


def refused(world, error, status, call, **arguments):
    with pytest.raises(world.sfn.exceptions.ClientError) as caught:
        getattr(world.sfn, call)(**arguments)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (error, status), answer
    assert isinstance(caught.value, getattr(world.sfn.exceptions, error)), type(caught.value)
    return answer


def test_an_alias_leads_to_its_versions_by_weight(world):
    arn = published(world, 2)
    alias = world.sfn.create_state_machine_alias(
        name="LIVE", routingConfiguration=routes((f"{arn}:1", 70), (f"{arn}:2", 30))
    )["stateMachineAliasArn"]
    assert alias == f"{arn}:LIVE"
    drawn = []
    for _ in range(200):
        execution = world.start(alias)
        described = world.end(execution)
        number = json.loads(described["output"])
        assert described["stateMachineVersionArn"] == f"{arn}:{number}"
        assert described["stateMachineAliasArn"] == alias
        assert described["stateMachineArn"] == arn
        drawn.append(number)
    # Nine standard deviations of a fair draw: this fails by chance less than once in 10 to the 17.
    assert 1 < drawn.count(2) < 119, drawn.count(2)

    # From here on the new version alone.
    world.sfn.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=routes((f"{arn}:2", 100)))
    assert {world.output(alias) for _ in range(20)} == {2}
    # And back, which is what an alias is for.
    world.sfn.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=routes((f"{arn}:1", 100)))
    assert {world.output(alias) for _ in range(20)} == {1}


def test_executions_are_listed_by_version_and_by_alias(world):
    arn = published(world, 2)
    alias = world.sfn.create_state_machine_alias(name="LIVE", routingConfiguration=routes((f"{arn}:1", 100)))
    alias = alias["stateMachineAliasArn"]
    started = {"plain": arn, "by-version": f"{arn}:2", "by-alias": alias}
    for name, by in started.items():
        world.end(world.start(by, name=name))
    # More than a page of them, so that a page has to go on where the one before ended.
    many = [f"many-{number}" for number in range(25)]
    for name in many:
        world.end(world.start(alias, name=name))

    def listed(by):
        pages = world.sfn.get_paginator("list_executions").paginate(
            stateMachineArn=by, PaginationConfig={"PageSize": 10}
        )
        return [execution["name"] for page in pages for execution in page["executions"]]

    assert sorted(listed(arn)) == sorted([*started, *many])
    assert listed(f"{arn}:2") == ["by-version"]
    assert sorted(listed(f"{arn}:1")) == sorted(["by-alias", *many])
    assert sorted(listed(alias)) == sorted(["by-alias", *many])
    first = world.history(world.start(alias, name="shown"))[0]["executionStartedEventDetails"]
    assert (first["stateMachineVersionArn"], first["stateMachineAliasArn"]) == (f"{arn}:1", alias)
    refused(world, "StateMachineDoesNotExist", 400, "list_executions", stateMachineArn=f"{arn}:3")


def test_a_version_is_published_once_and_only_of_the_revision_that_was_meant(world):
    arn = world.machine(says(1), "published")
    first = world.sfn.publish_state_machine_version(stateMachineArn=arn, revisionId="INITIAL", description="d")
    again = world.sfn.publish_state_machine_version(stateMachineArn=arn)
    assert again["stateMachineVersionArn"] == first["stateMachineVersionArn"] == f"{arn}:1"
    assert again["creationDate"] == first["creationDate"]
    described = world.sfn.describe_state_machine(stateMachineArn=f"{arn}:1")
    assert (described["description"], described["creationDate"]) == ("d", first["creationDate"])

    revision = world.sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(says(2)))["revisionId"]
    answer = refused(
        world, "ConflictException", 409, "publish_state_machine_version", stateMachineArn=arn, revisionId="INITIAL"
    )
    assert revision in answer["Error"]["Message"]
    second = world.sfn.publish_state_machine_version(stateMachineArn=arn, revisionId=revision)
    assert second["stateMachineVersionArn"] == f"{arn}:2"
    # A version stays as it was, whatever becomes of the machine.
    world.sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(says(3)), roleArn=servers.ROLE_ARN + "-3")
    assert [world.output(by) for by in (f"{arn}:1", f"{arn}:2", arn)] == [1, 2, 3]
    assert world.sfn.describe_state_machine(stateMachineArn=f"{arn}:2")["roleArn"] == servers.ROLE_ARN
    assert world.sfn.describe_state_machine(stateMachineArn=f"{arn}:2")["revisionId"] == revision


def test_what_is_in_use_is_not_deleted_and_what_is_gone_is_gone(world):
    arn = published(world, 3)
    for name, version in [("LIVE", 2), ("NEXT", 3)]:
        world.sfn.create_state_machine_alias(name=name, routingConfiguration=routes((f"{arn}:{version}", 100)))
    answer = refused(world, "ConflictException", 409, "delete_state_machine_version", stateMachineVersionArn=f"{arn}:2")
    assert answer["Error"]["Message"].endswith("Current list of aliases referencing this version: [LIVE]")
    running = world.sfn.create_state_machine(
        name="waiting",
        definition=json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}),
        roleArn=servers.ROLE_ARN,
        publish=True,
    )["stateMachineVersionArn"]
    execution = world.start(running)
    world.sfn.delete_state_machine_version(stateMachineVersionArn=running)
    world.sfn.delete_state_machine_version(stateMachineVersionArn=running)
    assert world.sfn.describe_execution(executionArn=execution)["status"] == "RUNNING", "it keeps its version"
    refused(world, "StateMachineDoesNotExist", 400, "start_execution", stateMachineArn=running)

    world.sfn.delete_state_machine_alias(stateMachineAliasArn=f"{arn}:LIVE")
    world.sfn.delete_state_machine_version(stateMachineVersionArn=f"{arn}:2")
    listed = world.sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [version["stateMachineVersionArn"] for version in listed] == [f"{arn}:3", f"{arn}:1"]
    answer = refused(world, "ResourceNotFound", 400, "describe_state_machine_alias", stateMachineAliasArn=f"{arn}:LIVE")
    assert answer["resourceName"] == f"{arn}:LIVE"

    # A machine takes all of it along, and another one of its name begins at 1.
    world.sfn.delete_state_machine(stateMachineArn=arn)
    servers.until(lambda: not world.sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"], 10)
    refused(world, "StateMachineDoesNotExist", 400, "start_execution", stateMachineArn=f"{arn}:NEXT")
    assert published(world, 1) == arn
    assert world.sfn.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"] == []


def test_routes_that_lead_nowhere_are_refused(world):
    arn = published(world, 2)
    bad = [
        routes((f"{arn}:1", 50), (f"{arn}:2", 49)),
        routes((f"{arn}:1", 50), (f"{arn}:1", 50)),
        routes((arn, 100)),
    ]
    for configuration in bad:
        answer = refused(
            world, "ValidationException", 400, "create_state_machine_alias", name="A", routingConfiguration=configuration
        )
        assert answer["reason"] == "INVALID_ROUTING_CONFIGURATION"
    missing = routes((f"{arn}:9", 100))
    refused(world, "ResourceNotFound", 400, "create_state_machine_alias", name="A", routingConfiguration=missing)
    world.sfn.create_state_machine_alias(name="A", routingConfiguration=routes((f"{arn}:1", 100)))
    other = routes((f"{arn}:2", 100))
    refused(world, "ConflictException", 409, "create_state_machine_alias", name="A", routingConfiguration=other)


def test_tags_are_put_taken_off_and_bounded(world):
    machine = world.sfn.create_state_machine(
        name="tagged",
        definition=json.dumps(says(1)),
        roleArn=servers.ROLE_ARN,
        tags=[{"key": "team", "value": "payments"}],
    )["stateMachineArn"]
    activity = world.sfn.create_activity(name="tagged", tags=[{"key": "team", "value": "payments"}])["activityArn"]
    for arn in (machine, activity):
        world.sfn.tag_resource(resourceArn=arn, tags=[{"key": "stage", "value": "dev"}, {"key": "team", "value": "x"}])
        tags = world.sfn.list_tags_for_resource(resourceArn=arn)["tags"]
        assert {tag["key"]: tag["value"] for tag in tags} == {"team": "x", "stage": "dev"}
        answer = refused(
            world,
            "TooManyTags",
            400,
            "tag_resource",
            resourceArn=arn,
            tags=[{"key": f"k{n}", "value": ""} for n in range(49)],
        )
        assert answer["resourceName"] == arn
        world.sfn.untag_resource(resourceArn=arn, tagKeys=["team", "none"])
        assert world.sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "stage", "value": "dev"}]
    assert "revisionId" not in world.sfn.describe_state_machine(stateMachineArn=machine), "tags make no revision"


def test_all_of_it_is_there_after_a_kill(server):
    world = World(server.client())
    arn = published(world, 2)
    world.sfn.create_state_machine_alias(
        name="LIVE", description="d", routingConfiguration=routes((f"{arn}:1", 40), (f"{arn}:2", 60))
    )
    world.sfn.tag_resource(resourceArn=arn, tags=[{"key": "k", "value": "v"}])
    world.sfn.delete_state_machine_version(stateMachineVersionArn=published(world, 2, "other") + ":2")
    started = world.start(f"{arn}:1", name="before", traceHeader="Root=1-2-3")
    world.end(started)

    def seen(world):
        answers = [
            world.sfn.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:LIVE"),
            world.sfn.list_state_machine_versions(stateMachineArn=arn),
            world.sfn.list_state_machine_aliases(stateMachineArn=arn),
            world.sfn.list_tags_for_resource(resourceArn=arn),
            world.sfn.describe_state_machine(stateMachineArn=f"{arn}:1"),
            world.sfn.describe_execution(executionArn=started),
            world.sfn.list_executions(stateMachineArn=f"{arn}:1"),
        ]
        for answer in answers:
            del answer["ResponseMetadata"]
        return answers

    before = seen(world)
    assert before[5]["traceHeader"] == "Root=1-2-3"
    server.kill()
    server.start()
    world = World(server.client())
    assert seen(world) == before
    world.sfn.update_state_machine(stateMachineArn=arn.replace("released", "other"), definition=json.dumps(says(9)))
    third = world.sfn.publish_state_machine_version(stateMachineArn=arn.replace("released", "other"))
    assert third["stateMachineVersionArn"].endswith(":other:3"), "a number is given once"
    assert world.output(f"{arn}:2") == 2

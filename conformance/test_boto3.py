"""boto3 in full: every paginator, every exception by its type, and the calls with a host prefix."""

import socket

import boto3
import model
import pytest
import server as servers
from botocore.config import Config

PASS = '{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}'
MISSING = f"arn:aws:states:{servers.REGION}:{servers.ACCOUNT}"


def all_of(sfn, operation, key, **arguments):
    """What a paginator gives in pages of one, and what one call gives; each page but the last is full."""
    pages = list(sfn.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1}, **arguments))
    assert all(len(page[key]) == 1 for page in pages[:-1])
    return [row for page in pages for row in page[key]]


def test_state_machines_are_paged(sfn, world):
    arns = {world.machine({"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}) for _ in range(4)}
    listed = [row["stateMachineArn"] for row in all_of(sfn, "list_state_machines", "stateMachines")]
    assert arns <= set(listed) and len(listed) == len(set(listed))


def test_activities_are_paged(sfn, world):
    arns = {world.activity() for _ in range(4)}
    listed = [row["activityArn"] for row in all_of(sfn, "list_activities", "activities")]
    assert arns <= set(listed) and len(listed) == len(set(listed))


def test_executions_and_histories_are_paged(sfn, world):
    machine = world.states("P", P={"Type": "Pass", "End": True})
    arns = [world.start(machine) for _ in range(4)]
    for arn in arns:
        world.end(arn)
    listed = [row["executionArn"] for row in all_of(sfn, "list_executions", "executions", stateMachineArn=machine)]
    assert sorted(listed) == sorted(arns)
    events = all_of(sfn, "get_execution_history", "events", executionArn=arns[0])
    assert [event["id"] for event in events] == [1, 2, 3, 4]
    newest = all_of(sfn, "get_execution_history", "events", executionArn=arns[0], reverseOrder=True)
    assert [event["id"] for event in newest] == [4, 3, 2, 1]


def test_map_runs_are_paged(sfn, world):
    execution = world.start(world.states("P", P={"Type": "Pass", "End": True}))
    assert all_of(sfn, "list_map_runs", "mapRuns", executionArn=execution) == []


def test_there_is_no_paginator_that_is_not_tested(sfn):
    paginated = {name for name in sfn.meta.method_to_api_mapping if sfn.can_paginate(name)}
    assert paginated == {
        "list_state_machines", "list_activities", "list_executions", "get_execution_history", "list_map_runs"
    }


def test_a_trace_header_is_kept(sfn, world):
    machine = world.states("P", P={"Type": "Pass", "End": True})
    header = "Root=1-67891233-abcdef012345678912345678"
    execution = world.start(machine, traceHeader=header)
    assert sfn.describe_execution(executionArn=execution)["traceHeader"] == header


# The call, its arguments, and the exception it must be refused with.
REFUSALS = [
    ("describe_state_machine", {"stateMachineArn": f"{MISSING}:stateMachine:gone"}, "StateMachineDoesNotExist"),
    ("describe_state_machine", {"stateMachineArn": "gone"}, "InvalidArn"),
    ("describe_activity", {"activityArn": f"{MISSING}:activity:gone"}, "ActivityDoesNotExist"),
    ("describe_execution", {"executionArn": f"{MISSING}:execution:m:gone"}, "ExecutionDoesNotExist"),
    ("stop_execution", {"executionArn": f"{MISSING}:execution:m:gone"}, "ExecutionDoesNotExist"),
    ("start_execution", {"stateMachineArn": f"{MISSING}:stateMachine:gone"}, "StateMachineDoesNotExist"),
    ("create_state_machine", {"name": "n", "definition": "{}", "roleArn": servers.ROLE_ARN}, "InvalidDefinition"),
    ("create_state_machine", {"name": "a b", "definition": PASS, "roleArn": servers.ROLE_ARN}, "InvalidName"),
    (
        "create_state_machine",
        {"name": "n", "definition": PASS, "roleArn": servers.ROLE_ARN, "loggingConfiguration": {"level": "ALL"}},
        "InvalidLoggingConfiguration",
    ),
    ("create_activity", {"name": "a b"}, "InvalidName"),
    ("describe_state_machine_for_execution", {"executionArn": f"{MISSING}:execution:m:gone"}, "ExecutionDoesNotExist"),
    ("list_executions", {"stateMachineArn": f"{MISSING}:stateMachine:gone"}, "StateMachineDoesNotExist"),
    (
        "update_state_machine",
        {"stateMachineArn": f"{MISSING}:stateMachine:gone", "definition": PASS},
        "StateMachineDoesNotExist",
    ),
    ("update_state_machine", {"stateMachineArn": f"{MISSING}:stateMachine:gone"}, "MissingRequiredParameter"),
    ("send_task_success", {"taskToken": "no token", "output": "1"}, "InvalidToken"),
    ("send_task_failure", {"taskToken": "no token"}, "InvalidToken"),
    ("send_task_heartbeat", {"taskToken": "no token"}, "InvalidToken"),
    ("list_state_machines", {"nextToken": "no token"}, "InvalidToken"),
    ("list_activities", {"nextToken": "no token"}, "InvalidToken"),
    ("list_tags_for_resource", {"resourceArn": f"{MISSING}:activity:gone"}, "ResourceNotFound"),
    ("tag_resource", {"resourceArn": f"{MISSING}:activity:gone", "tags": []}, "ResourceNotFound"),
    ("untag_resource", {"resourceArn": f"{MISSING}:activity:gone", "tagKeys": []}, "ResourceNotFound"),
    (
        "describe_state_machine_alias",
        {"stateMachineAliasArn": f"{MISSING}:stateMachine:gone:live"},
        "ResourceNotFound",
    ),
    ("publish_state_machine_version", {"stateMachineArn": f"{MISSING}:stateMachine:gone"}, "StateMachineDoesNotExist"),
    ("redrive_execution", {"executionArn": f"{MISSING}:execution:m:gone"}, "ExecutionDoesNotExist"),
    ("start_sync_execution", {"stateMachineArn": f"{MISSING}:stateMachine:gone"}, "StateMachineDoesNotExist"),
]


@pytest.mark.parametrize("call, arguments, error", REFUSALS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_refusal_has_the_type_of_its_exception(server, call, arguments, error):
    sfn = server.client(inject_host_prefix=False)
    with pytest.raises(sfn.exceptions.ClientError) as caught:
        getattr(sfn, call)(**arguments)
    assert isinstance(caught.value, getattr(sfn.exceptions, error)), caught.value
    metadata = caught.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 400 and metadata["RequestId"]


def by_flag(server, monkeypatch):
    """The setting of a client, for a machine that does not resolve `sync-…`."""
    return server.client(inject_host_prefix=False)


def by_environment(server, monkeypatch):
    """The same setting in the environment; in a profile it is `disable_host_prefix_injection`."""
    monkeypatch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return server.client()


def by_name(server, monkeypatch):
    """No setting, on a machine that resolves `sync-localhost`, say by a line in /etc/hosts."""
    resolve = socket.getaddrinfo

    def here(host, *rest, **options):
        return resolve("127.0.0.1" if host == "sync-localhost" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    return boto3.client(
        "stepfunctions",
        endpoint_url=server.endpoint.replace("127.0.0.1", "localhost"),
        region_name=servers.REGION,
        aws_access_key_id="tests",
        aws_secret_access_key="tests",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(params=[by_flag, by_environment, by_name], ids=lambda way: way.__name__)
def sync(request, server, monkeypatch):
    return request.param(server, monkeypatch)


def test_a_state_is_tested_through_the_host_prefix(sync):
    tested = sync.test_state(definition='{"Type":"Pass","Result":1,"End":true}', roleArn=servers.ROLE_ARN)
    assert (tested["status"], tested["output"]) == ("SUCCEEDED", "1")


def test_an_express_machine_runs_through_the_host_prefix(sync, world):
    machine = sync.create_state_machine(
        name=world.name("express"), definition=PASS, roleArn=servers.ROLE_ARN, type="EXPRESS"
    )["stateMachineArn"]
    done = sync.start_sync_execution(stateMachineArn=machine, input='{"n": 1}', name="one")
    assert (done["status"], done["output"], done["name"]) == ("SUCCEEDED", '{"n": 1}', "one")


MODEL = model.read()
WITH_ARN = {
    name: next(member for member in operation.takes.inner if member.endswith("Arn"))
    for name, operation in MODEL.items()
    if "InvalidArn" in operation.errors and any(member.endswith("Arn") for member in operation.takes.inner)
}
# What these need beside the ARN, so that the ARN is the only thing wrong.
BESIDE = {
    "CreateStateMachine": {"name": "n", "definition": PASS},
    "TagResource": {"tags": [{"key": "k", "value": "v"}]},
    "UntagResource": {"tagKeys": ["k"]},
    "TestState": {"definition": '{"Type":"Pass","End":true}'},
    "UpdateStateMachineAlias": {"description": "d"},
    "UpdateMapRun": {"maxConcurrency": 1},
    "UpdateStateMachine": {"definition": PASS},
}


@pytest.mark.parametrize("operation", WITH_ARN)
def test_what_is_no_arn_is_refused(server, operation):
    sfn = server.client(inject_host_prefix=False)
    call = next(method for method, name in sfn.meta.method_to_api_mapping.items() if name == operation)
    with pytest.raises(sfn.exceptions.ClientError) as caught:
        getattr(sfn, call)(**{WITH_ARN[operation]: "no ARN"}, **BESIDE.get(operation, {}))
    assert isinstance(caught.value, sfn.exceptions.InvalidArn), caught.value


def test_the_alias_of_what_is_no_version_is_refused(world, sfn):
    routes = [{"stateMachineVersionArn": "no ARN", "weight": 100}]
    with pytest.raises(sfn.exceptions.ClientError) as caught:
        sfn.create_state_machine_alias(name="live", routingConfiguration=routes)
    assert caught.value.response["Error"]["Code"] in ("InvalidArn", "ValidationException")


PAGED = [name for name, row in MODEL.items() if "InvalidToken" in row.errors and "nextToken" in row.takes.inner]


@pytest.mark.parametrize("operation", PAGED)
def test_a_made_up_token_of_a_page_is_refused(server, world, operation):
    sfn = server.client()
    machine = world.states("P", P={"Type": "Pass", "End": True})
    things = {"stateMachineArn": machine, "executionArn": world.start(machine)}
    call = next(method for method, name in sfn.meta.method_to_api_mapping.items() if name == operation)
    asked = {
        name: things[name] for name, member in MODEL[operation].takes.inner.items() if name in things and
        (member.required or operation == "ListExecutions")
    }
    with pytest.raises(sfn.exceptions.ClientError) as caught:
        getattr(sfn, call)(**asked, nextToken="made up")
    assert isinstance(caught.value, sfn.exceptions.InvalidToken), caught.value


CONSTRAINED = [name for name, row in MODEL.items() if "ValidationException" in row.errors]


@pytest.mark.parametrize("operation", CONSTRAINED)
def test_a_broken_constraint_is_a_validation_exception(server, operation):
    sfn = server.client(inject_host_prefix=False, parameter_validation=False)
    call = next(method for method, name in sfn.meta.method_to_api_mapping.items() if name == operation)
    is_required = any(member.required for member in MODEL[operation].takes.inner.values())
    with pytest.raises(sfn.exceptions.ValidationException, match="failed to satisfy constraint: Member must"):
        getattr(sfn, call)(**({} if is_required else {"maxResults": 1_000_000}))


TAGS = [{"key": f"k{number}", "value": ""} for number in range(51)]
STANDARD, EXPRESS = "the Standard machine", "the Express machine"
ALIAS = f"{MISSING}:stateMachine:gone:live"
MORE_REFUSALS = [
    ("create_activity", {"name": "tags", "tags": TAGS}, "TooManyTags"),
    ("create_state_machine", {"name": "t", "definition": PASS, "roleArn": servers.ROLE_ARN, "tags": TAGS}, "TooManyTags"),
    ("tag_resource", {"resourceArn": STANDARD, "tags": TAGS}, "TooManyTags"),
    ("start_sync_execution", {"stateMachineArn": STANDARD}, "StateMachineTypeNotSupported"),
    ("start_sync_execution", {"stateMachineArn": EXPRESS, "input": "{"}, "InvalidExecutionInput"),
    ("start_sync_execution", {"stateMachineArn": EXPRESS, "name": "a b"}, "InvalidName"),
    ("list_executions", {"stateMachineArn": EXPRESS}, "StateMachineTypeNotSupported"),
    ("delete_state_machine_alias", {"stateMachineAliasArn": ALIAS}, "ResourceNotFound"),
    ("update_state_machine_alias", {"stateMachineAliasArn": ALIAS, "description": "d"}, "ResourceNotFound"),
    ("list_state_machine_aliases", {"stateMachineArn": f"{MISSING}:stateMachine:gone"}, "StateMachineDoesNotExist"),
    (
        "update_state_machine",
        {"stateMachineArn": STANDARD, "loggingConfiguration": {"level": "ALL"}},
        "InvalidLoggingConfiguration",
    ),
]


@pytest.fixture(scope="module")
def machines(server):
    sfn = server.client()
    return {
        which: sfn.create_state_machine(name=kind, definition=PASS, roleArn=servers.ROLE_ARN, type=kind)["stateMachineArn"]
        for which, kind in ((STANDARD, "STANDARD"), (EXPRESS, "EXPRESS"))
    }


@pytest.mark.parametrize("call, arguments, error", MORE_REFUSALS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_refusal_about_a_thing_that_is_there_has_its_type(server, machines, call, arguments, error):
    sfn = server.client(inject_host_prefix=False)
    given = {name: machines.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()}
    with pytest.raises(getattr(sfn.exceptions, error)):
        getattr(sfn, call)(**given)


def test_an_express_machine_that_fails_says_why(server, world):
    sfn = server.client(inject_host_prefix=False)
    fails = '{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Mine","Cause":"because"}}}'
    machine = sfn.create_state_machine(
        name=world.name("fails"), definition=fails, roleArn=servers.ROLE_ARN, type="EXPRESS"
    )["stateMachineArn"]
    done = sfn.start_sync_execution(stateMachineArn=machine, traceHeader="Root=1-67891233-abcdef012345678912345678")
    assert (done["status"], done["error"], done["cause"]) == ("FAILED", "Mine", "because")


def test_versions_and_aliases_are_listed_in_pages(sfn, world):
    machine = world.states("P", P={"Type": "Pass", "End": True})
    versions = []
    for number in range(3):
        definition = PASS.replace('"Pass"', f'"Pass","Comment":"{number}"')
        sfn.update_state_machine(stateMachineArn=machine, definition=definition)
        version = sfn.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
        versions.append(version)
        routes = [{"stateMachineVersionArn": version, "weight": 100}]
        sfn.create_state_machine_alias(name=f"alias-{number}", routingConfiguration=routes)
    for call, key, count in [
        (sfn.list_state_machine_versions, "stateMachineVersions", 3),
        (sfn.list_state_machine_aliases, "stateMachineAliases", 3),
    ]:
        rows, more = [], {}
        while True:
            page = call(stateMachineArn=machine, maxResults=1, **more)
            rows += page[key]
            if "nextToken" not in page:
                break
            more = {"nextToken": page["nextToken"]}
        assert len(rows) == count

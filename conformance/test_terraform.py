"""What Terraform's AWS provider asks of the service, in its order, for plan, apply and destroy.

Replayed with boto3 from the calls of the provider's resources `aws_sfn_state_machine`, `aws_sfn_alias` and
`aws_sfn_activity`: which members they send, what they read back, and which refusals they wait for.
"""

import json

import pytest
import server as servers

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
OTHER = {"Comment": "changed", "StartAt": "P", "States": {"P": {"Type": "Pass", "Result": 1, "End": True}}}
LOG_GROUP = f"arn:aws:logs:{servers.REGION}:{servers.ACCOUNT}:log-group:terraform:*"


class StateMachine:
    """The resource `aws_sfn_state_machine`."""

    def __init__(self, sfn, name, **options):
        self.sfn, self.name, self.options = sfn, name, options
        self.arn = None

    def plan(self, definition):
        """Asks whether a changed definition is valid."""
        asked = {"definition": json.dumps(definition), "type": self.options.get("type", "STANDARD")}
        answer = self.sfn.validate_state_machine_definition(**asked)
        assert answer["result"] == "OK", answer["diagnostics"]
        return answer

    def create(self, definition, tags=(), publish=False):
        created = self.sfn.create_state_machine(
            name=self.name,
            definition=json.dumps(definition),
            roleArn=servers.ROLE_ARN,
            type=self.options.get("type", "STANDARD"),
            publish=publish,
            tags=[{"key": key, "value": value} for key, value in tags],
            loggingConfiguration={"level": "OFF", "includeExecutionData": False},
            tracingConfiguration={"enabled": False},
            encryptionConfiguration={"type": "AWS_OWNED_KEY"},
        )
        self.arn = created["stateMachineArn"]
        assert ("stateMachineVersionArn" in created) == publish
        return self.read()

    def read(self):
        """What a refresh reads; what of it is compared with the configuration."""
        described = self.sfn.describe_state_machine(stateMachineArn=self.arn)
        assert described["status"] == "ACTIVE"
        # These three are computed: a refresh that finds one missing plans a change for ever.
        assert described["loggingConfiguration"]["level"] in ("OFF", "ALL")
        assert isinstance(described["tracingConfiguration"]["enabled"], bool)
        assert described["encryptionConfiguration"]["type"] == "AWS_OWNED_KEY"
        return {
            "definition": json.loads(described["definition"]),
            "roleArn": described["roleArn"],
            "description": described.get("description", ""),
            "tags": self.tags(),
        }

    def tags(self):
        tags = self.sfn.list_tags_for_resource(resourceArn=self.arn)["tags"]
        return {tag["key"]: tag["value"] for tag in tags}

    def update(self, definition, publish=False, **changed):
        """Sends all of it, then reads until what was changed is there: at once, here."""
        answer = self.sfn.update_state_machine(
            stateMachineArn=self.arn,
            definition=json.dumps(definition),
            roleArn=servers.ROLE_ARN,
            publish=publish,
            **changed,
        )
        described = self.sfn.describe_state_machine(stateMachineArn=self.arn)
        assert json.loads(described["definition"]) == definition, "the first read sees the update"
        assert ("stateMachineVersionArn" in answer) == publish
        return answer

    def update_tags(self, wanted):
        now = self.tags()
        gone = sorted(now.keys() - wanted.keys())
        new = {key: value for key, value in wanted.items() if now.get(key) != value}
        if gone:
            self.sfn.untag_resource(resourceArn=self.arn, tagKeys=gone)
        if new:
            self.sfn.tag_resource(
                resourceArn=self.arn, tags=[{"key": key, "value": value} for key, value in new.items()]
            )

    def versions(self):
        rows = self.sfn.list_state_machine_versions(stateMachineArn=self.arn)["stateMachineVersions"]
        return [row["stateMachineVersionArn"] for row in rows]

    def destroy(self):
        """Deletes, then describes until the machine does not exist."""
        self.sfn.delete_state_machine(stateMachineArn=self.arn)

        def is_gone():
            try:
                assert self.sfn.describe_state_machine(stateMachineArn=self.arn)["status"] == "DELETING"
            except self.sfn.exceptions.StateMachineDoesNotExist:
                return True

        servers.until(is_gone, what="the end of the deletion")


def test_a_state_machine_is_planned_applied_changed_and_destroyed(sfn):
    machine = StateMachine(sfn, "terraform")
    machine.plan(PASS)
    state = machine.create(PASS, tags=[("team", "blue"), ("stage", "test")])
    assert state == {
        "definition": PASS, "roleArn": servers.ROLE_ARN, "description": "", "tags": {"team": "blue", "stage": "test"}
    }
    assert machine.read() == state, "a second plan finds nothing to do"

    machine.plan(OTHER)
    machine.update(OTHER)
    machine.update_tags({"team": "green", "owner": "me"})
    assert machine.read() == state | {"definition": OTHER, "tags": {"team": "green", "owner": "me"}}
    logging = {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": LOG_GROUP}}],
    }
    machine.update(OTHER, loggingConfiguration=logging, tracingConfiguration={"enabled": True})
    described = sfn.describe_state_machine(stateMachineArn=machine.arn)
    assert described["loggingConfiguration"] == logging
    assert described["tracingConfiguration"] == {"enabled": True}
    machine.destroy()


def test_a_machine_is_replaced_by_one_of_the_same_name(sfn):
    # A change of the type destroys and creates; the provider repeats while the old one is being deleted.
    machine = StateMachine(sfn, "terraform-replaced")
    machine.create(PASS)
    sfn.delete_state_machine(stateMachineArn=machine.arn)
    express = StateMachine(sfn, "terraform-replaced", type="EXPRESS")

    def created():
        try:
            return express.create(PASS)
        except sfn.exceptions.StateMachineDeleting:
            return None

    servers.until(created, what="the creation")
    assert sfn.describe_state_machine(stateMachineArn=express.arn)["type"] == "EXPRESS"
    express.destroy()


def test_a_definition_that_is_not_valid_fails_the_plan(sfn):
    machine = StateMachine(sfn, "terraform-bad")
    with pytest.raises(AssertionError, match="MISSING_TRANSITION_TARGET|SCHEMA_VALIDATION_FAILED"):
        machine.plan({"StartAt": "Nowhere", "States": {"P": {"Type": "Pass", "End": True}}})


def test_a_machine_that_publishes_has_a_version_for_each_change(sfn):
    machine = StateMachine(sfn, "terraform-published")
    machine.plan(PASS)
    machine.create(PASS, publish=True)
    first = machine.versions()
    assert len(first) == 1
    second = machine.update(OTHER, publish=True)["stateMachineVersionArn"]
    assert machine.versions() == [second, *first], "the newest first"
    machine.destroy()


def test_an_alias_follows_its_versions(sfn):
    machine = StateMachine(sfn, "terraform-alias")
    machine.create(PASS, publish=True)
    [first] = machine.versions()
    # The provider always sends a description, and it may be empty.
    alias = sfn.create_state_machine_alias(
        name="live", description="", routingConfiguration=[{"stateMachineVersionArn": first, "weight": 100}]
    )["stateMachineAliasArn"]
    second = machine.update(OTHER, publish=True)["stateMachineVersionArn"]
    routes = [{"stateMachineVersionArn": second, "weight": 90}, {"stateMachineVersionArn": first, "weight": 10}]
    sfn.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=routes)
    described = sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
    assert described["name"] == "live"
    assert sorted(described["routingConfiguration"], key=str) == sorted(routes, key=str)
    listed = sfn.list_state_machine_aliases(stateMachineArn=machine.arn)["stateMachineAliases"]
    assert [row["stateMachineAliasArn"] for row in listed] == [alias]
    sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
    with pytest.raises(sfn.exceptions.ResourceNotFound):
        sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
    machine.destroy()


def test_an_activity_is_applied_tagged_and_destroyed(sfn):
    activity = sfn.create_activity(
        name="terraform", tags=[{"key": "team", "value": "blue"}], encryptionConfiguration={"type": "AWS_OWNED_KEY"}
    )["activityArn"]
    described = sfn.describe_activity(activityArn=activity)
    assert (described["name"], described["encryptionConfiguration"]) == ("terraform", {"type": "AWS_OWNED_KEY"})
    assert sfn.list_tags_for_resource(resourceArn=activity)["tags"] == [{"key": "team", "value": "blue"}]
    sfn.untag_resource(resourceArn=activity, tagKeys=["team"])
    assert sfn.list_tags_for_resource(resourceArn=activity)["tags"] == []
    sfn.delete_activity(activityArn=activity)
    with pytest.raises(sfn.exceptions.ActivityDoesNotExist):
        sfn.describe_activity(activityArn=activity)


def test_what_is_gone_is_told_by_the_exceptions_that_the_provider_knows(sfn):
    arn = f"arn:aws:states:{servers.REGION}:{servers.ACCOUNT}"
    with pytest.raises(sfn.exceptions.StateMachineDoesNotExist):
        sfn.describe_state_machine(stateMachineArn=f"{arn}:stateMachine:gone")
    with pytest.raises(sfn.exceptions.ActivityDoesNotExist):
        sfn.describe_activity(activityArn=f"{arn}:activity:gone")
    # Deleting what is not there is how a second destroy ends.
    sfn.delete_state_machine(stateMachineArn=f"{arn}:stateMachine:gone")
    sfn.delete_activity(activityArn=f"{arn}:activity:gone")

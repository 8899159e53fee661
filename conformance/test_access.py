"""Who may call: signatures, policies, accounts, TLS. The numbers are those of the project's abuse cases."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import botocore.exceptions
import pytest

import access
import server as servers
from access import ALLOW_ALL, Key, Signed

ROLE = "arn:aws:iam::111111111111:role/service-role/orders"
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
WAIT = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "End": True}}})
NO_MATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)

ADMIN = Key("admin")
OTHER = Key("other", account="222222222222")
NOBODY = Key("nobody", policies=())
DENY_FIRST = Key("deny-first", policies=[{"Statement": [
    {"Effect": "Deny", "Action": "states:StopExecution", "Resource": "*"},
    {"Effect": "Allow", "Action": "states:*", "Resource": "*"},
]}])
DENY_LAST = Key("deny-last", policies=[
    {"Statement": {"Effect": "Allow", "Action": "states:*", "Resource": "*"}},
    {"Statement": {"Effect": "Deny", "Action": "states:StopExecution", "Resource": "*"}},
])
NARROW = Key("narrow", policies=[{"Statement": [
    {"Effect": "Allow", "Action": ["states:StartExecution", "states:Describe*"],
     "Resource": ["arn:aws:states:us-east-1:111111111111:stateMachine:mine-*",
                  "arn:aws:states:us-east-1:111111111111:execution:mine-*:*"]},
]}])
ONLY_PROD = Key("only-prod", policies=[{"Statement": {
    "Effect": "Allow", "Action": "states:StartExecution", "Resource": "arn:aws:states:*:*:stateMachine:released",
    "Condition": {"ForAnyValue:StringEquals": {"states:StateMachineQualifier": ["PROD"]}},
}}])
ELSEWHERE = Key("elsewhere", policies=[{"Statement": {
    "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
}}])


@pytest.fixture(scope="module")
def server():
    with access.running(ADMIN, OTHER, NOBODY, DENY_FIRST, DENY_LAST, NARROW, ONLY_PROD, ELSEWHERE) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server):
    return ADMIN.client(server.endpoint)


@pytest.fixture(scope="module")
def machine(admin):
    return admin.create_state_machine(name="orders", definition=WAIT, roleArn=ROLE)["stateMachineArn"]


def refused(call, **arguments):
    """`(error, message, status)` of a call that must be refused."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def kind(answer):
    return answer[1]["__type"].rsplit("#", 1)[-1]


def executions(client, machine):
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine)
    return [execution for page in pages for execution in page["executions"]]


# Abuse case 1: an open server where others could reach it.


def start(*arguments):
    command = [str(servers.binary()), "serve", "--ephemeral", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_abuse_1_an_open_server_never_listens_where_others_reach_it():
    port = free_port()
    process = subprocess.Popen(
        [str(servers.binary()), "serve", "--ephemeral", "--listen", f"0.0.0.0:{port}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    while process.poll() is None:
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
    stdout, stderr = process.communicate()
    assert process.returncode != 0 and stdout == ""
    assert "--credentials" in stderr and "--listen 127.0.0.1:8083" in stderr, stderr
    assert stderr.count("\n") == 1


def test_abuse_1_nor_does_one_without_tls(tmp_path):
    credentials = access.write(tmp_path, ADMIN)
    ended = start("--listen", "0.0.0.0:0", "--credentials", str(credentials))
    assert ended.returncode == 2 and ended.stdout == ""
    assert "--tls-cert" in ended.stderr and "--insecure-plaintext" in ended.stderr
    with access.running(ADMIN, arguments=["--insecure-plaintext"], listen="0.0.0.0:0") as server:
        endpoint = f"http://127.0.0.1:{server.listen.split(':')[1]}"
        assert ADMIN.client(endpoint).list_activities()["activities"] == []


def test_credentials_that_cannot_be_used_stop_the_start_without_showing_a_secret(tmp_path):
    file = access.write(tmp_path, Key("ci", policies=['{"Statement": [{"Effect": "Allow", "Action": "*", "Ressource": "*"}]}']))
    ended = start("--listen", "127.0.0.1:0", "--credentials", str(file))
    assert ended.returncode == 2 and ended.stdout == ""
    assert re.search(r"ci-0\.json:1:\d+: unknown element Ressource \(/Statement/0/Ressource\)", ended.stderr), ended.stderr
    file.write_text(file.read_text().replace("account", "acount"))
    ended = start("--listen", "127.0.0.1:0", "--credentials", str(file))
    assert "did you mean account?" in ended.stderr
    assert "secret/of" not in ended.stderr


def test_secrets_are_in_no_log_and_a_file_that_all_can_read_is_warned_of(tmp_path):
    file = access.write(tmp_path, ADMIN)
    file.chmod(0o644)
    arguments = ["--credentials", str(file), "--log", "debug", "--log-format", "json"]
    with servers.running(arguments=arguments) as server:
        client = ADMIN.client(server.endpoint)
        client.list_activities()
        refused(Key("unknown").client(server.endpoint).list_activities)
        altered = Signed(ADMIN, server.endpoint, "ListActivities", {})
        altered.body = b"{ }"
        altered.send()
        server.terminate()
        log = server.stderr()
    assert ADMIN.secret not in log and altered.headers["Authorization"].rsplit("=", 1)[1] not in log
    lines = [json.loads(line) for line in log.splitlines()]
    events = [line["event"] for line in lines]
    assert events.count("secret_exposed") == 1 and events.count("sync_prefix") == 1
    assert [line["errorCode"] for line in lines if line["event"] == "signature_refused"] == [
        "UnrecognizedClientException", "InvalidSignatureException"
    ]


# Abuse case 3: DNS rebinding, with and without credentials.


def test_abuse_3_another_host_is_refused_before_all_else(server, admin):
    signed = Signed(ADMIN, "http://evil.example:8083", "CreateActivity", {"name": "planted"})
    signed.endpoint = server.endpoint
    status, body = signed.send()
    assert (status, body["__type"]) == (403, "AccessDeniedException") and "evil.example" in body["message"]
    assert admin.list_activities()["activities"] == []


# Abuse cases 4 and 5: signatures that are not of this request, or not of now.


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_signed_call_is_done_in_the_account_of_its_key_and_the_region_of_its_scope(server, region):
    client = OTHER.client(server.endpoint, region=region)
    made = client.create_activity(name="region")["activityArn"]
    assert made == f"arn:aws:states:{region}:222222222222:activity:region"


def test_abuse_4_a_body_altered_by_one_byte_is_refused(server, admin):
    signed = Signed(ADMIN, server.endpoint, "CreateActivity", {"name": "victim"})
    signed.body = signed.body.replace(b"victim", b"Victim")
    assert signed.send() == (403, {"__type": "InvalidSignatureException", "message": NO_MATCH})
    assert admin.list_activities()["activities"] == []


@pytest.mark.parametrize("alter", [
    lambda headers: headers.update({"X-Amz-Target": "AWSStepFunctions.DeleteStateMachine"}),
    lambda headers: headers.update(Host=headers["Host"].replace("127.0.0.1", "localhost")),
    lambda headers: headers.update({"Content-Type": "application/json"}),
    lambda headers: headers.update(Authorization=headers["Authorization"].replace("us-east-1", "us-east-2")),
    lambda headers: headers.update(Authorization=headers["Authorization"].replace(ADMIN.id, OTHER.id)),
    lambda headers: headers.update(Authorization=headers["Authorization"].replace("host;", "")),
    lambda headers: headers.update(Authorization=headers["Authorization"].replace(";x-amz-target", "")),
    lambda headers: headers.update(Authorization=re.sub("Signature=.*", "Signature=" + "0" * 64, headers["Authorization"])),
])
def test_abuse_4_any_altered_header_is_refused(server, alter):
    signed = Signed(ADMIN, server.endpoint, "ListActivities", {})
    alter(signed.headers)
    status, body = signed.send()
    assert (status, body["__type"]) == (403, "InvalidSignatureException"), body


def test_abuse_5_a_call_of_six_minutes_ago_or_ahead_is_refused(server):
    status, body = Signed(ADMIN, server.endpoint, "ListActivities", {}, at=access.minutes_ago(6)).send()
    assert (status, body["__type"]) == (403, "InvalidSignatureException")
    assert re.fullmatch(r"Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)", body["message"])
    status, body = Signed(ADMIN, server.endpoint, "ListActivities", {}, at=access.minutes_ago(-6)).send()
    assert status == 403 and body["message"].startswith("Signature not yet current: ")
    for minutes in (4, -4):
        assert Signed(ADMIN, server.endpoint, "ListActivities", {}, at=access.minutes_ago(minutes)).send()[0] == 200


def test_abuse_5_a_scope_of_another_day_is_refused(server):
    signed = Signed(ADMIN, server.endpoint, "ListActivities", {})
    signed.headers["Authorization"] = re.sub(r"/\d{8}/", "/20260101/", signed.headers["Authorization"])
    status, body = signed.send()
    assert (status, body["__type"]) == (403, "InvalidSignatureException")
    assert body["message"].startswith("Date in Credential scope does not match YYYYMMDD")


def test_what_is_not_signed_is_told_so_before_its_operation_is_looked_at(server):
    for operation in ("ListActivities", "MakeCoffee"):
        signed = Signed(ADMIN, server.endpoint, operation, {})
        del signed.headers["Authorization"]
        assert signed.send() == (
            403, {"__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"}
        )
        wrong = Signed(Key("unknown"), server.endpoint, operation, {})
        assert wrong.send() == (400, {
            "__type": "UnrecognizedClientException",
            "message": "The security token included in the request is invalid.",
        })
    assert kind(Signed(ADMIN, server.endpoint, "MakeCoffee", {}).send()) == "UnknownOperationException"
    # A twelve-digit key id names an account only where the server is open.
    digits = Key("digits")
    digits.id = "111111111111"
    assert kind(Signed(digits, server.endpoint, "ListActivities", {}).send()) == "UnrecognizedClientException"


def test_a_service_other_than_states_and_a_session_token_are_refused(server):
    status, body = Signed(ADMIN, server.endpoint, "ListActivities", {}, service="dynamodb").send()
    assert (status, body["message"]) == (403, "Credential should be scoped to correct service: 'states'.")
    client = ADMIN.client(server.endpoint, aws_session_token="temporary")
    assert refused(client.list_activities)[0] == "UnrecognizedClientException"


# Abuse case 6: a captured call is sent again.


def test_abuse_6_a_captured_start_is_refused_when_it_comes_again(server, admin, machine):
    before = len(executions(admin, machine))
    captured = Signed(ADMIN, server.endpoint, "StartExecution", {"stateMachineArn": machine, "input": '{"captured": 1}'})
    assert captured.send()[0] == 200

    # Within three seconds it could be an honest twin: the moment of a signature is a second.
    deadline = time.monotonic() + 20
    while (answer := captured.send())[0] == 200:
        assert time.monotonic() < deadline
        before += 1
        time.sleep(0.5)
    assert answer == (403, {
        "__type": "InvalidSignatureException",
        "message": "This signature has been used before. Sign each request anew.",
    })
    assert captured.send()[0] == 403
    assert len(executions(admin, machine)) == before + 1
    # What only reads may be repeated: it does no harm.
    reading = Signed(ADMIN, server.endpoint, "ListActivities", {})
    assert reading.send()[0] == reading.send()[0] == 200


def test_abuse_6_equal_calls_of_one_second_are_done_each(server, admin, machine):
    before = len(executions(admin, machine))
    for _ in range(20):
        admin.start_execution(stateMachineArn=machine, input='{"equal": true}')
    assert len(executions(admin, machine)) == before + 20


# Abuse case 7: another account's things.


def test_abuse_7_what_is_another_accounts_is_refused_alike_whether_it_exists_or_not(server, admin, machine):
    execution = admin.start_execution(stateMachineArn=machine, name="mine")["executionArn"]
    stranger = OTHER.client(server.endpoint)
    for call, member, real in [
        (stranger.describe_state_machine, "stateMachineArn", machine),
        (stranger.start_execution, "stateMachineArn", machine),
        (stranger.describe_execution, "executionArn", execution),
        (stranger.stop_execution, "executionArn", execution),
        (stranger.get_execution_history, "executionArn", execution),
    ]:
        answers = {refused(call, **{member: arn})[0::2] for arn in (real, real + "-invented")}
        assert answers == {("AccessDeniedException", 400)}
        texts = {refused(call, **{member: arn})[1].replace(arn, "ARN") for arn in (real, real + "-invented")}
        assert len(texts) == 1 and texts.pop().startswith(f"User: {OTHER.arn()} is not authorized to perform: states:")
    assert admin.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert stranger.list_state_machines()["stateMachines"] == []


# Abuse case 8: policies.


@pytest.mark.parametrize("key", [DENY_FIRST, DENY_LAST])
def test_abuse_8_a_deny_wins_in_either_order(server, machine, key):
    client = key.client(server.endpoint)
    execution = client.start_execution(stateMachineArn=machine)["executionArn"]
    assert refused(client.stop_execution, executionArn=execution) == (
        "AccessDeniedException",
        f"User: {key.arn()} is not authorized to perform: states:StopExecution on resource: {execution} "
        "with an explicit deny in an identity-based policy",
        400,
    )
    assert client.describe_execution(executionArn=execution)["status"] == "RUNNING"


def test_abuse_8_without_a_policy_nothing_is_allowed(server, machine):
    client = NOBODY.client(server.endpoint)
    assert refused(client.start_execution, stateMachineArn=machine) == (
        "AccessDeniedException",
        f"User: {NOBODY.arn()} is not authorized to perform: states:StartExecution on resource: {machine} "
        "because no identity-based policy allows the states:StartExecution action",
        400,
    )
    error, message, _ = refused(client.list_state_machines)
    assert error == "AccessDeniedException"
    assert "on resource: arn:aws:states:us-east-1:111111111111:stateMachine:* because" in message


def test_abuse_8_a_policy_reaches_as_far_as_its_resources_and_conditions(server, admin, machine):
    mine = admin.create_state_machine(name="mine-1", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    client = NARROW.client(server.endpoint)
    execution = client.start_execution(stateMachineArn=mine)["executionArn"]
    assert client.describe_execution(executionArn=execution)["executionArn"] == execution
    assert refused(client.start_execution, stateMachineArn=machine)[0] == "AccessDeniedException"
    assert refused(client.start_execution, stateMachineArn=machine + ":1")[0] == "AccessDeniedException"
    assert refused(client.delete_state_machine, stateMachineArn=mine)[0] == "AccessDeniedException"
    assert refused(ELSEWHERE.client(server.endpoint).list_activities)[0] == "AccessDeniedException"


def test_abuse_8_a_policy_can_hold_callers_to_an_alias(server, admin):
    made = admin.create_state_machine(name="released", definition=PASS, roleArn=ROLE, publish=True)
    version = made["stateMachineVersionArn"]
    alias = admin.create_state_machine_alias(
        name="PROD", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}]
    )["stateMachineAliasArn"]
    client = ONLY_PROD.client(server.endpoint)
    assert client.start_execution(stateMachineArn=alias)["executionArn"]
    for arn in (made["stateMachineArn"], version):
        error, message, _ = refused(client.start_execution, stateMachineArn=arn)
        # The resource is the machine, whatever stands behind its name.
        assert error == "AccessDeniedException" and f"on resource: {made['stateMachineArn']} because" in message


# Abuse case 12: giants, endless bodies, and clients that dawdle.


def rss_kib(process):
    text = open(f"/proc/{process.pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))


@pytest.mark.parametrize("key", [None, ADMIN])
def test_abuse_12_giants_and_dawdlers_cost_no_memory_and_keep_nobody_waiting(key):
    context = access.running(key) if key else servers.running()
    with context as server:
        client = key.client(server.endpoint) if key else server.client()
        client.list_activities()
        before = rss_kib(server.process)
        host, port = server.listen.split(":")
        signed = Signed(key or ADMIN, server.endpoint, "CreateActivity", {"name": "x"})
        head = "POST / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
        held = []
        try:
            # A head that does not end, small or as large as it may be; a body that does not, of the sizes
            # that are free and that are not; one without an end.
            texts = [
                head,
                head + "X-Filler: " + "x" * 30_000,
                head + "Content-Length: 1000000\r\n\r\n{" + "x" * 30_000,
                head + "Content-Length: 16000\r\n\r\n{" + "x" * 15_000,
                head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{",
            ]
            for number in range(1000):
                dawdler = socket.create_connection((host, int(port)), timeout=20)
                dawdler.sendall(texts[number % len(texts)].encode())
                held.append(dawdler)
            answers = giants(server, head)
            began = time.monotonic()
            large = json.dumps({"Comment": "x" * 200_000, **json.loads(PASS)})
            for _ in range(20):
                client.list_activities()
                assert client.validate_state_machine_definition(definition=large)["result"] == "OK"
            assert time.monotonic() - began < 10, "others wait"
            grown = rss_kib(server.process) - before
        finally:
            for dawdler in held:
                dawdler.close()
        print(f"grown by {grown} KiB")
        assert grown < 64 * 1024, f"{grown} KiB"
        # The signature is that of another body, so with credentials that may be told first.
        assert all(answer == b"" or re.match(rb"HTTP/1.1 (413|403) ", answer) for answer in answers), answers
        assert client.list_activities()["activities"] == []


def giants(server, head):
    """What the first line is that comes back for two GiB announced and for chunks without end."""
    host, port = server.listen.split(":")
    answers = []
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: {2 << 30}\r\n\r\n".encode())
        answers.append(connection.recv(64))
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        with pytest.raises(OSError):
            for _ in range(4096):
                connection.sendall(chunk)
    return answers


# The two operations of other services, in the query protocol.


def test_who_am_i_and_which_roles_are_there(server, admin, machine):
    sts = ADMIN.client(server.endpoint, "sts")
    identity = sts.get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("111111111111", ADMIN.arn())
    assert identity["UserId"].startswith("AIDA")
    roles = ADMIN.client(server.endpoint, "iam").list_roles()["Roles"]
    assert [(role["Arn"], role["RoleName"], role["Path"]) for role in roles] == [(ROLE, "orders", "/service-role/")]
    assert roles[0]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "states.amazonaws.com"}
    assert ADMIN.client(server.endpoint, "iam").list_roles(PathPrefix="/other/")["Roles"] == []
    assert OTHER.client(server.endpoint, "iam").list_roles()["Roles"] == []


def test_who_am_i_needs_no_permission_and_the_roles_do(server):
    assert NOBODY.client(server.endpoint, "sts").get_caller_identity()["Arn"] == NOBODY.arn()
    error, message, status = refused(NOBODY.client(server.endpoint, "iam").list_roles)
    assert (error, status) == ("AccessDenied", 403)
    assert "iam:ListRoles on resource: arn:aws:iam::111111111111:role/ because" in message


def test_forms_have_the_errors_of_their_protocol(server):
    assert refused(Key("unknown").client(server.endpoint, "sts").get_caller_identity)[0] == "InvalidClientTokenId"
    wrong = Key("admin")
    wrong.secret = "another-secret-altogether"
    assert refused(wrong.client(server.endpoint, "sts").get_caller_identity) == ("SignatureDoesNotMatch", NO_MATCH, 403)
    sts = ADMIN.client(server.endpoint, "sts")
    error, message, status = refused(sts.get_session_token)
    assert (error, status) == ("InvalidAction", 400) and "GetSessionToken for version 2011-06-15" in message
    # A signature for one service does nothing at another.
    swapped = Signed(ADMIN, server.endpoint, None, b"Action=ListRoles&Version=2010-05-08", service="sts", content_type=access.FORM)
    status, text = swapped.send()
    assert status == 403 and "SignatureDoesNotMatch" in text


def test_an_open_server_answers_forms_too_but_only_beside_a_signature():
    with servers.running() as server:
        key = Key("local")
        key.id = "333333333333"
        identity = key.client(server.endpoint, "sts").get_caller_identity()
        assert (identity["Account"], identity["Arn"]) == ("333333333333", "arn:aws:iam::333333333333:root")
        assert key.client(server.endpoint, "iam").list_roles()["Roles"] == []
        # What a page on another site can send without asking first: a form without a signature.
        form = Signed(key, server.endpoint, None, b"Action=GetCallerIdentity", service="sts", content_type=access.FORM)
        del form.headers["Authorization"]
        assert form.send()[0] == 403
        form.headers["Authorization"] = "Basic eDp5"
        assert form.send()[0] == 403


# Health and metrics.


def get(endpoint, path, context=None):
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(endpoint + path, timeout=20, context=context) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def own_address():
    """An address of this machine that is not loopback, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # Nothing is sent: this only chooses a route.
        except OSError:
            return None
        return probe.getsockname()[0]


def test_health_is_for_all_and_metrics_for_this_machine_unless_made_public(server):
    assert get(server.endpoint, "/health")[0] == get(server.endpoint, "/metrics")[0] == 200
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    for arguments, status in [([], 403), (["--public-metrics"], 200)]:
        wide = ["--insecure-plaintext", "--host", address, *arguments]
        with access.running(ADMIN, arguments=wide, listen="0.0.0.0:0") as running:
            endpoint = f"http://{address}:{running.listen.split(':')[1]}"
            assert get(endpoint, "/health")[0] == 200
            assert get(endpoint, "/metrics")[0] == status


# TLS.


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed; it makes the certificates of these tests")
    return access.Certificates(tmp_path_factory.mktemp("certificates"))


def tls(certificates, *more):
    return ["--tls-cert", certificates.path("server.pem"), "--tls-key", certificates.path("server.key"), *more]


def test_tls_carries_signed_calls(certificates):
    with access.running(ADMIN, arguments=tls(certificates), listen="127.0.0.1:0") as server:
        assert server.endpoint.startswith("https://")
        endpoint = server.endpoint.replace("127.0.0.1", "localhost")
        client = ADMIN.client(endpoint, verify=certificates.path("ca.pem"))
        assert client.create_activity(name="over-tls")["activityArn"].endswith(":activity:over-tls")
        port = int(server.listen.split(":")[1])
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = certificates.context()
            context.minimum_version = context.maximum_version = version
            context.set_alpn_protocols(["h2", "http/1.1"])
            with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
                with context.wrap_socket(raw, server_hostname="localhost") as connection:
                    assert connection.selected_alpn_protocol() == "http/1.1"
        # Plain HTTP gets nothing.
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            raw.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not raw.recv(64).startswith(b"HTTP")


def test_tls_tells_conditions_that_it_is_there(certificates):
    only_tls = Key("only-tls", policies=[{"Statement": {
        "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }}])
    with access.running(only_tls, arguments=tls(certificates)) as server:
        client = only_tls.client(server.endpoint, verify=certificates.path("ca.pem"))
        assert client.list_activities()["activities"] == []
    with access.running(only_tls) as server:
        assert refused(only_tls.client(server.endpoint).list_activities)[0] == "AccessDeniedException"


def test_tls_handshakes_that_dawdle_hold_up_nobody(certificates):
    with access.running(ADMIN, arguments=tls(certificates)) as server:
        port = int(server.listen.split(":")[1])
        held = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(200)]
        for dawdler in held[:100]:
            dawdler.sendall(b"\x16\x03\x01\x02\x00\x01")
        client = ADMIN.client(server.endpoint, verify=certificates.path("ca.pem"))
        assert client.list_activities()["activities"] == []
        # They are closed before long, and a stop does not wait for them.
        held[0].settimeout(30)
        assert held[0].recv(64) in (b"", b"\x15\x03\x03\x00\x02\x02\x32")
        assert server.terminate() == 0
        for dawdler in held:
            dawdler.close()


def test_tls_clients_show_a_certificate_where_they_must(certificates):
    arguments = tls(certificates, "--tls-client-ca", certificates.path("ca.pem"))
    with access.running(ADMIN, arguments=arguments) as server:
        signed = Signed(ADMIN, server.endpoint, "ListActivities", {})
        assert signed.send(certificates.context("client")) == (200, {"activities": []})
        for stranger in (None, "foreign"):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                signed.send(certificates.context(stranger))
        # A certificate does not stand in for a signature.
        del signed.headers["Authorization"]
        assert signed.send(certificates.context("client"))[0] == 403


def test_files_that_are_no_certificate_stop_the_start(certificates, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for cert, key, told in [
        (str(empty), certificates.path("server.key"), "it holds no certificate"),
        (certificates.path("server.pem"), str(empty), "no private key"),
        (certificates.path("server.pem"), certificates.path("client.key"), "not the key of the certificate"),
        ("no/such.pem", certificates.path("server.key"), "no certificate"),
    ]:
        ended = start("--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
        assert ended.returncode == 2 and told in ended.stderr, ended.stderr


# `stepwell env`.


def test_env_makes_the_cli_find_the_server_and_leave_the_prefix_out():
    with servers.running() as server:
        command = [str(servers.binary()), "env", "--endpoint", server.endpoint]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        script = f"""{lines}
            {servers.ROOT}/.stepwell/venv/bin/aws stepfunctions test-state --role-arn {ROLE} \
              --definition '{{"Type":"Pass","Result":{{"a":1}},"End":true}}' --input '{{}}' --query output --output text
        """
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=environment, timeout=60)
        assert (done.returncode, done.stdout.strip()) == (0, '{"a":1}'), done.stderr

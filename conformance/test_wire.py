"""The wire itself: what raw HTTP gets, good and bad. Never a hang, never a 500."""

import http.client
import json
import socket
import threading

import pytest

JSON_1_0 = "application/x-amz-json-1.0"
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/states/aws4_request, "
    "SignedHeaders=host;x-amz-date;x-amz-target, Signature=" + "0" * 64
)


def call(server, target="AWSStepFunctions.ListStateMachines", body="{}", method="POST", path="/", **headers):
    """One request: `(status, headers, body as JSON or text)`."""
    host, port = server.listen.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    sent = {"Content-Type": JSON_1_0, "Authorization": AUTHORIZATION}
    if target is not None:
        sent["X-Amz-Target"] = target
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    sent = {name: value for name, value in sent.items() if value is not None}
    try:
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        text = response.read().decode()
        try:
            return response.status, response.headers, json.loads(text)
        except ValueError:
            return response.status, response.headers, text
    finally:
        connection.close()


def kind(answer):
    return answer[2]["__type"].rsplit("#", 1)[-1]


def test_an_answer_is_json_1_0_with_a_request_id(server):
    status, headers, body = call(server)
    assert (status, body["stateMachines"]) == (200, [])
    assert headers["Content-Type"] == JSON_1_0
    assert headers["x-amzn-RequestId"]


def test_an_unknown_operation(server):
    answer = call(server, "AWSStepFunctions.MakeCoffee")
    assert answer[0] == 400 and kind(answer) == "UnknownOperationException"


@pytest.mark.parametrize("target", [None, "", "nonsense", "DynamoDB_20120810.GetItem"])
def test_a_missing_or_foreign_target(server, target):
    answer = call(server, target)
    assert answer[0] == 400 and kind(answer) in ("UnknownOperationException", "MissingAction"), answer


@pytest.mark.parametrize(
    "body", ["{", "[]", "null", "17", '"x"', "\ufeff{}".encode(), '{"a":}', "{}{}", b"\xff\xfe", "[" * 100_000]
)
def test_a_body_that_is_no_json_object(server, body):
    answer = call(server, body=body)
    assert answer[0] == 400, answer
    assert kind(answer) in ("SerializationException", "ValidationException")


@pytest.mark.parametrize("body", [{"maxResults": "many"}, {"maxResults": 1.5}, {"maxResults": [1]}, {"nextToken": 1}])
def test_a_member_of_the_wrong_type(server, body):
    answer = call(server, body=json.dumps(body))
    assert answer[0] == 400
    assert kind(answer) in ("SerializationException", "ValidationException")


def test_a_missing_member_is_named_as_aws_does(server):
    answer = call(server, "AWSStepFunctions.DescribeExecution")
    assert answer[0] == 400 and kind(answer) == "ValidationException"
    assert answer[2]["message"] == (
        "1 validation error detected: Value null at 'executionArn' failed to satisfy constraint: Member must not be null"
    )


def test_unknown_members_are_ignored(server):
    assert call(server, body='{"colour": "blue"}')[0] == 200


def test_an_oversized_body_gets_an_exception_and_the_server_lives(server, sfn):
    # Through boto3, because the server answers before it has read everything, and a client must read
    # that answer although its own writing failed. Real clients do.
    with pytest.raises(sfn.exceptions.ClientError) as caught:
        sfn.create_activity(name="x" * (20 * 1024 * 1024))
    assert caught.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert call(server)[0] == 200


def test_an_announced_giant_is_refused_before_it_is_sent(server):
    host, port = server.listen.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            f"POST / HTTP/1.1\r\nHost: {server.listen}\r\nContent-Type: {JSON_1_0}\r\n"
            f"X-Amz-Target: AWSStepFunctions.ListStateMachines\r\nContent-Length: {2 << 30}\r\n\r\n".encode()
        )
        first = connection.recv(1024)
        assert first == b"" or first.startswith((b"HTTP/1.1 4",)), first


def test_an_endless_chunked_body_is_cut_off(server):
    host, port = server.listen.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            f"POST / HTTP/1.1\r\nHost: {server.listen}\r\nContent-Type: {JSON_1_0}\r\n"
            f"X-Amz-Target: AWSStepFunctions.ListStateMachines\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            for _ in range(1024):
                connection.sendall(chunk)
        except OSError:
            pass
        else:
            pytest.fail("64 MiB were accepted")
    assert call(server)[0] == 200


@pytest.mark.parametrize("bytes_sent", [b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_is_closed(server, bytes_sent):
    host, port = server.listen.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(bytes_sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
    assert call(server)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8083", "127.0.0.1.evil.example", "169.254.169.254"])
def test_a_foreign_host_is_refused(server, host):
    assert call(server, Host=host)[0] == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "sync-localhost", "sync-127.0.0.1"])
def test_names_of_this_machine_are_accepted(server, host):
    port = server.listen.split(":")[1]
    assert call(server, Host=f"{host}:{port}")[0] == 200, host


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost.evil.example"])
def test_a_foreign_origin_is_refused_and_nothing_is_done(server, origin):
    body = json.dumps({
        "name": "planted",
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "definition": '{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}',
    })
    status, headers, _ = call(server, "AWSStepFunctions.CreateStateMachine", body, Origin=origin)
    assert status == 403
    assert "Access-Control-Allow-Origin" not in headers
    assert call(server)[2]["stateMachines"] == []


def test_a_form_of_a_foreign_page_is_refused(server):
    answer = call(server, target=None, Content_Type="text/plain", Origin="http://evil.example")
    assert answer[0] == 403
    answer = call(server, Content_Type="text/plain")
    assert 400 <= answer[0] < 500, "without the JSON content type there would be no preflight"


@pytest.mark.parametrize("method, path", [("GET", "/"), ("PUT", "/"), ("GET", "/nothing/here"), ("POST", "/nothing/here")])
def test_other_methods_and_paths(server, method, path):
    assert 400 <= call(server, method=method, path=path, body=None if method == "GET" else "{}")[0] < 500


def test_health_answers(server):
    assert call(server, target=None, method="GET", path="/health", body=None)[0] == 200


def test_a_connection_is_kept_for_many_calls(server):
    host, port = server.listen.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.connect()
    first = connection.sock
    for _ in range(50):
        connection.request("POST", "/", "{}", {
            "Content-Type": JSON_1_0, "X-Amz-Target": "AWSStepFunctions.ListActivities", "Authorization": AUTHORIZATION
        })
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        assert connection.sock is first
    connection.close()


def test_many_idle_connections_do_not_stop_others(server):
    host, port = server.listen.split(":")
    idle = [socket.create_connection((host, int(port)), timeout=20) for _ in range(200)]
    for connection in idle[:100]:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: ")
    assert call(server)[0] == 200
    for connection in idle:
        connection.close()


def test_a_caller_that_leaves_in_the_middle_harms_nobody(server):
    host, port = server.listen.split(":")

    def leave():
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(
                f"POST / HTTP/1.1\r\nHost: {server.listen}\r\nContent-Type: {JSON_1_0}\r\n"
                "X-Amz-Target: AWSStepFunctions.ListStateMachines\r\nContent-Length: 100\r\n\r\n{".encode()
            )

    threads = [threading.Thread(target=leave) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert call(server)[0] == 200


@pytest.mark.parametrize("definition", [
    "[" * 5000,
    '{"StartAt": "A", "States": {"A": ' + '{"Not": ' * 3000 + "1" + "}" * 3000 + "}}",
    '{"StartAt": "A", "StartAt": "B", "States": {}}',
    '{"StartAt": 1, "States": []}',
    '{"StartAt": "A", "States": {"A": {"Type": "Teleport", "End": true}}}',
    "\x00",
])
def test_a_hostile_definition_is_an_invalid_definition(server, definition):
    body = json.dumps({"name": "hostile", "roleArn": "arn:aws:iam::000000000000:role/r", "definition": definition})
    answer = call(server, "AWSStepFunctions.CreateStateMachine", body)
    assert answer[0] == 400 and kind(answer) == "InvalidDefinition", answer

"""Functions that no functions file lists, behind the Lambda Invoke API of a counterpart.

The counterpart is a small HTTP server of this test: it does what the function's name says, keeps what it
was asked, and checks each signature with botocore's own code.
"""

import http.server
import json
import pathlib
import subprocess
import tempfile
import threading
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
import server as servers
from conftest import World, lines

KEY, SECRET = "AKIDCOUNTERPART", "a secret of the counterpart"
REQUEST_ID = "6c1b1a8e-0000-4000-8000-0123456789ab"


class Counterpart:
    """A Lambda endpoint. `asked` has `(function, payload, headers, query, name as given)` of each call."""

    def __init__(self):
        self.asked = []
        self.bad_signatures = []
        self.throttles_left = {}
        self.lock = threading.Lock()
        # What holds back the answers of `slow`, which never answers, and `held`.
        self.released = threading.Event()
        counterpart = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                counterpart.serve(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def count(self, function):
        with self.lock:
            return sum(1 for name, *_ in self.asked if name == function)

    def last(self, function):
        with self.lock:
            return [asked for asked in self.asked if asked[0] == function][-1]

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        parts = urllib.parse.urlsplit(handler.path)
        prefix, version, functions, named, verb = parts.path.split("/")
        assert (prefix, version, functions, verb) == ("", "2015-03-31", "functions", "invocations"), parts.path
        named = urllib.parse.unquote(named)
        function = named.split(":function:")[-1].split(":")[0]
        with self.lock:
            self.asked.append((function, body, handler.headers, parts.query, named))
            if handler.headers["Authorization"] != signature(self.url + handler.path, handler.headers, body):
                self.bad_signatures.append((handler.path, handler.headers.items()))
            throttled = self.throttles_left.get(function, 0)
            self.throttles_left[function] = throttled - 1
        name = function.split("-")[0]
        headers, status = {"X-Amz-Executed-Version": "$LATEST"}, 200
        if throttled > 0 or name == "throttled":
            headers = {"x-amzn-ErrorType": "TooManyRequestsException:http://internal.amazon.com/"}
            status, answer = 429, b'{"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate Exceeded."}'
        elif name == "echo":
            answer = body
        elif name == "fails":
            headers["X-Amz-Function-Error"] = "Unhandled"
            answer = b'{"errorMessage": "card declined", "errorType": "Declined"}'
        elif name == "missing":
            headers, status = {"x-amzn-ErrorType": "ResourceNotFoundException"}, 404
            answer = json.dumps({"Type": "User", "Message": f"Function not found: {named}"}).encode()
        elif name == "logs":
            headers["X-Amz-Log-Result"] = "TE9H"
            answer = b"null"
        elif name == "event":
            headers, status, answer = {}, 202, b""
        elif name == "slow":
            self.released.wait()
            return
        elif name == "held":
            self.released.wait()
            answer = b'"let go"'
        elif name == "hangup":
            handler.close_connection = True
            return
        else:
            raise AssertionError(f"no such function: {name}")
        handler.send_response(status)
        for key, value in {**headers, "x-amzn-RequestId": REQUEST_ID, "Content-Type": "application/json"}.items():
            handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)


def signature(url, headers, body):
    """The Authorization that botocore puts on this request."""
    auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY, SECRET), "lambda", servers.REGION)
    signed = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    request = botocore.awsrequest.AWSRequest(
        method="POST", url=url, data=body, headers={name: headers[name] for name in signed}
    )
    request.context["timestamp"] = headers["X-Amz-Date"]
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return (
        f"AWS4-HMAC-SHA256 Credential={KEY}/{auth.credential_scope(request)}, "
        f"SignedHeaders={';'.join(signed)}, Signature={auth.signature(text, request)}"
    )


@pytest.fixture(scope="module")
def counterpart():
    counterpart = Counterpart()
    yield counterpart
    counterpart.close()
    assert counterpart.bad_signatures == []


def environment(counterpart):
    return {"AWS_ENDPOINT_URL_LAMBDA": counterpart.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.fixture(scope="module")
def server(counterpart):
    with servers.running(environment=environment(counterpart)) as running:
        yield running


def by_arn(world, name, **fields):
    return world.states("Call", Call={"Type": "Task", "Resource": servers.function_arn(name), "End": True, **fields})


def by_invoke(world, name, parameters=None, **fields):
    return world.states("Call", Call={
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
        "Parameters": {"FunctionName": name, "Payload.$": "$", **(parameters or {})}, **fields,
    })


def failure(world, machine, seconds=30):
    described, history = world.run(machine, {"a": 1}, seconds)
    assert described["status"] == "FAILED", described
    return described["error"], described["cause"], history


def test_a_function_by_arn_is_invoked_and_its_result_is_raw(world, counterpart):
    described, history = world.run(by_arn(world, "echo-arn"), {"a": [1, "ü"]})
    assert json.loads(described["output"]) == {"a": [1, "ü"]}
    assert [line.split()[1] for line in lines(history)][2:5] == [
        "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded",
    ]
    _, payload, headers, query, named = counterpart.last("echo-arn")
    assert (json.loads(payload), query) == ({"a": [1, "ü"]}, "")
    assert named == servers.function_arn("echo-arn")
    assert headers["X-Amz-Invocation-Type"] == "RequestResponse"
    assert counterpart.count("echo-arn") == 1


def test_lambda_invoke_gives_the_answer_as_aws_shows_it(world, counterpart):
    output = world.output(by_invoke(world, "echo-invoke", {"Qualifier": "PROD"}), {"a": 1})
    metadata = output.pop("SdkHttpMetadata")
    assert output == {
        "ExecutedVersion": "$LATEST", "Payload": {"a": 1}, "SdkResponseMetadata": {"RequestId": REQUEST_ID},
        "StatusCode": 200,
    }
    assert metadata["HttpStatusCode"] == 200
    assert metadata["HttpHeaders"]["x-amzn-RequestId"] == REQUEST_ID
    assert metadata["AllHttpHeaders"]["X-Amz-Executed-Version"] == ["$LATEST"]
    assert metadata["HttpHeaders"]["Content-Length"] == "7"
    assert counterpart.last("echo-invoke")[3:] == ("Qualifier=PROD", "echo-invoke")


def test_the_other_parameters_reach_lambda(world, counterpart):
    output = world.output(by_invoke(world, "logs:7", {"LogType": "Tail", "ClientContext": "eyJhIjoxfQ=="}))
    assert (output["LogResult"], output["Payload"]) == ("TE9H", None)
    headers = counterpart.last("logs")[2]
    assert (headers["X-Amz-Log-Type"], headers["X-Amz-Client-Context"]) == ("Tail", "eyJhIjoxfQ==")
    assert counterpart.last("logs")[3:] == ("", "logs:7")
    output = world.output(by_invoke(world, "event", {"InvocationType": "Event"}))
    assert output["StatusCode"] == 202 and "Payload" not in output
    assert counterpart.last("event")[2]["X-Amz-Invocation-Type"] == "Event"


def test_an_error_of_the_function_can_be_caught_by_its_type(world):
    error, cause, history = failure(world, by_arn(world, "fails-arn"))
    assert (error, cause) == ("Declined", '{"errorMessage": "card declined", "errorType": "Declined"}')
    assert any("LambdaFunctionFailed" in line for line in lines(history))
    machine = world.states(
        "Call",
        Call={
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "fails-invoke"},
            "Catch": [{"ErrorEquals": ["Declined"], "Next": "Caught"}], "End": True,
        },
        Caught={"Type": "Succeed"},
    )
    assert world.output(machine) == {
        "Error": "Declined", "Cause": '{"errorMessage":"card declined","errorType":"Declined"}'
    }


def test_a_throttle_is_retried_by_the_state_and_counted_once_an_attempt(world, counterpart):
    with counterpart.lock:
        counterpart.throttles_left["echo-busy"] = 2
    machine = by_arn(world, "echo-busy", Retry=[
        {"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 3}
    ])
    described, history = world.run(machine, 7)
    assert described["output"] == "7"
    started = [line for line in lines(history) if "LambdaFunctionStarted" in line]
    assert len(started) == counterpart.count("echo-busy") == 3
    # Without a Retry it is sent once, and fails with AWS's text.
    error, cause, _ = failure(world, by_arn(world, "throttled"))
    assert error == "Lambda.TooManyRequestsException"
    assert cause == (
        "Rate Exceeded. (Service: AWSLambda; Status Code: 429; Error Code: TooManyRequestsException; "
        f"Request ID: {REQUEST_ID}; Proxy: null)"
    )
    assert counterpart.count("throttled") == 1


def test_a_function_that_lambda_does_not_know_is_not_found(world):
    error, cause, _ = failure(world, by_invoke(world, "missing"))
    assert error == "Lambda.ResourceNotFoundException"
    assert cause.startswith("Function not found: missing (Service: AWSLambda; Status Code: 404; "), cause


def test_a_listed_function_stays_here(world, counterpart):
    assert world.output(by_arn(world, "echo"), {"a": 1}) == {"a": 1}
    assert counterpart.count("echo") == 0


def test_the_time_out_of_the_state_ends_the_call(world, counterpart):
    described, history = world.run(by_arn(world, "slow-timeout", TimeoutSeconds=1))
    assert (described["status"], described["error"]) == ("FAILED", "States.Timeout")
    assert any("LambdaFunctionTimedOut" in line for line in lines(history))
    assert counterpart.count("slow-timeout") == 1


def test_a_call_that_broke_off_is_unknown_and_not_made_again(world, server, counterpart):
    error, cause, _ = failure(world, by_arn(world, "hangup"))
    assert error == "Stepwell.OutcomeUnknown", cause
    assert counterpart.count("hangup") == 1
    assert "service_call_outcome_unknown" in server.stderr()
    assert SECRET not in server.stderr()


def test_test_state_invokes_too(server, counterpart):
    sfn = server.client(inject_host_prefix=False)
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
             "Parameters": {"FunctionName": "echo-test", "Payload": {"b": 2}}, "OutputPath": "$.Payload"}
    answer = sfn.test_state(definition=json.dumps(state), roleArn=servers.ROLE_ARN, input="{}")
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"b": 2})
    assert counterpart.count("echo-test") == 1


def test_a_function_that_was_given_a_token_is_not_the_end_of_the_task(world, sfn, counterpart):
    machine = world.states("Call", Call={
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": True,
        "Parameters": {"FunctionName": "echo-token", "Payload": {"token.$": "$$.Task.Token"}},
    })
    execution = world.start(machine)
    servers.until(lambda: counterpart.count("echo-token") == 1, what="the call")
    token = json.loads(counterpart.last("echo-token")[1])["token"]
    sfn.send_task_success(taskToken=token, output='"approved"')
    assert world.end(execution)["output"] == '"approved"'
    assert counterpart.count("echo-token") == 1


def test_run_invokes_too(counterpart, tmp_path):
    file = tmp_path / "call.asl.json"
    file.write_text(json.dumps({"StartAt": "Call", "States": {
        "Call": {"Type": "Task", "Resource": servers.function_arn("echo-run"), "End": True}
    }}))
    done = subprocess.run(
        [str(servers.binary()), "run", str(file), "--input", "[3]"],
        capture_output=True, text=True, timeout=60, env=servers.environment(environment(counterpart)),
    )
    assert (done.returncode, done.stdout) == (0, "[3]\n"), done.stderr
    assert counterpart.count("echo-run") == 1


def test_a_kill_during_a_call_leaves_it_unknown_and_it_is_not_made_again(counterpart):
    with servers.running(environment=environment(counterpart)) as server:
        world = World(server.client())
        execution = world.start(by_arn(world, "slow-kill"))
        servers.until(lambda: counterpart.count("slow-kill") == 1, what="the call")
        server.kill()
        server.start()
        world = World(server.client())
        described = world.end(execution)
        assert (described["status"], described["error"]) == ("FAILED", "Stepwell.OutcomeUnknown")
        assert counterpart.count("slow-kill") == 1


def test_a_stop_waits_for_a_call_that_ends_in_time():
    held = Counterpart()
    try:
        with servers.running(environment=environment(held)) as server:
            world = World(server.client())
            execution = world.start(by_arn(world, "held"))
            servers.until(lambda: held.count("held") == 1, what="the call")
            server.process.terminate()
            servers.until(lambda: "server_stopping" in server.stderr(), what="the stop")
            held.released.set()
            assert server.process.wait(timeout=20) == 0
            server.start()
            assert World(server.client()).end(execution)["output"] == '"let go"'
            assert held.count("held") == 1
    finally:
        held.close()


def test_an_endpoint_that_is_not_there_fails_the_task_at_once():
    with servers.running(environment={"AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9"}) as server:
        world = World(server.client())
        error, cause, _ = failure(world, by_arn(world, "any"))
        assert error == "Lambda.SdkClientException"
        assert cause.startswith("Unable to execute HTTP request: 127.0.0.1:9: "), cause
        assert "service_call_not_sent" in server.stderr()


def test_without_endpoint_and_credentials_a_function_is_not_found():
    with servers.running(environment={}) as server:
        error, cause, _ = failure(World(server.client()), by_arn(World(server.client()), "nobody"))
        assert error == "Lambda.ResourceNotFoundException"
        assert cause.startswith(f"Function not found: {servers.function_arn('nobody')}:$LATEST (Service: AWSLambda; ")


def test_the_configuration_file_wins_and_an_endpoint_alone_is_signed_with_a_placeholder(counterpart):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "stepwell.toml"
        file.write_text(f'[aws.lambda]\nendpoint = "{counterpart.url}"\n')
        elsewhere = {"AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9"}
        with servers.running(environment={**elsewhere, **environment(counterpart), **elsewhere},
                             arguments=["--config", str(file)]) as server:
            world = World(server.client())
            assert world.output(by_arn(world, "echo-config"), 5) == 5
    assert counterpart.count("echo-config") == 1
    other = Counterpart()
    try:
        with servers.running(environment={"AWS_ENDPOINT_URL": other.url}) as server:
            world = World(server.client())
            assert world.output(by_arn(world, "echo-placeholder"), 5) == 5
        assert "Credential=test/" in other.last("echo-placeholder")[2]["Authorization"]
    finally:
        other.close()


def test_what_cannot_be_used_stops_the_start(tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile dev]\nsso_session = corporate\n")
    for variables, told in [
        ({"AWS_ENDPOINT_URL": "localhost:4566"}, 'error: not an endpoint: AWS_ENDPOINT_URL "localhost:4566"'),
        ({"AWS_PROFILE": "dev", "AWS_CONFIG_FILE": str(config)},
         'error: credentials of this kind are not supported: profile "dev" signs in through SSO'),
        ({"AWS_PROFILE": "other", "AWS_CONFIG_FILE": str(config)}, 'error: no such profile: AWS_PROFILE "other"'),
    ]:
        done = subprocess.run(
            [str(servers.binary()), "serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")],
            capture_output=True, text=True, timeout=30, env=servers.environment(variables),
        )
        assert done.returncode == 2 and done.stderr.startswith(told), done.stderr

"""The console's sign-in against the real binary, over TLS, and a signature where a session would do."""

import contextlib
import http.client
import json

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import access
from access import JSON_1_0, Key

ADMIN = Key("admin")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return access.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(certificates):
    tls = ["--tls-cert", certificates.path("server.pem"), "--tls-key", certificates.path("server.key")]
    with access.running(ADMIN, arguments=tls) as running:
        yield running


def ask(server, certificates, method, path, headers=None, body=None):
    """`(status, headers, body as text)`."""
    authority = server.endpoint.split("//")[1]
    connection = http.client.HTTPSConnection(authority, timeout=20, context=certificates.context())
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()


def sign_in(server, certificates, secret=ADMIN.secret):
    body = json.dumps({"accessKeyId": ADMIN.id, "secretAccessKey": secret, "region": "eu-west-1"})
    return ask(server, certificates, "POST", "/console/session", {"Content-Type": "application/json"}, body)


def test_a_session_takes_the_place_of_a_signature_until_it_ends(server, certificates):
    status, headers, text = sign_in(server, certificates)
    state = json.loads(text)
    assert status == 200 and (state["user"], state["account"], state["region"]) == ("admin", "111111111111", "eu-west-1")
    cookie = headers["Set-Cookie"]
    assert cookie.endswith("; HttpOnly; SameSite=Strict; Path=/; Secure"), cookie
    session = {"Cookie": cookie.split(";")[0], "X-Stepwell-Csrf": state["csrfToken"]}
    call = {"Content-Type": JSON_1_0, "X-Amz-Target": "AWSStepFunctions.CreateActivity", **session}
    status, _, made = ask(server, certificates, "POST", "/", call, json.dumps({"name": "made-in-the-console"}))
    assert status == 200
    assert json.loads(made)["activityArn"] == "arn:aws:states:eu-west-1:111111111111:activity:made-in-the-console"
    assert ask(server, certificates, "DELETE", "/console/session", session)[0] == 204
    status, _, over = ask(server, certificates, "POST", "/", call, json.dumps({"name": "after"}))
    assert (status, json.loads(over)["__type"]) == (403, "ExpiredTokenException")


def test_a_wrong_secret_is_no_sign_in(server, certificates):
    status, headers, text = sign_in(server, certificates, "secret/of+nobody/abcdefghijklmnop")
    assert (status, json.loads(text)["__type"], headers["Set-Cookie"]) == (403, "UnrecognizedClientException", None)


def test_who_signs_a_get_is_told_who_they_are(server, certificates):
    request = AWSRequest("GET", server.endpoint + "/console/session")
    request.headers["Host"] = server.endpoint.split("//")[1]
    SigV4Auth(Credentials(ADMIN.id, ADMIN.secret), "states", "ap-south-1").add_auth(request)
    signed = dict(request.headers.items())
    told = json.loads(ask(server, certificates, "GET", "/console/session", signed)[2])
    assert (told["signedIn"], told["user"], told["region"]) == (False, "admin", "ap-south-1")
    altered = {**signed, "X-Amz-Date": "20200101T000000Z"}
    assert "user" not in json.loads(ask(server, certificates, "GET", "/console/session", altered)[2])

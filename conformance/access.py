"""Credentials, policies and certificates for the tests of access, and signed requests sent byte by byte."""

import contextlib
import datetime
import http.client
import json
import pathlib
import ssl
import subprocess
import tempfile

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

import server as servers

JSON_1_0 = "application/x-amz-json-1.0"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
ALLOW_ALL = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


class Key:
    """An access key of the credentials file."""

    def __init__(self, user, account="111111111111", policies=(ALLOW_ALL,)):
        self.user, self.account, self.policies = user, account, list(policies)
        self.id = f"AKIA{user.upper().replace('-', '')}"
        self.secret = f"secret/of+{user}/abcdefghijklmnop"

    def arn(self):
        return f"arn:aws:iam::{self.account}:user/{self.user}"

    def client(self, endpoint, service="stepfunctions", region="us-east-1", **more):
        config = {"retries": {"total_max_attempts": 1}, "read_timeout": 75, "inject_host_prefix": False}
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=self.id,
            aws_secret_access_key=self.secret,
            config=Config(**config),
            **more,
        )


def write(folder, *keys):
    """A credentials file with these keys, readable by its owner alone."""
    folder = pathlib.Path(folder)
    text = ""
    for key in keys:
        names = []
        for number, policy in enumerate(key.policies):
            names.append(f"{key.user}-{number}.json")
            (folder / names[-1]).write_text(policy if isinstance(policy, str) else json.dumps(policy))
        text += (
            f'[[key]]\naccess_key_id = "{key.id}"\nsecret_access_key = "{key.secret}"\n'
            f'account = "{key.account}"\nuser = "{key.user}"\npolicies = {json.dumps(names)}\n\n'
        )
    file = folder / "credentials.toml"
    file.write_text(text)
    file.chmod(0o600)
    return file


@contextlib.contextmanager
def running(*keys, arguments=(), listen="127.0.0.1:0"):
    """A server that knows these keys."""
    with tempfile.TemporaryDirectory(prefix="stepwell-keys-") as folder:
        file = write(folder, *keys)
        with servers.running(listen=listen, arguments=["--credentials", str(file), *arguments]) as server:
            yield server


class Signed:
    """A request as botocore signs it, to be altered and sent as raw as HTTP allows."""

    def __init__(self, key, endpoint, operation, body, region="us-east-1", service="states", at=None, content_type=JSON_1_0,
                 prefix="AWSStepFunctions"):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": content_type}
        if operation:
            headers["X-Amz-Target"] = f"{prefix}.{operation}"
        request = AWSRequest("POST", endpoint + "/", data=self.body, headers=headers)
        request.headers["Host"] = endpoint.split("//")[1]
        signer = SigV4Auth(Credentials(key.id, key.secret), service, region)
        if at is None:
            signer.add_auth(request)
        else:
            self._sign_at(signer, request, at)
        self.headers = dict(request.headers.items())
        self.endpoint = endpoint

    @staticmethod
    def _sign_at(signer, request, at):
        """What `add_auth` does, at another moment than now."""
        request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
        signer._modify_request_before_signing(request)
        signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        signer._inject_signature_to_request(request, signature)

    def send(self, context=None):
        """`(status, body as JSON or text)`."""
        scheme, authority = self.endpoint.split("://")
        if scheme == "https":
            connection = http.client.HTTPSConnection(authority, timeout=20, context=context)
        else:
            connection = http.client.HTTPConnection(authority, timeout=20)
        with contextlib.closing(connection):
            connection.request("POST", "/", self.body, self.headers)
            response = connection.getresponse()
            text = response.read().decode()
            try:
                return response.status, json.loads(text)
            except ValueError:
                return response.status, text


def minutes_ago(minutes):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)


class Certificates:
    """An authority, a certificate of `localhost` and one of a client, made by openssl."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._authority("ca")
        self._authority("stranger")
        self._issue("server", "ca", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self._issue("client", "ca", "extendedKeyUsage=clientAuth")
        self._issue("foreign", "stranger", "extendedKeyUsage=clientAuth")

    def path(self, name):
        return str(self.folder / name)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def _authority(self, name):
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem",
        )

    def _issue(self, name, authority, extension):
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr",
        )
        # Certificates of version 3, the only ones that rustls takes, come with extensions.
        (self.folder / f"{name}.ext").write_text(extension + "\n")
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
            "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )

    def context(self, client=None):
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        if client:
            context.load_cert_chain(self.path(f"{client}.pem"), self.path(f"{client}.key"))
        return context

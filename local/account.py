"""The one AWS account of a local platform: where it answers, with which credentials, and clients for it."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

# moto's own default; every ARN it mints carries it.
ACCOUNT_ID = "123456789012"


class FunctionFailedError(Exception):
    """A function was invoked and failed; the text says why."""


@dataclass(frozen=True, kw_only=True)
class LocalAccount:
    """Where the emulator answers and how to sign for it. `s3_endpoint` is the object gate, which stands in front of it;
    `lambda_endpoint` is where functions are invoked, empty before there are any."""

    endpoint: str
    s3_endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str
    lambda_endpoint: str = ""
    account_id: str = ACCOUNT_ID
    # One session for all clients: it keeps the service models that they share, and reading those is most of a client's cost.
    _session: boto3.Session = field(default_factory=boto3.Session, repr=False, compare=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def invoke(self, function: str, event: Any, *, seconds: float) -> Any:
        """What the function answers to an event, waited for so long. Raises what boto3 raises, FunctionFailedError when the
        function itself failed."""
        client = self._session.client(
            "lambda",
            region_name=self.region,
            endpoint_url=self.lambda_endpoint,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=seconds),
        )
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise FunctionFailedError(f"{function} failed: {payload['errorMessage']}")
        return payload

    def client(self, service: str) -> Any:
        """The shared boto3 client of a service. Clients are thread-safe, making them is not, hence the lock."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,  # type: ignore[call-overload]  # boto3-stubs wants a literal, the provider's table has strings
                    region_name=self.region,
                    endpoint_url=self.s3_endpoint if service == "s3" else self.endpoint,
                    aws_access_key_id=self.access_key_id,
                    aws_secret_access_key=self.secret_access_key,
                    config=Config(
                        # An operation that moto lacks answers 404 or 500, which botocore would try four times.
                        retries={"total_max_attempts": 1},
                        signature_version="s3v4" if service == "s3" else None,
                        s3={"addressing_style": "path"},
                        max_pool_connections=32,
                        inject_host_prefix=False,
                    ),
                )
            return self._clients[service]

    def environment(self) -> dict[str, str]:
        """What a process needs to find this account and no other: the variables that every AWS SDK reads."""
        return {
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.s3_endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

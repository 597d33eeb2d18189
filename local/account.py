"""The AWS account of a local platform: its endpoints, credentials and boto3 clients."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

# Moto's default account; every ARN that it creates contains it.
ACCOUNT_ID = "123456789012"


class FunctionFailedError(Exception):
    """An invoked function raised an error; the message has the cause."""


@dataclass(frozen=True, kw_only=True)
class LocalAccount:
    """Endpoints and credentials of the emulated account.

    `s3_endpoint` is the S3 gate in front of the emulator. `lambda_endpoint` invokes functions; it is empty before the deployment.
    """

    endpoint: str
    s3_endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str
    lambda_endpoint: str = ""
    account_id: str = ACCOUNT_ID
    # One session for all clients: it caches the service models, and loading those is most of the cost of creating a client.
    _session: boto3.Session = field(default_factory=boto3.Session, repr=False, compare=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def invoke(self, function: str, event: Any, *, timeout_seconds: float) -> Any:
        """Invoke a function and return its decoded result.

        Raises:
            FunctionFailedError: The function raised an error.
            botocore.exceptions.BotoCoreError: The endpoint cannot be reached, or does not respond within the timeout.
            botocore.exceptions.ClientError: The endpoint returned an error, e.g. for an unknown function.
        """
        client = self._session.client(
            "lambda",
            region_name=self.region,
            endpoint_url=self.lambda_endpoint,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=timeout_seconds),
        )
        response = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = json.loads(response["Payload"].read())
        if response.get("FunctionError"):
            raise FunctionFailedError(f"{function} failed: {payload['errorMessage']}")
        return payload

    def client(self, service: str) -> Any:
        """Return the shared boto3 client of a service. Clients are thread-safe, but creating them is not, hence the lock."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,  # type: ignore[call-overload]  # boto3-stubs wants a literal, the provider's table has strings
                    region_name=self.region,
                    endpoint_url=self.s3_endpoint if service == "s3" else self.endpoint,
                    aws_access_key_id=self.access_key_id,
                    aws_secret_access_key=self.secret_access_key,
                    config=Config(
                        # Moto returns 404 or 500 for an operation it lacks, which botocore would try four times.
                        retries={"total_max_attempts": 1},
                        signature_version="s3v4" if service == "s3" else None,
                        s3={"addressing_style": "path"},
                        max_pool_connections=32,
                        inject_host_prefix=False,
                    ),
                )
            return self._clients[service]

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make every AWS SDK use this account and no other."""
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

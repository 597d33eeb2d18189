"""Secrets Manager: secrets whose value is one JSON object of strings and numbers."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from runtime.adapters import aws_clients
from runtime.errors import UnavailableError


class SecretStore:
    """The secrets of one region."""

    def __init__(self, region: str) -> None:
        self._region = region

    def read(self, arn: str) -> dict[str, Any] | None:
        """The secret's value, or None when the secret was made without one. Raises UnavailableError."""
        try:
            answer = aws_clients.get_client("secretsmanager", self._region).get_secret_value(SecretId=arn)
        except ClientError as error:
            # "Not found" is also what a secret without a value answers.
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise UnavailableError(f"the secret {arn} cannot be read") from error
        except BotoCoreError as error:
            raise UnavailableError("the secret store does not answer") from error
        value: dict[str, Any] = json.loads(answer["SecretString"])
        return value

    def write(self, arn: str, value: dict[str, Any]) -> None:
        """Makes `value` the secret's current one. Raises UnavailableError."""
        try:
            aws_clients.get_client("secretsmanager", self._region).put_secret_value(
                SecretId=arn, SecretString=json.dumps(value)
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError(f"the secret {arn} cannot be written") from error

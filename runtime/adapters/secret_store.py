"""Secrets Manager: secrets whose value is a JSON object of strings and numbers."""

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
        """Return the secret's value, or None when it has no value yet.

        Raises:
            UnavailableError: The secret cannot be read.
        """
        try:
            response = aws_clients.get_client("secretsmanager", self._region).get_secret_value(SecretId=arn)
        except ClientError as error:
            # Secrets Manager also returns this code for a secret without a value.
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise UnavailableError(f"the secret {arn} cannot be read") from error
        except BotoCoreError as error:
            raise UnavailableError("the secret store does not respond") from error
        value: dict[str, Any] = json.loads(response["SecretString"])
        return value

    def write(self, arn: str, value: dict[str, Any]) -> None:
        """Set the secret's current value.

        Raises:
            UnavailableError: The secret cannot be written.
        """
        try:
            aws_clients.get_client("secretsmanager", self._region).put_secret_value(
                SecretId=arn, SecretString=json.dumps(value)
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError(f"the secret {arn} cannot be written") from error

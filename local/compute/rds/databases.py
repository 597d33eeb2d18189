"""RDS on this machine: an embedded Postgres for each instance, and the secret of its master user."""

import json
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import ports
from local.account import LocalAccount
from local.compute.rds.postgres import EmbeddedPostgres
from local.errors import ProcessFailedError, RegistrationError
from local.provider.protocol import Registration
from local.supervisor import Supervisor

SUPPORTED_MAJOR = "18"


class Databases:
    """The instances of one platform. The first is the process `postgres`, each further one `postgres-<identifier>`."""

    def __init__(self, account: LocalAccount, supervisor: Supervisor, directory: Path) -> None:
        self._account, self._supervisor, self._directory = account, supervisor, directory
        self._names: list[str] = []
        self._lock = threading.Lock()

    @property
    def process_names(self) -> tuple[str, ...]:
        """The names of the servers' processes."""
        return tuple(self._names)

    def start(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:rds/instance:Instance; return its endpoint and its master user's secret.

        Raises:
            RegistrationError: An input is not supported on this machine, or the server did not start.
        """
        inputs = registration.inputs
        version = str(inputs.get("engineVersion") or SUPPORTED_MAJOR)
        if inputs.get("engine") != "postgres" or version.split(".", maxsplit=1)[0] != SUPPORTED_MAJOR:
            raise RegistrationError(
                registration.urn,
                f"engine: {inputs.get('engine')} {version} is not supported on this machine, only postgres {SUPPORTED_MAJOR}",
            )
        if not inputs.get("manageMasterUserPassword"):
            raise RegistrationError(
                registration.urn,
                "manageMasterUserPassword: must be true; plain-text passwords are not supported on this machine",
            )
        identifier = str(registration.outputs.get("identifier") or registration.name)
        username, password = str(inputs.get("username") or "postgres"), secrets.token_urlsafe(32)
        with self._lock:
            name = f"postgres-{identifier}" if self._names else "postgres"
            self._names.append(name)
        server = EmbeddedPostgres(
            self._supervisor,
            self._directory / identifier,
            name=name,
            username=username,
            password=password,
            database=str(inputs.get("dbName") or "postgres"),
        )
        try:
            server.start()
        except ProcessFailedError as error:
            raise RegistrationError(registration.urn, error.message) from error
        secret = self._account.client("secretsmanager").create_secret(
            Name=f"rds!db-{identifier}", SecretString=json.dumps({"username": username, "password": password})
        )
        return {
            "address": server.address,
            "port": server.port,
            "endpoint": f"{server.address}:{server.port}",
            "masterUserSecrets": [{"secretArn": secret["ARN"], "secretStatus": "active", "kmsKeyId": ""}],
        }

    def serve_proxy(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:rds/proxy:Proxy; return its endpoint, the server itself. Connections are not pooled on this machine.

        Raises:
            RegistrationError: The engine family is not POSTGRESQL.
        """
        if (family := registration.inputs.get("engineFamily")) != "POSTGRESQL":
            raise RegistrationError(
                registration.urn, f"engineFamily: {family} is not supported on this machine, only POSTGRESQL"
            )
        return {"endpoint": ports.LOOPBACK}

"""A database and secrets as the stack creates them, for the migrate function."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from local.account import LocalAccount
from tests.conftest import DatabaseAddress
from tests.runtime.conftest import forget_the_process
from tests.runtime.features.search.domain import domain, opensearch, real_domain, stub

__all__ = ["domain", "opensearch", "real_domain", "stub"]


@dataclass
class Deployment:
    """An empty database with its owner, and the two secrets as the stack creates them."""

    address: Any
    store: Any
    secret_arn: str
    role: str
    owner: str

    def secret(self) -> dict[str, Any]:
        secret: dict[str, Any] = json.loads(self.store.get_secret_value(SecretId=self.secret_arn)["SecretString"])
        return secret

    def connect(self, **changes: Any) -> psycopg.Connection[Any]:
        """Connect as the application's role."""
        secret = self.secret() | changes
        return psycopg.connect(
            host=secret["host"],
            port=secret["port"],
            dbname=secret["database"],
            user=secret["username"],
            password=secret["password"],
            autocommit=True,
        )


@pytest.fixture
def deployment(
    database: DatabaseAddress, account: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """Create an owner like RDS's master user: it may create roles and databases, and is not a superuser."""
    store, suffix, password = account.client("secretsmanager"), secrets.token_hex(4), secrets.token_urlsafe(12)
    owner, role = f"master_{suffix}", f"application_{suffix}"
    names = {"owner": sql.Identifier(owner), "database": sql.Identifier(database.name)}
    with psycopg.connect(database.conninfo, autocommit=True) as administrator:
        administrator.execute(
            sql.SQL("CREATE ROLE {owner} LOGIN CREATEROLE CREATEDB PASSWORD {password}").format(
                **names, password=sql.Literal(password)
            )
        )
        administrator.execute(sql.SQL("ALTER DATABASE {database} OWNER TO {owner}").format(**names))
    master = store.create_secret(
        Name=f"master-{suffix}", SecretString=json.dumps({"username": owner, "password": password})
    )
    application = store.create_secret(Name=f"application-{suffix}")
    environment = account.environment() | {
        "PLATFORM_ENVIRONMENT": "development",
        "PLATFORM_RELEASE": "0.0.0+test",
        "PLATFORM_LOG_LEVEL": "INFO",
        "PLATFORM_SEARCH_ENDPOINT_PARAMETER": "",
        "PLATFORM_LOCK_TIMEOUT_SECONDS": "4",
        "PLATFORM_STATEMENT_TIMEOUT_SECONDS": "5",
        "PLATFORM_SEEDING": "false",
        "PLATFORM_DATABASE_CONNECT_TIMEOUT_SECONDS": "2",
        "PLATFORM_DATABASE_STATEMENT_TIMEOUT_SECONDS": "5",
        "PLATFORM_DATABASE_MASTER_SECRET_ARN": master["ARN"],
        "PLATFORM_DATABASE_SECRET_ARN": application["ARN"],
        "PLATFORM_DATABASE_HOST": database.host,
        "PLATFORM_DATABASE_PORT": str(database.port),
        "PLATFORM_DATABASE_NAME": database.name,
        "PLATFORM_DATABASE_APPLICATION_USER": role,
        "PLATFORM_DATABASE_APPLICATION_HOST": database.host,
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    forget_the_process()
    yield Deployment(database, store, application["ARN"], role, owner)
    forget_the_process()

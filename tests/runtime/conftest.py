"""A migrated database for every test that asks for one, and an environment as the deployed functions have it."""

import json
import secrets
from collections.abc import Iterator
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import sql

from lambda_src.migrate import application_role
from local.account import LocalAccount
from runtime.adapters.database import Database, close_all
from runtime.adapters.database import database as process_database
from runtime.adapters.logs import logger
from runtime.migrations.runner import Migrations
from runtime.settings import DatabaseSettings, load


class Address(Protocol):
    """What `tests/conftest.py` answers for an empty database: where it is, and its superuser."""

    host: str
    port: int
    name: str
    username: str
    password: str


def forget_the_process() -> None:
    """What a process reads once (settings, pools, loggers) is read again. AWS clients stay: every test has the same account."""
    close_all()
    for cached in (load, logger):
        cached.cache_clear()


def connect_as_superuser(address: Address, name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=address.host,
        port=address.port,
        dbname=name,
        user=address.username,
        password=address.password,
        autocommit=True,
    )


def migrate(address: Address, name: str, role: str) -> dict[str, Any]:
    """Brings a database to the newest schema and makes the application's role; answers the role's secret."""
    with connect_as_superuser(address, name) as owner:
        secret = application_role.ensure(owner, role, None)
        Migrations(
            host=address.host,
            port=address.port,
            database=name,
            username=address.username,
            password=address.password,
            lock_timeout_seconds=4,
            statement_timeout_seconds=5,
        ).upgrade()
        application_role.allow_rows_only(owner, role)
    return secret


@pytest.fixture(scope="session")
def templates() -> dict[str, dict[str, Any]]:
    """The migrated database that each test's is a copy of, by name, and its secret. Made by the first test that needs it."""
    return {}


@pytest.fixture
def migrated(
    database: Address,
    account: LocalAccount,
    templates: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, str]]:
    """The test's `database` with every migration applied, its application role's secret, and this process's environment
    set so that DatabaseSettings loads. Answers that environment.
    """
    with connect_as_superuser(database, "postgres") as administrator:
        if not templates:
            name = f"template_{secrets.token_hex(4)}"
            administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            templates[name] = migrate(database, name, f"application_{secrets.token_hex(4)}")
        ((template, secret),) = templates.items()
        names = {"name": sql.Identifier(database.name), "template": sql.Identifier(template)}
        administrator.execute(sql.SQL("DROP DATABASE {name}").format(**names))
        administrator.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY").format(**names))
    arn = account.client("secretsmanager").create_secret(
        Name=f"test/{database.name}-{secrets.token_hex(4)}",
        SecretString=json.dumps(secret | {"database": database.name}),
    )["ARN"]
    environment = account.environment() | {
        "PLATFORM_ENVIRONMENT": "development",
        "PLATFORM_RELEASE": "0.0.0+test",
        "PLATFORM_DATABASE_SECRET_ARN": arn,
        "PLATFORM_DATABASE_POOL_MIN": "0",
        "PLATFORM_DATABASE_POOL_MAX": "4",
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    forget_the_process()
    yield environment
    forget_the_process()


@pytest.fixture
def database_settings(migrated: dict[str, str]) -> DatabaseSettings:
    return load(DatabaseSettings)


@pytest.fixture
def application_database(database_settings: DatabaseSettings) -> Database:
    """The migrated database through the adapter, as the application's role."""
    return process_database(database_settings)

"""A migrated database for every test that asks for one, and an environment as the deployed functions have it."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import sql

from lambda_src.migrate import application_role
from local.account import LocalAccount
from local.compute.rds.postgres import EmbeddedPostgres
from runtime.adapters.database import Database, close_databases
from runtime.adapters.database import get_database as process_database
from runtime.adapters.logs import get_logger
from runtime.migrations.runner import Migrator
from runtime.settings import DatabaseSettings, load_settings
from tests.conftest import SUPERUSER_PASSWORD, DatabaseAddress


class Address(Protocol):
    """Where a database is, and its superuser."""

    host: str
    port: int
    name: str
    username: str
    password: str


def forget_the_process() -> None:
    """What a process reads once (settings, pools, loggers) is read again. AWS clients stay: every test has the same account."""
    close_databases()
    for cached in (load_settings, get_logger):
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
        secret = application_role.ensure(owner, role, None, host=owner.info.host)
        Migrator(
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


# What a test may leave behind is rows. Whoever changes anything else makes the next test get another database.
SHAPE = """
SELECT md5(string_agg(shape, ',' ORDER BY shape)) FROM (
    SELECT format('%s %s %s %s', oid, relfilenode, relacl, reloptions) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s %s', oid, tgenabled) FROM pg_trigger
    UNION ALL SELECT format('%s %s', oid, convalidated) FROM pg_constraint
    UNION ALL SELECT format('%s %s', oid, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s %s %s', attrelid, attname, attnotnull) FROM pg_attribute WHERE attrelid > 16384
    UNION ALL SELECT format('%s %s', setdatabase, setconfig) FROM pg_db_role_setting
) AS parts (shape)
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
END_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass
class MigratedDatabase:
    """One database with every migration applied, which the tests of a process have one after the other. Copying a template for
    each of them takes a third of a second, and there are more than a thousand."""

    name: str
    secret: dict[str, Any]
    shape: str = ""

    def empty(self, address: Address) -> bool:
        """Takes every row away that a test left. False when it left more than rows."""
        with connect_as_superuser(address, self.name) as owner:
            owner.execute(END_OTHERS)
            if self.shape_now(owner) != self.shape:
                return False
            # Without triggers: some refuse, and others would look after rows that go anyway.
            owner.execute("SET session_replication_role = replica")
            for (table,) in owner.execute(TABLES).fetchall():
                owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        return True

    @staticmethod
    def shape_now(owner: psycopg.Connection[Any]) -> str:
        row = owner.execute(SHAPE).fetchone()
        assert row
        return str(row[0])


@pytest.fixture(scope="session")
def migrated_databases() -> list[MigratedDatabase]:
    """The one that the next test gets, if there is one."""
    return []


@pytest.fixture
def database(
    request: pytest.FixtureRequest, postgres_server: EmbeddedPostgres, migrated_databases: list[MigratedDatabase]
) -> DatabaseAddress:
    """The database that `migrated` is about, or an empty one for tests that do not ask for that."""
    if "migrated" not in request.fixturenames:
        empty: DatabaseAddress = request.getfixturevalue("empty_database")
        return empty
    password = SUPERUSER_PASSWORD[postgres_server.port]
    address = DatabaseAddress(
        host=postgres_server.address, port=postgres_server.port, name="postgres", username="postgres", password=password
    )
    if not migrated_databases:
        made = MigratedDatabase(name=f"migrated_{secrets.token_hex(4)}", secret={})
        with connect_as_superuser(address, "postgres") as administrator:
            administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made.name)))
        made.secret = migrate(address, made.name, f"application_{secrets.token_hex(4)}")
        with connect_as_superuser(address, made.name) as owner:
            made.shape = made.shape_now(owner)
        migrated_databases.append(made)
    return replace(address, name=migrated_databases[0].name)


@pytest.fixture
def migrated(
    database: Address,
    account: LocalAccount,
    migrated_databases: list[MigratedDatabase],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, str]]:
    """The test's `database`, without rows, its application role's secret, and this process's environment set so that
    DatabaseSettings loads. Answers that environment.
    """
    (current,) = migrated_databases
    secret = current.secret
    arn = account.client("secretsmanager").create_secret(
        Name=f"test/{database.name}-{secrets.token_hex(4)}",
        SecretString=json.dumps(secret | {"database": database.name}),
    )["ARN"]
    environment = account.environment() | {
        "PLATFORM_ENVIRONMENT": "development",
        "PLATFORM_RELEASE": "0.0.0+test",
        "PLATFORM_LOG_LEVEL": "INFO",
        "PLATFORM_SEARCH_ENDPOINT_PARAMETER": "",
        "PLATFORM_DATABASE_SECRET_ARN": arn,
        "PLATFORM_DATABASE_POOL_MIN": "0",
        "PLATFORM_DATABASE_POOL_MAX": "4",
        "PLATFORM_DATABASE_CONNECT_TIMEOUT_SECONDS": "2",
        "PLATFORM_DATABASE_STATEMENT_TIMEOUT_SECONDS": "5",
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    forget_the_process()
    yield environment
    forget_the_process()
    if not current.empty(database):
        migrated_databases.clear()


@pytest.fixture
def database_settings(migrated: dict[str, str]) -> DatabaseSettings:
    return load_settings(DatabaseSettings)


@pytest.fixture
def application_database(database_settings: DatabaseSettings) -> Database:
    """The migrated database through the adapter, as the application's role."""
    return process_database(database_settings)

"""Databases for the tests of the schema: empty ones, and one with every revision that all of them look at."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from local.compute.rds.postgres import EmbeddedPostgres
from runtime.migrations.runner import Migrator, head_revision
from tests.conftest import SUPERUSER_PASSWORD, DatabaseAddress
from tests.runtime.migrations import installation, rows
from tests.runtime.migrations.installation import Installation


@pytest.fixture
def migrations(database: DatabaseAddress) -> Migrator:
    """The migrations of the test's database, with timeouts that a test can wait for."""
    return installation.migrations(database, lock_timeout=1, statement_timeout=2)


@pytest.fixture
def connection(database: DatabaseAddress) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.conninfo, autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def installed(postgres_server: EmbeddedPostgres) -> Installation:
    """A fresh installation. Nobody writes to it for good."""
    address = DatabaseAddress(
        host=postgres_server.address,
        port=postgres_server.port,
        name="fresh_installation",
        username="postgres",
        password=SUPERUSER_PASSWORD[postgres_server.port],
    )
    superuser = psycopg.connect(address.conninfo, dbname="postgres", autocommit=True)
    with superuser:
        superuser.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(address.name)))
    return installation.install(address)


@pytest.fixture
def schema(installed: Installation) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the fresh installation, whose transaction is taken back."""
    with psycopg.connect(installed.address.conninfo) as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def filled(schema: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """The same with a row of everything."""
    rows.fill(schema, head_revision())
    return schema

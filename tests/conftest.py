"""What every room's tests share: one supervisor, one emulator and one Postgres server a test process."""

import gc
import itertools
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from local.account import LocalAccount
from local.compute.rds.postgres import EmbeddedPostgres
from local.emulator.process import Emulator
from local.engines.evaluation import GC_THRESHOLDS
from local.supervisor import Supervisor
from operations.release import local_bundles
from operations.release.local_bundles import LocalBundles
from operations.requirements.document import read_requirements

# What a run reports at its end, which tests it leaves out, and what its processes share.
pytest_plugins = ["tests.tables", "tests.selection", "tests.sharing", "tests.scheduling"]

# A process that has loaded what all rooms need holds millions of objects that stay: with Python's own thresholds, looking through
# them for garbage was two fifths of the suite's time.
gc.set_threshold(*GC_THRESHOLDS)

# How many examples a property test draws. Examples are slow where a database or a process is behind them, and that is known.
EXAMPLES = {"fast": 15, "ci": 50, "long": 500}
for profile, examples in EXAMPLES.items():
    # Hypothesis's own profile for CI draws the same examples in each run.
    settings.register_profile(
        profile,
        settings.get_profile("ci" if profile == "ci" else "default"),
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "fast"))

REQUIREMENTS = Path(__file__).parents[1] / "docs" / "requirements.md"


@dataclass(frozen=True, kw_only=True)
class DatabaseAddress:
    """An empty database and its superuser."""

    host: str
    port: int
    name: str
    username: str
    password: str

    @property
    def conninfo(self) -> str:
        return psycopg.conninfo.make_conninfo(
            host=self.host, port=self.port, dbname=self.name, user=self.username, password=self.password
        )


@pytest.fixture(scope="session")
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    running = Supervisor(tmp_path_factory.mktemp("platform"))
    yield running
    running.stop_all()


@pytest.fixture(scope="session")
def emulator_endpoint(supervisor: Supervisor) -> str:
    return Emulator().start(supervisor)


@pytest.fixture(scope="session")
def account(emulator_endpoint: str) -> LocalAccount:
    """An account without the object gate: its S3 is the emulator itself."""
    return LocalAccount(
        endpoint=emulator_endpoint,
        s3_endpoint=emulator_endpoint,
        region="us-east-1",
        access_key_id="ASIALOCALTESTS",
        secret_access_key=secrets.token_urlsafe(30),
    )


@pytest.fixture(scope="session")
def bundles() -> Iterator[LocalBundles]:
    """What functions run: this machine's bundles of the source as it is now, made where it changed."""
    made = local_bundles.build()
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres_server(supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> EmbeddedPostgres:
    server = EmbeddedPostgres(
        supervisor,
        tmp_path_factory.mktemp("postgres") / "data",
        username="postgres",
        password=(password := secrets.token_urlsafe(24)),
        database="postgres",
    )
    server.start()
    SUPERUSER_PASSWORD[server.port] = password
    return server


# The server keeps its password to itself; tests that connect as the superuser look it up by port.
SUPERUSER_PASSWORD: dict[int, str] = {}
DATABASE_NUMBERS = itertools.count(1)


@pytest.fixture
def empty_database(postgres_server: EmbeddedPostgres) -> Iterator[DatabaseAddress]:
    """A fresh, empty database; dropped afterwards."""
    password, name = SUPERUSER_PASSWORD[postgres_server.port], f"test_{next(DATABASE_NUMBERS)}"
    administrator = psycopg.connect(
        host=postgres_server.address,
        port=postgres_server.port,
        user="postgres",
        password=password,
        dbname="postgres",
        autocommit=True,
    )
    with administrator:
        administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield DatabaseAddress(
            host=postgres_server.address, port=postgres_server.port, name=name, username="postgres", password=password
        )
        administrator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(empty_database: DatabaseAddress) -> DatabaseAddress:
    """An empty database, where a room's own tests have no other."""
    return empty_database


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test may only claim requirements that exist."""
    known = {requirement.id for requirement in read_requirements(REQUIREMENTS)}
    for item in items:
        for mark in item.iter_markers("requirement"):
            unknown = set(mark.args) - known
            if unknown or not mark.args:
                raise pytest.UsageError(f"{item.nodeid}: no such requirement: {sorted(unknown)}")

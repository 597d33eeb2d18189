"""Alembic, run from Python: no configuration file, and paths that follow this one, wherever it lies.

Revisions are written as SQL. Each runs in a transaction of its own with a lock timeout and a statement timeout, so that a
migration gives up rather than hold up the application; an advisory lock lets only one migrator work at a time. What has to
run outside a transaction (an index on a large table) is written so that running it again repairs what a crash left.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine, text

from runtime.adapters.database import ssl_mode
from runtime.migrations.advisory_locks import wait_for_lock

# Any fixed number; it is this project's key among the database's advisory locks.
ADVISORY_LOCK = 7_305_418_206
ADVISORY_LOCK_WAIT_SECONDS = 60


class Migrator:
    """The schema of one database, as the role that owns it."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        database: str,
        username: str,
        password: str,
        lock_timeout_seconds: int,
        statement_timeout_seconds: int,
    ) -> None:
        self._url = URL.create(
            "postgresql+psycopg",
            host=host,
            port=port,
            database=database,
            username=username,
            password=password,
            query={"sslmode": ssl_mode(host), "connect_timeout": "5"},
        )
        self._timeouts = f"-c lock_timeout={lock_timeout_seconds}s -c statement_timeout={statement_timeout_seconds}s"

    def upgrade(self, revision: str = "head") -> list[str]:
        """Applies what is missing up to `revision`; answers the applied revisions in order, none when all were there.

        A revision that fails is rolled back and its error raised; those before it stay. MigratorBusyError when another
        migrator did not finish within a minute.
        """
        return self._run(lambda config: command.upgrade(config, revision))

    def downgrade(self, revision: str) -> list[str]:
        """Takes back everything after `revision` ("base" for all); answers the revisions taken back in order."""
        return self._run(lambda config: command.downgrade(config, revision))

    def current(self) -> str | None:
        """The revision that the database is at, None before the first."""
        with self._connected() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def _run(self, migrate: Callable[[Config], None]) -> list[str]:
        steps: list[Any] = []
        with self._connected() as connection, _only_one(connection):
            migrate(_config(connection=connection, steps=steps))
        return [step.up_revision_id for step in steps]

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = create_engine(
            self._url,
            poolclass=NullPool,
            connect_args={"options": self._timeouts},
            # A revision's text goes to the server as it stands: `%` and `:` mean nothing but themselves.
            execution_options={"no_parameters": True},
        )
        with engine.connect() as connection:
            yield connection


def head_revision() -> str:
    """The newest revision that this release knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the release contains no migrations")
    return revision


def _config(**attributes: Any) -> Config:
    config = Config(attributes=attributes)
    # A percent sign in the path would be taken for interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


@contextmanager
def _only_one(connection: Connection) -> Iterator[None]:
    """Waits for another migrator to finish. The lock belongs to the session: a killed migrator leaves none behind."""

    def try_lock() -> object:
        with connection.begin():
            return connection.scalar(text(f"SELECT pg_try_advisory_lock({ADVISORY_LOCK})"))

    wait_for_lock(try_lock, ADVISORY_LOCK_WAIT_SECONDS)
    yield

"""Alembic migrations, run from Python without a configuration file.

Revisions are written in SQL. Each runs in its own transaction with a lock timeout and a statement timeout, so that a migration
fails rather than block the application. An advisory lock allows only one migrator at a time. Statements that must run outside a
transaction (an index on a large table) are written so that running them again repairs the leftovers of a crash.
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

# An arbitrary but fixed key among the database's advisory locks.
ADVISORY_LOCK = 7_305_418_206
ADVISORY_LOCK_WAIT_SECONDS = 60


class Migrator:
    """Migrates the schema of one database, as the role that owns it."""

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
        """Apply the missing revisions up to `revision`, and return them in order.

        A revision that fails is rolled back and its error raised; the revisions before it stay applied.

        Raises:
            MigratorBusyError: Another migrator did not finish within a minute.
        """
        return self._run(lambda config: command.upgrade(config, revision))

    def downgrade(self, revision: str) -> list[str]:
        """Revert all revisions after `revision` ("base" for all), and return them in order."""
        return self._run(lambda config: command.downgrade(config, revision))

    def current(self) -> str | None:
        """Return the database's current revision, or None before the first."""
        with self._connected() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def _run(self, migrate: Callable[[Config], None]) -> list[str]:
        steps: list[Any] = []
        with self._connected() as connection, _migration_lock(connection):
            migrate(_config(connection=connection, steps=steps))
        return [step.up_revision_id for step in steps]

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        engine = create_engine(
            self._url,
            poolclass=NullPool,
            connect_args={"options": self._timeouts},
            # The SQL of revisions is sent unchanged: `%` and `:` are not placeholders.
            execution_options={"no_parameters": True},
        )
        with engine.connect() as connection:
            yield connection


def head_revision() -> str:
    """Return the newest revision of this release."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the release contains no migrations")
    return revision


def _config(**attributes: Any) -> Config:
    config = Config(attributes=attributes)
    # A percent sign in the path would be interpreted as interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


@contextmanager
def _migration_lock(connection: Connection) -> Iterator[None]:
    """Hold the advisory lock of the session, which a killed migrator does not leave behind."""

    def try_lock() -> object:
        with connection.begin():
            return connection.scalar(text(f"SELECT pg_try_advisory_lock({ADVISORY_LOCK})"))

    wait_for_lock(try_lock, ADVISORY_LOCK_WAIT_SECONDS)
    yield

"""Brings the database to the schema of this release, and its application role with it. Invoked once a deployment.

Input {"action": "upgrade"}, which is also what an input without an action means. Output {"schema_head": "0001", "applied":
["0001"]}, where `applied` is empty when nothing was to be done.

Input {"action": "prepare_search", "writers": [role's ARN, …], "keepers": […]}, once the search domain stands: tells it which of
its users may write episodes and which may make indices. Output {"prepared": true}, or false where there is no domain, or one
that knows no users.

Input {"action": "seed", "episodes": 100000}, where the settings allow it: makes that many episodes to measure with, those that
are there already among them. Output {"episodes": 100000, "made": 100000}.

Whatever goes wrong is raised, because that fails the deployment; running again goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from lambda_src.migrate import application_role, scale, search_roles
from runtime.adapters.database import ssl_mode
from runtime.adapters.logs import get_logger
from runtime.adapters.search_index import get_search_index
from runtime.adapters.secret_store import SecretStore
from runtime.migrations.advisory_locks import wait_for_lock
from runtime.migrations.runner import Migrator, head_revision
from runtime.settings import MigrateSettings, load_settings

SCHEMA_UPGRADED = "schema_upgraded"
SEARCH_PREPARED = "search_prepared"
EPISODES_SEEDED = "episodes_seeded"
APPLICATION_SECRET_WRITTEN = "application_secret_written"  # noqa: S105  (an event's name)

CONNECT_SECONDS = 5
# This project's key among the advisory locks for the work outside the migrations, which have a key of their own.
ADVISORY_LOCK = 7_305_418_207
# Leaves a minute of the function's time for its own work.
LOCK_WAIT_SECONDS = 240


class MigrationFailedError(Exception):
    """What went wrong, in one sentence for whoever reads the failed deployment."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """See the module. Raises MigrationFailedError, and whatever the database or AWS refuse a step with."""
    action = event.get("action", "upgrade")
    if action not in ACTIONS:
        raise MigrationFailedError(f"unknown action {action!r}: this function knows {', '.join(ACTIONS)}")
    return ACTIONS[action](load_settings(MigrateSettings), event)


def _upgrade(settings: MigrateSettings, _event: Mapping[str, Any]) -> dict[str, Any]:
    secrets = SecretStore(settings.region)
    master = _master(settings, secrets)
    with _owner(settings, master) as owner:
        stored = secrets.read(settings.database_secret_arn)
        wanted = application_role.ensure(owner, settings.database_application_user, stored)
        applied = Migrator(
            host=settings.database_host,
            port=settings.database_port,
            database=settings.database_name,
            username=master["username"],
            password=master["password"],
            lock_timeout_seconds=settings.lock_timeout_seconds,
            statement_timeout_seconds=settings.statement_timeout_seconds,
        ).upgrade()
        application_role.allow_rows_only(owner, settings.database_application_user)
        if wanted != stored:
            # Last: whoever can read the secret finds everything in place.
            secrets.write(settings.database_secret_arn, wanted)
            get_logger("migrate").info(APPLICATION_SECRET_WRITTEN)
    get_logger("migrate").info(SCHEMA_UPGRADED, extra={"schema_head": head_revision(), "applied": applied})
    return {"schema_head": head_revision(), "applied": applied}


def _prepare_search(settings: MigrateSettings, event: Mapping[str, Any]) -> dict[str, Any]:
    writers, keepers = _arns(event, "writers"), _arns(event, "keepers")
    prepared = search_roles.map_roles(get_search_index(settings), writers=writers, keepers=keepers)
    get_logger("migrate").info(SEARCH_PREPARED, extra={"prepared": prepared})
    return {"prepared": prepared}


def _seed(settings: MigrateSettings, event: Mapping[str, Any]) -> dict[str, Any]:
    if not settings.seeding:
        raise MigrationFailedError("seeding is not allowed here: the stack's setting migrate.seeding is false")
    episodes = event.get("episodes")
    # True is an int to Python, and no number to anyone else.
    if not isinstance(episodes, int) or isinstance(episodes, bool) or not 1 <= episodes <= scale.MAX_EPISODES:
        raise MigrationFailedError(f"episodes: must be a number from 1 to {scale.MAX_EPISODES:,}, not {episodes!r}")
    with _owner(settings, _master(settings, SecretStore(settings.region))) as owner:
        made = scale.make(owner, episodes)
    get_logger("migrate").info(EPISODES_SEEDED, extra={"episodes": episodes, "made": made})
    return {"episodes": episodes, "made": made}


def _master(settings: MigrateSettings, secrets: SecretStore) -> dict[str, Any]:
    master = secrets.read(settings.database_master_secret_arn)
    if master is None:
        raise MigrationFailedError(f"the master's secret {settings.database_master_secret_arn} has no value")
    return master


def _arns(event: Mapping[str, Any], name: str) -> list[str]:
    arns = event.get(name)
    if not isinstance(arns, list) or not arns or not all(isinstance(arn, str) for arn in arns):
        raise MigrationFailedError(f"{name}: must be a list of at least one role's ARN")
    return arns


ACTIONS: Mapping[str, Callable[[MigrateSettings, Mapping[str, Any]], dict[str, Any]]] = {
    "upgrade": _upgrade,
    "prepare_search": _prepare_search,
    "seed": _seed,
}


@contextmanager
def _owner(settings: MigrateSettings, master: Mapping[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection, held by one run of this function at a time; the next one waits."""
    try:
        connection = psycopg.connect(
            host=settings.database_host,
            port=settings.database_port,
            dbname=settings.database_name,
            user=master["username"],
            password=master["password"],
            sslmode=ssl_mode(settings.database_host),
            connect_timeout=CONNECT_SECONDS,
            autocommit=True,
        )
    except psycopg.OperationalError as error:
        place = f"{settings.database_host}:{settings.database_port}/{settings.database_name}"
        raise MigrationFailedError(f"no connection to {place} as the master: {error}") from error
    with connection:
        wait_for_lock(
            lambda: connection.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK]).fetchone() == (True,),
            LOCK_WAIT_SECONDS,
        )
        yield connection

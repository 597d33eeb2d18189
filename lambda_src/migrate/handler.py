"""The migrate function: upgrades the database schema and the application's role. Invoked once per deployment.

{"action": "upgrade"}, the default action, migrates the schema. It returns {"schema_head": "0001", "applied": ["0001"]}, where
`applied` is empty if the schema was up to date.

{"action": "prepare_search", "writers": [role ARN, …], "index_managers": [role ARN, …]}, after the search domain is created, maps
the roles that may write episodes and those that may manage indices. It returns {"prepared": true}, or false if there is no domain
or it has no fine-grained access control.

{"action": "seed", "episodes": 100000}, if the settings allow it, creates episodes for benchmarks until there are that many. It
returns {"episodes": 100000, "made": 100000}.

Every error is raised, because that fails the deployment. Running the function again continues where it stopped.
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
# This project's key among the advisory locks for the work outside the migrations, which have another key.
ADVISORY_LOCK = 7_305_418_207
# Leaves a minute of the function's timeout for the work itself.
LOCK_WAIT_SECONDS = 240


class MigrationFailedError(Exception):
    """The problem in one sentence, shown by the failed deployment."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Run the action of the event; see the module.

    Raises:
        MigrationFailedError: The event is invalid, or there is no connection or secret. Errors of the database and of AWS are
            raised unchanged.
    """
    action = event.get("action", "upgrade")
    if action not in ACTIONS:
        raise MigrationFailedError(f"unknown action {action!r}: must be one of {', '.join(ACTIONS)}")
    return ACTIONS[action](load_settings(MigrateSettings), event)


def _upgrade(settings: MigrateSettings, _event: Mapping[str, Any]) -> dict[str, Any]:
    secrets = SecretStore(settings.region)
    master = _read_master_secret(settings, secrets)
    with _connect_as_owner(settings, master) as owner:
        stored = secrets.read(settings.database_secret_arn)
        secret = application_role.ensure(
            owner, settings.database_application_user, stored, host=settings.database_application_host
        )
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
        if secret != stored:
            # Last, so that clients that read the secret find the role and its grants.
            secrets.write(settings.database_secret_arn, secret)
            get_logger("migrate").info(APPLICATION_SECRET_WRITTEN)
    get_logger("migrate").info(SCHEMA_UPGRADED, extra={"schema_head": head_revision(), "applied": applied})
    return {"schema_head": head_revision(), "applied": applied}


def _prepare_search(settings: MigrateSettings, event: Mapping[str, Any]) -> dict[str, Any]:
    writers, index_managers = _read_arns(event, "writers"), _read_arns(event, "index_managers")
    prepared = search_roles.map_roles(get_search_index(settings), writers=writers, index_managers=index_managers)
    get_logger("migrate").info(SEARCH_PREPARED, extra={"prepared": prepared})
    return {"prepared": prepared}


def _seed(settings: MigrateSettings, event: Mapping[str, Any]) -> dict[str, Any]:
    if not settings.seeding:
        raise MigrationFailedError("seeding is not allowed in this environment: the setting migrate.seeding is false")
    episodes = event.get("episodes")
    # In Python, bool is a subclass of int.
    if not isinstance(episodes, int) or isinstance(episodes, bool) or not 1 <= episodes <= scale.MAX_EPISODES:
        raise MigrationFailedError(f"episodes: must be a number from 1 to {scale.MAX_EPISODES:,}, not {episodes!r}")
    with _connect_as_owner(settings, _read_master_secret(settings, SecretStore(settings.region))) as owner:
        made = scale.create_episodes(owner, episodes)
    get_logger("migrate").info(EPISODES_SEEDED, extra={"episodes": episodes, "made": made})
    return {"episodes": episodes, "made": made}


def _read_master_secret(settings: MigrateSettings, secrets: SecretStore) -> dict[str, Any]:
    master = secrets.read(settings.database_master_secret_arn)
    if master is None:
        raise MigrationFailedError(f"the master secret {settings.database_master_secret_arn} has no value")
    return master


def _read_arns(event: Mapping[str, Any], name: str) -> list[str]:
    arns = event.get(name)
    if not isinstance(arns, list) or not arns or not all(isinstance(arn, str) for arn in arns):
        raise MigrationFailedError(f"{name}: must be a non-empty list of role ARNs")
    return arns


ACTIONS: Mapping[str, Callable[[MigrateSettings, Mapping[str, Any]], dict[str, Any]]] = {
    "upgrade": _upgrade,
    "prepare_search": _prepare_search,
    "seed": _seed,
}


@contextmanager
def _connect_as_owner(settings: MigrateSettings, master: Mapping[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """Connect as the database's owner, under a lock for which other runs of this function wait."""
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
        address = f"{settings.database_host}:{settings.database_port}/{settings.database_name}"
        raise MigrationFailedError(f"cannot connect to {address} as the master user: {error}") from error
    with connection:
        wait_for_lock(
            lambda: connection.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK]).fetchone() == (True,),
            LOCK_WAIT_SECONDS,
        )
        yield connection

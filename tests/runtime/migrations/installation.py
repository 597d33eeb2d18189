"""A database's schema as text that can be compared, and what each revision sends to the server."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event

from local.compute.rds.postgres import binaries
from runtime.migrations import runner
from tests.conftest import DatabaseAddress

ALEMBICS_OWN = ("SELECT pg_", "\nCREATE TABLE alembic_version")
WRITES_THE_REVISION = ("INSERT INTO alembic_version", "UPDATE alembic_version")

# Whether old rows were held against a constraint is left out: going down may leave rows that an old list does not know.
SHAPE = """
SELECT 'column', table_name, column_name, concat_ws(' ', data_type, character_maximum_length, column_default,
                                                    is_nullable, generation_expression)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, replace(pg_get_constraintdef(oid), ' NOT VALID', '')
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid) || indisvalid
FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', '', proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'view', viewname, '', definition FROM pg_views WHERE schemaname = 'public'
UNION ALL SELECT 'comment', objoid::regclass::text, objsubid::text, description FROM pg_description
WHERE classoid = 'pg_class'::regclass AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What was sent at once: one statement or several."""

    sql: str
    in_transaction: bool


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A database that was empty and has every revision."""

    address: DatabaseAddress
    dump: str
    sent: Mapping[str, Sequence[Statement]] = field(repr=False)
    """What each revision sent."""


def revisions() -> list[str]:
    """Every revision, the first one first."""
    scripts = ScriptDirectory.from_config(runner._config())
    return [script.revision for script in scripts.walk_revisions()][::-1]


def migrations(address: DatabaseAddress, *, lock_timeout: int = 4, statement_timeout: int = 5) -> runner.Migrator:
    return runner.Migrator(
        host=address.host,
        port=address.port,
        database=address.name,
        username=address.username,
        password=address.password,
        lock_timeout_seconds=lock_timeout,
        statement_timeout_seconds=statement_timeout,
    )


def dump(address: DatabaseAddress) -> str:
    """The schema as pg_dump writes it, without what differs from run to run."""
    done = subprocess.run(
        [str(binaries() / "pg_dump"), "--schema-only", "--no-owner", "--restrict-key=same", address.conninfo],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shape(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Everything that a schema is made of, in words; quicker than a dump."""
    return connection.execute(SHAPE).fetchall()


def install(address: DatabaseAddress) -> Installation:
    """Applies every revision to an empty database."""
    with recorded() as sent:
        migrations(address).upgrade()
    return Installation(address=address, dump=dump(address), sent=sent)


@contextmanager
def recorded() -> Iterator[Mapping[str, Sequence[Statement]]]:
    """What the revisions that are applied meanwhile send: Alembic's own statement about each says where it ends."""
    sent: dict[str, list[Statement]] = {}
    current: list[Statement] = []

    def note(connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        if not sql.startswith(WRITES_THE_REVISION):
            autocommit = connection.connection.dbapi_connection.autocommit
            current.append(Statement(sql=sql, in_transaction=not autocommit))
            return
        text = sql % parameters if parameters else sql
        (revision,) = (each for each in revisions() if f"'{each}'" in text.partition("WHERE")[0])
        sent[revision] = [each for each in current if not each.sql.startswith(ALEMBICS_OWN)]
        current.clear()

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)

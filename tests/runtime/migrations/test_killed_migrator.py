"""A migrator that is killed, at whatever statement, is run again and reaches the same schema.

Cut points are made by the server: an event trigger counts the statements of a run and stops it at a given one, until the
migrator's process is killed. Every fourth time the server is not told and runs on by itself, as it does when a client vanishes.
"""

import multiprocessing
import re
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from typing import Any

import psycopg
import pytest

from runtime.migrations.runner import Migrator, head_revision
from tests.conftest import DatabaseAddress
from tests.runtime.migrations.installation import Installation, dump, migrations, revisions

# Whoever holds this one keeps a run at its cut point.
CUT_LOCK = 1
CUT_SECONDS = 20

STOPS = f"""
CREATE SCHEMA cuts;
CREATE TABLE cuts.plan (stop_at integer NOT NULL);
INSERT INTO cuts.plan VALUES (0);

CREATE FUNCTION cuts.count_statement() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    seen integer := coalesce(nullif(current_setting('cuts.seen', true), ''), '0')::integer + 1;
BEGIN
    PERFORM set_config('cuts.seen', seen::text, false);
    IF seen = (SELECT stop_at FROM cuts.plan) THEN
        SET LOCAL lock_timeout = '{CUT_SECONDS}s';
        SET LOCAL statement_timeout = '{CUT_SECONDS}s';
        PERFORM pg_advisory_xact_lock({CUT_LOCK});
    END IF;
END;
$$;
CREATE FUNCTION cuts.count_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cuts.count_statement();
    RETURN NULL;
END;
$$;
-- After each statement that makes something; Alembic's own table also tells of each revision that it writes down.
CREATE FUNCTION cuts.count_event() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('public.alembic_version') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'cuts') THEN
        CREATE TRIGGER cuts AFTER INSERT OR UPDATE ON public.alembic_version
            FOR EACH STATEMENT EXECUTE FUNCTION cuts.count_row();
    END IF;
    -- A comment is nothing that a later statement could find in its way.
    IF tg_tag <> 'COMMENT' THEN
        PERFORM cuts.count_statement();
    END IF;
END;
$$;
CREATE EVENT TRIGGER cuts ON ddl_command_end EXECUTE FUNCTION cuts.count_event();
"""  # noqa: S608
NO_STOPS = """
DROP EVENT TRIGGER cuts;
DROP SCHEMA cuts CASCADE;
"""
AT_THE_CUT = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture(scope="module")
def processes() -> Any:
    """Processes that have loaded already what they need: the runner, and pytest, which is this process's main module."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["runtime.migrations.runner", "sqlalchemy.dialects.postgresql.psycopg", "pytest"])
    return context


@pytest.fixture
def superuser(database: DatabaseAddress) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.conninfo, autocommit=True) as opened:
        yield opened


class CutRuns:
    """Runs of the real migrator in processes of their own, each killed at its cut point."""

    def __init__(self, processes: Any, migrator: Migrator, superuser: psycopg.Connection[Any]) -> None:
        self._processes, self._migrator, self._superuser = processes, migrator, superuser

    def kill_at(self, statement: int, *, end_server: bool) -> bool:
        """Whether the run came as far as the statement; otherwise it ended by itself, well."""
        self._superuser.execute("UPDATE cuts.plan SET stop_at = %s", [statement])
        self._superuser.execute("SELECT pg_advisory_lock(%s)", [CUT_LOCK])
        run = self._processes.Process(target=self._migrator.upgrade)
        run.start()
        try:
            backend = self._backend_at_the_cut(run)
            run.kill()
            run.join()
            if backend is not None and end_server:
                self._superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        finally:
            run.kill()
            self._superuser.execute("SELECT pg_advisory_unlock(%s)", [CUT_LOCK])
        if backend is None:
            assert run.exitcode == 0
        else:
            self._wait_for_the_end_of(backend)
        return backend is not None

    def _backend_at_the_cut(self, run: BaseProcess) -> int | None:
        deadline = time.monotonic() + CUT_SECONDS
        while time.monotonic() < deadline:
            if row := self._superuser.execute(AT_THE_CUT, [CUT_LOCK]).fetchone():
                return int(row[0])
            if not run.is_alive():
                return None
            time.sleep(0.003)
        raise AssertionError("the run neither reached its cut point nor ended")

    def _wait_for_the_end_of(self, backend: int) -> None:
        deadline = time.monotonic() + CUT_SECONDS
        while self._superuser.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [backend]).fetchone():
            assert time.monotonic() < deadline, "the server goes on with a run whose client is gone"
            time.sleep(0.003)


@pytest.fixture
def cut_runs(processes: Any, database: DatabaseAddress, superuser: psycopg.Connection[Any]) -> CutRuns:
    superuser.execute(STOPS)
    return CutRuns(processes, migrations(database), superuser)


def version(superuser: psycopg.Connection[Any]) -> str | None:
    """The revision that the database is at."""
    if superuser.execute("SELECT to_regclass('public.alembic_version')").fetchone() == (None,):
        return None
    row = superuser.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return str(row[0]) if row else None


def number_of_statements(installed: Installation) -> int:
    """How many make or change something: those that stand at the beginning of a line, and what Alembic does itself."""
    sent = "\n".join(each.sql for revision in installed.sent.values() for each in revision)
    alembics = 2 + len(revisions())  # its table with our trigger, and a row that is written for each revision
    return len(re.findall(r"^(CREATE|ALTER|DROP) ", sent, re.MULTILINE)) + alembics


@pytest.mark.timeout(300)
def test_run_that_is_killed_at_any_statement_is_made_good_by_the_next(
    cut_runs: CutRuns, database: DatabaseAddress, superuser: psycopg.Connection[Any], installed: Installation
) -> None:
    cuts, statement, reached = 0, 1, None
    while cut_runs.kill_at(statement, end_server=cuts % 4 != 0):
        cuts += 1
        now = version(superuser)
        # Else that was the first statement of the next revision: those before it are there for good, and count no more.
        statement, reached = (statement + 1, reached) if now == reached else (2, now)
    print(f"\n{cuts} cut points in {len(revisions())} revisions")
    assert cuts == number_of_statements(installed)
    superuser.execute(NO_STOPS)
    assert version(superuser) == head_revision()
    assert dump(database) == installed.dump

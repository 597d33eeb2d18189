"""Migrator on a real server: up, down and up again, two at once, in any place, and never at the application's cost."""

import os
import shutil
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy

from runtime.migrations import runner
from runtime.migrations.advisory_locks import MigratorBusyError
from runtime.migrations.runner import ADVISORY_LOCK, Migrator, head_revision
from tests.runtime.migrations import rows
from tests.runtime.migrations.installation import dump, revisions, shape

REPOSITORY = Path(__file__).parents[3]


class TestUpgrade:
    @pytest.mark.requirement("P2-46")
    def test_empty_database_reaches_the_head(self, migrations: Any) -> None:
        assert migrations.current() is None
        applied = migrations.upgrade()
        assert applied[0] == "0001"
        assert applied[-1] == migrations.current() == head_revision()

    def test_second_time_changes_nothing(self, migrations: Any, database: Any) -> None:
        migrations.upgrade()
        schema = dump(database)
        assert migrations.upgrade() == []
        assert dump(database) == schema


class TestDowngrade:
    @pytest.mark.requirement("ROAD-87")
    def test_filled_database_goes_down_and_up_to_the_same_schema(
        self, migrations: Any, database: Any, connection: Any, installed: Any
    ) -> None:
        migrations.upgrade()
        rows.fill(connection, head_revision())
        assert migrations.downgrade("base") == revisions()[::-1]
        remains = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert remains == [("alembic_version",)]
        assert connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        ).fetchall() == []  # fmt: skip
        assert migrations.upgrade() == revisions()
        assert dump(database) == installed.dump
        rows.fill(connection, head_revision())

    @pytest.mark.requirement("ROAD-87")
    @pytest.mark.parametrize(("before", "revision"), list(pairwise(revisions())))
    def test_every_step_down_takes_back_what_the_step_up_made(
        self, migrations: Any, connection: Any, before: Any, revision: Any
    ) -> None:
        migrations.upgrade(before)
        rows.fill(connection, before)
        schema, kept = shape(connection), rows.stored(connection)
        migrations.upgrade(revision)
        assert shape(connection) != schema
        assert migrations.downgrade(before) == [revision]
        assert rows.stored(connection) == kept
        assert shape(connection) == schema


@pytest.mark.requirement("ROAD-87", "NOVA-30")
class TestUpgradeOfAFilledDatabase:
    """From every revision that a database may be at, three back and more."""

    @pytest.mark.parametrize("revision", revisions())
    def test_it_is_as_a_fresh_installation_and_keeps_its_rows(
        self, migrations: Any, database: Any, connection: Any, installed: Any, revision: Any
    ) -> None:
        migrations.upgrade(revision)
        rows.fill(connection, revision)
        before = rows.stored(connection)
        assert [table for table, old in before.items() if not old] == []
        assert migrations.upgrade() == revisions()[revisions().index(revision) + 1 :]
        assert dump(database) == installed.dump
        after = rows.stored(connection)
        for table, old in before.items():
            new = [{column: row[column] for column in old[0]} for row in after[table]]
            assert new == old, table

    def test_versions_count_from_the_first_change_on(self, migrations: Any, connection: Any) -> None:
        migrations.upgrade("0001")
        connection.execute("INSERT INTO shows (name) VALUES ('Old')")
        migrations.upgrade()
        connection.execute("UPDATE shows SET name = 'New'")
        assert connection.execute("SELECT name, version FROM shows").fetchall() == [("New", 2)]
        migrations.downgrade("0001")
        assert connection.execute("SELECT name FROM shows").fetchall() == [("New",)]

    @pytest.mark.requirement("ROAD-78", "ROAD-107")
    def test_scripts_that_were_there_begin_their_history(self, migrations: Any, connection: Any) -> None:
        migrations.upgrade("0004")
        connection.execute(
            """WITH show AS (INSERT INTO shows (name) VALUES ('Old') RETURNING show_id)
            INSERT INTO episodes (show_id, title, episode_number, script_text, script_file_reference)
            SELECT show_id, 'Seeds', number, script, file
            FROM show, (VALUES (1, 'One', NULL), (2, NULL, 's3://scripts/2'), (3, NULL, NULL)) AS script (number, script, file)"""
        )
        migrations.upgrade("0005")
        history = """SELECT episode_number, version_number, v.script_text, v.script_file_reference, is_active,
            activated_at = e.updated_at FROM script_versions v JOIN episodes e USING (episode_id) ORDER BY 1"""
        assert connection.execute(history).fetchall() == [
            (1, 1, "One", None, True, True),
            (2, 1, None, "s3://scripts/2", True, True),
        ]


class TestTwoAtOnce:
    def test_one_applies_and_the_other_waits_and_finds_nothing_to_do(self, migrations: Any) -> None:
        applied = []
        threads = [threading.Thread(target=lambda: applied.append(migrations.upgrade())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(applied) == [[], revisions()]

    def test_waiting_is_longer_than_a_migrations_own_timeouts(self, migrations: Any, connection: Any) -> None:
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        applied = []
        waiting = threading.Thread(target=lambda: applied.append(migrations.upgrade()))
        waiting.start()
        waiting.join(timeout=2.5)  # beyond the lock timeout of 1 second and the statement timeout of 2
        assert waiting.is_alive()
        connection.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
        waiting.join()
        assert applied == [revisions()]

    def test_waiting_has_an_end(self, migrations: Any, connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runner, "ADVISORY_LOCK_WAIT_SECONDS", 0.3)
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        with pytest.raises(MigratorBusyError, match=r"held the lock for 0\.3 s"):
            migrations.upgrade()
        assert migrations.current() is None


class TestFailure:
    def test_migration_gives_up_rather_than_hold_up_the_application(
        self, migrations: Any, database: Any, connection: Any
    ) -> None:
        migrations.upgrade()
        with psycopg.connect(database.conninfo) as application:
            application.execute("SELECT * FROM shows")
            with pytest.raises(sqlalchemy.exc.OperationalError, match="lock timeout"):
                migrations.downgrade("base")
        # Each revision is a transaction: those that do not touch the table were undone.
        left = migrations.current()
        assert left is not None
        assert migrations.downgrade("base") == revisions()[: revisions().index(left) + 1][::-1]

    def test_failed_revision_leaves_nothing_of_itself(self, migrations: Any, connection: Any) -> None:
        connection.execute("CREATE TABLE outbox (in_the_way int)")
        with pytest.raises(sqlalchemy.exc.ProgrammingError, match="already exists"):
            migrations.upgrade()
        assert migrations.current() is None
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert ("shows",) not in tables
        connection.execute("DROP TABLE outbox")
        assert migrations.upgrade() == revisions()

    def test_error_does_not_tell_the_password(self, database: Any) -> None:
        wrong = Migrator(
            host=database.host,
            port=database.port,
            database=database.name,
            username="nobody",
            password="canary",
            lock_timeout_seconds=1,
            statement_timeout_seconds=1,
        )
        with pytest.raises(sqlalchemy.exc.OperationalError) as raised:
            wrong.upgrade()
        assert "canary" not in str(raised.value)


class TestPlace:
    def test_package_works_where_a_function_is_unpacked(self, database: Any, tmp_path: Path) -> None:
        """The code lies in another folder, with a percent sign in its name, and nothing of it is writable or current."""
        root = tmp_path / "task 100%"
        shutil.copytree(REPOSITORY / "runtime", root / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
        program = (
            "import json, sys; from runtime.migrations.runner import Migrator; import runtime;"
            "print(runtime.__path__, Migrator(**json.loads(sys.argv[1])).upgrade())"
        )
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                program,
                f'{{"host": "{database.host}", "port": {database.port}, "database": "{database.name}", "username":'
                f' "{database.username}", "password": "{database.password}", "lock_timeout_seconds": 4,'
                ' "statement_timeout_seconds": 5}',
            ],
            cwd="/",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert str(root) in done.stdout
        assert str(revisions()) in done.stdout

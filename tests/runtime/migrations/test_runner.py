"""Migrations on a real server: up, down and up again, two at once, in any place, and never at the application's cost."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from runtime.migrations.runner import ADVISORY_LOCK, Migrations, head

REPOSITORY = Path(__file__).parents[3]

# One row of everything, with everything that depends on it.
ROWS = """
WITH person AS (INSERT INTO users (user_id) VALUES (uuidv7()) RETURNING user_id),
     show AS (INSERT INTO shows (name, created_by) SELECT 'Seeds', user_id FROM person RETURNING show_id),
     episode AS (INSERT INTO episodes (show_id, title, episode_number) SELECT show_id, '100 % :of it', 1 FROM show
                 RETURNING episode_id),
     job AS (INSERT INTO processing_queue (job_type, entity_type, entity_id, source_reference)
             SELECT 'thumbnail_generation', 'episode', episode_id, 's3://storage/x' FROM episode RETURNING job_id, entity_id),
     thumbnail AS (INSERT INTO thumbnails (entity_type, entity_id, size_variant, job_id, file_reference, s3_bucket, s3_key,
                                           width, height, file_size_bytes, mime_type, format)
                   SELECT 'episode', entity_id, 'primary', job_id, 's3://t/x', 't', 'x', 1, 1, 1, 'image/jpeg', 'jpeg' FROM job),
     upload AS (INSERT INTO upload_sessions (user_id, entity_type, entity_id, file_name, content_type, byte_count, file_hash,
                                             temp_key, job_id, expires_at)
                SELECT user_id, 'episode', entity_id, 'x', 'image/jpeg', 1, repeat('0', 64), 'x', job_id, now()
                FROM person, job),
     log AS (INSERT INTO activity_logs (user_id, action_type, resource_type, resource_id, old_values, new_values)
             SELECT user_id::text, 'create', 'show', show_id::text, NULL, '{"name": "Seeds"}' FROM person, show),
     key AS (INSERT INTO idempotency_keys (user_id, idempotency_key, request_hash, status_code, headers, body)
             SELECT user_id, 'x', repeat('0', 64), 201, '{}', '{}' FROM person)
INSERT INTO outbox (topic, payload) VALUES ('x', '{}')
"""

# Everything that a schema is made of, in words that can be compared.
SHAPE = """
SELECT 'column', table_name, column_name, data_type || coalesce(column_default, '') || is_nullable
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', '', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3, 4
"""


@pytest.fixture
def migrations(database):
    return Migrations(
        host=database.host,
        port=database.port,
        database=database.name,
        username=database.username,
        password=database.password,
        lock_timeout_seconds=1,
        statement_timeout_seconds=2,
    )


@pytest.fixture
def connection(database):
    with psycopg.connect(database.conninfo, autocommit=True) as opened:
        yield opened


class TestUpgrade:
    def test_empty_database_reaches_the_head(self, migrations):
        assert migrations.current() is None
        applied = migrations.upgrade()
        assert applied[0] == "0001"
        assert applied[-1] == migrations.current() == head()

    def test_second_time_changes_nothing(self, migrations, connection):
        migrations.upgrade()
        shape = connection.execute(SHAPE).fetchall()
        assert migrations.upgrade() == []
        assert connection.execute(SHAPE).fetchall() == shape

    def test_tables_of_the_requirements_are_there(self, migrations, connection):
        migrations.upgrade()
        tables = {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        assert tables >= {
            "users", "shows", "episodes", "thumbnails", "processing_queue", "upload_sessions", "outbox", "alembic_version",
            "activity_logs", "idempotency_keys",
        }  # fmt: skip


class TestDowngrade:
    @pytest.mark.requirement("ROAD-73", "ROAD-74", "ROAD-75", "ROAD-76", "ROAD-77", "P1-07")
    def test_filled_database_goes_down_and_up_to_the_same_schema(self, migrations, connection):
        migrations.upgrade()
        shape = connection.execute(SHAPE).fetchall()
        assert len(shape) > 100
        connection.execute(ROWS)
        assert migrations.downgrade("base") == list(reversed(migrations_of(head())))
        remains = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert remains == [("alembic_version",)]
        assert migrations.upgrade() == migrations_of(head())
        assert connection.execute(SHAPE).fetchall() == shape
        connection.execute(ROWS)

    @pytest.mark.requirement("ROAD-87")
    def test_filled_database_of_the_first_schema_goes_up_and_keeps_its_rows(self, migrations, connection):
        migrations.upgrade("0001")
        connection.execute("INSERT INTO shows (name) VALUES ('Old')")
        assert migrations.upgrade() == migrations_of(head())[1:]
        connection.execute("UPDATE shows SET name = 'New'")
        assert connection.execute("SELECT name, version FROM shows").fetchall() == [("New", 2)]
        assert migrations.downgrade("0001") == list(reversed(migrations_of(head())[1:]))
        assert connection.execute("SELECT name FROM shows").fetchall() == [("New",)]

    @pytest.mark.requirement("ROAD-78", "ROAD-107")
    def test_scripts_that_were_there_begin_their_history(self, migrations, connection):
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


def migrations_of(last):
    return [f"{number:04}" for number in range(1, int(last) + 1)]


class TestTwoAtOnce:
    def test_one_applies_and_the_other_waits_and_finds_nothing_to_do(self, migrations):
        applied = []
        threads = [threading.Thread(target=lambda: applied.append(migrations.upgrade())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(applied) == [[], migrations_of(head())]

    def test_waiting_is_longer_than_a_migrations_own_timeouts(self, migrations, connection):
        connection.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        applied = []
        waiting = threading.Thread(target=lambda: applied.append(migrations.upgrade()))
        waiting.start()
        waiting.join(timeout=2.5)  # beyond the lock timeout of 1 second and the statement timeout of 2
        assert waiting.is_alive()
        connection.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
        waiting.join()
        assert applied == [migrations_of(head())]


class TestFailure:
    def test_migration_gives_up_rather_than_hold_up_the_application(self, migrations, database, connection):
        migrations.upgrade()
        with psycopg.connect(database.conninfo) as application:
            application.execute("SELECT * FROM shows")
            with pytest.raises(sqlalchemy.exc.OperationalError, match="lock timeout"):
                migrations.downgrade("base")
        # Each revision is a transaction: those that do not touch the table were undone.
        left = migrations.current()
        assert left is not None
        assert migrations.downgrade("base") == list(reversed(migrations_of(left)))

    def test_failed_revision_leaves_nothing_of_itself(self, migrations, connection):
        connection.execute("CREATE TABLE outbox (in_the_way int)")
        with pytest.raises(sqlalchemy.exc.ProgrammingError, match="already exists"):
            migrations.upgrade()
        assert migrations.current() is None
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert ("shows",) not in tables
        connection.execute("DROP TABLE outbox")
        assert migrations.upgrade() == migrations_of(head())

    def test_error_does_not_tell_the_password(self, database):
        wrong = Migrations(
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
    def test_package_works_where_a_function_is_unpacked(self, database, tmp_path):
        """The code lies in another folder, with a percent sign in its name, and nothing of it is writable or current."""
        root = tmp_path / "task 100%"
        shutil.copytree(REPOSITORY / "runtime", root / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
        program = (
            "import json, sys; from runtime.migrations.runner import Migrations; import runtime;"
            "print(runtime.__path__, Migrations(**json.loads(sys.argv[1])).upgrade())"
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
        assert str(migrations_of(head())) in done.stdout

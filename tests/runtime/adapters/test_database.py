"""The pool on a real server: what is committed, which faults say "not now", and that nothing needs a restart."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from runtime.adapters.database import Database, close_databases, ssl_mode
from runtime.adapters.database import get_database as process_database
from runtime.errors import UnavailableError
from runtime.settings import DatabaseSettings, load_settings


@pytest.fixture
def administrator(database: Any) -> Iterator[Any]:
    with psycopg.connect(database.conninfo, autocommit=True) as connection:
        yield connection


def end_sessions(administrator: Any) -> None:
    administrator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def names(connection: Any) -> Any:
    return [row["name"] for row in connection.execute("SELECT name FROM shows ORDER BY name")]


@pytest.mark.requirement("P1-31", "P1-49")
class TestTransaction:
    def test_rows_are_dictionaries_and_are_there_afterwards(self, application_database: Any) -> None:
        with application_database.transaction() as connection:
            connection.execute("INSERT INTO shows (name) VALUES ('Seeds')")
        with application_database.transaction() as connection:
            assert names(connection) == ["Seeds"]

    @pytest.mark.parametrize("error", [ValueError("ours"), psycopg.errors.RaiseException("theirs")])
    def test_error_rolls_back_and_comes_through(self, application_database: Any, error: Any) -> None:
        with pytest.raises(type(error)), application_database.transaction() as connection:
            connection.execute("INSERT INTO shows (name) VALUES ('Seeds')")
            raise error
        with application_database.transaction() as connection:
            assert names(connection) == []

    def test_rule_of_the_schema_is_no_fault(self, application_database: Any) -> None:
        with pytest.raises(psycopg.errors.UniqueViolation), application_database.transaction() as connection:
            connection.execute("INSERT INTO shows (name) VALUES ('Seeds'), ('Seeds')")

    def test_times_are_utc_and_statements_end(self, application_database: Any) -> None:
        with application_database.transaction() as connection:
            row = connection.execute(
                "SELECT current_setting('timezone') AS zone, current_setting('statement_timeout') AS limit"
            ).fetchone()
        assert row == {"zone": "UTC", "limit": "5s"}

    def test_schema_is_not_the_applications_to_change(self, application_database: Any) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), application_database.transaction() as connection:
            connection.execute("DROP TABLE outbox")

    def test_reading_needs_no_transaction_and_leaves_the_connection_as_it_was(self, application_database: Any) -> None:
        with application_database.autocommit() as connection:
            assert names(connection) == []
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            first = connection
        with pytest.raises(ValueError, match="ours"), application_database.transaction() as connection:
            assert connection is first
            connection.execute("INSERT INTO shows (name) VALUES ('Seeds')")
            raise ValueError("ours")
        with application_database.autocommit() as connection:
            assert names(connection) == []


class TestFaults:
    @pytest.mark.requirement("NOVA-19")
    def test_idle_connection_that_the_server_ended_is_replaced_unseen(
        self, application_database: Any, administrator: Any
    ) -> None:
        application_database.check()
        end_sessions(administrator)
        application_database.check()

    def test_connection_that_breaks_in_use_is_unavailable_and_not_used_again(
        self, application_database: Any, administrator: Any
    ) -> None:
        with pytest.raises(UnavailableError), application_database.transaction() as connection:
            end_sessions(administrator)
            connection.execute("SELECT 1")
        application_database.check()

    def test_read_that_breaks_may_be_repeated_and_its_connection_is_not_used_again(
        self, application_database: Any, administrator: Any
    ) -> None:
        with pytest.raises(UnavailableError) as raised, application_database.autocommit() as connection:
            end_sessions(administrator)
            connection.execute("SELECT 1")
        assert (raised.value.is_retry_safe, connection.closed) == (True, True)
        application_database.check()

    def test_demoted_writer_is_unavailable_and_its_connection_closed(self, application_database: Any) -> None:
        with pytest.raises(UnavailableError), application_database.transaction() as connection:
            demoted = connection
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute("INSERT INTO shows (name) VALUES ('Seeds')")
        assert demoted.closed
        application_database.check()

    def test_new_connection_is_not_made_to_a_server_for_readers_only(
        self, application_database: Any, administrator: Any
    ) -> None:
        name = sql.Identifier(administrator.info.dbname)
        administrator.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        with pytest.raises(UnavailableError):
            application_database.check()
        administrator.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
        application_database.check()

    @pytest.mark.parametrize(
        "fault",
        ["SELECT pg_sleep(10)", "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"],
        ids=["endless", "disk full"],
    )
    def test_server_that_cannot_now_is_unavailable(
        self, migrated: Any, monkeypatch: pytest.MonkeyPatch, fault: Any
    ) -> None:
        monkeypatch.setenv("PLATFORM_DATABASE_STATEMENT_TIMEOUT_SECONDS", "1")
        load_settings.cache_clear()
        opened = process_database(load_settings(DatabaseSettings))
        with pytest.raises(UnavailableError), opened.transaction() as connection:
            connection.execute(fault)

    @pytest.mark.requirement("ROAD-70")
    def test_pool_without_a_free_connection_is_unavailable(
        self, migrated: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PLATFORM_DATABASE_POOL_MAX", "1")
        monkeypatch.setenv("PLATFORM_DATABASE_CONNECT_TIMEOUT_SECONDS", "1")
        load_settings.cache_clear()
        opened = process_database(load_settings(DatabaseSettings))
        with opened.transaction(), pytest.raises(UnavailableError):
            opened.check()
        opened.check()


class TestCredentials:
    def test_rotated_password_is_read_again(
        self, application_database: Any, database_settings: Any, administrator: Any, account: Any
    ) -> None:
        application_database.check()
        store, arn = account.client("secretsmanager"), database_settings.database_secret_arn
        secret = json.loads(store.get_secret_value(SecretId=arn)["SecretString"])
        user, old = secret["username"], secret["password"]
        role = sql.SQL("ALTER ROLE {} PASSWORD {}")
        administrator.execute(role.format(sql.Identifier(user), sql.Literal("rotated")))
        try:
            end_sessions(administrator)
            with pytest.raises(UnavailableError):
                application_database.check()
            store.put_secret_value(SecretId=arn, SecretString=json.dumps(secret | {"password": "rotated"}))
            application_database.check()
        finally:
            administrator.execute(role.format(sql.Identifier(user), sql.Literal(old)))

    def test_secret_without_a_value_is_unavailable(
        self, migrated: Any, monkeypatch: pytest.MonkeyPatch, account: Any
    ) -> None:
        arn = account.client("secretsmanager").create_secret(Name="without-a-value")["ARN"]
        monkeypatch.setenv("PLATFORM_DATABASE_SECRET_ARN", arn)
        monkeypatch.setenv("PLATFORM_DATABASE_CONNECT_TIMEOUT_SECONDS", "1")
        load_settings.cache_clear()
        with pytest.raises(UnavailableError):
            process_database(load_settings(DatabaseSettings)).check()


class TestProcess:
    def test_one_database_for_the_same_settings(self, database_settings: Any) -> None:
        assert process_database(database_settings) is process_database(database_settings)

    def test_closed_database_opens_again(self, application_database: Any) -> None:
        application_database.check()
        close_databases()
        application_database.check()
        application_database.close()

    def test_nothing_is_connected_before_it_is_used(self, database_settings: Any, administrator: Any) -> None:
        Database(database_settings)
        count = administrator.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        ).fetchone()
        assert count == (1,)


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("127.0.0.1", "prefer"),
        ("localhost", "prefer"),
        ("::1", "prefer"),
        ("episode-metadata-dev.abc.us-east-1.rds.amazonaws.com", "require"),
        ("10.1.10.5", "require"),
        ("localhost.evil.example", "require"),
    ],
)
def test_only_loopback_goes_without_tls(host: Any, mode: Any) -> None:
    assert ssl_mode(host) == mode

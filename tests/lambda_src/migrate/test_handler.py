"""The migrate function on a real server and a real secret store."""

import json
import secrets
import threading

import psycopg
import pytest
from psycopg import sql

from lambda_src.migrate.handler import MigrationFailedError, handler
from runtime.adapters.database import get_database as database_of
from runtime.migrations.runner import head_revision
from runtime.settings import DatabaseSettings, MigrateSettings, load_settings
from tests.lambda_src.migrate.conftest import Deployment

REVISIONS = [f"{number:04}" for number in range(1, int(head_revision()) + 1)]


class TestFirstDeployment:
    @pytest.mark.requirement("P1-38", "P1-44")
    def test_first_deployment_creates_schema_role_and_secret(self, deployment: Deployment) -> None:
        assert handler({}, None) == {"schema_head": head_revision(), "applied": REVISIONS}
        secret = deployment.secret()
        assert list(secret) == ["host", "port", "database", "username", "password"]
        assert (secret["host"], secret["port"]) == (deployment.address.host, deployment.address.port)
        assert (secret["database"], secret["username"]) == (deployment.address.name, deployment.role)
        assert len(secret["password"]) >= 43
        with deployment.connect() as application:
            powers = application.execute(
                "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication, rolcanlogin FROM pg_roles"
                " WHERE rolname = current_user"
            ).fetchone()
        assert powers == (False, False, False, False, False, True)

    def test_application_settings_connect_to_database(
        self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handler({"action": "upgrade"}, None)
        monkeypatch.setenv("PLATFORM_DATABASE_POOL_MIN", "0")
        monkeypatch.setenv("PLATFORM_DATABASE_POOL_MAX", "1")
        with database_of(load_settings(DatabaseSettings)).transaction() as connection:
            assert connection.execute("SELECT count(*) FROM shows").fetchone() == {"count": 0}

    def test_server_stores_no_plain_password(self, deployment: Deployment) -> None:
        handler({}, None)
        with psycopg.connect(deployment.address.conninfo) as administrator:
            row = administrator.execute(
                "SELECT rolpassword FROM pg_authid WHERE rolname = %s", [deployment.role]
            ).fetchone()
        assert row is not None
        (stored,) = row
        assert stored.startswith("SCRAM-SHA-256$")
        assert deployment.secret()["password"] not in stored


class TestApplicationRole:
    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE TABLE mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "DROP TABLE outbox",
            "ALTER TABLE shows ADD COLUMN mine int",
            "TRUNCATE shows",
            "CREATE INDEX ON shows (name)",
            "CREATE ROLE mine",
            "CREATE DATABASE mine",
            "UPDATE alembic_version SET version_num = '0000'",
            "DELETE FROM alembic_version",
            "UPDATE activity_logs SET user_id = 'nobody'",
            "DELETE FROM activity_logs",
            "TRUNCATE activity_logs",
            "DELETE FROM audit_log",
        ],
    )
    def test_statements_beyond_rows_are_denied(self, deployment: Deployment, statement: str) -> None:
        handler({}, None)
        with deployment.connect() as application, pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute(statement)

    def test_role_writes_rows_of_every_table(self, deployment: Deployment) -> None:
        handler({}, None)
        with deployment.connect() as application:
            tables = application.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            ).fetchall()
            assert len(tables) >= 7
            for (table,) in tables:
                for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                    # The activity log is append-only.
                    expected = table != "activity_logs" or privilege in {"SELECT", "INSERT"}
                    allowed = application.execute("SELECT has_table_privilege(%s, %s)", [table, privilege]).fetchone()
                    assert allowed == (expected,), (table, privilege)

    def test_later_tables_are_granted(self, deployment: Deployment) -> None:
        handler({}, None)
        with psycopg.connect(deployment.address.conninfo) as administrator:
            administrator.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(deployment.owner)))
            administrator.execute("CREATE TABLE later (id int GENERATED ALWAYS AS IDENTITY, word text)")
        with deployment.connect() as application:
            application.execute("INSERT INTO later (word) VALUES ('x')")

    def test_role_with_administrative_privileges_is_rejected(self, deployment: Deployment) -> None:
        with psycopg.connect(deployment.address.conninfo) as administrator:
            administrator.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(deployment.role)))
        with pytest.raises(RuntimeError, match=deployment.role):
            handler({}, None)


class TestRepeatedInvocation:
    def test_repeated_run_applies_nothing_and_keeps_password(self, deployment: Deployment) -> None:
        handler({}, None)
        before = deployment.store.get_secret_value(SecretId=deployment.secret_arn)
        assert handler({}, None) == {"schema_head": head_revision(), "applied": []}
        assert deployment.store.get_secret_value(SecretId=deployment.secret_arn)["VersionId"] == before["VersionId"]
        deployment.connect().close()

    def test_wrong_stored_password_is_replaced(self, deployment: Deployment) -> None:
        handler({}, None)
        wrong = deployment.secret() | {"password": "changed behind our back"}
        deployment.store.put_secret_value(SecretId=deployment.secret_arn, SecretString=json.dumps(wrong))
        handler({}, None)
        assert deployment.secret()["password"] != wrong["password"]
        deployment.connect().close()

    def test_changed_address_is_written_and_password_kept(self, deployment: Deployment) -> None:
        handler({}, None)
        right = deployment.secret()
        moved = right | {"host": "192.0.2.1", "port": 1}
        deployment.store.put_secret_value(SecretId=deployment.secret_arn, SecretString=json.dumps(moved))
        handler({}, None)
        assert deployment.secret() == right

    def test_connection_limit_does_not_replace_password(self, deployment: Deployment) -> None:
        handler({}, None)
        right = deployment.secret()
        with psycopg.connect(deployment.address.conninfo, autocommit=True) as administrator:
            administrator.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 0").format(sql.Identifier(deployment.role)))
            with pytest.raises(psycopg.OperationalError, match="too many connections"):
                handler({}, None)
        assert deployment.secret() == right

    def test_concurrent_runs_agree(self, deployment: Deployment) -> None:
        answers, errors = [], []

        def invoke() -> None:
            try:
                answers.append(handler({}, None))
            except Exception as error:  # noqa: BLE001  (reported below)
                errors.append(error)

        load_settings(MigrateSettings)
        threads = [threading.Thread(target=invoke) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert sorted(answer["applied"] for answer in answers) == [[], REVISIONS]
        deployment.connect().close()


class TestFailure:
    def test_unknown_action_is_rejected(self, deployment: Deployment) -> None:
        with pytest.raises(MigrationFailedError, match="'downgrade'"):
            handler({"action": "downgrade"}, None)

    def test_wrong_master_password_is_reported_without_secret(self, deployment: Deployment) -> None:
        arn = load_settings(MigrateSettings).database_master_secret_arn
        deployment.store.put_secret_value(SecretId=arn, SecretString='{"username": "nobody", "password": "canary"}')
        with pytest.raises(
            MigrationFailedError, match=rf"{deployment.address.port}/{deployment.address.name}"
        ) as raised:
            handler({}, None)
        assert "canary" not in str(raised.value)

    def test_master_secret_without_value_is_reported(
        self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arn = deployment.store.create_secret(Name=f"empty-{secrets.token_hex(4)}")["ARN"]
        monkeypatch.setenv("PLATFORM_DATABASE_MASTER_SECRET_ARN", arn)
        load_settings.cache_clear()
        with pytest.raises(MigrationFailedError, match="has no value"):
            handler({}, None)

    def test_failed_migration_writes_no_secret(self, deployment: Deployment) -> None:
        with psycopg.connect(deployment.address.conninfo) as administrator:
            administrator.execute("CREATE TABLE shows (in_the_way int)")
        with pytest.raises(Exception, match="already exists"):
            handler({}, None)
        with pytest.raises(deployment.store.exceptions.ResourceNotFoundException):
            deployment.secret()

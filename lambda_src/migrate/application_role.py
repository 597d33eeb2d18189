"""The application's database role, which reads and writes rows but cannot create, alter or drop objects.

Its password is generated here and stored in the application's secret only; the server gets the SCRAM verifier. A working
password is kept, so that another run does not disconnect running functions.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from runtime.adapters.database import ssl_mode

PASSWORD_BYTES = 32
CONNECT_SECONDS = 5

# libpq reports the cause of a failed connection only in its message, which is English by the server's configuration. Other
# causes, such as too many connections, do not justify a new password and are raised.
WRONG_PASSWORD = "password authentication failed"  # noqa: S105  (the server's message, not a secret)


def ensure(owner: psycopg.Connection[Any], role: str, secret: Mapping[str, Any] | None, *, host: str) -> dict[str, Any]:
    """Create the role if it does not exist, and set a password unless `secret` has one that works.

    Args:
        owner: An autocommit connection of the database's owner.
        role: The name of the application's role.
        secret: The current value of the application's secret, if any.
        host: The host that the application connects to, which may be a proxy.

    Returns:
        The secret's new value: host, port, database, username, password.

    Raises:
        RuntimeError: The role exists and has privileges that an application must not have.
        psycopg.Error: A statement or connection fails.
    """
    address = {"host": owner.info.host, "port": owner.info.port, "database": owner.info.dbname, "username": role}
    expected = address | {"host": host}
    found = owner.execute(
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication FROM pg_roles"
        " WHERE rolname = %s",
        [role],
    ).fetchone()
    if found is None:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    elif found[0]:
        raise RuntimeError(
            f"the role {role} has administrative privileges (superuser, create database or role, bypass RLS, replication), "
            "which the application's role must not have; choose another role or revoke them"
        )
    elif secret is not None and _can_connect(address, str(secret.get("password", ""))):
        return expected | {"password": secret["password"]}
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    verifier = owner.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    owner.execute(
        sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)),
    )
    return expected | {"password": password}


def allow_rows_only(owner: psycopg.Connection[Any], role: str) -> None:
    """Grant access to the rows of all present and future tables of the owner, and revoke the right to create objects."""
    names = {"role": sql.Identifier(role), "database": sql.Identifier(owner.info.dbname)}
    for statement in (
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "REVOKE CREATE ON SCHEMA public FROM {role}",
        "REVOKE CREATE, TEMPORARY ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {role}",
        # Only migrations may change the schema's version.
        "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
        # The activity log is append-only.
        "REVOKE UPDATE, DELETE ON activity_logs FROM {role}",
        "REVOKE INSERT, UPDATE, DELETE ON audit_log FROM {role}",
    ):
        owner.execute(sql.SQL(statement).format(**names))


def _can_connect(address: Mapping[str, Any], password: str) -> bool:
    try:
        psycopg.connect(
            host=address["host"],
            port=address["port"],
            dbname=address["database"],
            user=address["username"],
            password=password,
            sslmode=ssl_mode(address["host"]),
            connect_timeout=CONNECT_SECONDS,
        ).close()
    except psycopg.OperationalError as error:
        if WRONG_PASSWORD not in str(error):
            raise
        return False
    return True

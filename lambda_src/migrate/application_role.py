"""The role that the application connects as: it reads and writes rows, and can neither make, change nor drop anything.

Its password is generated here and stands in the application's secret alone; the server is sent only what it needs to verify
it. A password that works is kept, so that running again takes nothing away from functions that are running.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from runtime.adapters.database import ssl_mode

PASSWORD_BYTES = 32
CONNECT_SECONDS = 5

# libpq tells why a connection was refused in words only; the server's messages are in English by its own configuration.
# Any other refusal, such as too many connections, is no reason for a new password and is raised.
WRONG_PASSWORD = "password authentication failed"  # noqa: S105  (the server's sentence, no secret)


def ensure(owner: psycopg.Connection[Any], role: str, secret: Mapping[str, Any] | None, *, host: str) -> dict[str, Any]:
    """Makes the role if there is none, gives it a password if `secret` has none that works, and answers the secret as
    it has to be: host, port, database, username, password. `host` is where the application connects, be it a proxy.

    `owner` is an autocommit connection of the database's owner. Raises psycopg's errors, and RuntimeError when the role
    is one that could do more than an application may.
    """
    here = {"host": owner.info.host, "port": owner.info.port, "database": owner.info.dbname, "username": role}
    expected = here | {"host": host}
    found = owner.execute(
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication FROM pg_roles"
        " WHERE rolname = %s",
        [role],
    ).fetchone()
    if found is None:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    elif found[0]:
        raise RuntimeError(
            f"the role {role} has an owner's or administrator's powers; the application's must have none"
        )
    elif secret is not None and _opens(here, str(secret.get("password", ""))):
        return expected | {"password": secret["password"]}
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    verifier = owner.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    owner.execute(
        sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)),
    )
    return expected | {"password": password}


def allow_rows_only(owner: psycopg.Connection[Any], role: str) -> None:
    """Rows of every table, of those that exist and of those that the owner will make; no objects of its own."""
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
        # Which release the schema belongs to is the owner's to say.
        "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
        # What users did is added to and never changed.
        "REVOKE UPDATE, DELETE ON activity_logs FROM {role}",
        "REVOKE INSERT, UPDATE, DELETE ON audit_log FROM {role}",
    ):
        owner.execute(sql.SQL(statement).format(**names))


def _opens(address: Mapping[str, Any], password: str) -> bool:
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

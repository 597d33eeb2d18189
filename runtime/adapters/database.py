"""Postgres through a pool of psycopg connections, as the application's role.

The credentials come from the secret store and are read again after a failed connection attempt, so that a rotated password or a
new host needs no restart. A connection with a server-side fault is never reused.
"""

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from runtime.adapters.logs import get_logger
from runtime.adapters.secret_store import SecretStore
from runtime.errors import UnavailableError
from runtime.loopback import is_loopback
from runtime.settings import DatabaseSettings

Connection = psycopg.Connection[DictRow]

DATABASE_CONNECTED = "database_connected"
DATABASE_FAILED = "database_failed"

IDLE_SECONDS = 30  # ROAD-70
# Even healthy connections are replaced regularly, because each stays with the address that its host name had when it was opened.
LIFETIME_SECONDS = 600
# How long a caller waits in addition to the connect timeout; together they stay below five seconds.
EXTRA_WAIT_SECONDS = 2
# The pool's reconnect attempts back off exponentially. With a short limit, the next caller triggers a new attempt instead.
RECONNECT_SECONDS = 3

# Lost connections, a subset of the codes below: uncommitted work is rolled back, and a new connection may succeed.
CONNECTION_LOST_STATES = ("08", "57P0", "25006")
# SQLSTATE classes and codes of transient errors: connection exceptions (08), insufficient resources (53), server shutdown or
# startup (57P0), read-only transaction after a failover (25006), deadlock (40P01), serialization failure (40001), lock timeout
# (55P03) and statement timeout (57014).
UNAVAILABLE_STATES = ("08", "53", "57P0", "25006", "40P01", "40001", "55P03", "57014")


def ssl_mode(host: str) -> str:
    """Return the `sslmode` for a host: TLS is required except on loopback, where the embedded server has no certificate."""
    return "prefer" if is_loopback(host) else "require"


class Database:
    """The connection pool of one database. Connections are opened on first use."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._secrets = SecretStore(settings.region)
        self._lock = threading.Lock()
        self._credentials: dict[str, Any] | None = None
        self._failures_seen = 0
        self._pool: ConnectionPool[Connection] | None = None
        self._skip_check = threading.local()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction: committed on exit, rolled back on any error.

        Raises:
            UnavailableError: The database does not respond or cannot serve the request now. It is `is_retry_safe` if the
                connection was lost before the commit: once a commit has been sent, its outcome is unknown.
        """
        is_retry_safe = False
        try:
            with self._open_pool().connection() as connection:
                try:
                    yield connection
                except psycopg.Error as error:
                    is_retry_safe = _is_lost(error)
                    if _is_unavailable(error):
                        connection.close()
                    raise
        except psycopg.Error as error:
            if not _is_unavailable(error):
                raise
            get_logger("database").warning(DATABASE_FAILED, extra={"sqlstate": error.sqlstate, "reason": str(error)})
            raise UnavailableError("the database does not respond", is_retry_safe=is_retry_safe) from error

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Open a connection in autocommit mode, for reads and for writes of a single statement.

        Under READ COMMITTED, a transaction around reads would not change what they see, but cost two more round trips. Raises
        the same errors as `transaction`.
        """
        with self.transaction() as connection:
            connection.autocommit = True
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False

    @contextmanager
    def autocommit_unchecked(self) -> Iterator[Connection]:
        """Open a connection in autocommit mode without the pool's liveness check, which is a round trip.

        For a single statement that may be repeated: an idle connection that is broken raises UnavailableError with
        `is_retry_safe`.
        """
        self._skip_check.value = True
        try:
            with self.autocommit() as connection:
                yield connection
        finally:
            self._skip_check.value = False

    def check(self) -> None:
        """Run a query.

        Raises:
            UnavailableError: The database does not respond.
        """
        with self.autocommit() as connection:
            connection.execute("SELECT 1")

    def close(self) -> None:
        """Close all connections. A closed database reconnects on its next use."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _open_pool(self) -> ConnectionPool[Connection]:
        with self._lock:
            if self._pool is None:
                self._pool = ConnectionPool(
                    connection_class=Connection,
                    kwargs=self._parameters,
                    configure=_log_connected,
                    check=self._check_connection,
                    min_size=self._settings.database_pool_min,
                    max_size=self._settings.database_pool_max,
                    timeout=self._settings.database_connect_timeout_seconds + EXTRA_WAIT_SECONDS,
                    max_idle=IDLE_SECONDS,
                    max_lifetime=LIFETIME_SECONDS,
                    reconnect_timeout=RECONNECT_SECONDS,
                    num_workers=1,
                    name="database",
                    open=False,
                )
                self._credentials, self._failures_seen = None, 0
                self._pool.open()
            return self._pool

    def _check_connection(self, connection: Connection) -> None:
        # The pool runs the check on the thread that requests the connection.
        if not getattr(self._skip_check, "value", False):
            ConnectionPool.check_connection(connection)

    def _parameters(self) -> dict[str, Any]:
        """Return the parameters of the next connection; called by the pool's one worker before every attempt."""
        pool = self._pool
        failures = pool.get_stats().get("connections_errors", 0) if pool else 0
        if self._credentials is None or failures > self._failures_seen:
            self._failures_seen = failures
            self._credentials = self._secrets.read(self._settings.database_secret_arn)
        if self._credentials is None:
            raise UnavailableError("the database's secret has no value yet")
        credentials, connect_seconds = self._credentials, self._settings.database_connect_timeout_seconds
        return {
            "host": credentials["host"],
            "port": credentials["port"],
            "dbname": credentials["database"],
            "user": credentials["username"],
            "password": credentials["password"],
            "sslmode": ssl_mode(credentials["host"]),
            "connect_timeout": connect_seconds,
            # A server that stops responding is detected as fast as one that does not accept connections.
            "tcp_user_timeout": connect_seconds * 1000,
            # After a failover the old writer may accept connections, but only for reads.
            "target_session_attrs": "read-write",
            "options": f"-c timezone=UTC -c statement_timeout={self._settings.database_statement_timeout_seconds}s",
            "row_factory": dict_row,
        }


_databases: dict[DatabaseSettings, Database] = {}
_databases_lock = threading.Lock()


def get_database(settings: DatabaseSettings) -> Database:
    """Return the process's database for these settings."""
    with _databases_lock:
        if settings not in _databases:
            _databases[settings] = Database(settings)
        return _databases[settings]


@atexit.register
def close_databases() -> None:
    """Close all databases of the process at its exit, so that the server does not keep its sessions."""
    with _databases_lock:
        closing = list(_databases.values())
        _databases.clear()
    for pool in closing:
        pool.close()


def _is_unavailable(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        # Not an error from the server: the connection was lost, or the pool had none in time.
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(UNAVAILABLE_STATES)


def _is_lost(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(CONNECTION_LOST_STATES)


def _log_connected(connection: Connection) -> None:
    get_logger("database").info(DATABASE_CONNECTED, extra={"host": connection.info.host, "port": connection.info.port})

"""Postgres through a pool of psycopg connections, as the application's role.

The credentials come from the secret store and are read again when a connection cannot be made with them, so that a rotated
password, or a database that moved, needs no restart. A connection that met a fault of the server is never used again.
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
# Even a healthy connection is replaced now and then: it is tied to the address that the host name had at the time.
LIFETIME_SECONDS = 600
# What a caller waits beyond the time that the server has to accept a connection; together they stay below five seconds.
WAIT_BEYOND_CONNECT_SECONDS = 2
# The pool's own attempts back off exponentially; given up this soon, the next caller tries at once instead.
RECONNECT_SECONDS = 3

# The faults of a connection, among the codes below: what was not committed is gone with it, and another one may do.
CONNECTION_LOST = ("08", "57P0", "25006")
# SQLSTATE classes and codes that say "not now" and not "not so": connection faults (08), resources exhausted (53), the
# server stopping or starting (57P0), a writer that was demoted to read-only (25006), and the victims of a deadlock (40P01),
# of a serialisation fault (40001), of a lock timeout (55P03) and of a statement timeout (57014).
UNAVAILABLE = ("08", "53", "57P0", "25006", "40P01", "40001", "55P03", "57014")


def ssl_mode(host: str) -> str:
    """Loopback has no network to protect and the embedded server no certificate; everywhere else TLS is required."""
    return "prefer" if is_loopback(host) else "require"


class Database:
    """The pool of one database. Nothing is connected before it is first used."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._secrets = SecretStore(settings.region)
        self._lock = threading.Lock()
        self._credentials: dict[str, Any] | None = None
        self._failures_seen = 0
        self._pool: ConnectionPool[Connection] | None = None
        self._unchecked = threading.local()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed on exit, rolled back on any error.

        Raises UnavailableError when the database does not answer or cannot serve now; that connection is closed. The error
        says so when the connection was lost before the commit was asked for: after that nobody knows.
        """
        is_retry_safe = False
        try:
            with self._opened().connection() as connection:
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
            raise UnavailableError("the database does not answer", is_retry_safe=is_retry_safe) from error

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection whose every statement stands for itself, for those who only read, or who write in one statement: with
        the isolation there is (READ COMMITTED) a transaction around them would show them nothing else, and cost two more
        round trips. Raises as `transaction` does."""
        with self.transaction() as connection:
            connection.autocommit = True
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False

    @contextmanager
    def autocommit_unchecked(self) -> Iterator[Connection]:
        """The same without the pool's look at the connection before it is handed out, which is a round trip: for one statement
        that may be repeated. A connection that broke while nobody used it raises UnavailableError with `is_retry_safe`."""
        self._unchecked.wanted = True
        try:
            with self.autocommit() as connection:
                yield connection
        finally:
            self._unchecked.wanted = False

    def check(self) -> None:
        """Raises UnavailableError unless the database answers a query."""
        with self.autocommit() as connection:
            connection.execute("SELECT 1")

    def close(self) -> None:
        """Closes every connection. A closed database opens again when it is used."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _opened(self) -> ConnectionPool[Connection]:
        with self._lock:
            if self._pool is None:
                self._pool = ConnectionPool(
                    connection_class=Connection,
                    kwargs=self._parameters,
                    configure=_log_connected,
                    check=self._check_connection,
                    min_size=self._settings.database_pool_min,
                    max_size=self._settings.database_pool_max,
                    timeout=self._settings.database_connect_timeout_seconds + WAIT_BEYOND_CONNECT_SECONDS,
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
        # The pool asks on the thread of whoever wants the connection.
        if not getattr(self._unchecked, "wanted", False):
            ConnectionPool.check_connection(connection)

    def _parameters(self) -> dict[str, Any]:
        """What the next connection is made with; the pool's one worker calls it before every attempt."""
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
            # A server that vanished without a word is noticed as soon as one that does not accept.
            "tcp_user_timeout": connect_seconds * 1000,
            # After a failover the old writer may answer, but only to readers.
            "target_session_attrs": "read-write",
            "options": f"-c timezone=UTC -c statement_timeout={self._settings.database_statement_timeout_seconds}s",
            "row_factory": dict_row,
        }


_databases: dict[DatabaseSettings, Database] = {}
_databases_lock = threading.Lock()


def get_database(settings: DatabaseSettings) -> Database:
    """The process's database for these settings."""
    with _databases_lock:
        if settings not in _databases:
            _databases[settings] = Database(settings)
        return _databases[settings]


@atexit.register
def close_all() -> None:
    """Takes leave of every database of the process, so that no server keeps sessions of a process that ended."""
    with _databases_lock:
        closing = list(_databases.values())
        _databases.clear()
    for each in closing:
        each.close()


def _is_unavailable(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        # Not the server's answer: the connection broke, or none could be had in time.
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(UNAVAILABLE)


def _is_lost(error: psycopg.Error) -> bool:
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(CONNECTION_LOST)


def _log_connected(connection: Connection) -> None:
    get_logger("database").info(DATABASE_CONNECTED, extra={"host": connection.info.host, "port": connection.info.port})

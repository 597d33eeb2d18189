"""The embedded Postgres server."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from local.compute.rds.postgres import EmbeddedPostgres
from local.errors import PortTakenError
from local.supervisor import Supervisor


@pytest.fixture
def server(supervisor: Supervisor, tmp_path: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(
        supervisor, tmp_path / "data", name="postgres-own", username="owner", password="correct", database="media"
    )


def connect(server: EmbeddedPostgres, password: str = "correct") -> psycopg.Connection:
    return psycopg.connect(host=server.address, port=server.port, user="owner", password=password, dbname="media")


@pytest.mark.requirement("C-29", "P1-45")
def test_server_is_version_18_and_keeps_its_data_after_a_restart(server: EmbeddedPostgres) -> None:
    server.start()
    with connect(server) as connection:
        assert connection.execute("SELECT current_setting('server_version_num')::int / 10000").fetchone() == (18,)
        connection.execute("CREATE TABLE kept AS SELECT uuidv7() AS id")
    server.stop()
    server.start()
    with connect(server) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)
    server.stop()


def test_wrong_password_is_rejected(server: EmbeddedPostgres) -> None:
    server.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(server, "wrong")
    server.stop()


def test_taken_port_raises_port_taken_error(server: EmbeddedPostgres, postgres_server: EmbeddedPostgres) -> None:
    server.port = postgres_server.port
    with pytest.raises(PortTakenError, match=f"port {postgres_server.port}"):
        server.start()


def test_killed_server_is_restarted_with_committed_data(server: EmbeddedPostgres, supervisor: Supervisor) -> None:
    server.start()
    with connect(server) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    pids = set()
    for number in range(3):
        with reconnect(server) as connection:
            connection.execute("INSERT INTO kept VALUES (%s)", [number])
        (process,) = [each for each in supervisor.processes() if each.name == server.name]
        pids.add(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(process.pid).wait(20)
    with reconnect(server) as connection:
        assert connection.execute("SELECT number FROM kept ORDER BY 1").fetchall() == [(0,), (1,), (2,)]
    assert len(pids) == 3
    server.stop()


def reconnect(server: EmbeddedPostgres) -> psycopg.Connection:
    deadline = time.monotonic() + 30
    while True:
        try:
            return connect(server)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)

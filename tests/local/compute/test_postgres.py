"""The embedded server is the major version that RDS runs, reached as RDS is."""

from pathlib import Path

import psycopg
import pytest

from local.compute.postgres import EmbeddedPostgres
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
def test_it_is_version_18_and_keeps_its_data(server: EmbeddedPostgres) -> None:
    server.start()
    with connect(server) as connection:
        assert connection.execute("SELECT current_setting('server_version_num')::int / 10000").fetchone() == (18,)
        connection.execute("CREATE TABLE kept AS SELECT uuidv7() AS id")
    server.stop()
    server.start()
    with connect(server) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)
    server.stop()


def test_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    server.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(server, "wrong")
    server.stop()


def test_taken_port_is_named(server: EmbeddedPostgres, postgres_server: EmbeddedPostgres) -> None:
    server.port = postgres_server.port
    with pytest.raises(PortTakenError, match=f"port {postgres_server.port}"):
        server.start()

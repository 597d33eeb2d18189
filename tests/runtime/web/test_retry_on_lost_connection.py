"""A connection that breaks under a request: what was not written is tried once more, what may have been is not."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from runtime.features.shows.repository import TABLE
from runtime.mechanisms.records.table import Table
from runtime.web.retry_on_lost_connection import REQUEST_RETRIED
from tests.runtime.features.api_platform import Api, problems

SHOWS = "/api/v1/shows"


@pytest.fixture
def break_connections(database: Any) -> Iterator[Callable[[], None]]:
    with psycopg.connect(database.conninfo, autocommit=True) as owner:

        def end_sessions() -> None:
            owner.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        yield end_sessions


class Faulty:
    """Calls `fault` before the first `times` calls of a function, and counts them all."""

    def __init__(self, function: Callable[..., Any], fault: Callable[[], None], times: int) -> None:
        self.calls = 0
        self._function, self._fault, self._times = function, fault, times

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        if self.calls <= self._times:
            self._fault()
        return self._function(*arguments, **options)


def repeated(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(record)["request_id"] for record in caplog.records if record.getMessage() == REQUEST_RETRIED]


def rows(api: Api) -> int:
    with api.client.app.state.resources.database.transaction() as connection:
        return len(connection.execute("SELECT 1 FROM shows").fetchall())


class TestSecondAttempt:
    def test_read_is_answered_all_the_same(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, break_connections: Callable[[], None], caplog: Any
    ) -> None:
        show = api.create_show()
        faulty = Faulty(TABLE.find, break_connections, times=1)
        monkeypatch.setattr(Table, "find", faulty)
        answer = api.client.get(f"{SHOWS}/{show['show_id']}", api.viewer)
        assert (answer.status_code, answer.json()["data"]) == (200, show)
        assert faulty.calls == 2
        assert repeated(caplog) == [answer.headers["x-request-id"]]

    def test_write_that_was_not_committed_has_one_effect(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, break_connections: Callable[[], None]
    ) -> None:
        insert, attempts = TABLE.insert, []

        def insert_and_break(*arguments: Any, **options: Any) -> Any:
            inserted = insert(*arguments, **options)
            attempts.append(inserted)
            if len(attempts) == 1:
                break_connections()
            return inserted

        monkeypatch.setattr(Table, "insert", staticmethod(insert_and_break))
        headers = {"Idempotency-Key": "one-key"}
        answer = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
        assert (answer.status_code, answer.json()["data"]["name"]) == (201, "Once")
        assert (len(attempts), rows(api)) == (2, 1)
        assert api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers).json() == answer.json()

    def test_second_fault_is_told(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, break_connections: Callable[[], None], caplog: Any
    ) -> None:
        faulty = Faulty(TABLE.insert, break_connections, times=2)
        monkeypatch.setattr(Table, "insert", faulty)
        answer = api.client.post(SHOWS, {"name": "Never"}, api.admin)
        problems(answer, 503, "SERVICE_UNAVAILABLE")
        assert "retry-after" in answer.headers
        assert (faulty.calls, len(repeated(caplog)), rows(api)) == (2, 1, 0)

    def test_lost_commit_is_not_repeated(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nobody knows whether the commit arrived: only the client can decide to ask again."""
        faulty = Faulty(TABLE.insert, lambda: None, times=0)
        monkeypatch.setattr(Table, "insert", faulty)

        def lost(_: Any) -> None:
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        with monkeypatch.context() as broken:
            broken.setattr(psycopg.Connection, "commit", lost)
            answer = api.client.post(SHOWS, {"name": "Who knows"}, api.admin)
        problems(answer, 503, "SERVICE_UNAVAILABLE")
        assert (faulty.calls, repeated(caplog)) == (1, [])

    @pytest.mark.parametrize("code", ["57014", "53100", "40P01"], ids=["too slow", "disk full", "deadlock"])
    def test_server_that_answered_is_not_asked_again(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, code: str
    ) -> None:
        def refuse() -> None:
            raise psycopg.errors.lookup(code)

        faulty = Faulty(TABLE.insert, refuse, times=1)
        monkeypatch.setattr(Table, "insert", faulty)
        problems(api.client.post(SHOWS, {"name": "Not now"}, api.admin), 503, "SERVICE_UNAVAILABLE")
        assert faulty.calls == 1

    def test_unavailable_for_another_reason_is_not_repeated(self, api: Api, caplog: pytest.LogCaptureFixture) -> None:
        api.pool.is_unavailable = True
        api.pool.keys = {"keys": []}
        problems(api.client.get(SHOWS, api.viewer), 503, "SERVICE_UNAVAILABLE")
        assert repeated(caplog) == []

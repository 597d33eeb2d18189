"""What a limited caller is told, and what becomes of counting while the database is away."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from runtime.access.rate_limits import RateLimit
from runtime.adapters.database import Database
from runtime.mechanisms.rate_limits import repository
from runtime.mechanisms.rate_limits.database import DatabaseRateLimiter
from runtime.web.retry_on_lost_connection import REQUEST_RETRIED
from tests.runtime.features.api_platform import ORIGIN, Api, problems
from tests.runtime.web.limited_api import SHOWS, Limited, end_sessions, limited, owner, told

__all__ = ["limited", "owner"]

pytestmark = pytest.mark.requirement("G-08", "ROAD-93", "ROAD-98")


class TestHeaders:
    def test_tell_what_is_left(self, api: Api, limited: Limited) -> None:
        client = limited(requests_per_minute=30, burst_requests=3)
        answers = [client.get(SHOWS, api.viewer) for _ in range(4)]
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"caller";q=3;w=6'}
        assert [told(answer)[0] for answer in answers] == [2, 1, 0, 0]
        assert all(1 <= told(answer)[1] <= 2 for answer in answers)
        assert [answer.headers.get("retry-after") for answer in answers] == [None] * 3 + [str(told(answers[3])[1])]

    def test_stand_on_refusals_of_the_route(self, api: Api, limited: Limited) -> None:
        client = limited()
        assert told(client.get(f"{SHOWS}/{uuid4()}", api.viewer))[0] == 2
        assert told(client.post(SHOWS, {"wrong": True}, api.admin))[0] == 2

    def test_of_a_repeated_answer_are_its_own(self, api: Api, limited: Limited) -> None:
        client, headers = limited(), {"Idempotency-Key": "one-key"}
        answers = [client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[1].headers["idempotency-replayed"] == "true"
        assert [told(answer)[0] for answer in answers] == [2, 1]
        assert len(answers[1].headers.get_list("ratelimit")) == 1

    def test_can_be_read_by_browsers(self, api: Api, limited: Limited) -> None:
        client = limited(burst_requests=1)
        for status in (200, 429):
            answer = client.get(SHOWS, api.viewer, headers={"Origin": ORIGIN})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            exposed = answer.headers["access-control-expose-headers"].split(", ")
            assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed)


class TestDatabase:
    def test_that_is_away_is_503_as_ever(
        self, api: Api, limited: Limited, owner: psycopg.Connection[Any], database: Any
    ) -> None:
        client = limited()
        client.get(SHOWS, api.viewer)
        owner.execute(f'ALTER DATABASE "{database.name}" CONNECTION LIMIT 0')
        try:
            end_sessions(owner)
            answer = client.get(SHOWS, api.viewer)
            problems(answer, 503, "SERVICE_UNAVAILABLE")
            assert answer.headers["retry-after"] == "1"
            assert "ratelimit" not in answer.headers
        finally:
            owner.execute(f'ALTER DATABASE "{database.name}" CONNECTION LIMIT -1')
        assert told(client.get(SHOWS, api.viewer))[0] == 1

    def test_connection_that_broke_meanwhile_costs_nobody_anything(
        self, api: Api, limited: Limited, owner: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        client = limited()
        client.get(SHOWS, api.viewer)
        end_sessions(owner)
        answer = client.get(SHOWS, api.viewer)
        assert (answer.status_code, told(answer)[0]) == (200, 1)
        assert REQUEST_RETRIED not in caplog.messages

    def test_counting_is_one_round_trip(
        self, api: Api, limited: Limited, monkeypatch: pytest.MonkeyPatch, application_database: Database
    ) -> None:
        limiter = DatabaseRateLimiter(
            database=application_database, limit=RateLimit(requests_per_minute=60, burst_requests=9)
        )
        user_id, sent = uuid4(), []
        limiter.consume(user_id)
        execute = psycopg.Cursor.execute

        def counted(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
            sent.append(query)
            return execute(cursor, query, *arguments, **options)

        monkeypatch.setattr(psycopg.Cursor, "execute", counted)
        limiter.consume(user_id)
        assert sent == [repository._CONSUME]

    def test_second_attempt_of_a_request_is_not_another(
        self, api: Api, limited: Limited, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client, calls = limited(), []
        consume = repository.consume

        def consume_and_break(connection: Any, user_id: UUID, limit: RateLimit) -> Any:
            rate_limit = consume(connection, user_id, limit)
            calls.append(user_id)
            end_sessions(owner)
            return rate_limit

        # The route is handed a broken connection: the pool does not check it, as if it broke right after the check.
        monkeypatch.setattr(repository, "consume", consume_and_break)
        database = client.app.state.resources.database
        monkeypatch.setattr(database._open_pool(), "_check", None)
        answer = client.get(SHOWS, api.viewer)
        assert (answer.status_code, told(answer)[0], len(calls)) == (200, 2, 1)

"""The limit of each caller: exact at the request beyond it, one for all processes, by the database's clock alone."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi.routing import iter_route_contexts

from runtime.access.guards import Guard
from runtime.access.rate_limits import RateLimit
from runtime.mechanisms.rate_limits import repository
from runtime.mechanisms.rate_limits.database import DatabaseRateLimiter
from tests.runtime.access.test_guards import ROLES_BY_ROUTE
from tests.runtime.features.api_platform import HOST, Api, problems
from tests.runtime.features.user_pool import User, claims, mint
from tests.runtime.web.limited_api import SHOWS, Limited, let_pass, limited, owner, statuses, told
from tests.runtime.web.served_process import free_address, serving

__all__ = ["limited", "owner"]

pytestmark = pytest.mark.requirement("G-08", "ROAD-93", "ROAD-98")


class TestLimit:
    def test_one_beyond_the_limit_is_refused(self, api: Api, limited: Limited) -> None:
        client = limited()
        assert statuses(client, api.viewer, 3) == [200] * 3
        answer = client.get(SHOWS, api.viewer)
        (message,) = problems(answer, 429, "RATE_LIMIT_EXCEEDED").values()
        assert 58 <= int(answer.headers["retry-after"]) <= 60
        assert message == f"Too many requests; retry after {answer.headers['retry-after']} s"

    def test_one_comes_back_after_the_time_that_was_told_and_not_before(
        self, api: Api, limited: Limited, owner: psycopg.Connection[Any]
    ) -> None:
        client = limited()
        statuses(client, api.viewer, 3)
        wait = int(client.get(SHOWS, api.viewer).headers["retry-after"])
        let_pass(owner, wait - 2)
        assert client.get(SHOWS, api.viewer).headers["retry-after"] in {"1", "2"}
        let_pass(owner, 2)
        assert statuses(client, api.viewer, 2) == [200, 429]

    def test_waiting_as_told_is_enough_on_a_real_clock(self, api: Api, limited: Limited) -> None:
        client = limited(requests_per_minute=60, burst_requests=1)
        assert statuses(client, api.viewer, 2) == [200, 429]
        time.sleep(int(client.get(SHOWS, api.viewer).headers["retry-after"]))
        assert client.get(SHOWS, api.viewer).status_code == 200

    def test_refusals_prolong_nothing(self, api: Api, limited: Limited, owner: psycopg.Connection[Any]) -> None:
        client = limited()
        assert statuses(client, api.viewer, 20) == [200] * 3 + [429] * 17
        let_pass(owner, 60)
        assert client.get(SHOWS, api.viewer).status_code == 200

    def test_idle_caller_has_the_whole_limit_again_and_no_more(
        self, api: Api, limited: Limited, owner: psycopg.Connection[Any]
    ) -> None:
        client = limited()
        statuses(client, api.viewer, 3)
        let_pass(owner, 86_400)
        assert statuses(client, api.viewer, 4) == [200] * 3 + [429]

    @pytest.mark.parametrize("requests_per_minute", [7, 11, 999_983])
    def test_limit_is_exact_where_a_minute_does_not_divide(
        self, limited: Limited, owner: psycopg.Connection[Any], requests_per_minute: int
    ) -> None:
        """In one transaction, where the clock stands still."""
        limit = RateLimit(requests_per_minute=requests_per_minute, burst_requests=50)
        user_id, database = uuid4(), limited().app.state.resources.database
        with database.transaction() as connection:
            granted = [repository.consume(connection, user_id, limit).is_allowed for _ in range(52)]
        assert granted == [True] * 50 + [False] * 2

    def test_each_caller_has_a_limit(self, api: Api, limited: Limited) -> None:
        client = limited()
        statuses(client, api.viewer, 4)
        assert client.get(SHOWS, api.editor).status_code == 200

    def test_every_route_that_knows_its_caller_counts(self, api: Api, limited: Limited) -> None:
        client, checked = limited(burst_requests=1), 0
        for route in iter_route_contexts(client.app.routes):
            dependencies = route.dependant.dependencies if hasattr(route, "dependant") else []
            is_guarded = any(isinstance(each.call, Guard) for each in dependencies)
            for method in route.methods if is_guarded else ():
                path = route.path.replace("{", "").replace("}", "")
                # Each route has a caller of its own who may use it.
                is_for_people = "admin" in ROLES_BY_ROUTE[method, route.path]
                user = User.of("admin") if is_for_people else api.system
                first, second = (client.send(method, path, user) for _ in range(2))
                assert (first.status_code == 429, told(first)[0]) == (False, 0), f"{method} {path}"
                assert second.status_code == 429, f"{method} {path}"
                checked += 1
        assert checked > 20

    def test_health_is_open_to_everyone(self, api: Api, limited: Limited) -> None:
        client = limited(burst_requests=1)
        answers = [client.get(path, api.viewer) for path in ("/health", "/api/v1/health") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 6
        assert not [answer for answer in answers if "ratelimit" in answer.headers]

    def test_what_is_refused_before_counts_for_nobody(self, api: Api, limited: Limited) -> None:
        client = limited(burst_requests=1)
        for _ in range(3):
            problems(client.post(SHOWS, {"name": "No"}, api.viewer), 403, "FORBIDDEN")
            problems(client.get(SHOWS, headers={"Authorization": "Bearer a.b.c"}), 401, "UNAUTHORIZED")
        assert client.get(SHOWS, api.viewer).status_code == 200

    def test_zero_is_no_limit(self, api: Api, limited: Limited, owner: psycopg.Connection[Any]) -> None:
        client = limited(requests_per_minute=0, burst_requests=1)
        answers = [client.get(SHOWS, api.viewer) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 5
        assert not [answer for answer in answers if "ratelimit" in answer.headers]
        assert owner.execute("SELECT FROM rate_limits").fetchall() == []


class TestWhoIsCounted:
    def test_forged_addresses_change_nothing(self, api: Api, limited: Limited) -> None:
        client = limited(burst_requests=5)
        forged = [
            client.get(
                SHOWS,
                api.viewer,
                headers={
                    "X-Forwarded-For": f"198.51.100.{number % 256}, 10.0.{number // 256}.1",
                    "Forwarded": f"for=192.0.2.{number % 256}",
                    "X-Real-IP": f"203.0.113.{number % 256}",
                    "User-Agent": f"client {number}",
                },
            ).status_code
            for number in range(1000)
        ]
        assert forged[:5] == [200] * 5
        assert set(forged[5:]) == {429}

    def test_tokens_of_one_user_share_the_limit(self, api: Api, limited: Limited) -> None:
        client, user_id = limited(), uuid4()
        tokens = [User(user_id, mint(claims("viewer", user_id=user_id))) for _ in range(5)]
        assert len({user.token for user in tokens}) == 5
        assert [client.get(SHOWS, user).status_code for user in tokens] == [200] * 3 + [429] * 2

    def test_two_applications_share_the_limit(self, api: Api, limited: Limited) -> None:
        first, second = limited(), limited(release="2")
        assert first.app.state.resources.database is not second.app.state.resources.database
        answers = [client.get(SHOWS, api.viewer) for client in (first, second, first, second, first)]
        assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
        assert [told(answer)[0] for answer in answers] == [2, 1, 0, 0, 0]

    def test_two_processes_share_the_limit_under_load(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLATFORM_CALLER_REQUESTS_PER_MINUTE", "1")
        monkeypatch.setenv("PLATFORM_CALLER_BURST_REQUESTS", "10")
        urls = [free_address(), free_address()]
        headers = api.viewer.headers | {"Host": HOST}

        def ask(number: int) -> int:
            return httpx.get(urls[number % 2] + SHOWS, headers=headers, timeout=60).status_code

        with serving(urls[0]), serving(urls[1]), ThreadPoolExecutor(8) as threads:
            found = list(threads.map(ask, range(40)))
        assert (found.count(200), found.count(429)) == (10, 30)
        assert {200, 429} >= set(found[::2]) | set(found[1::2])

    def test_clock_of_a_process_changes_nothing(
        self, api: Api, limited: Limited, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client, now, steady = limited(), time.time, time.monotonic
        statuses(client, api.viewer, 3)
        # A token lives an hour, so the clock may not leave that.
        for jump in (-1800.0, 1800.0):
            monkeypatch.setattr(time, "time", lambda jump=jump: now() + max(jump, 0.0))
            monkeypatch.setattr(time, "monotonic", lambda jump=jump: steady() + max(jump, 0.0))
            answer = client.get(SHOWS, api.viewer)
            assert (answer.status_code, int(answer.headers["retry-after"]) >= 55) == (429, True)

    def test_clock_of_the_database_set_back_locks_out_for_a_minute_at_most(
        self, api: Api, limited: Limited, owner: psycopg.Connection[Any]
    ) -> None:
        client = limited(requests_per_minute=60)
        client.get(SHOWS, api.viewer)
        let_pass(owner, -86_400)
        assert 59 <= int(client.get(SHOWS, api.viewer).headers["retry-after"]) <= 61
        let_pass(owner, 61)
        assert client.get(SHOWS, api.viewer).status_code == 200

    def test_requests_at_once_are_let_through_exactly(self, api: Api, limited: Limited) -> None:
        limiter: DatabaseRateLimiter = limited(burst_requests=20).app.state.access.limiter
        user_id = uuid4()

        def take(_: int) -> bool:
            return limiter.consume(user_id).is_allowed

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(take, range(100))) == 20

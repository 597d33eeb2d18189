"""One contract, two stores: the same promises of a limiter that counts in the database and of one that counts in the cache."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import valkey

from runtime.access.rate_limits import RateLimit, RateLimiter, RateLimitStatus
from runtime.adapters.cache import Cache
from runtime.adapters.database import Database
from runtime.adapters.logs import get_logger
from runtime.app import create_app
from runtime.errors import UnavailableError
from runtime.mechanisms.rate_limits.cache import PAUSE_SECONDS, CacheRateLimiter
from runtime.mechanisms.rate_limits.database import DatabaseRateLimiter
from runtime.settings import ApiSettings, load_settings
from tests.runtime.features.api_platform import Api

pytestmark = pytest.mark.requirement("G-08", "ROAD-93", "ROAD-98")


class Unused:
    """A fallback that must not be needed."""

    def consume(self, user_id: UUID) -> RateLimitStatus:
        raise AssertionError(f"the cache did not count {user_id}")


@dataclass
class Fallback:
    """Grants everything and keeps who asked."""

    asked: list[UUID] = field(default_factory=list)

    def consume(self, user_id: UUID) -> RateLimitStatus:
        self.asked.append(user_id)
        return RateLimitStatus(
            limit=RateLimit(requests_per_minute=1, burst_requests=1), is_allowed=True, until_full=timedelta(0)
        )


@dataclass(frozen=True, kw_only=True)
class Store:
    """How to make limiters that share one store, and how to let time pass in it."""

    make: Callable[[RateLimit], RateLimiter]
    let_pass: Callable[[UUID, float], None]


@pytest.fixture(params=["database", "cache"])
def store(request: pytest.FixtureRequest, application_database: Database, database: Any, valkey_endpoint: str) -> Store:
    if request.param == "database":

        def pass_in_database(user_id: UUID, seconds: float) -> None:
            with psycopg.connect(database.conninfo) as owner:
                owner.execute(
                    "UPDATE rate_limits SET full_at = full_at - make_interval(secs => %s) WHERE user_id = %s",
                    [seconds, user_id],
                )

        return Store(
            make=lambda limit: DatabaseRateLimiter(database=application_database, limit=limit),
            let_pass=pass_in_database,
        )

    def pass_in_cache(user_id: UUID, seconds: float) -> None:
        host, _, port = valkey_endpoint.partition(":")
        client, key = valkey.Valkey(host=host, port=int(port)), f"rate-limit:{user_id}"
        stored = client.get(key)
        if stored is not None:
            client.set(key, int(stored) - int(seconds * 1_000_000), keepttl=True)
        client.close()

    return Store(
        make=lambda limit: CacheRateLimiter(
            cache=Cache(valkey_endpoint), limit=limit, fallback=Unused(), log=get_logger("rate-limits")
        ),
        let_pass=pass_in_cache,
    )


def grants(limiter: RateLimiter, user_id: UUID, times: int) -> list[bool]:
    return [limiter.consume(user_id).is_allowed for _ in range(times)]


class TestEveryStore:
    def test_burst_is_granted_and_one_more_is_not(self, store: Store) -> None:
        limiter, user_id = store.make(RateLimit(requests_per_minute=1, burst_requests=3)), uuid4()
        taken = [limiter.consume(user_id) for _ in range(4)]
        assert [each.is_allowed for each in taken] == [True, True, True, False]
        assert [each.remaining for each in taken] == [2, 1, 0, 0]
        assert 58 <= taken[3].seconds_until_next <= 60

    def test_waiting_as_told_is_enough_and_less_is_not(self, store: Store) -> None:
        limiter, user_id = store.make(RateLimit(requests_per_minute=1, burst_requests=3)), uuid4()
        grants(limiter, user_id, 3)
        wait = limiter.consume(user_id).seconds_until_next
        store.let_pass(user_id, wait - 2)
        assert grants(limiter, user_id, 1) == [False]
        store.let_pass(user_id, 2)
        assert grants(limiter, user_id, 2) == [True, False]

    def test_rejected_requests_prolong_nothing(self, store: Store) -> None:
        limiter, user_id = store.make(RateLimit(requests_per_minute=1, burst_requests=3)), uuid4()
        assert grants(limiter, user_id, 20) == [True] * 3 + [False] * 17
        store.let_pass(user_id, 60)
        assert grants(limiter, user_id, 1) == [True]

    def test_idle_caller_has_the_whole_limit_and_no_more(self, store: Store) -> None:
        limiter, user_id = store.make(RateLimit(requests_per_minute=1, burst_requests=3)), uuid4()
        grants(limiter, user_id, 3)
        store.let_pass(user_id, 86_400)
        assert grants(limiter, user_id, 4) == [True] * 3 + [False]

    def test_callers_have_limits_of_their_own(self, store: Store) -> None:
        limiter = store.make(RateLimit(requests_per_minute=1, burst_requests=1))
        one, other = uuid4(), uuid4()
        assert grants(limiter, one, 2) == [True, False]
        assert grants(limiter, other, 2) == [True, False]

    def test_limiters_of_two_processes_share_the_count(self, store: Store) -> None:
        limit, user_id = RateLimit(requests_per_minute=1, burst_requests=4), uuid4()
        first, second = store.make(limit), store.make(limit)
        assert [*grants(first, user_id, 3), *grants(second, user_id, 2)] == [True] * 4 + [False]

    def test_requests_at_once_are_granted_exactly(self, store: Store) -> None:
        limiter, user_id = store.make(RateLimit(requests_per_minute=1, burst_requests=20)), uuid4()
        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(lambda _: limiter.consume(user_id).is_allowed, range(100))) == 20

    def test_clock_that_was_set_back_locks_out_for_a_minute_at_most(self, store: Store) -> None:
        limiter, user_id = store.make(RateLimit(requests_per_minute=60, burst_requests=3)), uuid4()
        grants(limiter, user_id, 1)
        store.let_pass(user_id, -86_400)
        assert 59 <= limiter.consume(user_id).seconds_until_next <= 61
        store.let_pass(user_id, 61)
        assert grants(limiter, user_id, 1) == [True]

    @pytest.mark.parametrize("requests_per_minute", [7, 11, 999_983])
    def test_limit_is_exact_where_a_minute_does_not_divide(self, store: Store, requests_per_minute: int) -> None:
        limit, user_id = RateLimit(requests_per_minute=requests_per_minute, burst_requests=2), uuid4()
        limiter = store.make(limit)
        until_full = [limiter.consume(user_id).until_full for _ in range(2)]
        # The second is told less by the time that passed between the two, and by nothing else.
        assert limit.interval - timedelta(seconds=2) <= until_full[1] - until_full[0] <= limit.interval


@pytest.mark.usefixtures("migrated")
class TestCacheThatIsAway:
    def limiter(self, endpoint: str, fallback: RateLimiter) -> CacheRateLimiter:
        limit = RateLimit(requests_per_minute=1, burst_requests=1)
        return CacheRateLimiter(cache=Cache(endpoint), limit=limit, fallback=fallback, log=get_logger("rate-limits"))

    def test_fallback_counts_and_the_cache_is_left_alone_for_a_while(
        self, valkey_endpoint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fallback, user_id = Fallback(), uuid4()
        limiter = self.limiter("127.0.0.1:9", fallback)
        assert limiter.consume(user_id).is_allowed
        limiter.cache = Cache(valkey_endpoint)
        limiter.consume(user_id)
        assert fallback.asked == [user_id, user_id]
        later = time.monotonic() + PAUSE_SECONDS
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert limiter.consume(user_id).is_allowed
        assert fallback.asked == [user_id, user_id]
        assert not limiter.consume(user_id).is_allowed

    def test_failing_fallback_is_an_unavailable_service(self) -> None:
        class Away:
            def consume(self, user_id: UUID) -> RateLimitStatus:
                raise UnavailableError(f"nobody counts {user_id}")

        with pytest.raises(UnavailableError):
            self.limiter("127.0.0.1:9", Away()).consume(uuid4())


class TestApplication:
    def test_it_counts_in_the_cache_where_the_settings_name_one(self, api: Api, valkey_endpoint: str) -> None:
        changes = {"cache_endpoint": valkey_endpoint, "caller_requests_per_minute": 60, "caller_burst_requests": 2}
        limiter = create_app(load_settings(ApiSettings).model_copy(update=changes)).state.access.limiter
        assert isinstance(limiter, CacheRateLimiter)
        assert grants(limiter, uuid4(), 3) == [True, True, False]

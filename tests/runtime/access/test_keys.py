"""The pool's keys: fetched rarely, kept while their endpoint is away."""

import pytest

from runtime.access.keys import KEYS_LIFETIME_SECONDS, REFETCH_PAUSE_SECONDS, KeyFetchRequiredError, SigningKeys
from runtime.errors import UnavailableError
from tests.runtime.features.user_pool import KEY_ID, Pool, key_set
from tests.tables import Proved


class Clock:
    """A clock that stands until it is told to move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(pool: Pool, clock: Clock) -> SigningKeys:
    return SigningKeys(pool.url, clock=clock)


class TestFind:
    @pytest.mark.requirement("ROAD-102")
    def test_known_key_is_fetched_once(self, keys: SigningKeys, pool: Pool) -> None:
        for _ in range(100):
            assert keys.find(KEY_ID)
        assert pool.fetches == 1

    def test_who_may_not_wait_is_told_and_fetches_nothing(self, keys: SigningKeys, pool: Pool, clock: Clock) -> None:
        with pytest.raises(KeyFetchRequiredError):
            keys.find(KEY_ID, allow_fetch=False)
        assert (keys.find(KEY_ID), pool.fetches) == (keys.find(KEY_ID, allow_fetch=False), 1)
        with pytest.raises(KeyFetchRequiredError):
            keys.find("made up", allow_fetch=False)
        clock.now += KEYS_LIFETIME_SECONDS
        with pytest.raises(KeyFetchRequiredError):
            keys.find(KEY_ID, allow_fetch=False)
        assert pool.fetches == 1

    @pytest.mark.table("token keys")
    def test_made_up_ids_fetch_at_most_once_a_minute(
        self, keys: SigningKeys, pool: Pool, clock: Clock, proved: Proved
    ) -> None:
        for number in range(1000):
            clock.now += 0.01
            assert keys.find(f"made up {number}") is None
        assert pool.fetches == 1
        clock.now += REFETCH_PAUSE_SECONDS
        assert keys.find("made up") is None
        assert pool.fetches == 2
        proved(1001)

    @pytest.mark.table("token keys")
    def test_new_key_is_found_within_a_minute(
        self, keys: SigningKeys, pool: Pool, clock: Clock, proved: Proved
    ) -> None:
        assert keys.find(KEY_ID)
        pool.keys["keys"] += key_set(key_id="rotated", name="rotated")["keys"]
        assert keys.find("rotated") is None
        clock.now += REFETCH_PAUSE_SECONDS
        assert keys.find("rotated")
        assert keys.find(KEY_ID)
        proved(2)

    @pytest.mark.table("token keys")
    def test_withdrawn_key_ends_with_its_lifetime(
        self, keys: SigningKeys, pool: Pool, clock: Clock, proved: Proved
    ) -> None:
        assert keys.find(KEY_ID)
        pool.keys = key_set(key_id="rotated", name="rotated")
        clock.now += KEYS_LIFETIME_SECONDS - 1
        assert keys.find(KEY_ID)
        clock.now += 1
        assert keys.find(KEY_ID) is None
        proved(2)

    @pytest.mark.table("token keys")
    @pytest.mark.parametrize("answer", ["away", "empty", "nonsense"])
    def test_keys_keep_serving_while_the_endpoint_is_away(
        self, keys: SigningKeys, pool: Pool, clock: Clock, answer: str, proved: Proved
    ) -> None:
        assert keys.find(KEY_ID)
        pool.is_unavailable, pool.keys = answer == "away", {"keys": []} if answer == "empty" else {"nonsense": 1}
        for _ in range(10):
            clock.now += KEYS_LIFETIME_SECONDS
            assert keys.find(KEY_ID)
        assert pool.fetches == 11
        proved(10)

    def test_cold_and_away_is_unavailable_and_not_unauthorized(
        self, keys: SigningKeys, pool: Pool, clock: Clock
    ) -> None:
        pool.is_unavailable = True
        for _ in range(50):
            with pytest.raises(UnavailableError):
                keys.find(KEY_ID)
        assert pool.fetches == 1
        pool.is_unavailable = False
        clock.now += 1
        assert keys.find(KEY_ID)

    def test_keys_for_other_uses_are_not_taken(self, keys: SigningKeys, pool: Pool) -> None:
        (signing,) = pool.keys["keys"]
        pool.keys = {"keys": [signing, signing | {"kid": "encryption", "use": "enc"}, {"kid": "odd", "kty": "odd"}]}
        assert keys.find("encryption") is None
        assert keys.find("odd") is None
        assert keys.find(KEY_ID)

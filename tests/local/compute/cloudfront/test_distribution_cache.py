"""The cache of a distribution: keys, TTLs and eviction."""

import time
from email.utils import formatdate

import pytest

from local.compute.cloudfront.distribution_cache import MAX_BODY_BYTES, MAX_BYTES, Entry, ResponseCache, compute_ttl
from local.compute.cloudfront.distribution_definition import CachePolicy


class TestCachePolicy:
    @pytest.mark.parametrize(
        ("behavior", "query"),
        [("none", ""), ("all", "a=1&b=2"), ("whitelist", "a=1"), ("allExcept", "b=2")],
    )
    def test_cache_key_has_only_configured_parameters_and_headers(self, behavior: str, query: str) -> None:
        policy = CachePolicy.read(
            {
                "parametersInCacheKeyAndForwardedToOrigin": {
                    "queryStringsConfig": {"queryStringBehavior": behavior, "queryStrings": {"items": ["a"]}},
                    "headersConfig": {"headerBehavior": "whitelist", "headers": {"items": ["Accept"]}},
                }
            }
        )
        assert policy.key("/x", "a=1&b=2", {"accept": "image/webp"}.get) == ("/x", query, "image/webp")

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, 500),
            ({"cache-control": "max-age=60"}, 60),
            ({"cache-control": "max-age=60, s-maxage=90"}, 90),
            ({"cache-control": 'public, max-age="70"'}, 70),
            ({"cache-control": "max-age=5"}, 10),
            ({"cache-control": "max-age=5000"}, 1000),
            ({"cache-control": "no-store, max-age=60"}, 10),
            ({"cache-control": "private"}, 10),
            ({"cache-control": "immutable"}, 500),
            ({"expires": "never"}, 10),
        ],
    )
    def test_ttl_follows_cache_control_within_the_policys_limits(self, headers: dict[str, str], seconds: int) -> None:
        policy = CachePolicy(min_ttl=10, default_ttl=500, max_ttl=1000)
        assert compute_ttl(headers, policy, time.time()) == seconds

    def test_ttl_follows_the_expires_header(self) -> None:
        now = 1_800_000_000
        policy = CachePolicy(min_ttl=10, default_ttl=500, max_ttl=1000)
        assert compute_ttl({"expires": formatdate(now + 120, usegmt=True)}, policy, now) == 120


class TestCache:
    def entry(self, size: int = 1, seconds: float = 1000) -> Entry:
        return Entry(headers={}, body=b"x" * size, stored_at=time.monotonic(), ttl=seconds, invalidations=0)

    def test_entry_is_cached_until_it_is_removed(self) -> None:
        cache, entry = ResponseCache(), self.entry()
        cache.put(("a",), entry)
        assert cache.get(("a",)) is entry
        cache.remove(("a",))
        assert cache.get(("a",)) is None

    def test_expired_entry_and_entry_without_ttl_are_not_returned(self) -> None:
        cache = ResponseCache()
        cache.put(("old",), Entry(headers={}, body=b"", stored_at=time.monotonic() - 11, ttl=10, invalidations=0))
        cache.put(("none",), self.entry(seconds=0))
        assert (cache.get(("old",)), cache.get(("none",))) == (None, None)

    def test_oldest_entries_are_evicted_over_the_size_limit(self) -> None:
        cache, most = ResponseCache(), MAX_BYTES // MAX_BODY_BYTES
        for number in range(most + 1):
            cache.put((str(number),), self.entry(MAX_BODY_BYTES))
        for name, entry in (
            ("larger", self.entry(MAX_BODY_BYTES + 1)),
            ("gone", self.entry(MAX_BODY_BYTES, seconds=0)),
        ):
            cache.put((name,), entry)
        cached = [number for number in range(most + 1) if cache.get((str(number),))]
        assert cached == list(range(1, most + 1))
        assert cache.get(("larger",)) is None

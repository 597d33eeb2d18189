"""The rate limit of a caller: a token bucket, stored as the time at which it will be full (GCRA)."""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

_MINUTE_MICROSECONDS = 60_000_000
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """A token bucket: at most `burst_requests` at once, and `requests_per_minute` sustained."""

    requests_per_minute: int
    burst_requests: int

    @property
    def interval(self) -> timedelta:
        """Time in which one token is added."""
        # Whole microseconds, the resolution of Postgres, so that sums are exact in both places.
        return timedelta(microseconds=-(-_MINUTE_MICROSECONDS // self.requests_per_minute))

    @property
    def refill_time(self) -> timedelta:
        """Time in which an empty bucket becomes full."""
        return self.interval * self.burst_requests


@dataclass(frozen=True, kw_only=True)
class RateLimitStatus:
    """The decision on one request, and the state of the bucket after it."""

    limit: RateLimit
    is_allowed: bool
    until_full: timedelta

    @property
    def remaining(self) -> int:
        """Number of requests that would be allowed now."""
        return max(0, (self.limit.refill_time - self.until_full) // self.limit.interval)

    @property
    def seconds_until_next(self) -> int:
        """Seconds until one more request than `remaining` is allowed, rounded up."""
        limit = self.limit
        return math.ceil((self.until_full + limit.interval * (self.remaining + 1) - limit.refill_time) / _SECOND)

    @property
    def headers(self) -> dict[str, str]:
        """Response headers of draft-ietf-httpapi-ratelimit-headers-10: `r` requests remain, one is added in `t` seconds."""
        return {
            "RateLimit-Policy": f'"caller";q={self.limit.burst_requests};w={math.ceil(self.limit.refill_time / _SECOND)}',
            "RateLimit": f'"caller";r={self.remaining};t={self.seconds_until_next}',
        }


class RateLimiter(Protocol):
    """A counter of requests by user."""

    def consume(self, user_id: UUID) -> RateLimitStatus:
        """Count one request of this user.

        Raises:
            UnavailableError: The counter does not respond.
        """

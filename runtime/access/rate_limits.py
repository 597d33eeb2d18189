"""How much one caller may ask: so many requests at once, and so many a minute in the long run."""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

_MINUTE_MICROSECONDS = 60_000_000
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """A bucket of `burst_requests` that refills at `requests_per_minute`: in any time T a caller is let through at most
    `burst_requests` and T's share of `requests_per_minute` times."""

    requests_per_minute: int
    burst_requests: int

    @property
    def interval(self) -> timedelta:
        """In which one request comes back."""
        # Whole microseconds, as the database counts: sums of them are exact there and here.
        return timedelta(microseconds=-(-_MINUTE_MICROSECONDS // self.requests_per_minute))

    @property
    def refill_time(self) -> timedelta:
        """In which an empty bucket becomes full."""
        return self.interval * self.burst_requests


@dataclass(frozen=True, kw_only=True)
class RateLimitStatus:
    """What one request was granted, and what is left after it."""

    limit: RateLimit
    is_allowed: bool
    until_full: timedelta

    @property
    def remaining(self) -> int:
        """How many more would be granted now."""
        return max(0, (self.limit.refill_time - self.until_full) // self.limit.interval)

    @property
    def seconds_until_next(self) -> int:
        """After which one more than `remaining` would be granted, rounded up."""
        limit = self.limit
        return math.ceil((self.until_full + limit.interval * (self.remaining + 1) - limit.refill_time) / _SECOND)

    @property
    def headers(self) -> dict[str, str]:
        """The header fields of draft-ietf-httpapi-ratelimit-headers-10: `r` requests may follow now, one more in `t` seconds."""
        return {
            "RateLimit-Policy": f'"caller";q={self.limit.burst_requests};w={math.ceil(self.limit.refill_time / _SECOND)}',
            "RateLimit": f'"caller";r={self.remaining};t={self.seconds_until_next}',
        }


class RateLimiter(Protocol):
    """Who keeps count."""

    def consume(self, user_id: UUID) -> RateLimitStatus:
        """Counts one request of this caller. Raises UnavailableError when it cannot."""

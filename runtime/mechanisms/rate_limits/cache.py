"""A rate limiter in the cache, shared by all processes that use it: no rows are written, and none have to be purged.

The algorithm is the one of `repository.py`, with the cache's clock: one number is a whole token bucket, the time at which it will
be full, in microseconds since 1970.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from aws_lambda_powertools import Logger

from runtime.access.rate_limits import RateLimit, RateLimiter, RateLimitStatus
from runtime.adapters.cache import Cache
from runtime.errors import UnavailableError

RATE_LIMIT_CACHE_UNAVAILABLE = "rate_limit_cache_unavailable"

# How long the fallback counts after the cache has failed, before the cache is tried again.
PAUSE_SECONDS = 5.0
_MICROSECOND = timedelta(microseconds=1)
_MINUTE_MICROSECONDS = 60_000_000

# After the clock is set back, stored times may be far in the future and lock callers out, so they are limited to a minute beyond
# the maximum. The key expires when the bucket is full, which is the state of a caller without a key.
_CONSUME = f"""
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, refill_time = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local is_allowed = full_at + interval <= now + refill_time
if is_allowed then
    full_at = full_at + interval
else
    full_at = math.min(full_at, now + refill_time + {_MINUTE_MICROSECONDS})
end
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {{is_allowed and 1 or 0, string.format('%.0f', full_at - now)}}
"""


@dataclass(kw_only=True)
class CacheRateLimiter:
    """A rate limiter with the same limit for every user, with a fallback for when the cache does not respond."""

    cache: Cache
    limit: RateLimit
    fallback: RateLimiter
    log: Logger
    _paused_until: float = field(default=0.0, init=False)

    def consume(self, user_id: UUID) -> RateLimitStatus:
        """Count one request of this user.

        Raises:
            UnavailableError: Neither the cache nor the fallback responds.
        """
        if time.monotonic() >= self._paused_until:
            try:
                return self._consume(user_id)
            except UnavailableError as error:
                self._paused_until = time.monotonic() + PAUSE_SECONDS
                self.log.warning(RATE_LIMIT_CACHE_UNAVAILABLE, extra={"reason": error.message})
        return self.fallback.consume(user_id)

    def _consume(self, user_id: UUID) -> RateLimitStatus:
        interval, refill_time = self.limit.interval // _MICROSECOND, self.limit.refill_time // _MICROSECOND
        is_allowed, until_full = self.cache.run_script(_CONSUME, [f"rate-limit:{user_id}"], [interval, refill_time])
        return RateLimitStatus(
            limit=self.limit, is_allowed=bool(is_allowed), until_full=timedelta(microseconds=int(until_full))
        )

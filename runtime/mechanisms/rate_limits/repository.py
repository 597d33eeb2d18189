"""SQL of the rate_limits table: one row per recently active user. Only the database's clock is used."""

from uuid import UUID

from runtime.access.rate_limits import RateLimit, RateLimitStatus
from runtime.persistence.transactions import Connection

# One timestamp is a whole token bucket: the time at which it will be full. A request is allowed, and postpones that time by one
# interval, if the result is at most one refill time from now. A rejected request changes nothing, so that further requests do not
# extend the wait.
#
# After the clock is set back, stored times may be far in the future and lock callers out, so they are limited to a minute beyond
# the maximum. Not to the maximum itself, because `now()` is the start of the statement, which may have waited for the row since.
_CONSUME = """
INSERT INTO rate_limits AS kept (user_id, full_at)
VALUES (%(user_id)s, now() + %(interval)s)
ON CONFLICT (user_id) DO UPDATE SET full_at = CASE
    WHEN kept.full_at + %(interval)s <= now() + %(refill_time)s THEN greatest(kept.full_at, now()) + %(interval)s
    ELSE least(kept.full_at, now() + %(refill_time)s + interval '1 minute')
END
RETURNING coalesce(old.full_at + %(interval)s <= now() + %(refill_time)s, true) AS is_allowed,
          new.full_at - now() AS until_full
"""

# MATERIALIZED, because a subquery in the condition may be evaluated once per row, and so exceed the limit.
_DELETE_IDLE = """
WITH idle AS MATERIALIZED (
    SELECT user_id FROM rate_limits WHERE full_at <= now() LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
DELETE FROM rate_limits USING idle WHERE rate_limits.user_id = idle.user_id
"""


def consume(connection: Connection, user_id: UUID, limit: RateLimit) -> RateLimitStatus:
    """Count one request, if the limit allows it.

    Use a connection in autocommit mode: the row stays locked until the commit, which blocks other requests of the user.
    """
    values = {"user_id": user_id, "interval": limit.interval, "refill_time": limit.refill_time}
    row = connection.execute(_CONSUME, values).fetchone()
    assert row is not None, "RETURNING returns the row"  # noqa: S101
    return RateLimitStatus(limit=limit, **row)


def delete_idle(connection: Connection, *, limit: int) -> int:
    """Delete rows whose bucket is full, and return their number."""
    return connection.execute(_DELETE_IDLE, {"limit": limit}).rowcount

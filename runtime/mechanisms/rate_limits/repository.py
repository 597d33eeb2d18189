"""The rate_limits table: a row per caller who asked of late, read and written by the database's clock alone."""

from uuid import UUID

from runtime.access.rate_limits import RateLimit, RateLimitStatus
from runtime.persistence.transactions import Connection

# A whole bucket in one timestamp: when it will be full again. A request moves that on by one interval, and may not move it
# beyond a whole refill_time from now. What is refused moves nothing, so that whoever keeps asking does not wait for longer.
#
# A clock that was set back would leave times far ahead and callers locked out: those are brought to a minute beyond what
# can be. Not to exactly that, because `now()` is when the statement began, and it may have waited for the row since.
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

# Found first and once: a subquery in the condition may be run for row after row, beyond the limit.
_DELETE_IDLE = """
WITH idle AS MATERIALIZED (
    SELECT user_id FROM rate_limits WHERE full_at <= now() LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
DELETE FROM rate_limits USING idle WHERE rate_limits.user_id = idle.user_id
"""


def consume(connection: Connection, user_id: UUID, limit: RateLimit) -> RateLimitStatus:
    """Grants one request, or refuses it. The connection should be one that commits each statement: the row is locked until
    the commit, and so is every other request of this caller."""
    values = {"user_id": user_id, "interval": limit.interval, "refill_time": limit.refill_time}
    row = connection.execute(_CONSUME, values).fetchone()
    assert row is not None, "RETURNING answers the row"  # noqa: S101
    return RateLimitStatus(limit=limit, **row)


def delete_idle(connection: Connection, *, limit: int) -> int:
    """Forgets callers who have everything back. The number of rows."""
    return connection.execute(_DELETE_IDLE, {"limit": limit}).rowcount

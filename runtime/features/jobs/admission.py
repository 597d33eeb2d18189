"""Admission control (C-31): new jobs are rejected while too many are unfinished, and can be requested again later.

The check holds a lock until the transaction ends, so that two concurrent requests cannot both take the last place. Jobs that
arrive through the queue itself (a redrive, a message without a job) are counted but never rejected.
"""

from runtime.errors import RateLimitError
from runtime.features.jobs import queue_repository
from runtime.persistence.transactions import Connection

# Roughly the time a worker takes for a few jobs.
RETRY_AFTER_SECONDS = 30


def require_capacity(connection: Connection, count: int, *, limit: int) -> None:
    """Check that `count` more jobs fit into the queue; create them in the same transaction.

    Call it last: it blocks everyone else who creates jobs until the transaction ends.

    Raises:
        RateLimitError: More than `limit` jobs would be unfinished.
    """
    if queue_repository.lock_and_count_unfinished(connection, at_most=limit) + count > limit:
        raise RateLimitError(
            f"At most {limit} jobs may be unfinished at once; try again later", retry_after_seconds=RETRY_AFTER_SECONDS
        )

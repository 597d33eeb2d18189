"""Admission control (C-31): new work is refused while too much waits, and asked for again later. What was admitted is never lost.

Whoever asks holds a lock until the transaction ends, so that two who ask at once cannot both have the last place. Jobs that
come in by the queue itself (a redrive, a message that has no job yet) are past this gate: they are counted, not refused.
"""

from runtime.errors import RateLimitError
from runtime.features.jobs import intake
from runtime.persistence.transactions import Connection

# About as long as a worker takes for a few jobs.
RETRY_AFTER_SECONDS = 30


def admit(connection: Connection, count: int, *, limit: int) -> None:
    """Returns when `count` more jobs fit; they have to be made in this transaction. RateLimitError otherwise.

    Take it last: it keeps everyone else who makes jobs waiting until the transaction ends.
    """
    if intake.lock_and_count_unfinished(connection, at_most=limit) + count > limit:
        raise RateLimitError(
            f"No more than {limit} jobs may wait at once; try again later", retry_after_seconds=RETRY_AFTER_SECONDS
        )

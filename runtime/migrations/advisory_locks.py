"""Waiting for another migrator's advisory lock, by polling.

`pg_advisory_lock` would wait inside a statement, which holds a snapshot. CREATE INDEX CONCURRENTLY waits for all older snapshots,
so a migrator that builds an index and one that waits for the lock would deadlock.
"""

import time
from collections.abc import Callable

POLL_SECONDS = 0.1


class MigratorBusyError(Exception):
    """Another migrator holds the lock."""


def wait_for_lock(try_lock: Callable[[], object], seconds: float) -> None:
    """Poll `try_lock` until it returns a true value.

    Raises:
        MigratorBusyError: It does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not try_lock():
        if time.monotonic() > deadline:
            raise MigratorBusyError(f"another migrator has held the lock for {seconds:g} s")
        time.sleep(POLL_SECONDS)

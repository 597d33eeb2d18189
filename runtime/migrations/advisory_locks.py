"""Waiting for another migrator by asking again and again.

`pg_advisory_lock` would wait inside a statement, which has a snapshot, and whoever builds an index concurrently waits for every
older snapshot: the one that works and the one that waits for it would wait for each other.
"""

import time
from collections.abc import Callable

POLL_SECONDS = 0.1


class MigratorBusyError(Exception):
    """Another migrator was at work all the time."""


def wait_for_lock(try_lock: Callable[[], object], seconds: float) -> None:
    """Returns once `try_lock` says yes. MigratorBusyError when it still says no after so many seconds."""
    deadline = time.monotonic() + seconds
    while not try_lock():
        if time.monotonic() > deadline:
            raise MigratorBusyError(f"another migrator was at work for {seconds:g} s")
        time.sleep(POLL_SECONDS)

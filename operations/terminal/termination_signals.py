"""Ctrl-C, `kill` and a closed terminal mean the same: stop what you are doing, leave nothing half-done."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled(on_signal: Callable[[], None]) -> Iterator[None]:
    """Calls `on_signal` (on the main thread, between two instructions) for each of the signals while the block runs."""

    def handler(*_: object) -> None:
        on_signal()

    before = [(number, signal.signal(number, handler)) for number in SIGNALS]
    try:
        yield
    finally:
        for number, previous in before:
            signal.signal(number, previous)


def interrupt() -> None:
    """Raises KeyboardInterrupt, as Ctrl-C does by itself: an `on_signal` for work that can end anywhere."""
    raise KeyboardInterrupt


@contextmanager
def ignored() -> Iterator[None]:
    """Lets nothing disturb the block: for cleaning up, which is bounded by itself."""
    with handled(lambda: None):
        yield

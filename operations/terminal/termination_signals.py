"""Handling of SIGINT, SIGTERM and SIGHUP, which all mean the same: stop and clean up."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled(on_signal: Callable[[], None]) -> Iterator[None]:
    """Call `on_signal` on the main thread for each of these signals while the block runs."""

    def handler(*_: object) -> None:
        on_signal()

    before = [(number, signal.signal(number, handler)) for number in SIGNALS]
    try:
        yield
    finally:
        for number, previous in before:
            signal.signal(number, previous)


def raise_keyboard_interrupt() -> None:
    """Raise KeyboardInterrupt: an `on_signal` for work that may stop at any point."""
    raise KeyboardInterrupt


@contextmanager
def ignored() -> Iterator[None]:
    """Ignore these signals while the block runs: for cleanup that takes a bounded time."""
    with handled(lambda: None):
        yield

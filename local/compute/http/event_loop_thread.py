"""An event loop in a thread of its own, for servers that are configured from other threads."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopClosedError(Exception):
    """The loop is closed, or was closed before the coroutine finished."""


class EventLoopThread:
    """An event loop whose thread is started by the first call of `run`."""

    def __init__(self, name: str) -> None:
        self._name, self._lock, self._closed = name, threading.Lock(), False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop, from another thread, and return its result.

        Raises:
            LoopClosedError: The loop is closed, or was closed meanwhile.
        """
        with self._lock:
            if self._closed:
                coroutine.close()
                raise LoopClosedError
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
                self._thread.start()
            running = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return running.result()
        except concurrent.futures.CancelledError:
            raise LoopClosedError from None

    def close(self) -> None:
        """Cancel all tasks and end the loop. May be called more than once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._loop is not None and self._thread is not None:
            asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)

"""The body of a request to a load balancer."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from local.compute.http.asgi import Receive


class ClientDisconnectedError(Exception):
    """The client closed the connection before the end of the response."""


class RequestTimeoutError(Exception):
    """The client sent no more of its body within the idle timeout."""


class IncomingBody:
    """A request's body as a stream, and the client's disconnection after it."""

    def __init__(self, receive: Receive, headers: Iterable[tuple[bytes, bytes]], idle_seconds: float) -> None:
        self._receive, self._idle_seconds, self._complete = receive, idle_seconds, asyncio.Event()
        given = dict(headers)
        self.exists = b"transfer-encoding" in given or given.get(b"content-length", b"0") != b"0"
        if not self.exists:
            self._complete.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            ClientDisconnectedError: The client disconnected.
            RequestTimeoutError: Nothing arrived within the idle timeout.
        """
        while not self._complete.is_set():
            try:
                async with asyncio.timeout(self._idle_seconds):
                    message = await self._receive()
            except TimeoutError:
                raise RequestTimeoutError from None
            if message["type"] == "http.disconnect":
                raise ClientDisconnectedError
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                self._complete.set()

    async def wait_for_disconnect(self) -> None:
        """Wait until the client disconnects, once its body is complete."""
        await self._complete.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

"""An ASGI application behind a port on loopback, in a thread of this process."""

import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from local import ports
from local.errors import ProcessFailedError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SHUTDOWN_SECONDS = 2
START_SECONDS = 10


class LoopbackServer:
    """Has its port from the beginning, and answers once it is started. Raises PortTakenError; port 0 is any free one."""

    def __init__(self, name: str, *, port: int) -> None:
        self._name = name
        self._listening = ports.bind(port)
        self._running: tuple[uvicorn.Server, threading.Thread] | None = None
        self.port: int = self._listening.getsockname()[1]

    def start(self, application: Application) -> None:
        """Serves the application, which is told of its start and its end. Raises ProcessFailedError."""
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                # A client on this machine is no trusted proxy.
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        thread = threading.Thread(target=server.run, args=([self._listening],), name=self._name, daemon=True)
        thread.start()
        self._running = server, thread
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise ProcessFailedError(f"the listener of {self._name} on port {self.port} did not start")
            time.sleep(0.005)

    def close(self) -> None:
        """Stops answering: requests at work get a moment to end, the port is free afterwards. May be called again."""
        if self._running is not None:
            server, thread = self._running
            server.should_exit = True
            thread.join()
            self._running = None
        self._listening.close()

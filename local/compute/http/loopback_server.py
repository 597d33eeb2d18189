"""An ASGI application served on a loopback port, in a thread of this process."""

import threading
import time
from typing import Literal

import uvicorn

from local import ports
from local.compute.http.asgi import Application
from local.errors import ProcessFailedError

# The host names under which a client may address a listener on this machine.
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
SHUTDOWN_SECONDS = 2
START_SECONDS = 10


class LoopbackServer:
    """A server that binds its port on construction and serves once it is started; port 0 is any free one.

    Raises:
        PortTakenError: Another program listens on the port.
    """

    def __init__(self, name: str, *, port: int, lifespan: Literal["on", "off"] = "on") -> None:
        self._name, self._lifespan = name, lifespan
        self._socket = ports.bind(port)
        self._running: tuple[uvicorn.Server, threading.Thread] | None = None
        self.port: int = self._socket.getsockname()[1]

    @property
    def is_started(self) -> bool:
        """Whether it was started and not closed since."""
        return self._running is not None

    def start(self, application: Application) -> None:
        """Serve the application.

        Raises:
            ProcessFailedError: The server did not start in time.
        """
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                lifespan=self._lifespan,
                log_config=None,
                access_log=False,
                server_header=False,
                # A client on this machine is not a trusted proxy: its forwarding headers are for the application to judge.
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        thread = threading.Thread(target=server.run, args=([self._socket],), name=self._name, daemon=True)
        thread.start()
        self._running = server, thread
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise ProcessFailedError(f"{self._name}: the listener on port {self.port} did not start")
            time.sleep(0.005)

    def shut_down(self) -> None:
        """Begin to shut down without waiting, so that several servers can shut down at the same time."""
        if self._running is not None:
            self._running[0].should_exit = True

    def close(self) -> None:
        """Stop serving, after a short time for requests in progress, and free the port. May be called more than once."""
        self.shut_down()
        if self._running is not None:
            self._running[1].join()
            self._running = None
        self._socket.close()

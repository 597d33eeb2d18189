"""Something that listens on this machine while a block of a test runs."""

import http.server
import threading
from typing import Any, Self


class QuietHandler(http.server.BaseHTTPRequestHandler):
    """Writes no line for each request."""

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class Listener(http.server.ThreadingHTTPServer):
    """Has a free port of loopback from the beginning, and handles requests while its block runs."""

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def authority(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.server_port}"

    @property
    def address(self) -> str:
        return f"http://{self.authority}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.shutdown()
        self._thread.join()
        super().__exit__(*error)

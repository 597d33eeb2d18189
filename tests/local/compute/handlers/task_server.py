"""The program of the tests' containers: `python -m task_server` serves on HOST and PORT, controlled by files in NOTES."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any


class TaskServer(ThreadingHTTPServer):
    """A server that is unhealthy while the file `unwell` is in `notes`; slow responses wait for the file `go`."""

    daemon_threads = True

    def __init__(self, host: str, port: int, notes: Path) -> None:
        super().__init__((host, port), Handler)
        self.notes = notes
        self.health_status = 200
        self.health_checks = self._in_progress = 0
        self._lock = threading.Lock()

    def server_bind(self) -> None:
        # HTTPServer's method looks up the host's name, which can take long.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @contextmanager
    def track_request(self) -> Iterator[None]:
        with self._lock:
            self._in_progress += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_progress -= 1

    @property
    def is_idle(self) -> bool:
        with self._lock:
            return self._in_progress == 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""

    def wait_for(self, name: str) -> None:
        while not (self.notes / name).exists():
            time.sleep(0.01)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: TaskServer

    def do_GET(self) -> None:
        with self.server.track_request():
            name = self.path.split("?")[0].strip("/").replace("-", "_").split("/")[0]
            getattr(self, f"on_{name}", self.on_anything)()

    do_POST = do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def respond(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for header, value in {"Content-Length": str(len(body)), "Set-Cookie": "a=1", **headers}.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def on_health(self) -> None:
        self.server.health_checks += 1
        self.respond(503 if (self.server.notes / "unwell").exists() else self.server.health_status, b"health")

    def on_anything(self) -> None:
        about = {
            "port": self.server.server_port,
            "pid": os.getpid(),
            "target": self.path,
            "headers": self.headers.items(),
            "environment": dict(os.environ),
            "path": sys.path,
            "folder": str(Path.cwd()),
        }
        self.respond(200, json.dumps(about).encode(), Content_Type="application/json")

    def on_echo(self) -> None:
        self.respond(201, self.rfile.read(int(self.headers["Content-Length"])))

    def on_pieces(self) -> None:
        """Read a chunked body and write each chunk to a file as it arrives."""
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size).decode())
            self.rfile.readline()
            (self.server.notes / f"piece-{len(pieces)}").write_text(pieces[-1])
        self.rfile.readline()
        self.respond(200, "+".join(pieces).encode())

    def on_slow(self) -> None:
        (self.server.notes / f"started-{self.server.server_port}").touch()
        self.server.wait_for("go")
        self.respond(200, b"done")

    def on_stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"3\r\none\r\n")
        self.server.wait_for("go")
        self.wfile.write(b"3\r\ntwo\r\n0\r\n\r\n")

    def on_status(self) -> None:
        self.respond(int(self.path.split("?")[0].rpartition("/")[2]), b"a body that may not follow")

    def on_hang_up(self) -> None:
        self.close_connection = True

    def on_break_off(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"ten bytes!")
        self.close_connection = True

    def on_child(self) -> None:
        """Start a child process and respond with its id."""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        self.respond(200, str(child.pid).encode())


def main() -> None:
    notes = Path(os.environ["NOTES"])
    if (notes / "fail-once").exists() or (notes / "fail-always").exists():
        (notes / "fail-once").unlink(missing_ok=True)
        print("no database")
        sys.exit(3)
    server = TaskServer(os.environ["HOST"], int(os.environ["PORT"]), notes)

    def drain(*_: Any) -> None:
        print("SIGTERM received")
        if not os.environ.get("STUBBORN"):
            threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, drain)
    print("serving")
    server.serve_forever(poll_interval=0.05)
    while not server.is_idle:
        time.sleep(0.01)
    print("drained")


if __name__ == "__main__":
    main()

"""What a container of the tests runs: `python -m task_server` serves on HOST and PORT, told by files in the folder NOTES."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer


class TaskServer(ThreadingHTTPServer):
    """Unwell while the file `unwell` is in `notes`; slow answers wait for the file `go`."""

    daemon_threads = True

    def __init__(self, host, port, notes):
        super().__init__((host, port), Handler)
        self.notes = notes
        self.health_status = 200
        self.health_checks = self.at_work = 0

    def server_bind(self):
        # The library's own looks up the host's name, which can take long.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address

    def handle_error(self, request, client_address):
        """A client that goes away is no error of the server's."""

    def wait_for(self, name):
        while not (self.notes / name).exists():
            time.sleep(0.01)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.server.at_work += 1
        try:
            name = self.path.split("?")[0].strip("/").replace("-", "_").split("/")[0]
            getattr(self, f"on_{name}", self.on_anything)()
        finally:
            self.server.at_work -= 1

    do_POST = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *args):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for header, value in {"Content-Length": str(len(body)), "Set-Cookie": "a=1", **headers}.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def on_health(self):
        self.server.health_checks += 1
        self.answer(503 if (self.server.notes / "unwell").exists() else self.server.health_status, b"health")

    def on_anything(self):
        about = {
            "port": self.server.server_port,
            "pid": os.getpid(),
            "target": self.path,
            "headers": self.headers.items(),
            "environment": dict(os.environ),
            "path": sys.path,
            "folder": str(Path.cwd()),
        }
        self.answer(200, json.dumps(about).encode(), Content_Type="application/json")

    def on_echo(self):
        self.answer(201, self.rfile.read(int(self.headers["Content-Length"])))

    def on_pieces(self):
        """Takes a chunked body and notes each piece as it comes."""
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size).decode())
            self.rfile.readline()
            (self.server.notes / f"piece-{len(pieces)}").write_text(pieces[-1])
        self.rfile.readline()
        self.answer(200, "+".join(pieces).encode())

    def on_slow(self):
        (self.server.notes / f"started-{self.server.server_port}").touch()
        self.server.wait_for("go")
        self.answer(200, b"done")

    def on_stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"3\r\none\r\n")
        self.server.wait_for("go")
        self.wfile.write(b"3\r\ntwo\r\n0\r\n\r\n")

    def on_status(self):
        self.answer(int(self.path.split("?")[0].rpartition("/")[2]), b"a body that may not follow")

    def on_hang_up(self):
        self.close_connection = True

    def on_break_off(self):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"ten bytes!")
        self.close_connection = True

    def on_child(self):
        """Starts a process that nobody asked for, and says its id."""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        self.answer(200, str(child.pid).encode())


def main():
    notes = Path(os.environ["NOTES"])
    if (notes / "fail-once").exists() or (notes / "fail-always").exists():
        (notes / "fail-once").unlink(missing_ok=True)
        print("no database at all")
        sys.exit(3)
    server = TaskServer(os.environ["HOST"], int(os.environ["PORT"]), notes)

    def drain(*_):
        print("asked to stop")
        if not os.environ.get("STUBBORN"):
            threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, drain)
    print("serving")
    server.serve_forever(poll_interval=0.05)
    while server.at_work:
        time.sleep(0.01)
    print("drained")


if __name__ == "__main__":
    main()

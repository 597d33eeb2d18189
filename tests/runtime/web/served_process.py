"""The API as a process of its own, behind its own server."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx


def free_address() -> str:
    """Where nobody listens yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def serving(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The API at this address, with this process's environment, once it answers."""
    arguments = [sys.executable, "-m", "runtime", "--port", url.rpartition(":")[2]]
    with subprocess.Popen(arguments, cwd=Path(__file__).parents[3], stdout=subprocess.DEVNULL) as server:
        try:
            while True:
                try:
                    httpx.get(f"{url}/health")
                    break
                except httpx.ConnectError:
                    assert server.poll() is None
            yield server
        finally:
            server.kill()

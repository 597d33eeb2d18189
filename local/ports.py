"""Ports on loopback."""

import socket
import time
from collections.abc import Callable

from local.errors import PortTakenError, ProcessFailedError
from local.supervisor import ManagedProcess

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int) -> None:
    """Raises PortTakenError when something listens on the port already (0, any free port, is never taken)."""
    with socket.socket() as probe:
        # Without it, connections of an earlier listener in TIME_WAIT would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortTakenError(
                f"port {port}: another program listens there",
                next_step="choose another with --port N, or any free one with --port 0",
            ) from error


def answers(port: int) -> bool:
    """Whether something accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(ready: Callable[[], bool], process: ManagedProcess, *, seconds: float) -> None:
    """Waits until `ready`; raises ProcessFailedError, with the end of its log, when the process ends or the time is up."""
    deadline = time.monotonic() + seconds
    while not ready():
        ended = process.poll()
        if ended is not None or time.monotonic() > deadline:
            why = f"ended with status {ended}" if ended is not None else f"did not answer within {seconds:.0f} s"
            raise ProcessFailedError(f"{process.name} {why}; its log ends with:\n{process.log_tail()}")
        time.sleep(0.02)

"""TCP ports on the loopback interface."""

import random
import socket
import time
from collections.abc import Callable

from local.errors import PortTakenError, ProcessFailedError
from local.supervisor import ManagedProcess

LOOPBACK = "127.0.0.1"


# Below the ephemeral port ranges (Linux from 32768, others from 49152), so that no outgoing connection takes a port between
# its choice and the start of the program that listens on it. Lower ports are left to well-known servers.
PORT_RANGE = range(20_000, 32_000)


def free_port() -> int:
    """Return a random port on which nothing listens and which this function has not returned before.

    Raises:
        PortTakenError: No port of the range is free.
    """
    for port in random.SystemRandom().sample(PORT_RANGE, k=len(PORT_RANGE)):
        if port not in _returned and _can_bind(port):
            _returned.add(port)
            return port
    raise PortTakenError(
        f"no port from {PORT_RANGE.start} to {PORT_RANGE.stop - 1} is free", next_step="end programs that listen"
    )


def preferred_port(port: int) -> int:
    """Return this port if it is free, so that it stays the same between starts; any free port otherwise, and for 0."""
    return port if port and _can_bind(port) else free_port()


_returned: set[int] = set()


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        # Without it, a port would count as taken while connections of an earlier listener are in TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def require_free(port: int) -> None:
    """Check that nothing listens on the port. Port 0 means any free port and always passes.

    Raises:
        PortTakenError: Another program listens on the port.
    """
    if not _can_bind(port):
        raise _port_taken_error(port)


def bind(port: int) -> socket.socket:
    """Return a socket bound to the port (0: any free one), which reserves it until the socket listens.

    Raises:
        PortTakenError: Another program listens on the port.
    """
    bound = socket.socket()
    # Without it, a port would stay taken while connections of an earlier listener are in TIME_WAIT.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, port))
    except OSError as error:
        bound.close()
        raise _port_taken_error(port) from error
    return bound


def _port_taken_error(port: int) -> PortTakenError:
    return PortTakenError(
        f"port {port}: another program listens there",
        next_step="choose another with --port N, or any free one with --port 0",
    )


def is_listening(port: int) -> bool:
    """Return whether something accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(is_ready: Callable[[], bool], process: ManagedProcess, *, seconds: float) -> None:
    """Wait until the process is ready.

    Raises:
        ProcessFailedError: The process exits, or is not ready within `seconds`. The message has the end of its log.
    """
    deadline = time.monotonic() + seconds
    while not is_ready():
        status = process.poll()
        if status is not None or time.monotonic() > deadline:
            problem = f"exited with status {status}" if status is not None else f"was not ready within {seconds:.0f} s"
            raise ProcessFailedError(f"{process.name} {problem}; its log ends with:\n{process.log_tail()}")
        time.sleep(0.02)

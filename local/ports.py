"""Ports on loopback."""

import random
import socket
import time
from collections.abc import Callable

from local.errors import PortTakenError, ProcessFailedError
from local.supervisor import ManagedProcess

LOOPBACK = "127.0.0.1"


# Below the ranges from which systems give ports to outgoing connections (Linux from 32768, others from 49152): a port that is
# free now stays free until the program that it is meant for has started. The first thousands are left to well-known servers.
CHOICES = range(20_000, 32_000)


def free_port() -> int:
    """A port that nothing listens on, and that this process has not been given before."""
    for port in random.SystemRandom().sample(CHOICES, k=len(CHOICES)):
        if port not in _given and _can_bind(port):
            _given.add(port)
            return port
    raise PortTakenError(
        f"no port from {CHOICES.start} to {CHOICES.stop - 1} is free", next_step="end programs that listen"
    )


def preferred_port(port: int) -> int:
    """This port, so that people find the same one again; any free one where it is taken, or for 0."""
    return port if port and _can_bind(port) else free_port()


_given: set[int] = set()


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        # Without it, connections of an earlier listener in TIME_WAIT would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def require_free(port: int) -> None:
    """Raises PortTakenError when something listens on the port already (0, any free port, is never taken)."""
    if not _can_bind(port):
        raise _taken(port)


def bind(port: int) -> socket.socket:
    """A socket that has the port (0: any free one), so that nobody else can take it before somebody listens.

    Raises PortTakenError.
    """
    listening = socket.socket()
    # Without it, connections of an earlier listener in TIME_WAIT would keep the port taken.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except OSError as error:
        listening.close()
        raise _taken(port) from error
    return listening


def _taken(port: int) -> PortTakenError:
    return PortTakenError(
        f"port {port}: another program listens there",
        next_step="choose another with --port N, or any free one with --port 0",
    )


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

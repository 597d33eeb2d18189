"""Free ports, and ports chosen by the user."""

import socket

import pytest

from local import ports
from local.errors import PortTakenError


def test_free_port_is_never_returned_twice() -> None:
    given = [ports.free_port() for _ in range(50)]
    assert len(set(given)) == len(given)
    assert all(port in ports.PORT_RANGE for port in given)


def test_port_in_use_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken, socket.socket() as probe:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        probe.bind((ports.LOOPBACK, 0))
        free = probe.getsockname()[1]
        probe.close()
        monkeypatch.setattr(ports, "PORT_RANGE", range(free, free + 1))
        assert ports.free_port() == free
        monkeypatch.setattr(ports, "PORT_RANGE", range(taken.getsockname()[1], taken.getsockname()[1] + 1))
        with pytest.raises(PortTakenError, match="is free"):
            ports.free_port()


def test_port_in_use_is_reported_with_next_step() -> None:
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port}: another program listens there") as refused:
            ports.require_free(port)
    assert "--port 0" in refused.value.next_step


def test_port_zero_is_always_free() -> None:
    ports.require_free(0)

"""Ports that we choose ourselves, and ports that a person chose."""

import socket

import pytest

from local import ports
from local.errors import PortTakenError


def test_no_port_is_given_twice() -> None:
    given = [ports.free_port() for _ in range(50)]
    assert len(set(given)) == len(given)
    assert all(port in ports.PORT_RANGE for port in given)


def test_port_with_a_listener_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_taken_port_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port}: another program listens there") as refused:
            ports.require_free(port)
    assert "--port 0" in refused.value.next_step


def test_any_free_port_is_never_taken() -> None:
    ports.require_free(0)

"""Replication groups are served by Valkey."""

from pathlib import Path

import pytest
import valkey

from local.compute.elasticache.caches import Caches
from local.errors import RegistrationError
from local.supervisor import Supervisor
from tests.local.compute.elasticache.valkey_server import registration


class TestStart:
    def test_started_server_stores_values(self, valkey_endpoint: str) -> None:
        host, _, port = valkey_endpoint.partition(":")
        with valkey.Valkey(host=host, port=int(port)) as client:
            assert client.set("key", "value")
            assert client.get("key") == b"value"

    def test_each_cache_is_a_process(self, tmp_path: Path) -> None:
        supervisor = Supervisor(tmp_path)
        try:
            caches = Caches(supervisor)
            ports = [caches.start(registration(engine="valkey"))["port"] for _ in range(2)]
            assert len(set(ports)) == 2
            assert caches.process_names == ("valkey", "valkey-cache")
            assert [process.name for process in supervisor.processes()] == ["valkey", "valkey-cache"]
        finally:
            supervisor.stop_all()

    def test_other_engine_raises_registration_error(self, supervisor: Supervisor) -> None:
        with pytest.raises(RegistrationError, match="engine: redis is not supported on this machine, only valkey"):
            Caches(supervisor).start(registration(engine="redis"))

"""A replication group becomes a real Valkey server."""

from pathlib import Path

import pytest
import valkey

from local.compute.elasticache.caches import Caches
from local.errors import RegistrationError
from local.supervisor import Supervisor
from tests.local.compute.elasticache.valkey_server import registration


class TestStart:
    def test_server_keeps_what_is_written(self, valkey_endpoint: str) -> None:
        host, _, port = valkey_endpoint.partition(":")
        with valkey.Valkey(host=host, port=int(port)) as client:
            assert client.set("key", "value")
            assert client.get("key") == b"value"

    def test_each_cache_is_a_process_that_the_platform_needs(self, tmp_path: Path) -> None:
        supervisor = Supervisor(tmp_path)
        try:
            caches = Caches(supervisor)
            ports = [caches.start(registration(engine="valkey"))["port"] for _ in range(2)]
            assert len(set(ports)) == 2
            assert caches.process_names == ("valkey", "valkey-cache")
            assert [process.name for process in supervisor.processes()] == ["valkey", "valkey-cache"]
        finally:
            supervisor.stop_all()

    def test_another_engine_is_rejected(self, supervisor: Supervisor) -> None:
        with pytest.raises(RegistrationError, match="engine redis: only valkey runs on this machine"):
            Caches(supervisor).start(registration(engine="redis"))

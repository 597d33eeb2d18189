"""One OpenSearch node on loopback, without TLS and users."""

import os
import random
import secrets
from pathlib import Path

import httpx

from local import ports
from local.compute.opensearch.installation import OpenSearchProgram
from local.errors import PortTakenError, ProcessFailedError
from local.supervisor import ManagedProcess, Supervisor

START_SECONDS = 180
# Platforms that start at the same time may choose the same port; the slower one tries another.
MAX_PORT_ATTEMPTS = 5
HEAP = "512m"
MAIN_CLASS = "org.codelibs.opensearch.runner.OpenSearchRunner"
# The runner listens on the port after the given one, and does not start if that is greater than 9299.
PORT_RANGE = range(9201, 9300)

SETTINGS = """\
network.host: 127.0.0.1
# So that it does not join the nodes of other platforms on neighbouring ports.
discovery.type: single-node
transport.port: 0
# By default, writes are blocked when the disk is 90% full.
cluster.routing.allocation.disk.threshold_enabled: false
"""
LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""

_used_ports: set[int] = set()


class _PortLostError(Exception):
    """Another server listens on this server's port."""


def free_port() -> int:
    """Return a free port of the runner's range that was not returned before.

    Raises:
        PortTakenError: No port of the range is free.
    """
    for port in random.SystemRandom().sample(PORT_RANGE, k=len(PORT_RANGE)):
        if port not in _used_ports and not ports.is_listening(port):
            _used_ports.add(port)
            return port
    raise PortTakenError(
        f"no port from {PORT_RANGE.start} to {PORT_RANGE.stop - 1} is free",
        next_step="stop programs that listen on these ports",
    )


class OpenSearchServer:
    """A node and its data directory. Existing data is kept."""

    def __init__(self, supervisor: Supervisor, directory: Path, program: OpenSearchProgram, *, name: str) -> None:
        self.name, self.port = name, free_port()
        self._supervisor, self._directory, self._program = supervisor, directory, program
        # The name identifies this server: another one may take the port while this one starts.
        self._cluster = f"{name}-{secrets.token_hex(4)}"
        self._process: ManagedProcess | None = None

    @property
    def endpoint(self) -> str:
        """`host:port`, which may change until the server is ready."""
        return f"{ports.LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start the process, without waiting until it is ready.

        Raises:
            ProcessFailedError: The process cannot be started.
        """
        configuration, temporary = self._directory / "configuration", self._directory / "temporary"
        for folder in (configuration, temporary):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (configuration / "opensearch.yml").write_text(SETTINGS)
        (configuration / "log4j2.properties").write_text(LOGGING)
        self._process = self._supervisor.start(
            self.name,
            [
                str(self._program.java),
                # Half the start time and two thirds of the memory of Java's defaults, which pay off only after minutes of load.
                f"-Xms{HEAP}", f"-Xmx{HEAP}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Djava.locale.providers=SPI,CLDR", f"-Djava.io.tmpdir={temporary}",
                "--enable-native-access=ALL-UNNAMED", MAIN_CLASS,
                "-basePath", str(self._directory), "-confPath", str(configuration), "-numOfNode", "1",
                "-clusterName", self._cluster, "-baseHttpPort", str(self.port - 1),
            ],
            cwd=self._directory,
            # Not the whole environment, because the user's Java options must not apply.
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "CLASSPATH": os.pathsep.join(str(jar) for jar in self._program.jars),
            },
        )  # fmt: skip

    def wait_until_ready(self) -> None:
        """Wait until the node accepts searches and writes.

        Raises:
            ProcessFailedError: The node did not become ready; the message contains the end of its log.
        """
        if self._process is None:
            raise ProcessFailedError(f"{self.name} was not started")
        for attempt in range(1, MAX_PORT_ATTEMPTS + 1):
            try:
                ports.wait_until(self._is_ready, self._process, seconds=START_SECONDS)
                break
            except _PortLostError:
                if attempt == MAX_PORT_ATTEMPTS:
                    why = f"another server took port {self.port} while it was starting, and {attempt - 1} others before"
                    raise ProcessFailedError(f"{self.name}: {why}") from None
                self._supervisor.stop(self.name)
                self.port = free_port()
                self.start()
        # It is restarted on the same port with the same data, and clients reconnect by themselves.
        self._supervisor.keep_alive(self._process)

    def _is_ready(self) -> bool:
        try:
            health = httpx.get(
                f"http://{self.endpoint}/_cluster/health",
                params={"wait_for_status": "yellow", "timeout": "1s"},
                timeout=5,
                trust_env=False,
            )
        except httpx.TransportError:
            return False
        if health.status_code != httpx.codes.OK:
            return False
        if health.json()["cluster_name"] != self._cluster:
            raise _PortLostError
        return True

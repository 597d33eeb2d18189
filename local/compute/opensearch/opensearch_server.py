"""One OpenSearch node on loopback: no TLS, no users, for this machine alone."""

import os
import random
import secrets
from pathlib import Path

import httpx

from local import ports
from local.compute.opensearch.opensearch_installation import OpenSearchProgram
from local.errors import PortTakenError, ProcessFailedError
from local.supervisor import ManagedProcess, Supervisor

START_SECONDS = 180
# Platforms that start at once may choose the same port of the few: whoever comes second chooses again.
PORTS_TRIED = 5
HEAP = "512m"
MAIN_CLASS = "org.codelibs.opensearch.runner.OpenSearchRunner"
# The runner listens one above the port that it is told, and refuses to start where that would be above its 9299.
CHOICES = range(9201, 9300)

SETTINGS = """\
network.host: 127.0.0.1
# Nodes of other platforms listen next to it; alone, it joins none of them.
discovery.type: single-node
transport.port: 0
# A disk that is nine tenths full is no reason to refuse writes here.
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

_given: set[int] = set()


class _PortLostError(Exception):
    """Another server answers where this one should."""


def free_port() -> int:
    """A port of the runner's range that nothing listens on, and that this process has not been given before."""
    for port in random.SystemRandom().sample(CHOICES, k=len(CHOICES)):
        if port not in _given and not ports.is_listening(port):
            _given.add(port)
            return port
    raise PortTakenError(
        f"no port from {CHOICES.start} to {CHOICES.stop - 1} is free", next_step="end programs that listen"
    )


class OpenSearchServer:
    """A node and its data. Starting it on an existing directory keeps what is in it."""

    def __init__(self, supervisor: Supervisor, directory: Path, program: OpenSearchProgram, *, name: str) -> None:
        self.name, self.port = name, free_port()
        self._supervisor, self._directory, self._program = supervisor, directory, program
        # By its name it is told from another server that took the port while this one was starting.
        self._cluster = f"{name}-{secrets.token_hex(4)}"
        self._process: ManagedProcess | None = None

    @property
    def endpoint(self) -> str:
        """`host:port`, which is settled once it is ready."""
        return f"{ports.LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Starts the process and returns; `wait_until_ready` says what became of it. Raises ProcessFailedError."""
        configuration, temporary = self._directory / "configuration", self._directory / "temporary"
        for folder in (configuration, temporary):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (configuration / "opensearch.yml").write_text(SETTINGS)
        (configuration / "log4j2.properties").write_text(LOGGING)
        self._process = self._supervisor.start(
            self.name,
            [
                str(self._program.java),
                # Half the time and a third less memory than Java's defaults, which pay off only after minutes of load.
                f"-Xms{HEAP}", f"-Xmx{HEAP}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Djava.locale.providers=SPI,CLDR", f"-Djava.io.tmpdir={temporary}",
                "--enable-native-access=ALL-UNNAMED", MAIN_CLASS,
                "-basePath", str(self._directory), "-confPath", str(configuration), "-numOfNode", "1",
                "-clusterName", self._cluster, "-baseHttpPort", str(self.port - 1),
            ],
            cwd=self._directory,
            # Nothing of the user's own Java options may reach it.
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "CLASSPATH": os.pathsep.join(str(jar) for jar in self._program.jars),
            },
        )  # fmt: skip

    def wait_until_ready(self) -> None:
        """Returns once it can be searched and written to. Raises ProcessFailedError, with the end of its log."""
        if self._process is None:
            raise ProcessFailedError(f"{self.name} was not started")
        for tried in range(1, PORTS_TRIED + 1):
            try:
                ports.wait_until(self._is_ready, self._process, seconds=START_SECONDS)
                break
            except _PortLostError:
                if tried == PORTS_TRIED:
                    why = f"another server took port {self.port} while it was starting, and {tried - 1} others before"
                    raise ProcessFailedError(f"{self.name}: {why}") from None
                self._supervisor.stop(self.name)
                self.port = free_port()
                self.start()
        # On the same port with the same files: what was written is there, and clients connect again by themselves.
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

"""Amazon OpenSearch Service on this machine: a real OpenSearch node for each domain, if it can be installed."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import progress
from local.compute.opensearch.installation import (
    ENGINE_VERSION,
    OpenSearchInstallation,
    OpenSearchMissingError,
    OpenSearchProgram,
)
from local.compute.opensearch.server import OpenSearchServer
from local.errors import UnsupportedLocallyError
from local.provider.protocol import Registration
from local.supervisor import Supervisor

STEP = "search engine"
# The outputs of a domain without a server: an empty endpoint tells the application that there is no search engine.
WITHOUT_SERVER = {"endpoint": ""}


class SearchDomains:
    """The domains of one platform. The first is the process `opensearch`, each further one `opensearch-<domain>`."""

    def __init__(
        self,
        supervisor: Supervisor,
        directory: Path,
        *,
        listener: progress.Listener,
        installation: OpenSearchInstallation | None = None,
    ) -> None:
        self._supervisor, self._directory, self._listener = supervisor, directory, listener
        self._installation = installation or OpenSearchInstallation()
        self._servers: list[OpenSearchServer] = []
        self._lock = threading.Lock()

    @property
    def process_names(self) -> tuple[str, ...]:
        """The names of the servers' processes."""
        return tuple(server.name for server in self._servers)

    def start(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:opensearch/domain:Domain; return its endpoint, `host:port`, once its server is ready.

        Raises:
            UnsupportedLocallyError: OpenSearch cannot be installed (no network, no Java), or the engine version is another.
            LocalPlatformError: The server did not start.
        """
        version = registration.inputs.get("engineVersion")
        if version != ENGINE_VERSION:
            raise UnsupportedLocallyError(
                f"engineVersion: {version} is not supported on this machine, only {ENGINE_VERSION}",
                outputs=WITHOUT_SERVER,
            )
        domain = str(registration.outputs.get("domainName") or registration.name)
        with self._lock:
            try:
                program = self._provide()
            except OpenSearchMissingError as missing:
                raise UnsupportedLocallyError(
                    missing.message, outputs=WITHOUT_SERVER, next_step=missing.next_step
                ) from missing
            name = f"opensearch-{domain}" if self._servers else "opensearch"
            server = OpenSearchServer(self._supervisor, self._directory / domain, program, name=name)
            server.start()
            self._servers.append(server)
        # Without the lock, so that other resources can be applied meanwhile.
        server.wait_until_ready()
        return {"endpoint": server.endpoint}

    def _provide(self) -> OpenSearchProgram:
        with progress.step(STEP, self._listener) as step:
            try:
                program = self._installation.provide(lambda detail: step.report("progressed", detail))
                step.detail = f"{ENGINE_VERSION}, {program.java}"
                return program
            except OpenSearchMissingError as error:
                # This does not fail the start: the platform runs without a search engine.
                step.detail, missing = f"not on this machine: {error.message}", error
        raise missing

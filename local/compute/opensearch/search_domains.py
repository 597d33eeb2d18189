"""What an OpenSearch domain describes: a real OpenSearch on loopback, or the reason why this machine has none."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import progress
from local.compute.opensearch.opensearch_installation import (
    ENGINE_VERSION,
    OpenSearchInstallation,
    OpenSearchMissingError,
    OpenSearchProgram,
)
from local.compute.opensearch.opensearch_server import OpenSearchServer
from local.errors import UnsupportedLocallyError
from local.provider.protocol import Registration
from local.supervisor import Supervisor

STEP = "search engine"
# What the outputs say where nothing runs; whoever is configured with it knows that there is no such engine.
NOWHERE = {"endpoint": ""}


class SearchDomains:
    """The servers of one platform. The first is the process `opensearch`, each further one `opensearch-<domain>`."""

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
        return tuple(server.name for server in self._servers)

    def start(self, registration: Registration) -> Mapping[str, Any]:
        """Starts the domain's server and answers its endpoint, `host:port`, once it can be searched.

        Raises UnsupportedLocallyError, with an empty endpoint, where OpenSearch is not to be had: no network for the first
        installation, no Java, another engine. Raises LocalPlatformError when the server does not come up.
        """
        version = registration.inputs.get("engineVersion")
        if version != ENGINE_VERSION:
            raise UnsupportedLocallyError(
                f"engine {version}: only {ENGINE_VERSION} runs on this machine", outputs=NOWHERE
            )
        domain = str(registration.outputs.get("domainName") or registration.name)
        with self._lock:
            try:
                program = self._provide()
            except OpenSearchMissingError as missing:
                raise UnsupportedLocallyError(
                    missing.message, outputs=NOWHERE, next_step=missing.next_step
                ) from missing
            name = f"opensearch-{domain}" if self._servers else "opensearch"
            server = OpenSearchServer(self._supervisor, self._directory / domain, program, name=name)
            server.start()
            self._servers.append(server)
        # The other resources are made meanwhile; only what uses the endpoint comes after it, as on AWS.
        server.wait_until_ready()
        return {"endpoint": server.endpoint}

    def _provide(self) -> OpenSearchProgram:
        with progress.step(STEP, self._listener) as step:
            try:
                program = self._installation.provide(lambda detail: step.report("progressed", detail))
                step.detail = f"{ENGINE_VERSION}, {program.java}"
                return program
            except OpenSearchMissingError as error:
                # Not a failure of the start: the platform goes on without.
                step.detail, missing = f"not on this machine: {error.message}", error
        raise missing

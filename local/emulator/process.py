"""The AWS emulator: a moto server in a process of its own."""

import os
import sys
from pathlib import Path

from local import ports
from local.supervisor import Supervisor

START_SECONDS = 60


class Emulator:
    """The emulated AWS control plane; its state is in memory and lost when the process ends."""

    name = "emulator"

    def start(self, supervisor: Supervisor, port: int = 0) -> str:
        """Start the process, wait until it listens and return its URL. Port 0 is any free port.

        Raises:
            PortTakenError: Another program listens on the port.
            ProcessFailedError: The process exits, or does not listen in time.
        """
        port = port or ports.free_port()
        ports.require_free(port)
        process = supervisor.start(
            self.name,
            [sys.executable, "-m", "local.emulator.server", "-H", ports.LOOPBACK, "-p", str(port)],
            cwd=Path(__file__).parents[2],
            # The user's AWS configuration must not reach it; a PATH is all it needs.
            environment={"PATH": os.environ.get("PATH", os.defpath), "AWS_EC2_METADATA_DISABLED": "true"},
        )
        ports.wait_until(lambda: ports.is_listening(port), process, seconds=START_SECONDS)
        return f"http://{ports.LOOPBACK}:{port}"

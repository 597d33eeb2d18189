"""The AWS emulator: a moto server in a process of its own."""

import os
import sys
from pathlib import Path

from local import ports
from local.supervisor import Supervisor

START_SECONDS = 60


class Emulator:
    """Keeps AWS's control plane in memory: what it knows is gone when it ends."""

    name = "emulator"

    def start(self, supervisor: Supervisor, port: int = 0) -> str:
        """Starts it and returns its address once it answers. Raises PortTakenError or ProcessFailedError."""
        port = port or ports.free_port()
        ports.require_free(port)
        process = supervisor.start(
            self.name,
            [sys.executable, "-m", "local.emulator.server", "-H", ports.LOOPBACK, "-p", str(port)],
            cwd=Path(__file__).parents[2],
            # Nothing of the user's own AWS may reach it, and it needs nothing but a PATH and a place for bytecode.
            environment={"PATH": os.environ.get("PATH", os.defpath), "AWS_EC2_METADATA_DISABLED": "true"},
        )
        ports.wait_until(lambda: ports.answers(port), process, seconds=START_SECONDS)
        return f"http://{ports.LOOPBACK}:{port}"

"""Starts the object gate as a process of its own."""

import os
import sys

from local import ports
from local.supervisor import Supervisor

START_SECONDS = 60
ACCESS_KEY_VARIABLE = "OBJECT_GATE_ACCESS_KEY_ID"
SECRET_VARIABLE = "OBJECT_GATE_SECRET_ACCESS_KEY"  # noqa: S105  # the name of a variable
REGION_VARIABLE = "OBJECT_GATE_REGION"


class ObjectGate:
    """The S3 endpoint of a local platform: refuses what S3 refuses, and passes everything else to the emulator."""

    name = "object-gate"

    def start(
        self,
        supervisor: Supervisor,
        *,
        upstream: str,
        access_key_id: str,
        secret_access_key: str,
        region: str,
        port: int = 0,
    ) -> str:
        """Starts it in front of the emulator at `upstream` and returns its address once it answers.

        Port 0 takes any free one. Raises PortTakenError or ProcessFailedError.
        """
        port = port or ports.free_port()
        ports.require_free(port)
        process = supervisor.start(
            self.name,
            [
                *(sys.executable, "-m", "local.compute.s3_gate"),
                *("--port", str(port), "--upstream", upstream),
                *("--state-directory", str(supervisor.state_directory)),
            ],
            # Nothing of the user's own AWS may reach it; the secret is in the environment because arguments can be read by all.
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "AWS_EC2_METADATA_DISABLED": "true",
                ACCESS_KEY_VARIABLE: access_key_id,
                SECRET_VARIABLE: secret_access_key,
                REGION_VARIABLE: region,
            },
        )
        ports.wait_until(lambda: ports.is_listening(port), process, seconds=START_SECONDS)
        supervisor.keep_alive(process)
        return f"http://{ports.LOOPBACK}:{port}"

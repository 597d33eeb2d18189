"""The process of the object gate."""

import os
import sys

from local import ports
from local.supervisor import Supervisor

START_SECONDS = 60
ACCESS_KEY_VARIABLE = "OBJECT_GATE_ACCESS_KEY_ID"
SECRET_VARIABLE = "OBJECT_GATE_SECRET_ACCESS_KEY"  # noqa: S105  # the name of a variable
REGION_VARIABLE = "OBJECT_GATE_REGION"


class ObjectGate:
    """The S3 endpoint of a local platform: rejects what S3 rejects, and forwards other requests to the emulator."""

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
        """Start the gate and return its URL once it listens.

        Args:
            supervisor: Starts the process.
            upstream: The URL of the emulator.
            access_key_id: The access key that clients sign with.
            secret_access_key: The secret of that key.
            region: The region that clients sign for.
            port: The port to listen on; 0 for any free one.

        Raises:
            PortTakenError: Another program listens on the port.
            ProcessFailedError: The gate did not start.
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
            # Not the whole environment, because the user's AWS configuration must not apply. The secret is not an argument, because
            # other users can read arguments.
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

"""`python -m local.compute.s3_gate`: the gate as a process. Credentials come from the environment, never as arguments."""

import argparse
import logging
import os
from pathlib import Path

import uvicorn

from local.compute.s3_gate.application import ObjectGateApplication
from local.compute.s3_gate.starter import ACCESS_KEY_VARIABLE, REGION_VARIABLE, SECRET_VARIABLE
from local.ports import LOOPBACK

# Longer than clients keep idle connections, so that the gate is not the one to close a connection that is about to be used.
KEEP_ALIVE_SECONDS = 120
# Within the grace time of the supervisor: an upload that takes longer is cut off.
SHUTDOWN_SECONDS = 2


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="object_gate", description="Refuses what S3 refuses, in front of a moto server."
    )
    parser.add_argument("--port", type=int, required=True, help="listens there, on loopback only")
    parser.add_argument("--upstream", required=True, metavar="URL", help="address of the moto server")
    parser.add_argument("--state-directory", type=Path, required=True, metavar="DIR", help="holds uploads on their way")
    arguments = parser.parse_args()
    settings = {}
    for name in (ACCESS_KEY_VARIABLE, SECRET_VARIABLE, REGION_VARIABLE):
        if not os.environ.get(name):
            parser.error(f"{name} is not set in the environment")
        settings[name] = os.environ[name]
    spool: Path = arguments.state_directory / "object_gate"
    spool.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("local.compute.s3_gate").setLevel(logging.INFO)
    application = ObjectGateApplication(
        upstream=arguments.upstream,
        access_key_id=settings[ACCESS_KEY_VARIABLE],
        secret_access_key=settings[SECRET_VARIABLE],
        region=settings[REGION_VARIABLE],
        spool=spool,
    )
    uvicorn.run(
        application,
        host=LOOPBACK,
        port=arguments.port,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


if __name__ == "__main__":
    main()

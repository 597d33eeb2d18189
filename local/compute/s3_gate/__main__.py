"""The object gate as a process: `python -m local.compute.s3_gate`. Credentials are read from the environment."""

import argparse
import logging
import os
from pathlib import Path

import uvicorn

from local.compute.s3_gate.application import ObjectGateApplication
from local.compute.s3_gate.process import ACCESS_KEY_VARIABLE, REGION_VARIABLE, SECRET_VARIABLE
from local.ports import LOOPBACK

# Longer than the idle timeout of clients, so that the gate does not close a connection that a client is about to use.
KEEP_ALIVE_SECONDS = 120
# Less than the grace time of the supervisor; uploads that take longer are cut off.
SHUTDOWN_SECONDS = 2


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="object_gate", description="An S3 endpoint that enforces the checks of S3 in front of a moto server."
    )
    parser.add_argument("--port", type=int, required=True, help="the port to listen on, on loopback only")
    parser.add_argument("--upstream", required=True, metavar="URL", help="the URL of the moto server")
    parser.add_argument(
        "--state-directory", type=Path, required=True, metavar="DIR", help="the folder for spooled uploads"
    )
    arguments = parser.parse_args()
    settings = {}
    for name in (ACCESS_KEY_VARIABLE, SECRET_VARIABLE, REGION_VARIABLE):
        if not os.environ.get(name):
            parser.error(f"the environment variable {name} must be set")
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

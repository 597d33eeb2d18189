"""The API as a server of its own: `python -m runtime --host 0.0.0.0 --port 3000`."""

import argparse

import uvicorn

from runtime.app import create_app

DRAIN_SECONDS = 20


def main() -> None:
    """Serves until SIGTERM, then finishes the requests that are under way."""
    parser = argparse.ArgumentParser(prog="python -m runtime", description="Serves the API.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine only)")
    parser.add_argument("--port", default=3000, type=int)
    chosen = parser.parse_args()
    uvicorn.run(
        create_app(),
        host=chosen.host,
        port=chosen.port,
        lifespan="off",
        # The application writes one event a request itself, without the query string that an access log would hold.
        access_log=False,
        log_config=None,
        server_header=False,
        # What a proxy says of the client is not believed: nothing here depends on it.
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


if __name__ == "__main__":
    main()

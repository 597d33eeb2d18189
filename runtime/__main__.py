"""The API as a server of its own: `HOST=0.0.0.0 PORT=3000 python -m runtime`."""

import argparse
import os

import uvicorn

from runtime.app import create_app

DRAIN_SECONDS = 20
# Longer than a load balancer keeps an idle connection (60 s), so that the server is not the one to close a connection that
# is about to be used: that request would be answered with 502.
KEEP_ALIVE_SECONDS = 75


def main() -> None:
    """Serves until SIGTERM, then finishes the requests that are under way.

    An image sets HOST, and whoever runs it PORT, so that its command holds neither. APP_PORT is another name for PORT.
    FORWARDED_ALLOW_IPS are the addresses, or networks, of the proxies in front: the client is the one that the nearest of them
    saw. Without it the client is whoever connects, whatever its headers say.
    """
    parser = argparse.ArgumentParser(prog="python -m runtime", description="Serves the API.")
    parser.add_argument(
        "--host",
        default=os.environ.get("HOST") or "127.0.0.1",
        help="the address to listen on (default: HOST, or this machine only)",
    )
    parser.add_argument(
        "--port",
        default=os.environ.get("PORT") or os.environ.get("APP_PORT") or "3000",
        type=int,
        help="(default: PORT, or APP_PORT, or 3000)",
    )
    chosen, proxies = parser.parse_args(), os.environ.get("FORWARDED_ALLOW_IPS", "")
    uvicorn.run(
        create_app(),
        host=chosen.host,
        port=chosen.port,
        lifespan="off",
        # The application writes one event a request itself, without the query string that an access log would hold.
        access_log=False,
        log_config=None,
        server_header=False,
        # uvicorn itself would believe every client on this machine, unasked.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


if __name__ == "__main__":
    main()

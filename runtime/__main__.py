"""The API as a standalone server: `HOST=0.0.0.0 PORT=3000 python -m runtime`."""

import argparse
import os

import uvicorn

from runtime.app import create_app

DRAIN_SECONDS = 20
# Longer than the idle timeout of a load balancer (60 s). A server that closes an idle connection first may do so while the load
# balancer sends a request over it, and the client gets a 502.
KEEP_ALIVE_SECONDS = 75


def main() -> None:
    """Serve until SIGTERM, then finish the requests in progress.

    HOST and PORT (or APP_PORT) are the defaults of the options; an image sets HOST, its operator PORT. FORWARDED_ALLOW_IPS lists
    the addresses or networks of trusted proxies, whose X-Forwarded-For determines the client's address; without it, that header
    is ignored.
    """
    parser = argparse.ArgumentParser(prog="python -m runtime", description="Serve the API.")
    parser.add_argument(
        "--host",
        default=os.environ.get("HOST") or "127.0.0.1",
        help="the address to listen on (default: HOST, or 127.0.0.1)",
    )
    parser.add_argument(
        "--port",
        default=os.environ.get("PORT") or os.environ.get("APP_PORT") or "3000",
        type=int,
        help="the port to listen on (default: PORT, or APP_PORT, or 3000)",
    )
    options, proxies = parser.parse_args(), os.environ.get("FORWARDED_ALLOW_IPS", "")
    uvicorn.run(
        create_app(),
        host=options.host,
        port=options.port,
        lifespan="off",
        # The application logs each request itself, without the query string that an access log would contain.
        access_log=False,
        log_config=None,
        server_header=False,
        # By default uvicorn trusts the forwarded headers of every client on this machine.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


if __name__ == "__main__":
    main()

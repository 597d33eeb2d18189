"""The API as a process that can be killed often: loaded once, and forked for every line on standard input.

It writes the id of each fork to standard error, for logs go to standard output. A fork serves the socket whose descriptor is
the one argument.
"""

import os
import signal
import socket
import sys

import uvicorn

from runtime.app import create_app


def serve(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(), log_config=None, access_log=False))
        server.run(sockets=[listener])


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system takes the dead away
    for _ in sys.stdin:
        if child := os.fork():
            os.write(2, f"{child}\n".encode())
        else:
            serve(int(sys.argv[1]))


if __name__ == "__main__":
    main()

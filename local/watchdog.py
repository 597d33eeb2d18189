"""Terminates the processes of a supervisor that was killed: `python -m local.watchdog REGISTRY`.

Its standard input is a pipe from the supervisor, which the operating system closes however the supervisor ends.
"""

import signal
import sys
from pathlib import Path

from local.process_registry import terminate_registered


def main() -> None:
    """Wait for the end of the supervisor, then terminate its processes."""
    # Ctrl-C in the terminal is for the supervisor; this process must outlive it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.buffer.read()
    terminate_registered(Path(sys.argv[1]))


if __name__ == "__main__":
    main()

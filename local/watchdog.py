"""Ends what a supervisor leaves behind when it is killed: `python -m local.watchdog REGISTRY`, its standard input held open by
the supervisor. The system closes that pipe however the supervisor ends, so nothing can keep the watchdog from knowing."""

import signal
import sys
from pathlib import Path

from local.process_registry import end_registered


def main() -> None:
    # A Ctrl-C at the terminal is the supervisor's affair; this process outlives it on purpose.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_registered(Path(sys.argv[1]))


if __name__ == "__main__":
    main()

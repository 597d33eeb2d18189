"""Exit codes of the `platform` command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """An exit code; it means the same for every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DEGRADED = 3
    STOPPED = 4
    BUSY = 5
    INTERNAL = 70
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """Return the description that `platform --help` prints."""
        return MEANINGS[self]


MEANINGS = {
    ExitCode.OK: "success; for `status`: the platform is running",
    ExitCode.FAILED: "failure; the message says why",
    ExitCode.USAGE: "invalid command line or invalid settings",
    ExitCode.DEGRADED: "the platform is starting, or one of its processes has ended",
    ExitCode.STOPPED: "the platform is not running",
    ExitCode.BUSY: "another `platform` command is starting or stopping this platform",
    ExitCode.INTERNAL: "internal error; the traceback is in the log that the message names",
    ExitCode.INTERRUPTED: "interrupted; nothing is left running",
}

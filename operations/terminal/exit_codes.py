"""What the `platform` command's exit status says."""

from enum import IntEnum


class ExitCode(IntEnum):
    """One meaning each, for every verb. The meanings are printed by `platform --help`."""

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
        return MEANINGS[self]


MEANINGS = {
    ExitCode.OK: "done; for `status`: the platform is running",
    ExitCode.FAILED: "it was tried and did not work; the message says why",
    ExitCode.USAGE: "the command line names something that does not exist, or settings are invalid",
    ExitCode.DEGRADED: "the platform is starting, or a part of it is dead",
    ExitCode.STOPPED: "the platform is not running",
    ExitCode.BUSY: "another `platform` command is starting or stopping this platform",
    ExitCode.INTERNAL: "a defect of this command; the traceback is in the named log",
    ExitCode.INTERRUPTED: "interrupted; nothing half-started is left",
}

"""How a verb says no."""

from operations.terminal.exit_codes import ExitCode


class RefusedError(Exception):
    """One clear sentence that names the field or thing, the command that helps, and the exit code."""

    def __init__(self, message: str, *, next_step: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message, self.next_step, self.code = message, next_step, code

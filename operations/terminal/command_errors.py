"""The error with which a command fails."""

from operations.terminal.exit_codes import ExitCode


class CommandError(Exception):
    """An expected failure: a message for people, the next step to take, and the exit code.

    Attributes:
        message: One sentence that names the wrong value.
        next_step: A command line or instruction that helps; empty if there is none.
        code: The exit code of the command.
    """

    def __init__(self, message: str, *, next_step: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message, self.next_step, self.code = message, next_step, code

"""An environment's settings, or a refusal that names every field that is wrong."""

from operations.project import checkout
from operations.terminal.command_errors import RefusedError
from operations.terminal.exit_codes import ExitCode
from stacks.environment import EnvironmentSettings
from stacks.environment import read as read_file
from stacks.sections import SettingsError


def read(environment: str) -> EnvironmentSettings:
    """The settings in the environment's stack file, checked as the program checks them. Starts nothing."""
    file = checkout.stack_file(environment)
    try:
        return read_file(file)
    except SettingsError as error:
        problems = "; ".join(error.problems)
        raise RefusedError(
            f"environment {environment!r}: {problems}", next_step=f"correct it in {file}", code=ExitCode.USAGE
        ) from error

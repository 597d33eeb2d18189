"""Settings of an environment, validated."""

from operations.project import checkout
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode
from stacks.environment import EnvironmentSettings, read
from stacks.sections import SettingsError


def load(environment: str) -> EnvironmentSettings:
    """Read and validate the environment's stack file.

    Raises:
        CommandError: Settings are missing, unknown or invalid; the message names each field.
    """
    file = checkout.stack_file(environment)
    try:
        return read(file)
    except SettingsError as error:
        problems = "; ".join(error.problems)
        raise CommandError(
            f"environment {environment!r}: {problems}", next_step=f"correct {file}", code=ExitCode.USAGE
        ) from error

"""`platform doctor`: looks at everything that a platform needs, and says what helps where something is missing."""

from operations.client import aws_isolation
from operations.client.remote_platform import RemotePlatform
from operations.doctor import checks, machine_checks, platform_checks
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode


def doctor(environment: str, screen: Screen, *, elsewhere: RemotePlatform | None, port: int) -> ExitCode:
    """Makes the checks of this machine and its platform, or only those of a platform elsewhere. Changes nothing.

    Fails when there is a problem; a warning is none.
    """
    if elsewhere:
        made = list(platform_checks.of_elsewhere(elsewhere))
    else:
        aws_isolation.isolate_aws_environment()
        made = [*machine_checks.all_of_them(), *platform_checks.of_local(environment, port)]
    screen.write_json(checks.as_data(made))
    checks.show(made, screen)
    return ExitCode.OK if checks.healthy(made) else ExitCode.FAILED

"""`platform doctor`: checks everything that a platform needs, and suggests fixes."""

from operations.client import aws_isolation
from operations.client.remote_platform import RemotePlatform
from operations.doctor import checks, machine_checks, platform_checks
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode


def diagnose(environment: str, screen: Screen, *, remote: RemotePlatform | None, port: int) -> ExitCode:
    """Check a remote platform, or this machine and its local platform. Changes nothing.

    Returns:
        FAILED if there is a problem; warnings are not problems.
    """
    if remote:
        results = list(platform_checks.check_remote_platform(remote))
    else:
        aws_isolation.isolate_aws_environment()
        results = [*machine_checks.check_machine(), *platform_checks.check_local_platform(environment, port)]
    screen.write_json(checks.as_data(results))
    checks.show(results, screen)
    return ExitCode.OK if checks.all_healthy(results) else ExitCode.FAILED

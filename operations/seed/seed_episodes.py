"""`platform seed --scale`: bulk episodes for load tests, created in the database by the migrate function."""

import time

from botocore.exceptions import BotoCoreError, ClientError

from components.naming import Naming
from local.account import FunctionFailedError
from operations.client import aws_isolation
from operations.client.remote_platform import RemotePlatform
from operations.project import checkout, stack_settings
from operations.seed.seed_catalogue import reject_production
from operations.state import platform_status
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode
from stacks.environment import PROJECT

# Small enough that an interruption loses little and progress is visible.
EPISODES_PER_INVOCATION = 20_000


def seed_episodes(environment: str, episodes: int, screen: Screen, *, remote: RemotePlatform | None = None) -> ExitCode:
    """Create episodes with clips, outfits and scripts on the local platform until it has this many of them.

    Raises:
        CommandError: The platform is remote, or the environment's setting `migrate.seeding` does not allow it.
    """
    if remote:
        raise CommandError(
            "--scale works only on local platforms, not with --base-url",
            next_step=f"{checkout.executable()} seed --scale {episodes}",
            code=ExitCode.USAGE,
        )
    reject_production(environment)
    settings = stack_settings.load(environment)
    if not settings.migrate.seeding:
        raise CommandError(
            f"environment {environment!r} does not allow --scale: migrate.seeding is false in its stack file",
            next_step=f"{checkout.executable()} seed --scale {episodes}",
            code=ExitCode.USAGE,
        )
    aws_isolation.isolate_aws_environment()
    state = platform_status.require_running(environment)
    platform_status.require_local(
        state, "--scale works only on local platforms", next_step=checkout.command_line("seed", environment)
    )
    account, function = state.account(), Naming(PROJECT, environment).physical("migrate")
    began, created = time.monotonic(), 0
    for target in [*range(EPISODES_PER_INVOCATION, episodes, EPISODES_PER_INVOCATION), episodes]:
        event = {"action": "seed", "episodes": target}
        try:
            created += account.invoke(function, event, timeout_seconds=settings.migrate.timeout_seconds)["made"]
        except (BotoCoreError, ClientError, FunctionFailedError) as error:
            raise CommandError(
                f"the migrate function failed after {created:,} episodes: {error}",
                next_step=checkout.command_line("logs migrate", environment),
            ) from error
        if screen.is_terminal:
            screen.note(f"{target:,} of {episodes:,}")
    seconds = round(time.monotonic() - began, 1)
    screen.write_json(
        {"ok": True, "environment": environment, "episodes": episodes, "made": created, "seconds": seconds}
    )
    screen.show(f"{episodes:,} episodes, {created:,} of them new, in {seconds:,} s")
    return ExitCode.OK

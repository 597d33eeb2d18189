"""`platform seed --scale`: episodes by the hundred thousand, to measure with. The migrate function makes them in the database."""

import time

from botocore.exceptions import BotoCoreError, ClientError

from components.naming import Naming
from local.account import FunctionFailedError
from operations.client import aws_isolation
from operations.client.remote_platform import RemotePlatform
from operations.project import checkout, stack_settings
from operations.seed.seed_catalogue import require_no_production
from operations.state import platform_status
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode
from stacks.environment import PROJECT

# So many more with each invocation: one that is interrupted has lost little, and people see it go on.
EPISODES_AT_ONCE = 20_000


def scale(environment: str, episodes: int, screen: Screen, *, elsewhere: RemotePlatform | None = None) -> ExitCode:
    """Brings the local platform to so many episodes of this kind, with clips, outfits and scripts. Those that are there stay.

    Refuses a platform elsewhere, and an environment whose setting `migrate.seeding` does not allow it.
    """
    if elsewhere:
        raise CommandError(
            "--scale is for local platforms, not for --base-url",
            next_step=f"{checkout.executable()} seed --scale {episodes}",
            code=ExitCode.USAGE,
        )
    require_no_production(environment)
    settings = stack_settings.load(environment)
    if not settings.migrate.seeding:
        raise CommandError(
            f"environment {environment!r} does not allow it: migrate.seeding is false in its stack file",
            next_step=f"{checkout.executable()} seed --scale {episodes}",
            code=ExitCode.USAGE,
        )
    aws_isolation.isolate_aws_environment()
    state = platform_status.require_running(environment)
    platform_status.require_local(
        state, "--scale is for local platforms", next_step=checkout.command_line("seed", environment)
    )
    account, function = state.account(), Naming(PROJECT, environment).physical("migrate")
    began, made = time.monotonic(), 0
    for wanted in [*range(EPISODES_AT_ONCE, episodes, EPISODES_AT_ONCE), episodes]:
        event = {"action": "seed", "episodes": wanted}
        try:
            made += account.invoke(function, event, seconds=settings.migrate.timeout_seconds)["made"]
        except (BotoCoreError, ClientError, FunctionFailedError) as error:
            raise CommandError(
                f"{made:,} episodes were made, then: {error}",
                next_step=checkout.command_line("logs migrate", environment),
            ) from error
        if screen.is_terminal:
            screen.note(f"{wanted:,} of {episodes:,}")
    seconds = round(time.monotonic() - began, 1)
    screen.write_json({"ok": True, "environment": environment, "episodes": episodes, "made": made, "seconds": seconds})
    screen.show(f"{episodes:,} episodes to measure with, {made:,} of them made now, after {seconds:,} s")
    return ExitCode.OK

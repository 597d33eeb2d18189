"""`platform seed`: fills a platform with the curated catalogue, through its API."""

import time
from collections.abc import Callable
from typing import Any

from components.naming import Naming
from operations.client import access_tokens, aws_isolation
from operations.client.access_tokens import USER_ROLES, Role
from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.client.remote_platform import RemotePlatform
from operations.client.retry_policy import RetryPolicy
from operations.project import checkout, stack_settings
from operations.seed import catalogue
from operations.seed.catalogue_seeder import CatalogueSeeder
from operations.seed.outcome_counts import OutcomeCounts
from operations.state import platform_status
from operations.terminal import termination_signals
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode
from stacks.environment import PROJECT

# For how long a run waits for a platform that asks it to come back later.
PATIENCE_SECONDS = 600.0


def seed(environment: str, screen: Screen, *, elsewhere: RemotePlatform | None = None) -> ExitCode:
    """Brings the catalogue of an environment onto its platform, the local one unless another is named.

    Refuses an environment that keeps production's promises, wherever it answers.
    """
    require_no_production(environment)
    if elsewhere:
        elsewhere.require_tokens()
        address, tokens = elsewhere.base_url, {role: elsewhere.token(role) for role in USER_ROLES}
    else:
        aws_isolation.isolate_aws_environment()
        state = platform_status.require_running(environment)
        address = state.endpoints.api if state.endpoints else ""
        tokens = {role: access_tokens.issue(state, role).token for role in USER_ROLES}
    began = time.monotonic()
    with (
        termination_signals.handled(termination_signals.raise_keyboard_interrupt),
        PlatformApi(address, elsewhere=elsewhere is not None) as api,
    ):
        _require_same(api, environment, address)
        data, problem = _run(api, tokens, catalogue.of(environment), screen)
    done = {"ok": not problem, "environment": environment, **data, "seconds": round(time.monotonic() - began, 1)}
    screen.write_json(done | {"problem": problem})
    _show(done, screen)
    if not problem:
        return ExitCode.OK
    screen.note(f"platform: the seeding stopped: {problem}")
    screen.note(f"  next: {checkout.command_line('seed', environment)} (goes on where it stopped)")
    return ExitCode.FAILED


def require_no_production(environment: str) -> None:
    """Refuses an environment whose settings promise that its data is guarded."""
    if stack_settings.load(environment).production_promises:
        raise CommandError(
            f"environment {environment!r} keeps production's promises (production_promises in its stack file): "
            "made-up data has no place among what its users rely on",
            next_step=f"{checkout.executable()} seed --environment {checkout.DEFAULT_ENVIRONMENT}",
            code=ExitCode.USAGE,
        )


def _require_same(api: PlatformApi, environment: str, address: str) -> None:
    """Refuses an address where another environment answers than the one that was checked."""
    try:
        answering = str(api.get("/health")["environment"])
    except (UnexpectedResponseError, KeyError, TypeError) as error:
        raise CommandError(
            f"no platform answers at {address}: {error}", next_step=checkout.command_line("doctor", environment)
        ) from error
    expected = Naming(PROJECT, environment).environment_tag
    if answering != expected:
        raise CommandError(
            f"what answers at {address} says that it is {answering!r}, not {expected!r}",
            next_step="name that environment with --environment",
            code=ExitCode.USAGE,
        )


def _run(
    api: PlatformApi, tokens: dict[Role, str], wanted: catalogue.Catalogue, screen: Screen
) -> tuple[dict[str, Any], str]:
    """What was done, and why it stopped if it did."""
    if not screen.is_terminal:
        return _fill(api, tokens, wanted, lambda _: None)
    with screen.out.status("seed") as spinner:
        return _fill(api, tokens, wanted, lambda so_far: spinner.update(f"seed: {so_far}"))


def _fill(
    api: PlatformApi, tokens: dict[Role, str], wanted: catalogue.Catalogue, told: Callable[[str], None]
) -> tuple[dict[str, Any], str]:
    ledger, problem = OutcomeCounts(told), ""
    try:
        CatalogueSeeder(api, tokens, ledger, RetryPolicy(PATIENCE_SECONDS, told)).run(wanted)
    except UnexpectedResponseError as error:
        problem = str(error)
    except (KeyError, TypeError) as error:
        problem = f"an answer lacks what it promises: {error!r}"
    return {"set": wanted.name, "kinds": ledger.as_data()}, problem


def _show(data: dict[str, Any], screen: Screen) -> None:
    rows = [
        (kind.replace("_", " "), *(f"{number:,}" for number in counts.values()))
        for kind, counts in data["kinds"].items()
    ]
    figures = ["made", "found", "changed"]
    screen.show(table("what", *figures, rows=rows, right=figures))
    screen.show(f"the {data['set']} catalogue, after {data['seconds']:,} s")

"""`platform seed`: seeds a platform with the curated catalogue through its API."""

import time
from collections.abc import Callable
from typing import Any

from components.naming import Naming
from operations.client import access_tokens, aws_isolation
from operations.client.access_tokens import USER_ROLES
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
from runtime.roles import Role
from stacks.environment import PROJECT

# How long a run repeats requests that the platform throttles.
RETRY_SECONDS = 600.0


def seed_catalogue(environment: str, screen: Screen, *, remote: RemotePlatform | None = None) -> ExitCode:
    """Seed the environment's catalogue on the remote platform if there is one, otherwise on the local platform.

    Raises:
        CommandError: The environment is a production one, or the platform belongs to another environment.
    """
    reject_production(environment)
    if remote:
        remote.require_tokens()
        base_url, tokens = remote.base_url, {role: remote.token(role) for role in USER_ROLES}
    else:
        aws_isolation.isolate_aws_environment()
        state = platform_status.require_running(environment)
        base_url = state.endpoints.api if state.endpoints else ""
        tokens = {role: access_tokens.issue(state, role).token for role in USER_ROLES}
    began = time.monotonic()
    with (
        termination_signals.handled(termination_signals.raise_keyboard_interrupt),
        PlatformApi(base_url, is_remote=remote is not None) as api,
    ):
        _require_same_environment(api, environment, base_url)
        data, problem = _run(api, tokens, catalogue.load(environment), screen)
    result = {"ok": not problem, "environment": environment, **data, "seconds": round(time.monotonic() - began, 1)}
    screen.write_json(result | {"problem": problem})
    _show(result, screen)
    if not problem:
        return ExitCode.OK
    screen.note(f"platform: seeding stopped: {problem}")
    screen.note(f"  next: {checkout.command_line('seed', environment)} (resumes where it stopped)")
    return ExitCode.FAILED


def reject_production(environment: str) -> None:
    """Reject an environment whose settings set `production_promises`.

    Raises:
        CommandError: The environment is a production one.
    """
    if stack_settings.load(environment).production_promises:
        raise CommandError(
            f"environment {environment!r} is a production environment (production_promises in its stack file), "
            "which must not contain sample data",
            next_step=f"{checkout.executable()} seed --environment {checkout.DEFAULT_ENVIRONMENT}",
            code=ExitCode.USAGE,
        )


def _require_same_environment(api: PlatformApi, environment: str, base_url: str) -> None:
    """Check that the platform at this URL belongs to the environment."""
    try:
        found = str(api.get("/health")["environment"])
    except (UnexpectedResponseError, KeyError, TypeError) as error:
        raise CommandError(
            f"no platform responds at {base_url}: {error}", next_step=checkout.command_line("doctor", environment)
        ) from error
    expected = Naming(PROJECT, environment).environment_tag
    if found != expected:
        raise CommandError(
            f"the platform at {base_url} belongs to environment {found!r}, not {expected!r}",
            next_step="pass the environment of that platform with --environment",
            code=ExitCode.USAGE,
        )


def _run(
    api: PlatformApi, tokens: dict[Role, str], selected: catalogue.Catalogue, screen: Screen
) -> tuple[dict[str, Any], str]:
    """Return the result, and the problem that stopped the run; empty without one."""
    if not screen.is_terminal:
        return _fill(api, tokens, selected, lambda _: None)
    with screen.out.status("seed") as spinner:
        return _fill(api, tokens, selected, lambda message: spinner.update(f"seed: {message}"))


def _fill(
    api: PlatformApi, tokens: dict[Role, str], selected: catalogue.Catalogue, on_progress: Callable[[str], None]
) -> tuple[dict[str, Any], str]:
    counts, problem = OutcomeCounts(on_progress), ""
    try:
        CatalogueSeeder(api, tokens, counts, RetryPolicy(RETRY_SECONDS, on_progress)).run(selected)
    except UnexpectedResponseError as error:
        problem = str(error)
    except (KeyError, TypeError) as error:
        problem = f"a response lacks a field: {error!r}"
    return {"set": selected.name, "kinds": counts.as_data()}, problem


def _show(data: dict[str, Any], screen: Screen) -> None:
    rows = [
        (kind.replace("_", " "), *(f"{number:,}" for number in counts.values()))
        for kind, counts in data["kinds"].items()
    ]
    figures = ["made", "found", "changed"]
    screen.show(table("kind", *figures, rows=rows, right=figures))
    screen.show(f"seeded the {data['set']} catalogue in {data['seconds']:,} s")

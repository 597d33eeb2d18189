"""The summary after a start: endpoints, how to get tokens, the journey's result, and how to stop."""

from typing import Any

from rich.text import Text

from operations.journeys import run_journey
from operations.project import checkout
from operations.state.files import EnvironmentState
from operations.terminal.console import Screen, key_value_table
from runtime.roles import Role


def show(state: EnvironmentState, journey: dict[str, Any] | None, screen: Screen) -> None:
    """Show the summary.

    Args:
        state: The state of the running platform.
        journey: The JSON form of a journey on this platform; None if there was none.
        screen: The output.
    """
    environment, endpoints = state.environment, state.endpoints
    if endpoints is None:
        return
    counts = state.resource_counts()
    screen.show(
        Text(),
        key_value_table(
            {
                "API": endpoints.api,
                "docs page": endpoints.docs,
                "AWS": f"{endpoints.aws} ({counts['applied']} resources applied, {counts['recorded_only']} recorded only)",
            }
        ),
        Text(),
        Text("access tokens", style="bold"),
        key_value_table({role.value: checkout.command_line(f"token --role {role}", environment) for role in Role}),
        Text(),
    )
    if journey:
        screen.show(Text("photo journey", style="bold"))
        run_journey.show(journey, environment, screen)
    else:
        screen.show(key_value_table({"try it": checkout.command_line("journey", environment)}))
    stop = checkout.command_line("down", environment)
    screen.show(Text(), key_value_table({"stop it": f"{stop}   (removes its data, keeps its logs)"}))


def as_data(
    state: EnvironmentState, journey: dict[str, Any] | None, *, already_running: bool, seconds: float
) -> dict[str, Any]:
    """Return the JSON form of `up`."""
    endpoints = state.endpoints
    return {
        "state": state.state,
        "environment": state.environment,
        "release": state.release,
        "already_running": already_running,
        "seconds": seconds,
        "endpoints": {name: getattr(endpoints, name, None) for name in ("api", "docs", "aws")},
        "resources": state.resource_counts(),
        "journey": journey,
    }

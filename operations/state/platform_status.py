"""Status of an environment's local platform, as seen from another process."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpx

from operations.project import checkout
from operations.state import progress_log
from operations.state.files import EnvironmentState, Process, StateFiles
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode
from runtime.loopback import is_loopback

PROBE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class PlatformStatus:
    """Status of a platform.

    Attributes:
        state: The recorded state; None if the platform is stopped.
        reason: Why it is not running, or degraded; empty otherwise.
        next_step: A command line that helps.
    """

    health: Literal["running", "degraded", "stopped"]
    state: EnvironmentState | None = None
    reason: str = ""
    next_step: str = ""
    processes: tuple[Process, ...] = ()


def require_running(environment: str) -> EnvironmentState:
    """Return the state of a running or degraded platform.

    Raises:
        CommandError: The platform is stopped or still starting.
    """
    files = StateFiles.of(environment)
    state = files.read()
    if state is None or state.host.find() is None:
        suffix = " (an earlier one ended without cleanup)" if files.leftovers() else ""
        raise CommandError(
            f"the platform of environment {environment!r} is not running{suffix}",
            next_step=checkout.command_line("up", environment),
            code=ExitCode.STOPPED,
        )
    if state.endpoints is None:
        raise CommandError(
            f"the platform of environment {environment!r} is still starting",
            next_step=checkout.command_line("status", environment),
            code=ExitCode.DEGRADED,
        )
    return state


def require_local(state: EnvironmentState, why: str, next_step: str) -> None:
    """Check that the platform's AWS is on this machine.

    Args:
        state: The platform's state.
        why: The end of the error message.
        next_step: A command line that helps.

    Raises:
        CommandError: Its endpoint is not a loopback address.
    """
    host = urlsplit(state.account().endpoint).hostname or ""
    if not is_loopback(host):
        raise CommandError(
            f"environment {state.environment!r} is at {host}, which is not this machine: {why}",
            next_step=next_step,
        )


def read_status(environment: str) -> PlatformStatus:
    """Return the current status: the recorded state, checked against the processes and with one request to the API."""
    files = StateFiles.of(environment)
    state = files.read()
    if state is None and files.lock.is_held():
        return PlatformStatus(
            health="degraded",
            reason="it is being started or stopped",
            next_step=checkout.command_line("status", environment),
        )
    if state is None or state.host.find() is None:
        return _stopped(files)
    if state.state == "starting":
        step = progress_log.last_step(files.progress)
        reason = f"it is starting (at: {step})" if step else "it is starting"
        return PlatformStatus(
            health="degraded", state=state, reason=reason, next_step=checkout.command_line("status", environment)
        )
    reason = state.reason if state.state == "degraded" else _probe(state)
    return PlatformStatus(
        health="degraded" if reason else "running",
        state=state,
        reason=reason,
        next_step=f"{checkout.command_line('down', environment)} && {checkout.command_line('up', environment)}"
        if reason
        else "",
        processes=state.processes,
    )


def _stopped(files: StateFiles) -> PlatformStatus:
    leftovers, up = files.leftovers(), checkout.command_line("up", files.environment)
    if not leftovers:
        return PlatformStatus(health="stopped", next_step=up)
    return PlatformStatus(
        health="stopped",
        reason=f"its host process ended without cleanup and left {', '.join(leftovers)} in {files.directory}",
        next_step=f"{checkout.command_line('down', files.environment)} (cleans up), or {up} (cleans up and starts)",
    )


def _probe(state: EnvironmentState) -> str:
    """Return why the API is not ready; empty if it is. A process can run without responding."""
    if state.endpoints is None:
        return "it has no endpoints"
    url = f"{state.endpoints.api}/health/ready"
    try:
        response = httpx.get(url, timeout=PROBE_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return f"the API does not respond at {url} ({type(error).__name__})"
    return "" if response.status_code == httpx.codes.OK else f"{url} returned {response.status_code}"

"""Whether an environment's local platform runs, as seen from another process."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpx

from operations.project import checkout
from operations.state import progress_log
from operations.state.files import EnvironmentState, Process, StateFiles
from operations.terminal.command_errors import RefusedError
from operations.terminal.exit_codes import ExitCode

PROBE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Condition:
    """How a platform is. `state` is None when it is stopped; `reason` says why it is not running, or not whole."""

    health: Literal["running", "degraded", "stopped"]
    state: EnvironmentState | None = None
    reason: str = ""
    next_step: str = ""
    processes: tuple[Process, ...] = ()


def require(environment: str) -> EnvironmentState:
    """The state of a platform that is up, whole or not. Refuses one that is stopped or still starting."""
    files = StateFiles.of(environment)
    state = files.read()
    if state is None or state.host.find() is None:
        left = " (an earlier one ended without cleaning up)" if files.remains() else ""
        raise RefusedError(
            f"the platform of environment {environment!r} is not running{left}",
            next_step=checkout.command("up", environment),
            code=ExitCode.STOPPED,
        )
    if state.endpoints is None:
        raise RefusedError(
            f"the platform of environment {environment!r} is still starting",
            next_step=checkout.command("status", environment),
            code=ExitCode.DEGRADED,
        )
    return state


def require_local(state: EnvironmentState, why: str, next_step: str) -> None:
    """Refuses a platform whose AWS is not on this machine; `why` ends the sentence."""
    host = urlsplit(state.account().endpoint).hostname or ""
    if not checkout.is_loopback(host):
        raise RefusedError(
            f"environment {state.environment!r} answers at {host}, which is not this machine: {why}",
            next_step=next_step,
        )


def look(environment: str) -> Condition:
    """How the platform is at this moment: what its host wrote, checked against the processes and one request to the API."""
    files = StateFiles.of(environment)
    state = files.read()
    if state is None and files.lock.is_held():
        return Condition(
            health="degraded",
            reason="it is being started or stopped",
            next_step=checkout.command("status", environment),
        )
    if state is None or state.host.find() is None:
        return _stopped(files)
    if state.state == "starting":
        step = progress_log.last_step(files.progress)
        reason = f"it is starting (at: {step})" if step else "it is starting"
        return Condition(
            health="degraded", state=state, reason=reason, next_step=checkout.command("status", environment)
        )
    reason = state.reason if state.state == "degraded" else _probe(state)
    return Condition(
        health="degraded" if reason else "running",
        state=state,
        reason=reason,
        next_step=f"{checkout.command('down', environment)} && {checkout.command('up', environment)}" if reason else "",
        processes=state.processes,
    )


def _stopped(files: StateFiles) -> Condition:
    remains, up = files.remains(), checkout.command("up", files.environment)
    if not remains:
        return Condition(health="stopped", next_step=up)
    return Condition(
        health="stopped",
        reason=f"its host ended without cleaning up and left {', '.join(remains)} in {files.directory}",
        next_step=f"{checkout.command('down', files.environment)} (cleans up), or {up} (cleans up and starts)",
    )


def _probe(state: EnvironmentState) -> str:
    """Why the API is not ready; empty when it is. A process can be there and not answer."""
    if state.endpoints is None:
        return "it has no endpoints"
    url = f"{state.endpoints.api}/health/ready"
    try:
        answer = httpx.get(url, timeout=PROBE_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return f"the API does not answer at {url} ({type(error).__name__})"
    return "" if answer.status_code == httpx.codes.OK else f"{url} answers {answer.status_code}"

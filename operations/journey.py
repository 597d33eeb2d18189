"""`platform journey`: sends a photograph through the whole platform and shows what was seen."""

import json
from pathlib import Path
from typing import Any

from rich.text import Text

from operations import photo, project, real_accounts, running, token
from operations.console import Screen, facts, table
from operations.exit_codes import ExitCode
from operations.journey_steps import Journey, JourneyResult
from operations.photo import Photo
from operations.platform_api import PlatformApi
from operations.state import EnvironmentState, StateFiles, write_atomically

RESULT_FILE = "result.json"


def journey(environment: str, screen: Screen, *, photo_path: Path) -> ExitCode:
    """Makes one journey. The photo and the platform are checked before anything is created."""
    real_accounts.forget_real_accounts()
    sent = photo.read(photo_path)
    state = running.require(environment)
    data = make(state, sent, screen)
    screen.result(data)
    show(data, environment, screen)
    return ExitCode.OK if data["ok"] else ExitCode.FAILED


def make(state: EnvironmentState, sent: Photo, screen: Screen) -> dict[str, Any]:
    """Makes one journey on a platform that is up, keeps what it fetched in the platform's state, and returns the JSON form."""
    if state.endpoints is None:
        raise RuntimeError("a journey needs a platform that is up")
    with PlatformApi(state.endpoints.api) as api:
        run = Journey(api, sent, lambda role: token.issue(state, role).token)
        if screen.is_terminal:
            with screen.out.status("journey") as spinner:
                result = run.run(lambda step: spinner.update(f"journey: {step}"))
        else:
            result = run.run(lambda _: None)
    _keep(StateFiles.of(state.environment), result)
    return result.as_data()


def last(environment: str) -> dict[str, Any] | None:
    """The JSON form of the last journey that was made on this platform, if there was one."""
    try:
        data = json.loads((StateFiles.of(environment).journey / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def show(data: dict[str, Any], environment: str, screen: Screen) -> None:
    """The journey's table, where the thumbnails are, and what to do when a step failed."""
    rows = [
        (
            Text("ok", style="green") if step["ok"] else Text("FAILED", style="bold red"),
            step["name"],
            step["detail"],
            f"{step['ms']:,}",
        )
        for step in data["steps"]
    ]
    screen.show(table("", "step", "what was seen", "ms", rows=rows, right=["ms"]))
    if data["thumbnails"]:
        folder = StateFiles.of(environment).journey
        paths = {one["variant"]: str(folder / f"{one['variant']}.jpg") for one in data["thumbnails"]}
        screen.show(Text(), Text("thumbnails", style="bold"), facts(paths))
    if not data["ok"]:
        screen.note(f"platform: the journey failed at {data['steps'][-1]['name']!r}: {data['steps'][-1]['detail']}")
        screen.note(f"  next: {project.command('logs', environment)}")


def _keep(files: StateFiles, result: JourneyResult) -> None:
    files.journey.mkdir(exist_ok=True)
    for thumbnail in result.thumbnails:
        (files.journey / f"{thumbnail.variant}.jpg").write_bytes(thumbnail.content)
    write_atomically(files.journey / RESULT_FILE, json.dumps(result.as_data(), indent=1))

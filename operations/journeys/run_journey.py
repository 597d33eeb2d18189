"""`platform journey`: goes one way through the whole platform, as people do, and shows what was seen."""

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.text import Text

from operations.client import access_tokens, aws_isolation
from operations.client.access_tokens import Role
from operations.client.platform_api import PlatformApi
from operations.client.remote_platform import RemotePlatform
from operations.journeys import photo
from operations.journeys.catalogue_journey import CatalogueJourney
from operations.journeys.journey import Journey, JourneyResult
from operations.journeys.photo import Photo
from operations.journeys.photo_journey import PhotoJourney
from operations.project import checkout
from operations.state import platform_status
from operations.state.files import EnvironmentState, StateFiles, write_atomically
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, key_value_table, table
from operations.terminal.exit_codes import ExitCode

RESULT_FILE = "result.json"
CATALOGUE_RESULT_FILE = "catalogue.json"
Make = Callable[[PlatformApi, Callable[[Role], str]], Journey]


class Way(StrEnum):
    """The ways through a platform."""

    PHOTO = "photo"
    CATALOGUE = "catalogue"


def journey(
    environment: str,
    screen: Screen,
    *,
    way: Way,
    photo_path: Path | None = None,
    elsewhere: RemotePlatform | None = None,
) -> ExitCode:
    """Makes one journey, on the local platform unless another is named. Photo, platform and tokens are checked beforehand."""
    if elsewhere:
        elsewhere.require_tokens((CatalogueJourney if way is Way.CATALOGUE else PhotoJourney).roles)
        data = _make_elsewhere(elsewhere, *_chosen(way, photo_path), screen)
        folder, next_step = elsewhere.folder, "read what that platform's functions logged"
    else:
        aws_isolation.isolate_aws_environment()
        chosen = _chosen(way, photo_path)
        data = _make_here(platform_status.require_running(environment), *chosen, screen)
        folder, next_step = StateFiles.of(environment).journey, checkout.command_line("logs", environment)
    screen.write_json(data)
    _show(data, folder, next_step, screen)
    return ExitCode.OK if data["ok"] else ExitCode.FAILED


def make(state: EnvironmentState, sent: Photo, screen: Screen) -> dict[str, Any]:
    """Sends a photo through a platform that is up, keeps what it fetched in the platform's state, and returns the JSON form."""
    return _make_here(state, *_with_photo(sent), screen)


def _chosen(way: Way, photo_path: Path | None) -> tuple[Make, str]:
    """What makes the journey, and the file that keeps its result."""
    if way is Way.PHOTO:
        return _with_photo(photo.read(photo_path or checkout.BUNDLED_PHOTO))
    if photo_path:
        raise CommandError(
            "--photo: the journey through the catalogue sends none",
            next_step=f"{checkout.executable()} journey --photo {photo_path}",
            code=ExitCode.USAGE,
        )
    return CatalogueJourney, CATALOGUE_RESULT_FILE


def _with_photo(sent: Photo) -> tuple[Make, str]:
    return lambda api, sign_in: PhotoJourney(api, sent, sign_in), RESULT_FILE


def _make_here(state: EnvironmentState, make_journey: Make, result_file: str, screen: Screen) -> dict[str, Any]:
    if state.endpoints is None:
        raise RuntimeError("a journey needs a platform that is up")
    with PlatformApi(state.endpoints.api) as api:
        result = _run(make_journey(api, lambda role: access_tokens.issue(state, role).token), screen)
    _keep(StateFiles.of(state.environment).journey, result_file, result)
    return result.as_data()


def _make_elsewhere(elsewhere: RemotePlatform, make_journey: Make, result_file: str, screen: Screen) -> dict[str, Any]:
    """What it creates there stays there: a show whose name begins with Journey, and what belongs to it."""
    with PlatformApi(elsewhere.base_url, elsewhere=True) as api:
        result = _run(make_journey(api, elsewhere.token), screen)
    elsewhere.folder.mkdir(parents=True, exist_ok=True)
    _keep(elsewhere.folder, result_file, result)
    return result.as_data()


def last(environment: str) -> dict[str, Any] | None:
    """The JSON form of the last journey of a photo that was made on this platform, if there was one."""
    try:
        data = json.loads((StateFiles.of(environment).journey / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def show(data: dict[str, Any], environment: str, screen: Screen) -> None:
    """The journey's table, where the thumbnails are, and what to do when a step failed."""
    _show(data, StateFiles.of(environment).journey, checkout.command_line("logs", environment), screen)


def _run(journey: Journey, screen: Screen) -> JourneyResult:
    if not screen.is_terminal:
        return journey.run(lambda _: None)
    with screen.out.status("journey") as spinner:
        return journey.run(lambda step: spinner.update(f"journey: {step}"))


def _show(data: dict[str, Any], folder: Path, next_step: str, screen: Screen) -> None:
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
        paths = {one["variant"]: str(folder / f"{one['variant']}.jpg") for one in data["thumbnails"]}
        screen.show(Text(), Text("thumbnails", style="bold"), key_value_table(paths))
    if not data["ok"]:
        screen.note(f"platform: the journey failed at {data['steps'][-1]['name']!r}: {data['steps'][-1]['detail']}")
        screen.note(f"  next: {next_step}")


def _keep(folder: Path, file_name: str, result: JourneyResult) -> None:
    folder.mkdir(exist_ok=True)
    for thumbnail in result.thumbnails:
        (folder / f"{thumbnail.variant}.jpg").write_bytes(thumbnail.content)
    write_atomically(folder / file_name, json.dumps(result.as_data(), indent=1))

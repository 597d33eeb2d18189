"""`platform journey`: runs a journey on a platform and shows its result."""

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.text import Text

from operations.client import access_tokens, aws_isolation
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
from runtime.roles import Role

RESULT_FILE = "result.json"
CATALOGUE_RESULT_FILE = "catalogue.json"
JourneyFactory = Callable[[PlatformApi, Callable[[Role], str]], Journey]


class JourneyKind(StrEnum):
    """Kinds of journeys."""

    PHOTO = "photo"
    CATALOGUE = "catalogue"


def run_journey(
    environment: str,
    screen: Screen,
    *,
    kind: JourneyKind,
    photo_path: Path | None = None,
    remote: RemotePlatform | None = None,
) -> ExitCode:
    """Run a journey on the remote platform if there is one, otherwise on the local platform.

    Raises:
        CommandError: The photo is invalid, tokens are missing, or the local platform is not running.
    """
    if remote:
        remote.require_tokens((CatalogueJourney if kind is JourneyKind.CATALOGUE else PhotoJourney).roles)
        data = _run_remotely(remote, *_select(kind, photo_path), screen)
        folder, next_step = remote.folder, "read the logs of that platform's functions"
    else:
        aws_isolation.isolate_aws_environment()
        selected = _select(kind, photo_path)
        data = _run_locally(platform_status.require_running(environment), *selected, screen)
        folder, next_step = StateFiles.of(environment).journey, checkout.command_line("logs", environment)
    screen.write_json(data)
    _show(data, folder, next_step, screen)
    return ExitCode.OK if data["ok"] else ExitCode.FAILED


def run_photo_journey(state: EnvironmentState, photo_to_send: Photo, screen: Screen) -> dict[str, Any]:
    """Run a photo journey on a local platform, save its result in the platform's state, and return the JSON form."""
    return _run_locally(state, *_photo_journey(photo_to_send), screen)


def _select(kind: JourneyKind, photo_path: Path | None) -> tuple[JourneyFactory, str]:
    """Return the journey's factory and the name of its result file."""
    if kind is JourneyKind.PHOTO:
        return _photo_journey(photo.read(photo_path or checkout.BUNDLED_PHOTO))
    if photo_path:
        raise CommandError(
            "--photo: the catalogue journey does not upload a photo",
            next_step=f"{checkout.executable()} journey --photo {photo_path}",
            code=ExitCode.USAGE,
        )
    return CatalogueJourney, CATALOGUE_RESULT_FILE


def _photo_journey(photo_to_send: Photo) -> tuple[JourneyFactory, str]:
    return lambda api, sign_in: PhotoJourney(api, photo_to_send, sign_in), RESULT_FILE


def _run_locally(
    state: EnvironmentState, create_journey: JourneyFactory, result_file: str, screen: Screen
) -> dict[str, Any]:
    if state.endpoints is None:
        raise RuntimeError("the state of a running platform has no endpoints")
    with PlatformApi(state.endpoints.api) as api:
        result = _run(create_journey(api, lambda role: access_tokens.issue(state, role).token), screen)
    _save(StateFiles.of(state.environment).journey, result_file, result)
    return result.as_data()


def _run_remotely(
    remote: RemotePlatform, create_journey: JourneyFactory, result_file: str, screen: Screen
) -> dict[str, Any]:
    """Run a journey on a remote platform. The records that it creates there are not deleted."""
    with PlatformApi(remote.base_url, is_remote=True) as api:
        result = _run(create_journey(api, remote.token), screen)
    remote.folder.mkdir(parents=True, exist_ok=True)
    _save(remote.folder, result_file, result)
    return result.as_data()


def last_result(environment: str) -> dict[str, Any] | None:
    """Return the JSON form of the last photo journey on this platform; None if there was none."""
    try:
        data = json.loads((StateFiles.of(environment).journey / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def show(data: dict[str, Any], environment: str, screen: Screen) -> None:
    """Show the steps, the downloaded thumbnails, and what to do about a failure."""
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
    screen.show(table("", "step", "result", "ms", rows=rows, right=["ms"]))
    if data["thumbnails"]:
        paths = {thumbnail["variant"]: str(folder / f"{thumbnail['variant']}.jpg") for thumbnail in data["thumbnails"]}
        screen.show(Text(), Text("thumbnails", style="bold"), key_value_table(paths))
    if not data["ok"]:
        screen.note(f"platform: the journey failed at {data['steps'][-1]['name']!r}: {data['steps'][-1]['detail']}")
        screen.note(f"  next: {next_step}")


def _save(folder: Path, file_name: str, result: JourneyResult) -> None:
    folder.mkdir(exist_ok=True)
    for thumbnail in result.thumbnails:
        (folder / f"{thumbnail.variant}.jpg").write_bytes(thumbnail.content)
    write_atomically(folder / file_name, json.dumps(result.as_data(), indent=1))

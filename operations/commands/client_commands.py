"""The verbs that are clients of a platform that runs, on this machine or elsewhere, wired."""

from pathlib import Path
from typing import Annotated

import typer

from operations.client import transfer
from operations.client.transfer import Noun, Platform
from operations.commands.options import (
    AdminToken,
    AsJson,
    BaseUrl,
    EditorToken,
    Environment,
    Scale,
    SystemToken,
    ViewerToken,
    select_remote_platform,
)
from operations.journeys import run_journey
from operations.project import checkout
from operations.terminal.console import Screen

WhichNoun = Annotated[Noun, typer.Argument(help="Of what.")]
RecordFile = Annotated[Path, typer.Argument(help="The file; it ends in .csv or .ndjson.")]


def make_journey(
    *,
    way: Annotated[
        run_journey.Way,
        typer.Argument(help="A photograph from upload to search, or an editor's day with the catalogue."),
    ] = run_journey.Way.PHOTO,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    photo: Annotated[
        Path | None, typer.Option(help="The image file to send.", show_default=str(checkout.BUNDLED_PHOTO))
    ] = None,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
    token_system: SystemToken = None,
) -> None:
    """Go one way through the whole platform, as people do, and show what was seen."""
    checkout.require_environment(environment, "journey")
    there = select_remote_platform(base_url, token_admin, token_editor, token_viewer, token_system)
    raise typer.Exit(
        run_journey.journey(environment, Screen(as_json=as_json), way=way, photo_path=photo, elsewhere=there)
    )


def seed_catalogue(
    *,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
    scale: Scale = None,
) -> None:
    """Fill the platform with the environment's made-up catalogue. Repeating it makes nothing twice; production is refused."""
    # Imported here because it brings Pulumi, for which no other verb should wait.
    from operations.seed.seed_catalogue import seed  # noqa: PLC0415
    from operations.seed.seed_episodes import scale as fill  # noqa: PLC0415

    checkout.require_environment(environment, "seed")
    there = select_remote_platform(base_url, token_admin, token_editor, token_viewer)
    screen = Screen(as_json=as_json)
    raise typer.Exit(
        fill(environment, scale, screen, elsewhere=there) if scale else seed(environment, screen, elsewhere=there)
    )


def import_file(
    noun: WhichNoun,
    path: RecordFile,
    *,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Pass over new records that are there already.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Where to say what became of each line; beside the file without it.")
    ] = None,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
) -> None:
    """Make and change episodes or clips by a file. Run again after an interruption, it goes on where it stopped."""
    checkout.require_environment(environment, "import")
    there = select_remote_platform(base_url, token_admin, token_editor, token_viewer)
    platform, screen = Platform.of(environment, there), Screen(as_json=as_json)
    raise typer.Exit(
        transfer.import_records(noun, path, platform, screen, skip_existing=skip_existing, report_path=report)
    )


def export_file(
    noun: WhichNoun,
    path: RecordFile,
    *,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
) -> None:
    """Write every episode or clip into a file that can be edited and imported again."""
    checkout.require_environment(environment, "export")
    there = select_remote_platform(base_url, token_admin, token_editor, token_viewer)
    raise typer.Exit(transfer.export_records(noun, path, Platform.of(environment, there), Screen(as_json=as_json)))

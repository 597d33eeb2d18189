"""Commands that are clients of a running platform, local or remote."""

from pathlib import Path
from typing import Annotated

import typer

from operations.client import transfer
from operations.client.transfer import PlatformConnection, RecordKind
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
from operations.journeys.run_journey import JourneyKind, run_journey
from operations.project import checkout
from operations.terminal.console import Screen

Kind = Annotated[RecordKind, typer.Argument(help="Kind of records.")]
RecordFile = Annotated[Path, typer.Argument(help="File name, ending in .csv or .ndjson.")]


def journey_command(
    *,
    kind: Annotated[
        JourneyKind,
        typer.Argument(help="photo: a photo from upload to search; catalogue: an editor's work on an episode."),
    ] = JourneyKind.PHOTO,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    photo: Annotated[
        Path | None, typer.Option(help="Image file to upload.", show_default=str(checkout.BUNDLED_PHOTO))
    ] = None,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
    token_system: SystemToken = None,
) -> None:
    """Run an end-to-end journey through a running platform."""
    checkout.require_environment(environment, "journey")
    remote = select_remote_platform(base_url, token_admin, token_editor, token_viewer, token_system)
    raise typer.Exit(run_journey(environment, Screen(as_json=as_json), kind=kind, photo_path=photo, remote=remote))


def seed_command(
    *,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
    scale: Scale = None,
) -> None:
    """Seed a platform with sample data; repeating it creates no duplicates."""
    # Imported here because they load Pulumi, which other commands should not wait for.
    from operations.seed.seed_catalogue import seed_catalogue  # noqa: PLC0415
    from operations.seed.seed_episodes import seed_episodes  # noqa: PLC0415

    checkout.require_environment(environment, "seed")
    remote = select_remote_platform(base_url, token_admin, token_editor, token_viewer)
    screen = Screen(as_json=as_json)
    if scale:
        raise typer.Exit(seed_episodes(environment, scale, screen, remote=remote))
    raise typer.Exit(seed_catalogue(environment, screen, remote=remote))


def import_command(
    kind: Kind,
    path: RecordFile,
    *,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Skip new records that exist already.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="File for the result of each line.", show_default="PATH.report.ndjson"),
    ] = None,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
) -> None:
    """Import episodes or clips from a file; repeat it to resume an interrupted import."""
    checkout.require_environment(environment, "import")
    remote = select_remote_platform(base_url, token_admin, token_editor, token_viewer)
    platform, screen = PlatformConnection.of(environment, remote), Screen(as_json=as_json)
    raise typer.Exit(
        transfer.import_records(kind, path, platform, screen, skip_existing=skip_existing, report_path=report)
    )


def export_command(
    kind: Kind,
    path: RecordFile,
    *,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
) -> None:
    """Export all episodes or clips to a file that can be edited and imported again."""
    checkout.require_environment(environment, "export")
    remote = select_remote_platform(base_url, token_admin, token_editor, token_viewer)
    platform = PlatformConnection.of(environment, remote)
    raise typer.Exit(transfer.export_records(kind, path, platform, Screen(as_json=as_json)))

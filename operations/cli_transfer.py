"""The verbs `import` and `export` of the `platform` command, wired."""

from pathlib import Path
from typing import Annotated

import typer

from operations import elsewhere, project, transfer
from operations.cli_options import EXIT_CODES, AdminToken, AsJson, BaseUrl, EditorToken, Environment, ViewerToken
from operations.console import Screen
from operations.token import Role
from operations.transfer import Noun, Platform

transfer_app = typer.Typer()

WhichNoun = Annotated[Noun, typer.Argument(help="Of what.")]
RecordFile = Annotated[Path, typer.Argument(help="The file; it ends in .csv or .ndjson.")]


@transfer_app.command("import", epilog=EXIT_CODES)
def _import(
    noun: WhichNoun,
    path: RecordFile,
    *,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Pass over new records that are there already.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Where to say what became of each line; beside the file without it.")
    ] = None,
    environment: Environment = project.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
) -> None:
    """Make and change episodes or clips by a file. Run again after an interruption, it goes on where it stopped."""
    project.require_environment(environment, "import")
    there = elsewhere.of(base_url, {Role.ADMIN: token_admin, Role.EDITOR: token_editor, Role.VIEWER: token_viewer})
    platform, screen = Platform.of(environment, there), Screen(as_json=as_json)
    raise typer.Exit(
        transfer.import_records(noun, path, platform, screen, skip_existing=skip_existing, report_path=report)
    )


@transfer_app.command("export", epilog=EXIT_CODES)
def _export(
    noun: WhichNoun,
    path: RecordFile,
    *,
    environment: Environment = project.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
) -> None:
    """Write every episode or clip into a file that can be edited and imported again."""
    project.require_environment(environment, "export")
    there = elsewhere.of(base_url, {Role.ADMIN: token_admin, Role.EDITOR: token_editor, Role.VIEWER: token_viewer})
    raise typer.Exit(transfer.export_records(noun, path, Platform.of(environment, there), Screen(as_json=as_json)))

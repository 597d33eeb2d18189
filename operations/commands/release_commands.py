"""Commands of `platform release`."""

from pathlib import Path
from typing import Annotated

import typer

from operations.commands.options import EXIT_CODES, AsJson
from operations.project import checkout
from operations.release.build_target import ARCHITECTURES, Architecture
from operations.terminal.console import Screen

release_app = typer.Typer(help="Build releases.", context_settings={"help_option_names": ["-h", "--help"]})


@release_app.command("build", epilog=EXIT_CODES)
def _release_build(
    architecture: Annotated[
        Architecture | None, typer.Option(help="Processor architecture of the functions. Default: both.")
    ] = None,
    as_json: AsJson = False,
    output: Annotated[Path, typer.Option(file_okay=False, help="Output folder.")] = checkout.BUNDLES,
) -> None:
    """Build the release bundles: a zip for each function and one for the container, with a manifest."""
    # Imported here because it loads Pulumi, which other commands should not wait for.
    from operations.release.build_release import build_release  # noqa: PLC0415

    raise typer.Exit(
        build_release([architecture] if architecture else ARCHITECTURES, output.resolve(), Screen(as_json=as_json))
    )

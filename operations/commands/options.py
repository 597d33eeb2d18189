"""The options that several verbs share."""

from typing import Annotated

import typer

from operations.client import remote_platform
from operations.client.access_tokens import Role
from operations.client.remote_platform import RemotePlatform
from operations.project import checkout
from operations.terminal.exit_codes import ExitCode

JSON_FLAG = "--json"
EXIT_CODES = "\n".join(["Exit codes:", *(f"{code.value:>3}  {code.meaning}" for code in ExitCode)])
DEFAULT_PORTS = ", ".join(f"{name} {port}" for name, port in checkout.PORTS.items())

Environment = Annotated[
    str,
    typer.Option(
        "--environment",
        "-e",
        help="The environment: a Pulumi stack's name.",
        autocompletion=checkout.complete_environment,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help=f"Where the API listens; 0 picks a free port. Without it {DEFAULT_PORTS}.",
    ),
]
WithJourney = Annotated[bool, typer.Option("--journey", help="Send the bundled photograph through it once it is up.")]
BaseUrl = Annotated[str | None, typer.Option(help="The address of a platform elsewhere, instead of the local one.")]
FOR_ELSEWHERE = "For --base-url; better in the variable {}, which no process list shows."
AdminToken = Annotated[str | None, typer.Option(help=FOR_ELSEWHERE.format("PLATFORM_TOKEN_ADMIN"))]
EditorToken = Annotated[str | None, typer.Option(help=FOR_ELSEWHERE.format("PLATFORM_TOKEN_EDITOR"))]
ViewerToken = Annotated[str | None, typer.Option(help=FOR_ELSEWHERE.format("PLATFORM_TOKEN_VIEWER"))]
SystemToken = Annotated[str | None, typer.Option(help=FOR_ELSEWHERE.format("PLATFORM_TOKEN_SYSTEM"))]
AsJson = Annotated[
    bool, typer.Option(JSON_FLAG, help="Write exactly one JSON object to standard output, nothing else.")
]
Scale = Annotated[
    int | None,
    typer.Option(min=1, max=1_000_000, help="Instead of the catalogue, so many episodes to measure with."),
]


def select_remote_platform(
    base_url: str | None,
    token_admin: str | None,
    token_editor: str | None,
    token_viewer: str | None,
    token_system: str | None = None,
) -> RemotePlatform | None:
    """The platform that --base-url and the tokens name; None when the local one is meant. Refuses what `elsewhere.of` does."""
    people = {Role.ADMIN: token_admin, Role.EDITOR: token_editor, Role.VIEWER: token_viewer}
    return remote_platform.of(base_url, people | {Role.SYSTEM: token_system})

"""Options that several commands share."""

from typing import Annotated

import typer

from operations.client import remote_platform
from operations.client.remote_platform import ENVIRONMENT_VARIABLES, RemotePlatform
from operations.project import checkout
from operations.terminal.exit_codes import ExitCode
from runtime.roles import Role

JSON_FLAG = "--json"
EXIT_CODES = "\n".join(["Exit codes:", *(f"{code.value:>3}  {code.meaning}" for code in ExitCode)])
DEFAULT_PORTS = ", ".join(f"{name} {port}" for name, port in checkout.PORTS.items())
# Other users can see options in the process list, but not environment variables.
TOKEN_HELP = {role: f"Access token for --base-url. Safer: set {name}." for role, name in ENVIRONMENT_VARIABLES.items()}

Environment = Annotated[
    str,
    typer.Option(
        "--environment",
        "-e",
        help="Environment, the name of a Pulumi stack.",
        autocompletion=checkout.complete_environment,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help=f"API port; 0 for any free port. Default: {DEFAULT_PORTS}."),
]
WithJourney = Annotated[bool, typer.Option("--journey", help="Run the photo journey after the start.")]
BaseUrl = Annotated[str | None, typer.Option(help="URL of a remote platform to use instead of the local one.")]
AdminToken = Annotated[str | None, typer.Option(help=TOKEN_HELP[Role.ADMIN])]
EditorToken = Annotated[str | None, typer.Option(help=TOKEN_HELP[Role.EDITOR])]
ViewerToken = Annotated[str | None, typer.Option(help=TOKEN_HELP[Role.VIEWER])]
SystemToken = Annotated[str | None, typer.Option(help=TOKEN_HELP[Role.SYSTEM])]
AsJson = Annotated[bool, typer.Option(JSON_FLAG, help="Print one JSON object and nothing else.")]
Scale = Annotated[
    int | None,
    typer.Option(min=1, max=1_000_000, help="Create this many episodes for load tests instead of the catalogue."),
]


def select_remote_platform(
    base_url: str | None,
    token_admin: str | None,
    token_editor: str | None,
    token_viewer: str | None,
    token_system: str | None = None,
) -> RemotePlatform | None:
    """Return the platform that --base-url and the tokens select; None for the local platform.

    Raises:
        CommandError: The options are invalid.
    """
    tokens = {
        Role.ADMIN: token_admin,
        Role.EDITOR: token_editor,
        Role.VIEWER: token_viewer,
        Role.SYSTEM: token_system,
    }
    return remote_platform.from_options(base_url, tokens)

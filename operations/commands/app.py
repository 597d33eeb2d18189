"""The `platform` command: wires verbs, nothing else."""

import sys
from itertools import pairwise
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

from operations.client import access_tokens
from operations.client.access_tokens import Role
from operations.commands import client_commands
from operations.commands.options import (
    EXIT_CODES,
    JSON_FLAG,
    AdminToken,
    AsJson,
    BaseUrl,
    EditorToken,
    Environment,
    Port,
    ViewerToken,
    WithJourney,
    select_remote_platform,
)
from operations.commands.release_commands import release_app
from operations.doctor import diagnose
from operations.graph import show_diagram
from operations.lifecycle import down, logs, outputs, reset, status, up
from operations.project import checkout
from operations.queues import show_queues
from operations.requirements import report_coverage
from operations.terminal import crash_log
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode

app = typer.Typer(
    name="platform",
    help="A versioned media platform: bring it up on this machine, look at it, try it, take it down.",
    epilog=EXIT_CODES,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(release_app, name="release")
# The help lists groups last, in this order. One without a name lends its verbs to the command itself.
transfer_app = typer.Typer()
transfer_app.command("import", epilog=EXIT_CODES)(client_commands.import_file)
transfer_app.command("export", epilog=EXIT_CODES)(client_commands.export_file)
app.add_typer(transfer_app)


@app.callback(invoke_without_command=True)
def _platform(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the release and exit.")] = False,
) -> None:
    if version:
        Screen().show(f"platform {checkout.release()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


@app.command("up", epilog=EXIT_CODES)
def _up(
    *,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    port: Port = None,
    foreground: Annotated[
        bool, typer.Option("--foreground/--detach", help="Stay until Ctrl-C, or return when the platform is up.")
    ] = False,
    with_journey: WithJourney = False,
    lock_descriptor: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Bring the platform up on this machine. One that is up already is left as it is."""
    checkout.require_environment(environment, "up")
    screen = Screen(as_json=as_json)
    chosen = checkout.default_port(environment) if port is None else port
    if lock_descriptor is not None:
        raise typer.Exit(up.host(environment, chosen, lock_descriptor, screen))
    options = up.UpOptions(environment=environment, port=chosen, foreground=foreground, journey=with_journey)
    raise typer.Exit(up.up(options, screen))


@app.command("down", epilog=EXIT_CODES)
def _down(environment: Environment = checkout.DEFAULT_ENVIRONMENT, as_json: AsJson = False) -> None:
    """Stop the platform and wipe what it stored; its logs are kept."""
    checkout.require_environment(environment, "down")
    down.down(environment, Screen(as_json=as_json))


@app.command("reset", epilog=EXIT_CODES)
def _reset(
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where the API listens; as before without it.")
    ] = None,
    with_journey: WithJourney = False,
) -> None:
    """Down and up in one: the platform starts empty, its logs are kept."""
    checkout.require_environment(environment, "reset")
    raise typer.Exit(reset.reset(environment, port, Screen(as_json=as_json), with_journey=with_journey))


@app.command("status", epilog=EXIT_CODES)
def _status(
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    resources: Annotated[bool, typer.Option("--resources", help="List every resource below its component.")] = False,
) -> None:
    """Say whether it runs (exit 0), is degraded or starting (3), or stopped (4)."""
    checkout.require_environment(environment, "status")
    raise typer.Exit(status.status(environment, Screen(as_json=as_json), with_resources=resources))


@app.command("outputs", epilog=EXIT_CODES)
def _outputs(
    *,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    form: Annotated[
        outputs.Format, typer.Option("--format", help="`json` is what --json writes, `dotenv` a file of variables.")
    ] = outputs.Format.TEXT,
    source: Annotated[
        str | None, typer.Option("--from", help="A file with what `pulumi stack output --json` wrote; - reads it here.")
    ] = None,
) -> None:
    """Show what the program exports."""
    checkout.require_environment(environment, "outputs")
    screen = Screen(as_json=as_json or form is outputs.Format.JSON)
    outputs.outputs(environment, screen, form=form, source=source)


@app.command("diagram", epilog=EXIT_CODES)
def _diagram(environment: Environment = checkout.DEFAULT_ENVIRONMENT, as_json: AsJson = False) -> None:
    """Draw the environment's components and what they need of each other, in Mermaid."""
    checkout.require_environment(environment, "diagram")
    show_diagram.diagram(environment, Screen(as_json=as_json))


@app.command("token", epilog=EXIT_CODES)
def _token(
    role: Annotated[Role, typer.Option(help="Whose token.")],
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
) -> None:
    """Print an access token for a role, and nothing else."""
    checkout.require_environment(environment, "token")
    access_tokens.token(role, environment, Screen(as_json=as_json))


app.command("journey", epilog=EXIT_CODES)(client_commands.make_journey)
app.command("seed", epilog=EXIT_CODES)(client_commands.seed_catalogue)


@app.command("doctor", epilog=EXIT_CODES)
def _doctor(
    *,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    port: Port = None,
    base_url: BaseUrl = None,
    token_admin: AdminToken = None,
    token_editor: EditorToken = None,
    token_viewer: ViewerToken = None,
) -> None:
    """Look at all that a platform needs, and say what helps where something is missing. Changes nothing."""
    checkout.require_environment(environment, "doctor")
    there = select_remote_platform(base_url, token_admin, token_editor, token_viewer)
    chosen = checkout.default_port(environment) if port is None else port
    raise typer.Exit(diagnose.doctor(environment, Screen(as_json=as_json), elsewhere=there, port=chosen))


@app.command("logs", epilog=EXIT_CODES)
def _logs(
    *,
    process: Annotated[str | None, typer.Argument(help="One process; all of them without it.")] = None,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the platform stops or Ctrl-C.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="How many last lines; 0 for all.")
    ] = logs.DEFAULT_LINES,
    names_only: Annotated[bool, typer.Option("--list", help="Name the logs instead of printing them.")] = False,
) -> None:
    """Print or follow what the platform's processes wrote."""
    checkout.require_environment(environment, "logs")
    screen = Screen(as_json=as_json)
    logs.logs(environment, screen, process=process, follow=follow, lines=lines, names_only=names_only)


@app.command("queue", epilog=EXIT_CODES)
def _queue(
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    redrive: Annotated[bool, typer.Option("--redrive", help="Move the dead letters back to their queue.")] = False,
) -> None:
    """Show what waits in the queues and what was set aside as dead."""
    checkout.require_environment(environment, "queue")
    raise typer.Exit(show_queues.queue(environment, Screen(as_json=as_json), redriving=redrive))


@app.command("requirements", epilog=EXIT_CODES)
def _requirements(
    document: Annotated[
        str | None, typer.Option(help="One source document, such as ROAD: each requirement with its tests.")
    ] = None,
    as_json: AsJson = False,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="`json` is what --json writes.")] = "text",
) -> None:
    """Show which requirements the tests of this checkout prove, by source document."""
    screen = Screen(as_json=as_json or output == "json")
    raise typer.Exit(report_coverage.requirements(screen, document=document))


def main() -> None:
    """The entry point. Whatever happens, the screen gets a result or one refusal, never a traceback."""
    # Whatever is wrong with the command line, who asked for JSON gets JSON.
    arguments = " ".join(sys.argv[1:]).replace("--format=", "--format ").split(" ")
    screen = Screen(as_json=JSON_FLAG in arguments or ("--format", "json") in pairwise(arguments))
    try:
        code = app(standalone_mode=False) or ExitCode.OK
        if code == ExitCode.INTERRUPTED:
            # Typer turns Ctrl-C into an exit code by itself, without a word.
            raise KeyboardInterrupt
    except CommandError as refusal:
        code = _refuse(screen, refusal)
    except TyperException as error:
        code = _refuse(screen, _usage(error))
    except KeyboardInterrupt:
        code = _refuse(screen, CommandError("interrupted", code=ExitCode.INTERRUPTED))
    except Exception as error:  # noqa: BLE001 - the one place where a defect becomes a message and a log entry
        code = _refuse(screen, crash_log.record(error, checkout.state_root() / "command.log"))
    sys.exit(int(code))


def _refuse(screen: Screen, refusal: CommandError) -> int:
    screen.show_error(refusal)
    return refusal.code


def _usage(error: TyperException) -> CommandError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else app.info.name
    return CommandError(" ".join(error.format_message().split()), next_step=f"{command} --help", code=ExitCode.USAGE)


if __name__ == "__main__":
    main()

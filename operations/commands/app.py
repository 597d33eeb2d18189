"""The `platform` command: declares its commands and options, and turns errors into exit codes."""

import sys
from itertools import pairwise
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

from operations.client import access_tokens
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
from operations.doctor.diagnose import diagnose
from operations.graph.show_diagram import show_diagram
from operations.lifecycle import down, logs, outputs, reset, status, up
from operations.project import checkout
from operations.queues.show_queues import show_queues
from operations.requirements.report_coverage import report_coverage
from operations.terminal import crash_log
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode
from runtime.roles import Role

app = typer.Typer(
    name="platform",
    help="Run and operate the media platform, on this machine or remotely.",
    epilog=EXIT_CODES,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(release_app, name="release")
# The help lists groups last, in this order. The commands of a group without a name are listed as the application's own.
transfer_app = typer.Typer()
transfer_app.command("import", epilog=EXIT_CODES)(client_commands.import_command)
transfer_app.command("export", epilog=EXIT_CODES)(client_commands.export_command)
app.add_typer(transfer_app)


@app.callback(invoke_without_command=True)
def _platform(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the release and exit.")] = False,
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
        bool, typer.Option("--foreground/--detach", help="Run until Ctrl-C, or return after the start.")
    ] = False,
    with_journey: WithJourney = False,
    lock_descriptor: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Start the platform on this machine; does nothing if it is already running."""
    checkout.require_environment(environment, "up")
    screen = Screen(as_json=as_json)
    selected_port = checkout.default_port(environment) if port is None else port
    if lock_descriptor is not None:
        raise typer.Exit(up.host(environment, selected_port, lock_descriptor, screen))
    options = up.UpOptions(environment=environment, port=selected_port, foreground=foreground, journey=with_journey)
    raise typer.Exit(up.up(options, screen))


@app.command("down", epilog=EXIT_CODES)
def _down(environment: Environment = checkout.DEFAULT_ENVIRONMENT, as_json: AsJson = False) -> None:
    """Stop the platform and remove its data; logs are kept."""
    checkout.require_environment(environment, "down")
    down.down(environment, Screen(as_json=as_json))


@app.command("reset", epilog=EXIT_CODES)
def _reset(
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="API port; 0 for any free port. Default: the current port.")
    ] = None,
    with_journey: WithJourney = False,
) -> None:
    """Restart the platform without data; logs are kept."""
    checkout.require_environment(environment, "reset")
    raise typer.Exit(reset.reset(environment, port, Screen(as_json=as_json), with_journey=with_journey))


@app.command("status", epilog=EXIT_CODES)
def _status(
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    resources: Annotated[bool, typer.Option("--resources", help="List all resources by component.")] = False,
) -> None:
    """Show whether the platform is running (exit 0), degraded or starting (3), or stopped (4)."""
    checkout.require_environment(environment, "status")
    raise typer.Exit(status.status(environment, Screen(as_json=as_json), with_resources=resources))


@app.command("outputs", epilog=EXIT_CODES)
def _outputs(
    *,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    output_format: Annotated[
        outputs.OutputFormat, typer.Option("--format", help="Output format; json is the same as --json.")
    ] = outputs.OutputFormat.TEXT,
    source: Annotated[
        str | None,
        typer.Option("--from", help="File with the output of `pulumi stack output --json`; - for stdin."),
    ] = None,
) -> None:
    """Show the stack outputs."""
    checkout.require_environment(environment, "outputs")
    screen = Screen(as_json=as_json or output_format is outputs.OutputFormat.JSON)
    outputs.outputs(environment, screen, output_format=output_format, source=source)


@app.command("diagram", epilog=EXIT_CODES)
def _diagram(environment: Environment = checkout.DEFAULT_ENVIRONMENT, as_json: AsJson = False) -> None:
    """Show the components and their dependencies as a Mermaid diagram."""
    checkout.require_environment(environment, "diagram")
    show_diagram(environment, Screen(as_json=as_json))


@app.command("token", epilog=EXIT_CODES)
def _token(
    role: Annotated[Role, typer.Option(help="Role of the token.")],
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
) -> None:
    """Print an access token."""
    checkout.require_environment(environment, "token")
    access_tokens.print_token(role, environment, Screen(as_json=as_json))


app.command("journey", epilog=EXIT_CODES)(client_commands.journey_command)
app.command("seed", epilog=EXIT_CODES)(client_commands.seed_command)


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
    """Check this machine and the platform, and suggest fixes; changes nothing."""
    checkout.require_environment(environment, "doctor")
    remote = select_remote_platform(base_url, token_admin, token_editor, token_viewer)
    selected_port = checkout.default_port(environment) if port is None else port
    raise typer.Exit(diagnose(environment, Screen(as_json=as_json), remote=remote, port=selected_port))


@app.command("logs", epilog=EXIT_CODES)
def _logs(
    *,
    process: Annotated[str | None, typer.Argument(help="Name of a process. Default: all processes.")] = None,
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue until the platform stops.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="Number of last lines; 0 for all.")
    ] = logs.DEFAULT_LINES,
    names_only: Annotated[bool, typer.Option("--list", help="List the logs only.")] = False,
) -> None:
    """Show the logs of the platform's processes."""
    checkout.require_environment(environment, "logs")
    screen = Screen(as_json=as_json)
    logs.logs(environment, screen, process=process, follow=follow, lines=lines, names_only=names_only)


@app.command("queue", epilog=EXIT_CODES)
def _queue(
    environment: Environment = checkout.DEFAULT_ENVIRONMENT,
    as_json: AsJson = False,
    redrive: Annotated[bool, typer.Option("--redrive", help="Move dead letters back to their queues.")] = False,
) -> None:
    """Show the message counts of the queues and dead-letter queues."""
    checkout.require_environment(environment, "queue")
    raise typer.Exit(show_queues(environment, Screen(as_json=as_json), redrive_first=redrive))


@app.command("requirements", epilog=EXIT_CODES)
def _requirements(
    document: Annotated[
        str | None, typer.Option(help="Source document, such as ROAD, whose requirements to list.")
    ] = None,
    as_json: AsJson = False,
    output_format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="Output format; json is the same as --json.")
    ] = "text",
) -> None:
    """Report which requirements are covered by tests."""
    screen = Screen(as_json=as_json or output_format == "json")
    raise typer.Exit(report_coverage(screen, document=document))


def main() -> None:
    """Run the command: print a result or an error, never a traceback, and exit with its code."""
    # The command line may be invalid, but errors must be JSON if JSON was asked for.
    arguments = " ".join(sys.argv[1:]).replace("--format=", "--format ").split(" ")
    screen = Screen(as_json=JSON_FLAG in arguments or ("--format", "json") in pairwise(arguments))
    try:
        code = app(standalone_mode=False) or ExitCode.OK
        if code == ExitCode.INTERRUPTED:
            # Typer turns KeyboardInterrupt into an exit code without a message.
            raise KeyboardInterrupt
    except CommandError as error:
        code = _fail(screen, error)
    except TyperException as error:
        code = _fail(screen, _usage_error(error))
    except KeyboardInterrupt:
        code = _fail(screen, CommandError("interrupted", code=ExitCode.INTERRUPTED))
    except Exception as error:  # noqa: BLE001 - unexpected errors become a message and an entry in the crash log
        code = _fail(screen, crash_log.record(error, checkout.state_root() / "command.log"))
    sys.exit(int(code))


def _fail(screen: Screen, error: CommandError) -> int:
    screen.show_error(error)
    return error.code


def _usage_error(error: TyperException) -> CommandError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else app.info.name
    return CommandError(" ".join(error.format_message().split()), next_step=f"{command} --help", code=ExitCode.USAGE)


if __name__ == "__main__":
    main()

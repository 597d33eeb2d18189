"""`platform reset`: restarts a platform without data; its logs are kept."""

from urllib.parse import urlsplit

from local import ports
from local.errors import PortTakenError
from operations.lifecycle import down, up
from operations.project import checkout, stack_settings
from operations.state import platform_status
from operations.state.files import EnvironmentState, StateFiles
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode


def reset(environment: str, port: int | None, screen: Screen, *, with_journey: bool) -> ExitCode:
    """Restart the platform without data, by default on the same port; the JSON output is that of `up`.

    Settings and port are checked before anything is removed.

    Raises:
        CommandError: The platform is not on this machine, the settings are invalid, or the port is taken.
    """
    stack_settings.load(environment)
    state = StateFiles.of(environment).read()
    current_port = _current_port(state)
    selected_port = (
        port if port is not None else current_port if current_port is not None else checkout.default_port(environment)
    )
    if state is not None and state.endpoints is not None:
        platform_status.require_local(
            state, "only local platforms can be reset", next_step=checkout.command_line("status", environment)
        )
    if selected_port != current_port:
        try:
            ports.require_free(selected_port)
        except PortTakenError as error:
            next_step = f"{checkout.command_line('reset', environment)} --port 0"
            raise CommandError(f"{error.message}; nothing was changed", next_step=next_step) from error
    result = down.stop(environment)
    if result.host is not None:
        screen.note(f"the platform of environment {environment!r} was stopped and its data removed")
    return up.up(
        up.UpOptions(environment=environment, port=selected_port, foreground=False, journey=with_journey), screen
    )


def _current_port(state: EnvironmentState | None) -> int | None:
    """Return the API's port if the platform is running."""
    if state is None or state.endpoints is None or state.host.find() is None:
        return None
    return urlsplit(state.endpoints.api).port

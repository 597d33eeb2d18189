"""`platform reset`: down and up in one, for a platform that starts empty; the logs are kept."""

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
    """Brings it up anew on the port it had, unless another is named; the JSON is that of `up`.

    What would keep it from coming up is checked before anything is wiped: the settings and the port. Refuses a platform
    that is not on this machine.
    """
    stack_settings.load(environment)
    state = StateFiles.of(environment).read()
    own = _own_port(state)
    chosen = port if port is not None else own if own is not None else checkout.default_port(environment)
    if state is not None and state.endpoints is not None:
        platform_status.require_local(
            state, "this command wipes only local platforms", next_step=checkout.command_line("status", environment)
        )
    if chosen != own:
        try:
            ports.require_free(chosen)
        except PortTakenError as error:
            again = f"{checkout.command_line('reset', environment)} --port 0"
            raise CommandError(f"{error.message}; nothing was changed", next_step=again) from error
    ending = down.end(environment)
    if ending.host is not None:
        screen.note(f"the platform of environment {environment!r} was stopped and wiped; its logs are kept")
    return up.up(up.UpOptions(environment=environment, port=chosen, foreground=False, journey=with_journey), screen)


def _own_port(state: EnvironmentState | None) -> int | None:
    """Where the API of the platform that runs now listens."""
    if state is None or state.endpoints is None or state.host.find() is None:
        return None
    return urlsplit(state.endpoints.api).port

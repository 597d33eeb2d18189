"""The project that this command belongs to: its folder, its environments, its release."""

import ipaddress
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from local.engines import stack_files
from operations.terminal.command_errors import RefusedError
from operations.terminal.exit_codes import ExitCode

ROOT = Path(__file__).resolve().parents[2]
BUNDLED_PHOTO = ROOT / "assets" / "dandelions.jpg"
DEFAULT_ENVIRONMENT = "dev"
# Where each environment answers on this machine, so that several can run side by side; the listeners beside the API follow
# on the next ports. An environment that is not listed takes any free ones.
PORTS = {"dev": 3000, "staging": 3100, "production": 3200}
STATE_DIRECTORY_VARIABLE = "PLATFORM_STATE_DIRECTORY"
BUNDLE_CACHE_VARIABLE = "PLATFORM_BUNDLE_CACHE"
BUNDLES = ROOT / "dist" / "bundles"


def release() -> str:
    """The release of this checkout, as `platform --version` prints it."""
    return version("episode-metadata")


def state_root() -> Path:
    """Where the state of every environment lives: `.platform/` of the project, or the folder that the variable names."""
    override = os.environ.get(STATE_DIRECTORY_VARIABLE)
    return Path(override).resolve() if override else ROOT / ".platform"


def bundle_cache() -> Path:
    """Where this machine's bundles are kept: `.cache/bundles/` of the project, or the folder that the variable names."""
    override = os.environ.get(BUNDLE_CACHE_VARIABLE)
    return Path(override).resolve() if override else ROOT / ".cache" / "bundles"


def require_environment(name: str, verb: str) -> None:
    """Refuses an environment that has no stack file, and lists those that have one."""
    known = stack_files.stack_names(ROOT)
    if name not in known:
        raise RefusedError(
            f"environment {name!r} is not known; known are {', '.join(known)}",
            next_step=f"{program()} {verb} --environment {DEFAULT_ENVIRONMENT}",
            code=ExitCode.USAGE,
        )


def environments(begun: str = "") -> list[str]:
    """The environments whose names begin so: what a shell offers to complete."""
    return [name for name in stack_files.stack_names(ROOT) if name.startswith(begun)]


def default_port(environment: str) -> int:
    """Where the API of an environment listens unless told otherwise; 0 is any free port."""
    return PORTS.get(environment, 0)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def stack_file(environment: str) -> Path:
    """Where the settings of an environment stand."""
    return ROOT / f"Pulumi.{environment}.yaml"


def program() -> str:
    """What a person types for this command where they stand: its name if their PATH finds it, else the way to it."""
    own = Path(sys.prefix) / "bin" / "platform"
    found = shutil.which("platform")
    if found and Path(found).resolve() == own.resolve():
        return "platform"
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)


def command(verb: str, environment: str) -> str:
    """The command line of a verb for an environment, as a person would type it."""
    suffix = "" if environment == DEFAULT_ENVIRONMENT else f" --environment {environment}"
    return f"{program()} {verb}{suffix}"

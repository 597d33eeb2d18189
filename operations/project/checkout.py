"""Paths, environments, ports and release of this checkout."""

import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from local.engines import stack_files
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode

ROOT = Path(__file__).resolve().parents[2]
BUNDLED_PHOTO = ROOT / "assets" / "dandelions.jpg"
DEFAULT_ENVIRONMENT = "dev"
# API ports on this machine, so that several environments can run side by side; other listeners take the next ports.
# An environment that is not listed gets any free ports.
PORTS = {"dev": 3000, "staging": 3100, "production": 3200}
STATE_DIRECTORY_VARIABLE = "PLATFORM_STATE_DIRECTORY"
BUNDLE_CACHE_VARIABLE = "PLATFORM_BUNDLE_CACHE"
BUNDLES = ROOT / "dist" / "bundles"


def release() -> str:
    """Return the release of this checkout, as `platform --version` prints it."""
    return version("episode-metadata")


def state_root() -> Path:
    """Return the folder with the state of all environments: `.platform/`, unless the environment variable overrides it."""
    override = os.environ.get(STATE_DIRECTORY_VARIABLE)
    return Path(override).resolve() if override else ROOT / ".platform"


def bundle_cache() -> Path:
    """Return the cache folder of local bundles: `.cache/bundles/`, unless the environment variable overrides it."""
    override = os.environ.get(BUNDLE_CACHE_VARIABLE)
    return Path(override).resolve() if override else ROOT / ".cache" / "bundles"


def require_environment(name: str, verb: str) -> None:
    """Check that the environment has a stack file.

    Raises:
        CommandError: It has none; the message lists the environments that have one.
    """
    names = stack_files.stack_names(ROOT)
    if name not in names:
        raise CommandError(
            f"environment {name!r} not found; must be one of {', '.join(names)}",
            next_step=f"{executable()} {verb} --environment {DEFAULT_ENVIRONMENT}",
            code=ExitCode.USAGE,
        )


def complete_environment(prefix: str = "") -> list[str]:
    """Return the environments whose names begin with a prefix, for shell completion."""
    return [name for name in stack_files.stack_names(ROOT) if name.startswith(prefix)]


def default_port(environment: str) -> int:
    """Return the default API port of an environment; 0 means any free port."""
    return PORTS.get(environment, 0)


def stack_file(environment: str) -> Path:
    """Return the path of an environment's stack file."""
    return ROOT / f"Pulumi.{environment}.yaml"


def executable() -> str:
    """Return this command as it can be typed in the current shell: its name if it is on PATH, otherwise its path."""
    own = Path(sys.prefix) / "bin" / "platform"
    found = shutil.which("platform")
    if found and Path(found).resolve() == own.resolve():
        return "platform"
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)


def command_line(verb: str, environment: str) -> str:
    """Return the command line of a `platform` command for an environment, as a person would type it."""
    suffix = "" if environment == DEFAULT_ENVIRONMENT else f" --environment {environment}"
    return f"{executable()} {verb}{suffix}"

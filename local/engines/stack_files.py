"""Reads `Pulumi.yaml` and `Pulumi.<stack>.yaml` like the Pulumi engine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from local.errors import LocalPlatformError

_PREFIX, _SUFFIX = "Pulumi.", ".yaml"


def stack_names(directory: Path) -> tuple[str, ...]:
    """Return the names of the stacks that have a file in the directory, sorted."""
    files = directory.glob(f"{_PREFIX}*{_SUFFIX}")
    return tuple(sorted(file.name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for file in files))


def project_name(directory: Path) -> str:
    """Return the project name in `Pulumi.yaml`.

    Raises:
        LocalPlatformError: The file cannot be read or has no name.
    """
    file = directory / "Pulumi.yaml"
    name = _read(file).get("name")
    if not isinstance(name, str) or not name:
        raise LocalPlatformError(f"{file}: `name` is missing")
    return name


def load_stack_config(directory: Path, stack: str) -> dict[str, str]:
    """Return the stack's configuration in the engine's form: `namespace:key` to string, objects and lists as JSON.

    A key without a namespace belongs to the project.

    Raises:
        LocalPlatformError: The stack is unknown, its file cannot be read, or a value is encrypted.
    """
    known = stack_names(directory)
    if stack not in known:
        raise LocalPlatformError(
            f"stack {stack!r} not found; existing stacks: {', '.join(known) or 'none'}",
            next_step=f"choose one of them, or create {_PREFIX}{stack}{_SUFFIX}",
        )
    file = directory / f"{_PREFIX}{stack}{_SUFFIX}"
    config = _read(file).get("config") or {}
    if not isinstance(config, Mapping):
        raise LocalPlatformError(f"{file}: `config` must be an object")
    project = project_name(directory)
    return {_add_namespace(str(key), project): _to_text(value, f"{file}: {key}") for key, value in config.items()}


def _add_namespace(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _to_text(value: Any, path: str) -> str:
    if _is_encrypted(value):
        raise LocalPlatformError(
            f"{path} is encrypted, and a local platform cannot decrypt it",
            next_step="use a plain-text value in a local stack",
        )
    return value if isinstance(value, str) else json.dumps(value)


def _is_encrypted(value: Any) -> bool:
    if isinstance(value, Mapping):
        return set(value) == {"secure"} or any(_is_encrypted(item) for item in value.values())
    return isinstance(value, list) and any(_is_encrypted(item) for item in value)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalPlatformError(f"{file}: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise LocalPlatformError(f"{file}{line}: invalid YAML: {problem}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise LocalPlatformError(f"{file}: must be an object")
    return content

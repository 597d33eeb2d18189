"""Reads a project's `Pulumi.yaml` and its stacks' `Pulumi.<stack>.yaml` as the engine does."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from local.errors import LocalPlatformError

_PREFIX, _SUFFIX = "Pulumi.", ".yaml"


def stack_names(directory: Path) -> tuple[str, ...]:
    """The stacks that have a file in the directory, by name."""
    files = directory.glob(f"{_PREFIX}*{_SUFFIX}")
    return tuple(sorted(file.name.removeprefix(_PREFIX).removesuffix(_SUFFIX) for file in files))


def project_name(directory: Path) -> str:
    """The name in `Pulumi.yaml`. Raises LocalPlatformError when there is none."""
    file = directory / "Pulumi.yaml"
    name = _read(file).get("name")
    if not isinstance(name, str) or not name:
        raise LocalPlatformError(f"{file}: `name` is missing")
    return name


def load_stack_config(directory: Path, stack: str) -> dict[str, str]:
    """The stack's configuration in the engine's form: `namespace:key` to text, objects and lists as JSON.

    A key without a namespace is the project's. Raises LocalPlatformError for an unknown stack, with those that are known; for a
    file that cannot be read, with its line; and for encrypted values, whose key is not here.
    """
    known = stack_names(directory)
    if stack not in known:
        raise LocalPlatformError(
            f"the stack {stack!r} is not known; known are {', '.join(known) or 'none'}",
            next_step=f"choose one of them, or write {_PREFIX}{stack}{_SUFFIX}",
        )
    file = directory / f"{_PREFIX}{stack}{_SUFFIX}"
    config = _read(file).get("config") or {}
    if not isinstance(config, Mapping):
        raise LocalPlatformError(f"{file}: `config` must be an object")
    project = project_name(directory)
    return {_key(str(key), project): _text(value, f"{file}: {key}") for key, value in config.items()}


def _key(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _text(value: Any, where: str) -> str:
    if _holds_secure(value):
        raise LocalPlatformError(
            f"{where} is encrypted, and a local platform cannot decrypt it",
            next_step="write it in plain text in a local stack",
        )
    return value if isinstance(value, str) else json.dumps(value)


def _holds_secure(value: Any) -> bool:
    if isinstance(value, Mapping):
        return set(value) == {"secure"} or any(_holds_secure(item) for item in value.values())
    return isinstance(value, list) and any(_holds_secure(item) for item in value)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalPlatformError(f"{file}: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise LocalPlatformError(f"{file}{line}: no valid YAML: {problem}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise LocalPlatformError(f"{file}: must be an object with keys")
    return content

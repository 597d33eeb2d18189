"""Validation errors as messages by field. They never quote the input. Independent of the web framework."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.errors import FieldProblem

# A field name from a client may be anything. It is repeated only if it looks like a field name.
_FIELD_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

# Replacements of Pydantic's messages that quote the input or mention Python types.
_MESSAGES = {
    "uuid_parsing": "Input should be a valid UUID",
    "date_from_datetime_parsing": "Input should be a date such as 2026-11-21",
    "date_parsing": "Input should be a date such as 2026-11-21",
    "model_attributes_type": "Send a JSON object, with content-type application/json",
    "dict_type": "Input should be a JSON object",
    "list_type": "Input should be a JSON array",
    "extra_forbidden": "Unknown field",
}


def field_problems(errors: Iterable[Mapping[str, Any]]) -> list[FieldProblem]:
    """Return the first problem of each field, in the order of the errors."""
    problems: dict[str, FieldProblem] = {}
    for error in errors:
        field = _field(error)
        problems.setdefault(field, FieldProblem(_message(error), field))
    return list(problems.values())


def _field(error: Mapping[str, Any]) -> str:
    if error["type"] == "json_invalid":
        return "body"
    parts = [str(part) for part in error["loc"]]
    return ".".join(part if _FIELD_NAME.fullmatch(part) else "…" for part in parts)


def _message(error: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind == "json_invalid":
        return f"The body is not valid JSON: {error['ctx']['error']}"
    if kind == "value_error":
        # Raised by our own validators, whose messages are written for callers.
        return str(error["ctx"]["error"])
    return _MESSAGES.get(kind, str(error["msg"]))

"""What the validator says of an input, in our words and by field. Nothing that the caller sent is repeated. No web framework
here."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.errors import FieldProblem

# A name that a client made up may be anything. It is repeated only when it looks like the name of a field.
_FIELD_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

# Messages of the validator that quote the input, or that speak of Python, said anew.
_BY_TYPE = {
    "uuid_parsing": "Input should be a valid UUID",
    "date_from_datetime_parsing": "Input should be a date such as 2026-11-21",
    "date_parsing": "Input should be a date such as 2026-11-21",
    "model_attributes_type": "Send a JSON object, with content-type application/json",
    "dict_type": "Input should be a JSON object",
    "list_type": "Input should be a JSON array",
    "extra_forbidden": "There is no such field",
}


def field_problems(errors: Iterable[Mapping[str, Any]], *, within: str = "") -> list[FieldProblem]:
    """One problem for each field, in the order in which they were found; `within` goes before the fields' names."""
    problems: dict[str, FieldProblem] = {}
    for found in errors:
        field = within + _field_of(found)
        problems.setdefault(field, FieldProblem(_message_of(found), field))
    return list(problems.values())


def _field_of(found: Mapping[str, Any]) -> str:
    if found["type"] == "json_invalid":
        return "body"
    parts = [str(part) for part in found["loc"]]
    return ".".join(part if _FIELD_NAME.fullmatch(part) else "…" for part in parts)


def _message_of(found: Mapping[str, Any]) -> str:
    kind = found["type"]
    if kind == "json_invalid":
        return f"The body is not valid JSON: {found['ctx']['error']}"
    if kind == "value_error":
        # Raised by validators of our own, which word it for the caller.
        return str(found["ctx"]["error"])
    return _BY_TYPE.get(kind, str(found["msg"]))

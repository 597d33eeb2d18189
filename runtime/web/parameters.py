"""Types of query parameters that filter lists, validated as strictly as a body."""

import json
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, StringConstraints

from runtime.contract.strict_json import parse
from runtime.contract.values import Label, reject_nul

MAX_FILTER_LENGTH = 2_000


def _json_object(text: str) -> str:
    try:
        value: Any = parse(text.encode())
    except (json.JSONDecodeError, UnicodeEncodeError):
        value = None
    if not isinstance(value, dict):
        raise ValueError('Must be a JSON object, such as {"colour": "red"}')
    return text


LabelParameter = Annotated[Label, AfterValidator(reject_nul)]
# The text is passed to Postgres unchanged, which parses it as JSON.
JsonFilter = Annotated[
    Annotated[str, StringConstraints(max_length=MAX_FILTER_LENGTH), AfterValidator(_json_object)],
    Query(description="A JSON object that the field must contain.", examples=['{"colour": "red"}']),
]

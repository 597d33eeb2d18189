"""The kinds of value that filters of lists have. What comes in an address is checked as strictly as a body."""

import json
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, StringConstraints

from runtime.contract.strict_json import parse
from runtime.contract.values import Label, reject_nul

MAX_PART_LENGTH = 2_000


def _json_object(text: str) -> str:
    try:
        value: Any = parse(text.encode())
    except (json.JSONDecodeError, UnicodeEncodeError):
        value = None
    if not isinstance(value, dict):
        raise ValueError('This is not a JSON object, such as {"colour": "red"}')
    return text


LabelParameter = Annotated[Label, AfterValidator(reject_nul)]
# The text goes to Postgres as it came, which reads it as JSON.
JsonFilter = Annotated[
    Annotated[str, StringConstraints(max_length=MAX_PART_LENGTH), AfterValidator(_json_object)],
    Query(
        description="A JSON object: what the field must have in it, among other things.", examples=['{"colour": "red"}']
    ),
]

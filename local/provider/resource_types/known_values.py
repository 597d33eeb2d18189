"""The values known about a resource while it is created: everything sent and returned so far, by AWS's member names."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jmespath
from botocore.model import Shape

from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.table import FromResponse


@cache
def normalize_name(name: str) -> str:
    """Return the name without case and punctuation, so that `vpcId`, `VpcId` and `vpc_id` compare equal."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


class KnownValues:
    """Scalar values by name, and the whole responses for JMESPath."""

    def __init__(self, *, region: str, account_id: str, name: str) -> None:
        self._values: dict[str, Any] = {"region": region, "account": account_id, "name": name}
        self.responses: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """Return the value of a member, whatever its case, or None if it is unknown."""
        return self._values.get(normalize_name(name))

    def set(self, name: str, value: Any) -> None:
        """Set one value; it replaces an earlier one of that name."""
        self._values[normalize_name(name)] = value

    def add_call(
        self, request: Mapping[str, Any], response: Mapping[str, Any], output: Shape | None, *, first: bool
    ) -> None:
        """Add the values of a completed call.

        A response wins over its request. Values of the first call win over those of the calls that follow it.
        """
        added = {normalize_name(member): value for member, value in request.items() if _is_plain(value)}
        added |= {
            normalize_name(member): value
            for member, value in flatten_response(response, output).items()
            if _is_plain(value)
        }
        self._values = self._values | added if first else added | self._values
        self.responses = dict(response) | self.responses

    def resolve(self, value: Any) -> Any:
        """Return a table value with its templates filled in; None for a FromResponse that matches nothing.

        Raises:
            ResourceError: A template names a value that is unknown.
        """
        if isinstance(value, FromResponse):
            return to_plain(jmespath.search(value, self.responses))
        if isinstance(value, str):
            return value.format_map(_Fields(self._values))
        if isinstance(value, Mapping):
            return {key: self.resolve(item) for key, item in value.items()}
        return [self.resolve(item) for item in value] if isinstance(value, (list, tuple)) else value


class _Fields(dict[str, Any]):
    def __missing__(self, field: str) -> Any:
        if normalize_name(field) in self:
            return self[normalize_name(field)]
        raise ResourceError(f"the response has no {field}")


def flatten_response(response: Mapping[str, Any], output: Shape | None) -> dict[str, Any]:
    """Return the response's members together with those of its only structure, or of the first item of its only list."""
    members = getattr(output, "members", {})
    structures = [name for name, shape in members.items() if shape.type_name == "structure"]
    lists = [
        name for name, shape in members.items() if shape.type_name == "list" and shape.member.type_name == "structure"
    ]
    inner: Any = {}
    if len(structures) == 1:
        inner = response.get(structures[0]) or {}
    elif not structures and len(lists) == 1:
        inner = (response.get(lists[0]) or [{}])[0]
    return to_plain(dict(inner) | dict(response))  # type: ignore[no-any-return]  # to_plain returns a dict for a dict


def to_plain(value: Any) -> Any:
    """Return a response value in the form that Pulumi transports: timestamps become RFC 3339 strings."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    return [to_plain(item) for item in value] if isinstance(value, list) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return value is not None and not isinstance(value, (dict, bytes))

"""What is known of a resource while it is made: all that was sent and all that was answered, by AWS's member names."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jmespath
from botocore.model import Shape

from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.table import FromResponse


@cache
def squash(name: str) -> str:
    """A name without case and punctuation, so that `vpcId`, `VpcId` and `vpc_id` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Facts:
    """The scalars by name, and the whole responses for JMESPath."""

    def __init__(self, *, region: str, account_id: str, name: str) -> None:
        self._known: dict[str, Any] = {"region": region, "account": account_id, "name": name}
        self.responses: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """The value of a member, whatever the capitals; None when nobody said."""
        return self._known.get(squash(name))

    def set(self, name: str, value: Any) -> None:
        """Adds one fact, which wins over what was known."""
        self._known[squash(name)] = value

    def learn(
        self, request: Mapping[str, Any], response: Mapping[str, Any], output: Shape | None, *, first: bool
    ) -> None:
        """Takes in a call that was made. What the first call said stands; AWS's answer wins over the request."""
        news = {squash(member): value for member, value in request.items() if _is_plain(value)}
        news |= {squash(member): value for member, value in body(response, output).items() if _is_plain(value)}
        self._known = self._known | news if first else news | self._known
        self.responses = dict(response) | self.responses

    def resolve(self, value: Any) -> Any:
        """A table's value with its templates filled in; None where a FromResponse finds nothing."""
        if isinstance(value, FromResponse):
            return plain(jmespath.search(value, self.responses))
        if isinstance(value, str):
            return value.format_map(_Fields(self._known))
        if isinstance(value, Mapping):
            return {key: self.resolve(item) for key, item in value.items()}
        return [self.resolve(item) for item in value] if isinstance(value, (list, tuple)) else value


class _Fields(dict[str, Any]):
    def __missing__(self, field: str) -> Any:
        if squash(field) in self:
            return self[squash(field)]
        raise ProblemError(f"AWS answered no {field}")


def body(response: Mapping[str, Any], output: Shape | None) -> dict[str, Any]:
    """The response's members, and those of its one structure (or of the first item of its one list) below them."""
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
    return plain(dict(inner) | dict(response))  # type: ignore[no-any-return]  # a dict in is a dict out


def plain(value: Any) -> Any:
    """A response value as Pulumi carries it: times become RFC 3339 text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return value is not None and not isinstance(value, (dict, bytes))

"""Evaluation of a bucket policy for an AWS service, because the emulator does not evaluate policies.

Only the elements and condition operators that are common in bucket policies are supported. Others never grant access: an Allow
statement with them does not apply, a Deny statement does.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ServicePrincipal:
    """A service principal, and the condition keys of all of its requests."""

    service: str
    context: Mapping[str, str] = field(default_factory=dict)

    def is_allowed(self, policy: Mapping[str, Any], action: str, resource: str, **context: str) -> bool:
        """Whether a resource policy allows the action. `context` holds the condition keys of this request."""
        keys = {name.lower(): value for name, value in {**self.context, **context}.items()}
        effects = {
            statement.get("Effect")
            for statement in _list(policy.get("Statement"))
            if self._matches(statement, action, resource)
            and _conditions_hold(statement.get("Condition") or {}, keys, unsupported=statement.get("Effect") == "Deny")
        }
        return "Allow" in effects and "Deny" not in effects

    def _matches(self, statement: Mapping[str, Any], action: str, resource: str) -> bool:
        if {"NotPrincipal", "NotAction", "NotResource"} & statement.keys():
            return statement.get("Effect") == "Deny"
        principal = statement.get("Principal")
        is_principal = principal == "*" or (
            isinstance(principal, Mapping)
            and ("*" in _list(principal.get("AWS")) or self.service in _list(principal.get("Service")))
        )
        actions = [pattern.lower() for pattern in _list(statement.get("Action"))]
        return (
            is_principal
            and any(matches_wildcard(pattern, action.lower()) for pattern in actions)
            and any(matches_wildcard(pattern, resource) for pattern in _list(statement.get("Resource")))
        )


def matches_wildcard(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern in which `*` matches any characters and `?` exactly one."""
    parts = ({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _conditions_hold(block: Mapping[str, Any], context: Mapping[str, str], *, unsupported: bool) -> bool:
    return all(
        _holds(operator, context.get(key.lower()), expected, unsupported)
        for operator, key, expected in _conditions(block)
    )


def _conditions(block: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in block.items():
        for key, expected in keys.items():
            yield operator, key, [str(value) for value in _list(expected)]


def _holds(operator: str, value: str | None, expected: list[str], unsupported: bool) -> bool:
    name = operator.removesuffix("IfExists")
    if name == "Null":
        return (value is None) == (expected[0].lower() == "true")
    compare = _OPERATORS.get(name.replace("Not", ""))
    if compare is None:
        return unsupported
    is_negated = "Not" in name
    if value is None:
        return is_negated or name != operator
    return any(compare(each, value) for each in expected) != is_negated


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda expected, value: expected == value,
    "StringEqualsIgnoreCase": lambda expected, value: expected.lower() == value.lower(),
    "StringLike": matches_wildcard,
    "ArnEquals": matches_wildcard,
    "ArnLike": matches_wildcard,
    "Bool": lambda expected, value: expected.lower() == value.lower(),
}

"""What a bucket's policy lets an AWS service do. The emulator evaluates no policy, so a service that runs here has to ask itself.

Read are the elements and condition operators that policies of buckets are written with. What is not read never lets anyone in:
an Allow with it does not hold, a Deny does.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A service principal and what it says of its requests, by condition key."""

    service: str
    context: Mapping[str, str] = field(default_factory=dict)

    def may(self, policy: Mapping[str, Any], action: str, resource: str, **more: str) -> bool:
        """Whether a policy of a resource lets this caller do it. `more` are condition keys of this one request."""
        known = {name.lower(): value for name, value in {**self.context, **more}.items()}
        effects = {
            statement.get("Effect")
            for statement in _list(policy.get("Statement"))
            if self._is_meant(statement, action, resource)
            and _holds(statement.get("Condition") or {}, known, unread=statement.get("Effect") == "Deny")
        }
        return "Allow" in effects and "Deny" not in effects

    def _is_meant(self, statement: Mapping[str, Any], action: str, resource: str) -> bool:
        if {"NotPrincipal", "NotAction", "NotResource"} & statement.keys():
            return statement.get("Effect") == "Deny"
        principal = statement.get("Principal")
        named = principal == "*" or (
            isinstance(principal, Mapping)
            and ("*" in _list(principal.get("AWS")) or self.service in _list(principal.get("Service")))
        )
        actions = [pattern.lower() for pattern in _list(statement.get("Action"))]
        return (
            named
            and any(like(pattern, action.lower()) for pattern in actions)
            and any(like(pattern, resource) for pattern in _list(statement.get("Resource")))
        )


def like(pattern: str, text: str) -> bool:
    """Whether the text is of the pattern: `*` for any characters, `?` for one."""
    parts = ({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _holds(condition: Mapping[str, Any], known: Mapping[str, str], *, unread: bool) -> bool:
    return all(_test(operator, known.get(key.lower()), wanted, unread) for operator, key, wanted in _tests(condition))


def _tests(condition: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in condition.items():
        for key, wanted in keys.items():
            yield operator, key, [str(value) for value in _list(wanted)]


def _test(operator: str, value: str | None, wanted: list[str], unread: bool) -> bool:
    plain = operator.removesuffix("IfExists")
    if plain == "Null":
        return (value is None) == (wanted[0].lower() == "true")
    compare = _OPERATORS.get(plain.replace("Not", ""))
    if compare is None:
        return unread
    negated = "Not" in plain
    if value is None:
        return negated or plain != operator
    return any(compare(each, value) for each in wanted) != negated


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
}

"""Listener rules: their conditions and actions."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local.errors import RegistrationError
from local.provider.protocol import Registration

# Parts of the request that a redirect may repeat.
PLACEHOLDER = re.compile(r"#\{(protocol|host|port|path|query)\}")


@dataclass(frozen=True, kw_only=True)
class RequestTarget:
    """The parts of a request that rules match. `path` and `query` are percent-encoded; the rest is what the client used."""

    protocol: str
    host: str
    port: int
    path: str
    query: str


@dataclass(frozen=True, kw_only=True)
class Forward:
    """An action that forwards to one of these target groups (ARN and weight)."""

    groups: tuple[tuple[str, int], ...]

    def choose(self) -> str | None:
        """Return the ARN of a group, chosen at random by weight; None if all weights are 0."""
        weights = [weight for _, weight in self.groups]
        if not any(weights):
            return None
        return random.choices([arn for arn, _ in self.groups], weights)[0]  # noqa: S311  # not a secret


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """An action that redirects. Each part may contain placeholders for parts of the request."""

    protocol: str
    host: str
    port: str
    path: str
    query: str
    status: int

    def location(self, request: RequestTarget) -> str:
        """Return the URL of the redirect, which always includes the port, as on AWS."""
        parts = {
            "protocol": request.protocol,
            "host": request.host,
            "port": str(request.port),
            "path": request.path.lstrip("/"),
            "query": request.query,
        }

        def filled(text: str) -> str:
            return PLACEHOLDER.sub(lambda found: parts[found[1]], text)

        query = filled(self.query)
        address = f"{filled(self.protocol).lower()}://{filled(self.host)}:{filled(self.port)}{filled(self.path)}"
        return f"{address}?{query}" if query else address


@dataclass(frozen=True, kw_only=True)
class FixedResponse:
    """An action that returns a fixed response."""

    status: int
    content_type: str
    body: str


Action = Forward | Redirect | FixedResponse


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule: an action, and the patterns of which a request must match one of each kind (no patterns match any request)."""

    priority: int
    action: Action
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def matches(self, request: RequestTarget) -> bool:
        """Whether the request matches. Hosts are compared case-insensitively, paths case-sensitively."""
        path, host = request.path, request.host.lower()
        return all(
            not patterns or any(pattern.fullmatch(text) for pattern in patterns)
            for patterns, text in ((self._host_patterns, host), (self._path_patterns, path))
        )

    @cached_property
    def _host_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_wildcards(text.lower()) for text in self.hosts)

    @cached_property
    def _path_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(_wildcards(text) for text in self.paths)


def _wildcards(text: str) -> re.Pattern[str]:
    """Compile a pattern in which `*` matches any characters and `?` exactly one."""
    return re.compile("".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in text))


def choose_action(rules: Sequence[Rule], default: Action, request: RequestTarget) -> Action:
    """Return the action of the first rule, by priority, that matches, or the listener's default action."""
    by_priority = sorted(rules, key=lambda rule: rule.priority)
    return next((rule.action for rule in by_priority if rule.matches(request)), default)


def read_action(registration: Registration, name: str) -> Action:
    """Read the action in the input `name`, a list.

    Raises:
        RegistrationError: The list does not have exactly one action, or the action is not supported on this machine.
    """
    actions = registration.inputs.get(name) or []
    if len(actions) != 1:
        raise RegistrationError(
            registration.urn, f"{name}: exactly one action is supported on this machine, not {len(actions)}"
        )
    action = actions[0]
    kind = str(action.get("type") or "")
    if kind not in READERS:
        raise RegistrationError(registration.urn, f"{name}.type: {kind} is not supported on this machine")
    return READERS[kind](registration, name, action)


def read_rule(registration: Registration, priority: int) -> Rule:
    """Read an aws:lb/listenerRule:ListenerRule.

    Raises:
        RegistrationError: A condition or an action is invalid on AWS, or not supported on this machine.
    """
    urn = registration.urn
    patterns: dict[str, tuple[str, ...]] = {}
    if registration.inputs.get("transforms"):
        raise RegistrationError(urn, "transforms: not supported on this machine")
    conditions = registration.inputs.get("conditions") or ()
    if not conditions:
        raise RegistrationError(urn, "conditions: required")
    for condition in conditions:
        for kind, given in condition.items():
            if not given:
                continue
            if kind not in ("hostHeader", "pathPattern"):
                raise RegistrationError(
                    urn, f"conditions.{kind}: not supported on this machine, only hostHeader and pathPattern"
                )
            if kind in patterns:
                raise RegistrationError(
                    urn, f"conditions.{kind}: only one condition of a kind is allowed; give it several values"
                )
            values = tuple(str(value) for value in given.get("values") or ())
            if not values or given.get("regexValues"):
                raise RegistrationError(
                    urn, f"conditions.{kind}: values required; regexValues are not supported on this machine"
                )
            patterns[kind] = values
    return Rule(
        priority=priority,
        action=read_action(registration, "actions"),
        hosts=patterns.get("hostHeader", ()),
        paths=patterns.get("pathPattern", ()),
    )


def _forward(registration: Registration, name: str, action: Mapping[str, Any]) -> Forward:
    if action.get("targetGroupArn"):
        return Forward(groups=((str(action["targetGroupArn"]), 1),))
    forward = action.get("forward") or {}
    if (forward.get("stickiness") or {}).get("enabled"):
        raise RegistrationError(registration.urn, f"{name}.forward.stickiness: not supported on this machine")
    groups = tuple((str(group["arn"]), int(group.get("weight", 1))) for group in forward.get("targetGroups") or ())
    if not groups:
        raise RegistrationError(registration.urn, f"{name}: a target group is required")
    return Forward(groups=groups)


def _redirect(registration: Registration, name: str, action: Mapping[str, Any]) -> Redirect:
    given = action.get("redirect") or {}
    status = str(given.get("statusCode") or "")
    if status not in ("HTTP_301", "HTTP_302"):
        raise RegistrationError(
            registration.urn, f"{name}.redirect.statusCode: must be HTTP_301 or HTTP_302, not {status!r}"
        )
    return Redirect(
        protocol=str(given.get("protocol") or "#{protocol}"),
        host=str(given.get("host") or "#{host}"),
        port=str(given.get("port") or "#{port}"),
        path=str(given.get("path") or "/#{path}"),
        query=str(given.get("query", "#{query}")),
        status=int(status.removeprefix("HTTP_")),
    )


def _fixed_response(registration: Registration, name: str, action: Mapping[str, Any]) -> FixedResponse:
    given = action.get("fixedResponse") or {}
    if not given:
        raise RegistrationError(registration.urn, f"{name}.fixedResponse: required")
    return FixedResponse(
        status=int(given.get("statusCode") or 200),
        content_type=str(given.get("contentType") or "text/plain"),
        body=str(given.get("messageBody") or ""),
    )


READERS: Mapping[str, Callable[[Registration, str, Mapping[str, Any]], Action]] = {
    "forward": _forward,
    "redirect": _redirect,
    "fixed-response": _fixed_response,
}

"""What a load balancer's listener does with a request: its rules, the conditions that they have, their actions."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local.errors import RegistrationError
from local.provider.protocol import Registration

# The parts of a request that a redirect's target may repeat.
PLACEHOLDER = re.compile(r"#\{(protocol|host|port|path|query)\}")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What rules look at. `path` and `query` are percent-encoded, `protocol` and `port` are those that the client used."""

    protocol: str
    host: str
    port: int
    path: str
    query: str


@dataclass(frozen=True, kw_only=True)
class Forward:
    """To the targets of one of these groups (ARN and weight)."""

    groups: tuple[tuple[str, int], ...]

    def choose(self) -> str | None:
        """The ARN of a group, as often as its weight says; None when no group has any."""
        weights = [weight for _, weight in self.groups]
        if not any(weights):
            return None
        return random.choices([arn for arn, _ in self.groups], weights)[0]  # noqa: S311  # chance, no secret


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """Elsewhere: each part as registered, its placeholders filled in from the request."""

    protocol: str
    host: str
    port: str
    path: str
    query: str
    status: int

    def location(self, asked: Asked) -> str:
        """The address that the client is sent to; like AWS's, it always names the port."""
        parts = {
            "protocol": asked.protocol,
            "host": asked.host,
            "port": str(asked.port),
            "path": asked.path.lstrip("/"),
            "query": asked.query,
        }

        def filled(text: str) -> str:
            return PLACEHOLDER.sub(lambda found: parts[found[1]], text)

        query = filled(self.query)
        address = f"{filled(self.protocol).lower()}://{filled(self.host)}:{filled(self.port)}{filled(self.path)}"
        return f"{address}?{query}" if query else address


@dataclass(frozen=True, kw_only=True)
class FixedResponse:
    """An answer of the load balancer's own."""

    status: int
    content_type: str
    body: str


Action = Forward | Redirect | FixedResponse


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An action, and the patterns of which a request has to match one of each kind; no patterns match all."""

    priority: int
    action: Action
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def applies(self, asked: Asked) -> bool:
        """Whether the request matches. Hosts are compared without case, paths with it."""
        path, host = asked.path, asked.host.lower()
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
    """`*` stands for any characters, `?` for exactly one."""
    return re.compile("".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in text))


def choose(rules: Sequence[Rule], default: Action, asked: Asked) -> Action:
    """The action of the first rule, by priority, that applies; else the listener's default."""
    return next((rule.action for rule in sorted(rules, key=lambda rule: rule.priority) if rule.applies(asked)), default)


def read_action(registration: Registration, name: str) -> Action:
    """The one action in the list input `name`. Raises RegistrationError for what is not served on this machine."""
    actions = registration.inputs.get(name) or []
    if len(actions) != 1:
        raise RegistrationError(
            registration.urn, f"{name}: exactly one action is served here, there are {len(actions)}"
        )
    action = actions[0]
    kind = str(action.get("type") or "")
    if kind not in READERS:
        raise RegistrationError(registration.urn, f"{name}.type: {kind} is not served on this machine")
    return READERS[kind](registration, name, action)


def read_rule(registration: Registration, priority: int) -> Rule:
    """An aws:lb/listenerRule:ListenerRule. Raises RegistrationError for what is not served on this machine."""
    urn = registration.urn
    patterns: dict[str, tuple[str, ...]] = {}
    if registration.inputs.get("transforms"):
        raise RegistrationError(urn, "transforms: requests are forwarded as they are on this machine")
    conditions = registration.inputs.get("conditions") or ()
    if not conditions:
        raise RegistrationError(urn, "conditions: AWS refuses a rule without any")
    for condition in conditions:
        for kind, given in condition.items():
            if not given:
                continue
            if kind not in ("hostHeader", "pathPattern"):
                raise RegistrationError(urn, f"conditions.{kind}: only hosts and paths are compared on this machine")
            if kind in patterns:
                raise RegistrationError(
                    urn, f"conditions.{kind}: AWS takes one condition of a kind, with several values"
                )
            values = tuple(str(value) for value in given.get("values") or ())
            if not values or given.get("regexValues"):
                raise RegistrationError(
                    urn, f"conditions.{kind}: values with wildcards are compared here, and only they"
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
        raise RegistrationError(registration.urn, f"{name}.forward.stickiness: it is not served on this machine")
    groups = tuple((str(group["arn"]), int(group.get("weight", 1))) for group in forward.get("targetGroups") or ())
    if not groups:
        raise RegistrationError(registration.urn, f"{name}: it names no target group")
    return Forward(groups=groups)


def _redirect(registration: Registration, name: str, action: Mapping[str, Any]) -> Redirect:
    given = action.get("redirect") or {}
    status = str(given.get("statusCode") or "")
    if status not in ("HTTP_301", "HTTP_302"):
        raise RegistrationError(
            registration.urn, f"{name}.redirect.statusCode: {status!r} is neither HTTP_301 nor HTTP_302"
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
        raise RegistrationError(registration.urn, f"{name}.fixedResponse: it is missing")
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

"""Which route of an HTTP API a request takes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

DEFAULT_ROUTE_KEY = "$default"
ROUTE_KEY = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*)")
PARAMETER = re.compile(r"\{(?P<name>[^{}/+]+)(?P<greedy>\+?)\}")


@dataclass(frozen=True)
class Route:
    """A route as registered: its key (`$default`, `GET /shows/{id}`, `ANY /{proxy+}`) and the integration behind it."""

    key: str
    integration_id: str = ""

    @cached_property
    def _parsed(self) -> re.Match[str] | None:
        return ROUTE_KEY.fullmatch(self.key)

    @property
    def valid(self) -> bool:
        """Whether API Gateway accepts the key."""
        return self.key == DEFAULT_ROUTE_KEY or self._parsed is not None

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path parameters, still percent-encoded as API Gateway passes them on; None when the route does not apply."""
        if self._parsed is None:
            return {}
        if (
            self._parsed["method"] not in {method, "ANY"}
            or (found := _pattern(self._parsed["path"]).fullmatch(path)) is None
        ):
            return None
        names = [parameter["name"] for parameter in PARAMETER.finditer(self._parsed["path"])]
        return dict(zip(names, found.groups(), strict=True))

    @cached_property
    def rank(self) -> tuple[int, list[bool], int, bool]:
        """Lower is chosen first: `$default` last, greedy paths after others, then the one with more and longer literal parts.

        A route for the method goes before ANY on the same path.
        """
        if self._parsed is None:
            return (2, [], 0, False)
        path = self._parsed["path"]
        segments = [PARAMETER.search(segment) is not None for segment in path.split("/")]
        return (int("+}" in path), segments, -len(path), self._parsed["method"] == "ANY")


@cache
def _pattern(path: str) -> re.Pattern[str]:
    """What a route's path with its parameters matches. A slash at the end makes another path."""
    pattern, position = "", 0
    for parameter in PARAMETER.finditer(path):
        pattern += re.escape(path[position : parameter.start()]) + ("(.+)" if parameter["greedy"] else "([^/]+)")
        position = parameter.end()
    return re.compile(pattern + re.escape(path[position:]))


@dataclass(frozen=True)
class Choice:
    """The route that a request takes, and its path parameters."""

    route: Route
    parameters: Mapping[str, str] = field(default_factory=dict)


def choose(routes: Iterable[Route], method: str, path: str) -> Choice | None:
    """The most specific route for a request with this percent-encoded path; None when there is none."""
    for route in sorted(routes, key=lambda route: route.rank):
        parameters = route.match(method, path)
        if parameters is not None:
            return Choice(route, parameters)
    return None

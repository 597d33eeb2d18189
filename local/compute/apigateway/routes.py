"""Routes of an HTTP API, and the selection of one for a request."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

DEFAULT_ROUTE_KEY = "$default"
ROUTE_KEY = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*)")
PARAMETER = re.compile(r"\{(?P<name>[^{}/+]+)(?P<greedy>\+?)\}")


@dataclass(frozen=True)
class Route:
    """A route: its key (`$default`, `GET /shows/{id}`, `ANY /{proxy+}`) and the id of its integration."""

    key: str
    integration_id: str = ""

    @cached_property
    def _parsed(self) -> re.Match[str] | None:
        return ROUTE_KEY.fullmatch(self.key)

    @property
    def is_valid(self) -> bool:
        """Whether API Gateway would accept the key."""
        return self.key == DEFAULT_ROUTE_KEY or self._parsed is not None

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path parameters, percent-encoded as in the path, or None if the route does not match."""
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
    def sort_key(self) -> tuple[int, list[bool], int, bool]:
        """The order of precedence, lowest first.

        `$default` is last, greedy paths come after others, then paths with more and longer literal parts first. A specific
        method comes before ANY on the same path.
        """
        if self._parsed is None:
            return (2, [], 0, False)
        path = self._parsed["path"]
        segments = [PARAMETER.search(segment) is not None for segment in path.split("/")]
        return (int("+}" in path), segments, -len(path), self._parsed["method"] == "ANY")


@cache
def _pattern(path: str) -> re.Pattern[str]:
    """Compile a route's path. A trailing slash is significant."""
    pattern, position = "", 0
    for parameter in PARAMETER.finditer(path):
        pattern += re.escape(path[position : parameter.start()]) + ("(.+)" if parameter["greedy"] else "([^/]+)")
        position = parameter.end()
    return re.compile(pattern + re.escape(path[position:]))


@dataclass(frozen=True)
class RouteMatch:
    """The selected route of a request, and its path parameters."""

    route: Route
    parameters: Mapping[str, str] = field(default_factory=dict)


def match_route(routes: Iterable[Route], method: str, path: str) -> RouteMatch | None:
    """Return the most specific route for a method and a percent-encoded path, or None."""
    for route in sorted(routes, key=lambda route: route.sort_key):
        parameters = route.match(method, path)
        if parameters is not None:
            return RouteMatch(route, parameters)
    return None

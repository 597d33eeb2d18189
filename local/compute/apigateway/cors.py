"""The CORS configuration of an HTTP API, applied by the gateway itself: a preflight request never reaches the function."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.compute.apigateway.payload_format import Request, Response

PREFIX = "access-control-"


@dataclass(frozen=True, kw_only=True)
class CorsRules:
    """The `corsConfiguration` of an API."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed_headers: tuple[str, ...]
    max_age_seconds: int | None
    allows_credentials: bool

    @classmethod
    def read(cls, configuration: Mapping[str, Any]) -> "CorsRules":
        """Read the resource's input."""
        max_age = configuration.get("maxAge")
        return cls(
            origins=tuple(configuration.get("allowOrigins") or ()),
            methods=tuple(configuration.get("allowMethods") or ()),
            headers=tuple(configuration.get("allowHeaders") or ()),
            exposed_headers=tuple(configuration.get("exposeHeaders") or ()),
            max_age_seconds=None if max_age is None else int(max_age),
            allows_credentials=bool(configuration.get("allowCredentials")),
        )

    def preflight(self, request: Request) -> Response | None:
        """Return the response to a preflight request, or None if the request is not one.

        The status is 204 for every origin; for one that is not allowed the response has no CORS headers.
        """
        is_preflight = request.header("origin") and request.header("access-control-request-method")
        if request.method != "OPTIONS" or not is_preflight:
            return None
        headers = self._origin_headers(request)
        if headers:
            headers += [
                (PREFIX + name, value)
                for name, value in (
                    ("allow-methods", ",".join(self.methods)),
                    ("allow-headers", ",".join(self.headers)),
                    ("max-age", "" if self.max_age_seconds is None else str(self.max_age_seconds)),
                )
                if value
            ]
        return Response(status=204, headers=headers, body=b"")

    def apply(self, request: Request, response: Response) -> Response:
        """Return the response with CORS headers. Those set by the function are dropped, as in API Gateway."""
        own = self._origin_headers(request)
        if own and self.exposed_headers:
            own.append((PREFIX + "expose-headers", ",".join(self.exposed_headers)))
        others = [(name, value) for name, value in response.headers if not name.startswith(PREFIX)]
        return replace(response, headers=[*others, *own])

    def _origin_headers(self, request: Request) -> list[tuple[str, str]]:
        origin = request.header("origin")
        if origin is None or not self._allows(origin):
            return []
        any_origin = "*" in self.origins and not self.allows_credentials
        headers = [(PREFIX + "allow-origin", "*" if any_origin else origin)]
        if not any_origin:
            headers.append(("vary", "origin"))
        if self.allows_credentials:
            headers.append((PREFIX + "allow-credentials", "true"))
        return headers

    def _allows(self, origin: str) -> bool:
        scheme = origin.partition("://")[0]
        return bool({origin, "*", f"{scheme}://*"} & set(self.origins))

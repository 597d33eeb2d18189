"""Cross-origin rules of an HTTP API, answered by the gateway as API Gateway does: the function is never asked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.compute.apigateway.gateway_events import Request, Response

PREFIX = "access-control-"


@dataclass(frozen=True, kw_only=True)
class CrossOriginRules:
    """An Api's corsConfiguration."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age_seconds: int | None
    credentials: bool

    @classmethod
    def read(cls, configuration: Mapping[str, Any]) -> "CrossOriginRules":
        """From the resource's input."""
        max_age = configuration.get("maxAge")
        return cls(
            origins=tuple(configuration.get("allowOrigins") or ()),
            methods=tuple(configuration.get("allowMethods") or ()),
            headers=tuple(configuration.get("allowHeaders") or ()),
            exposed=tuple(configuration.get("exposeHeaders") or ()),
            max_age_seconds=None if max_age is None else int(max_age),
            credentials=bool(configuration.get("allowCredentials")),
        )

    def preflight(self, request: Request) -> Response | None:
        """The answer to a browser's question before a request; None when this is none.

        It is 204 for every origin; one that is not allowed finds no permission in it.
        """
        asked = request.header("origin") and request.header("access-control-request-method")
        if request.method != "OPTIONS" or not asked:
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

    def applied(self, request: Request, response: Response) -> Response:
        """The response with these rules' headers; those that the function sent are dropped, as API Gateway drops them."""
        own = self._origin_headers(request)
        if own and self.exposed:
            own.append((PREFIX + "expose-headers", ",".join(self.exposed)))
        kept = [(name, value) for name, value in response.headers if not name.startswith(PREFIX)]
        return replace(response, headers=[*kept, *own])

    def _origin_headers(self, request: Request) -> list[tuple[str, str]]:
        origin = request.header("origin")
        if origin is None or not self._allows(origin):
            return []
        anyone = "*" in self.origins and not self.credentials
        headers = [(PREFIX + "allow-origin", "*" if anyone else origin)]
        if not anyone:
            headers.append(("vary", "origin"))
        if self.credentials:
            headers.append((PREFIX + "allow-credentials", "true"))
        return headers

    def _allows(self, origin: str) -> bool:
        scheme = origin.partition("://")[0]
        return bool({origin, "*", f"{scheme}://*"} & set(self.origins))

"""Routes that parse their bodies as strict JSON and support Idempotency-Key."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from runtime.contract.strict_json import parse
from runtime.web.idempotency import KEY_PARAMETER, handle_idempotently


class StrictJsonRequest(Request):
    """A request whose body is parsed as strict JSON."""

    async def json(self) -> Any:
        """Parse the body as strict JSON."""
        return parse(await self.body())


class StrictJsonRoute(APIRoute):
    """A route that parses its body as strict JSON and executes a POST with an Idempotency-Key once."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()):
            options["openapi_extra"] = {"parameters": [KEY_PARAMETER]} | (options.get("openapi_extra") or {})
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that supports Idempotency-Key."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handle_idempotently(StrictJsonRequest(request.scope, request.receive), handler)

        return handle


def feature_router(tag: str) -> APIRouter:
    """Return a router for one feature. Its routes have full paths, so that a text search finds them."""
    return APIRouter(route_class=StrictJsonRoute, tags=[tag])

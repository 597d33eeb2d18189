"""Routes that read their bodies as strict JSON and answer a repeated POST once."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from runtime.contract.strict_json import parse
from runtime.web.idempotency import KEY_PARAMETER, answer_once


class StrictJsonRequest(Request):
    """A request whose body is parsed strictly."""

    async def json(self) -> Any:
        return parse(await self.body())


class StrictJsonRoute(APIRoute):
    """A route that reads its body as a StrictJsonRequest, and answers a repeated POST once."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()):
            options["openapi_extra"] = {"parameters": [KEY_PARAMETER]} | (options.get("openapi_extra") or {})
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await answer_once(StrictJsonRequest(request.scope, request.receive), handler)

        return handle


def feature_router(tag: str) -> APIRouter:
    """A router for the routes of one feature. Paths are written in full, so that one search finds a route."""
    return APIRouter(route_class=StrictJsonRoute, tags=[tag])

"""The API as a Lambda function behind an HTTP API of API Gateway. Its handler is `runtime.lambda_entry.handler`."""

import asyncio
from functools import cache
from typing import Any

from mangum import Mangum
from mangum.handlers import HTTPGateway
from mangum.types import LambdaConfig, LambdaContext, LambdaEvent, Scope

from runtime.app import create_app

PAYLOAD_VERSION = "2.0"
HTTPS_PORT = 443


class HttpApiEvent(HTTPGateway):
    """An HTTP API's event, payload 2.0, whose server is the API's own name.

    The library takes the server's name and port from headers that clients write: a Host with a slash in it then shifts
    what the framework takes for the path, and one with two colons is an unhandled error. The header itself is left as it
    is, for the host check to judge.
    """

    def __init__(self, event: LambdaEvent, context: LambdaContext, config: LambdaConfig) -> None:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        self._host: str | None = headers.pop("host", None)
        headers.pop("x-forwarded-port", None)
        super().__init__({**event, "headers": headers}, context, config)

    @property
    def scope(self) -> Scope:
        scope = super().scope
        scope["server"] = (self.event["requestContext"]["domainName"], HTTPS_PORT)
        if self._host is not None:
            scope["headers"].append([b"host", self._host.encode()])
        return scope


@cache
def _adapter() -> Mangum:
    # The library runs each request on the thread's event loop, and newer Pythons no longer make one by themselves.
    asyncio.set_event_loop(asyncio.new_event_loop())
    # Lifespan events would be sent anew with every request, so resources are lazy and belong to the process instead.
    return Mangum(create_app(), lifespan="off", custom_handlers=[HttpApiEvent])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers an HTTP request. ValueError for any other event: whoever sends it is wired to the wrong function."""
    http = event.get("requestContext", {}).get("http") if isinstance(event, dict) else None
    if not http or event.get("version") != PAYLOAD_VERSION:
        raise ValueError("this function answers requests of an HTTP API (payload 2.0) and no other event")
    return _adapter()(event, context)

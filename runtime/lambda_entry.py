"""The API as a Lambda function behind an API Gateway HTTP API. The handler is `runtime.lambda_entry.handler`."""

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
    """An HTTP API event (payload 2.0) whose server name is the API's own domain name.

    Mangum takes the server's name and port from headers that the client controls: a Host with a slash would shift the path that
    the framework sees, and one with two colons is an unhandled error. The Host header itself is passed on unchanged to the host
    check.
    """

    def __init__(self, event: LambdaEvent, context: LambdaContext, config: LambdaConfig) -> None:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        self._host: str | None = headers.pop("host", None)
        headers.pop("x-forwarded-port", None)
        super().__init__({**event, "headers": headers}, context, config)

    @property
    def scope(self) -> Scope:
        """The event as an ASGI scope."""
        scope = super().scope
        scope["server"] = (self.event["requestContext"]["domainName"], HTTPS_PORT)
        if self._host is not None:
            scope["headers"].append([b"host", self._host.encode()])
        return scope


@cache
def _adapter() -> Mangum:
    # Mangum runs each request on the thread's event loop, which newer Python versions no longer create implicitly.
    asyncio.set_event_loop(asyncio.new_event_loop())
    # Mangum would send lifespan events with every request, so resources are created lazily, once per process.
    return Mangum(create_app(), lifespan="off", custom_handlers=[HttpApiEvent])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle an HTTP request.

    Raises:
        ValueError: The event is not an HTTP API request with payload 2.0.
    """
    http = event.get("requestContext", {}).get("http") if isinstance(event, dict) else None
    if not http or event.get("version") != PAYLOAD_VERSION:
        raise ValueError("unsupported event: this function handles HTTP API requests with payload 2.0 only")
    return _adapter()(event, context)

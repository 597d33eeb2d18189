"""Lambda's Invoke API on this machine, for AWS SDKs."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

from local import ports
from local.compute.http.asgi import Receive, Scope, Send
from local.compute.http.loopback_server import LoopbackServer
from local.compute.lambda_.functions import Functions
from local.errors import LocalPlatformError

PATH = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")
# Lambda's limit for the payload of a synchronous invocation.
MAX_BYTES = 6 * 1024 * 1024
THREADS = 8
SYNCHRONOUS = b"RequestResponse"

# Status, headers, JSON body.
Response = tuple[int, dict[str, str], Any]


class InvokeEndpoint:
    """An HTTP endpoint for synchronous invocations, on a free loopback port."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._server = LoopbackServer("functions", port=0)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="invoke")

    @property
    def address(self) -> str:
        """The endpoint URL for SDKs."""
        return f"http://{ports.LOOPBACK}:{self._server.port}"

    def start(self) -> None:
        """Start to serve.

        Raises:
            ProcessFailedError: The listener did not start.
        """
        self._server.start(self)

    def close(self) -> None:
        """Stop serving. May be called more than once."""
        self._server.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or the lifespan of the server."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        status, headers, body = await self._respond(scope, receive)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        try:
            function, event = await _read(scope, receive)
            loop = asyncio.get_running_loop()
            invocation = await loop.run_in_executor(self._threads, self._functions.invoke, function, event)
        except _InvokeError as error:
            return error.response
        except LocalPlatformError as error:
            return _InvokeError(404, "ResourceNotFoundException", error.message).response
        if invocation.error is not None and invocation.error.type == "Throttled":
            return _InvokeError(429, "TooManyRequestsException", invocation.error.message).response
        headers = {"content-type": "application/json", "x-amzn-requestid": invocation.request_id}
        if invocation.error is not None:
            # As in Lambda, the status is 200 when the function itself fails; this header tells the difference.
            headers["x-amz-function-error"] = "Unhandled"
        return 200, headers, invocation.payload


class _InvokeError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        headers = {"content-type": "application/json", "x-amzn-errortype": code}
        self.response: Response = (status, headers, {"Type": "User", "Message": message})


async def _read(scope: Scope, receive: Receive) -> tuple[str, Any]:
    """Return the function's name or ARN, and the event."""
    found = PATH.fullmatch(scope["path"])
    if scope["method"] != "POST" or found is None:
        raise _InvokeError(404, "ResourceNotFoundException", "only POST to Invoke is served here")
    if dict(scope["headers"]).get(b"x-amz-invocation-type", SYNCHRONOUS) != SYNCHRONOUS:
        raise _InvokeError(400, "InvalidParameterValueException", "InvocationType: must be RequestResponse")
    content = await _body(receive)
    if len(content) > MAX_BYTES:
        raise _InvokeError(413, "RequestTooLargeException", f"the payload must be at most {MAX_BYTES} bytes long")
    try:
        return unquote(found["function"]), json.loads(content or b"{}")
    except ValueError as error:
        raise _InvokeError(400, "InvalidRequestContentException", f"the payload must be JSON: {error}") from error


async def _body(receive: Receive) -> bytes:
    content, more = b"", True
    while more and len(content) <= MAX_BYTES:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return content


async def _lifespan(receive: Receive, send: Send) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})

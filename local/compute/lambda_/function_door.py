"""Lambda's Invoke on this machine: a function is called over HTTP, as every AWS SDK does it."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

from local import ports
from local.compute.http.loopback_server import LoopbackServer, Receive, Scope, Send
from local.compute.lambda_.functions import Functions
from local.errors import LocalPlatformError

PATH = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")
# Lambda's own for a call that waits for its answer.
MAX_BYTES = 6 * 1024 * 1024
THREADS = 8
WAITING = b"RequestResponse"

Answer = tuple[int, dict[str, str], Any]


class FunctionDoor:
    """Listens on a free port of loopback from `start` on. Only calls that wait for their answer are served."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._server = LoopbackServer("functions", port=0)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="invoke")

    @property
    def address(self) -> str:
        """Where SDKs find it."""
        return f"http://{ports.LOOPBACK}:{self._server.port}"

    def start(self) -> None:
        """Answers from now on. Raises ProcessFailedError."""
        self._server.start(self)

    def close(self) -> None:
        """Stops answering. May be called again."""
        self._server.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        status, headers, body = await self._answer(scope, receive)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            function, event = await _read(scope, receive)
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(self._threads, self._functions.invoke, function, event)
        except _RefusedError as refusal:
            return refusal.answer
        except LocalPlatformError as error:
            return _RefusedError(404, "ResourceNotFoundException", error.message).answer
        if made.error is not None and made.error.type == "Throttled":
            return _RefusedError(429, "TooManyRequestsException", made.error.message).answer
        # A function that fails was invoked well: the call is answered 200, and a header says it.
        failed = {"x-amz-function-error": "Unhandled"} if made.error is not None else {}
        return 200, {"content-type": "application/json", "x-amzn-requestid": made.request_id, **failed}, made.payload


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        headers = {"content-type": "application/json", "x-amzn-errortype": code}
        self.answer: Answer = (status, headers, {"Type": "User", "Message": message})


async def _read(scope: Scope, receive: Receive) -> tuple[str, Any]:
    """Which function is called with which event."""
    found = PATH.fullmatch(scope["path"])
    if scope["method"] != "POST" or found is None:
        raise _RefusedError(404, "ResourceNotFoundException", "this door is for Invoke alone")
    if dict(scope["headers"]).get(b"x-amz-invocation-type", WAITING) != WAITING:
        raise _RefusedError(
            400, "InvalidParameterValueException", "InvocationType: only RequestResponse is served here"
        )
    content = await _body(receive)
    if len(content) > MAX_BYTES:
        raise _RefusedError(413, "RequestTooLargeException", f"the payload is longer than {MAX_BYTES} bytes")
    try:
        return unquote(found["function"]), json.loads(content or b"{}")
    except ValueError as error:
        raise _RefusedError(400, "InvalidRequestContentException", f"the payload is not JSON: {error}") from error


async def _body(receive: Receive) -> bytes:
    content, more = b"", True
    while more and len(content) <= MAX_BYTES:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return content


async def _live(receive: Receive, send: Send) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})

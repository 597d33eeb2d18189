"""Automatic retry of requests whose database connection was lost before anything was written."""

from aws_lambda_powertools import Logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_RETRIED = "request_retried"


class RetryOnLostConnection:
    """Middleware that drops an error response with `state.is_retry_safe` and runs the request again, with the recorded body.

    It must be inside BodySizeLimit, which bounds the recorded body, and outside the routes, because a transaction ends between a
    route's return and the start of its response.
    """

    def __init__(self, app: ASGIApp, log: Logger) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received: list[Message] = []
        is_retry = False

        async def receive_and_record() -> Message:
            message = await receive()
            received.append(message)
            return message

        async def send_unless_retry(message: Message) -> None:
            nonlocal is_retry
            if message["type"] == "http.response.start":
                is_retry = scope["state"].get("is_retry_safe", False)
            if not is_retry:
                await send(message)

        async def receive_recorded() -> Message:
            return received.pop(0) if received else await receive()

        await self._app(scope, receive_and_record, send_unless_retry)
        if is_retry:
            self._log.info(REQUEST_RETRIED, extra={"request_id": scope["state"]["request_id"]})
            await self._app(scope, receive_recorded, send)

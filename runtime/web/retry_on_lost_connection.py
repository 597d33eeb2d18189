"""A request whose connection to the database broke before anything was written is tried once more, by us."""

from aws_lambda_powertools import Logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_REPEATED = "request_repeated"


class RetryOnLostConnection:
    """Holds back a refusal that says so (`state.is_retry_safe`) and runs the request again, with the body as it was received.

    It has to stand inside the limit on bodies, which bounds what is kept, and outside the routes: a transaction ends
    between a route's return and the start of its answer.
    """

    def __init__(self, app: ASGIApp, log: Logger) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received: list[Message] = []
        held_back = False

        async def receive_and_keep() -> Message:
            message = await receive()
            received.append(message)
            return message

        async def send_unless_repeatable(message: Message) -> None:
            nonlocal held_back
            if message["type"] == "http.response.start":
                held_back = scope["state"].get("is_retry_safe", False)
            if not held_back:
                await send(message)

        async def receive_again() -> Message:
            return received.pop(0) if received else await receive()

        await self._app(scope, receive_and_keep, send_unless_repeatable)
        if held_back:
            self._log.info(REQUEST_REPEATED, extra={"request_id": scope["state"]["request_id"]})
            await self._app(scope, receive_again, send)

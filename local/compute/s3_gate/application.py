"""The gate as an ASGI application: takes requests from the server, gives answers back, writes one log line for each."""

import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from local.compute.s3_gate import cross_origin
from local.compute.s3_gate.bodies import ClientGoneError, IncomingBody, Receive
from local.compute.s3_gate.form_upload import is_form_upload
from local.compute.s3_gate.passage import Passage
from local.compute.s3_gate.protocol.received import ReceivedRequest
from local.compute.s3_gate.protocol.refusals import Refusal, method_not_allowed
from local.compute.s3_gate.protocol.signatures import Keyring
from local.compute.s3_gate.upstream import Upstream

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"})

logger = logging.getLogger(__name__)


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request = ReceivedRequest.from_scope(scope)
        expects = (self.request.header("expect") or "").lower() == "100-continue"
        self.incoming = IncomingBody(receive, expects_continue=expects)
        self.cross_origin: Mapping[str, str] = {}
        self.status, self.refusal = 0, "-"
        self._send = send
        self._request_id = secrets.token_hex(8).upper()
        self._host_id = secrets.token_urlsafe(48)

    async def reply(self, status: int, headers: Mapping[str, str], body: AsyncIterator[bytes]) -> None:
        """Sends an answer; its body is read to the end even where HTTP lets none be sent."""
        answered = dict(headers) | dict(self.cross_origin)
        answered |= {"server": "AmazonS3", "x-amz-request-id": self._request_id, "x-amz-id-2": self._host_id}
        if not self.incoming.complete:
            # What is left of the body would be taken for the next request.
            answered["connection"] = "close"
        self.status = status
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answered.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})
        async for chunk in body:
            if self.request.method != "HEAD":
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def refuse(self, refusal: Refusal) -> None:
        """Sends a refusal as S3 writes it, once the client is done sending."""
        self.refusal = refusal.code
        await self.incoming.drain()
        document = refusal.document(resource=self.request.raw_path, request_id=self._request_id, host_id=self._host_id)
        headers = {"content-type": "application/xml", "content-length": str(len(document))}
        await self.reply(refusal.status, headers, _once(document))


class ObjectGateApplication:
    """An S3 endpoint that lets through what S3 would let through."""

    def __init__(self, *, upstream: str, access_key_id: str, secret_access_key: str, region: str, spool: Path) -> None:
        keyring = Keyring({access_key_id: secret_access_key}, region)
        self._upstream = Upstream(upstream, keyring, access_key_id)
        self._passage = Passage(keyring, self._upstream, spool)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves HTTP, and ends its own connections when the server stops."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        exchange = Exchange(scope, receive, send)
        try:
            await self._serve(exchange)
        except Refusal as refusal:
            await self._refuse(exchange, refusal)
        except ClientGoneError:
            exchange.refusal = "ClientGone"
        finally:
            # The query would hold the signature of a presigned URL.
            logger.info(
                "%s %s %d %s", exchange.request.method, exchange.request.raw_path, exchange.status, exchange.refusal
            )

    async def _serve(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.method not in METHODS:
            raise method_not_allowed(request.method)
        request.require_addressable()
        rules: cross_origin.Rules = []
        if request.bucket and (request.header("origin") is not None or request.method == "OPTIONS"):
            rules = await self._upstream.cors_rules(request.bucket)
        if request.method == "OPTIONS":
            allowed = cross_origin.preflight_headers(request, rules)
            await exchange.reply(200, allowed | {"content-length": "0"}, _once(b""))
            return
        exchange.cross_origin = cross_origin.answer_headers(request, rules)
        if is_form_upload(request):
            await self._passage.pass_form(request, exchange.incoming, exchange.reply)
        else:
            await self._passage.pass_signed(request, exchange.incoming, exchange.reply)

    @staticmethod
    async def _refuse(exchange: Exchange, refusal: Refusal) -> None:
        try:
            await exchange.refuse(refusal)
        except ClientGoneError:
            exchange.refusal = "ClientGone"

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._upstream.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})


async def _once(document: bytes) -> AsyncIterator[bytes]:
    yield document

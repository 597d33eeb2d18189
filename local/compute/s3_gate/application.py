"""The object gate as an ASGI application. It logs one line per request."""

import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from local.compute.http.asgi import Receive, Scope, Send
from local.compute.s3_gate import cors
from local.compute.s3_gate.bodies import ClientDisconnectedError, IncomingBody
from local.compute.s3_gate.form_upload import is_form_upload
from local.compute.s3_gate.protocol.errors import S3Error, method_not_allowed
from local.compute.s3_gate.protocol.request import S3Request
from local.compute.s3_gate.protocol.signatures import Keyring
from local.compute.s3_gate.s3_proxy import S3Proxy
from local.compute.s3_gate.upstream import Upstream

METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"})

logger = logging.getLogger(__name__)


class Exchange:
    """One request and its response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request = S3Request.from_scope(scope)
        expects = (self.request.header("expect") or "").lower() == "100-continue"
        self.incoming = IncomingBody(receive, expects_continue=expects)
        self.cors_headers: Mapping[str, str] = {}
        self.status, self.error_code = 0, "-"
        self._send = send
        self._request_id = secrets.token_hex(8).upper()
        self._host_id = secrets.token_urlsafe(48)

    async def reply(self, status: int, headers: Mapping[str, str], body: AsyncIterator[bytes]) -> None:
        """Send a response. The body is read to its end even for HEAD, where it is not sent."""
        all_headers = dict(headers) | dict(self.cors_headers)
        all_headers |= {"server": "AmazonS3", "x-amz-request-id": self._request_id, "x-amz-id-2": self._host_id}
        if not self.incoming.complete:
            # The rest of the body would be read as the next request.
            all_headers["connection"] = "close"
        self.status = status
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in all_headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})
        async for chunk in body:
            if self.request.method != "HEAD":
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def reply_error(self, error: S3Error) -> None:
        """Send an error response, after reading the rest of the request's body."""
        self.error_code = error.code
        await self.incoming.drain()
        document = error.document(resource=self.request.raw_path, request_id=self._request_id, host_id=self._host_id)
        headers = {"content-type": "application/xml", "content-length": str(len(document))}
        await self.reply(error.status, headers, _once(document))


class ObjectGateApplication:
    """An S3 endpoint that enforces the checks of S3 and forwards valid requests to the emulator."""

    def __init__(self, *, upstream: str, access_key_id: str, secret_access_key: str, region: str, spool: Path) -> None:
        keyring = Keyring({access_key_id: secret_access_key}, region)
        self._upstream = Upstream(upstream, keyring, access_key_id)
        self._proxy = S3Proxy(keyring, self._upstream, spool)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or the lifespan of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        exchange = Exchange(scope, receive, send)
        try:
            await self._serve(exchange)
        except S3Error as error:
            await self._reply_error(exchange, error)
        except ClientDisconnectedError:
            exchange.error_code = "ClientDisconnected"
        finally:
            # Without the query, which may contain the signature of a presigned URL.
            logger.info(
                "%s %s %d %s", exchange.request.method, exchange.request.raw_path, exchange.status, exchange.error_code
            )

    async def _serve(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.method not in METHODS:
            raise method_not_allowed(request.method)
        request.require_addressable()
        rules: cors.Rules = []
        if request.bucket and (request.header("origin") is not None or request.method == "OPTIONS"):
            rules = await self._upstream.cors_rules(request.bucket)
        if request.method == "OPTIONS":
            allowed = cors.preflight_headers(request, rules)
            await exchange.reply(200, allowed | {"content-length": "0"}, _once(b""))
            return
        exchange.cors_headers = cors.response_headers(request, rules)
        if is_form_upload(request):
            await self._proxy.forward_form(request, exchange.incoming, exchange.reply)
        else:
            await self._proxy.forward_signed(request, exchange.incoming, exchange.reply)

    @staticmethod
    async def _reply_error(exchange: Exchange, error: S3Error) -> None:
        try:
            await exchange.reply_error(error)
        except ClientDisconnectedError:
            exchange.error_code = "ClientDisconnected"

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._upstream.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})


async def _once(document: bytes) -> AsyncIterator[bytes]:
    yield document

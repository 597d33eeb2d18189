"""A distribution as an ASGI application: what CloudFront does between a viewer and a bucket.

Not supported here: geographic restrictions, because viewers are on loopback; redirects to HTTPS; and CloudFront Functions, which
are JavaScript: behaviors with a function return 403.
"""

import asyncio
import gzip
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local.account import LocalAccount
from local.compute.cloudfront.distribution_cache import MAX_BODY_BYTES, Entry, ResponseCache, compute_ttl
from local.compute.cloudfront.distribution_definition import Behavior, DistributionDefinition
from local.compute.cloudfront.distribution_origin import BucketOrigin, OriginAccessDeniedError
from local.compute.cloudfront.response_headers_policy import apply_policy
from local.compute.cloudfront.signed_urls import InvalidSignatureError, SignedQuery
from local.compute.http.asgi import Receive, Scope, Send

# Long, because the emulator may be busy; viewers have shorter timeouts.
ORIGIN_TIMEOUT_SECONDS = 60
# Request headers that are forwarded to the bucket.
FORWARDED_HEADERS = ("range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
# Response headers of the bucket that are not sent to the viewer: hop-by-hop headers, and those that this server sets itself.
DROPPED_HEADERS = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
# CloudFront compresses bodies of these types and sizes.
COMPRESSED_TYPES = ("text/", "application/json", "application/javascript", "application/xml", "image/svg+xml", "font/")
COMPRESSED_BYTES = range(1_000, 10_000_001)
MAX_INVALIDATIONS = 1_000_000


@dataclass(kw_only=True)
class Exchange:
    """A viewer's request and its response. Header names are lower case. `body` and `cache_status` are of the response."""

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    source_ip: str
    status: int = 403
    response_headers: dict[str, str] = field(default_factory=dict)
    body: AsyncIterator[bytes] | bytes = b""
    cache_status: str = "Error"

    @classmethod
    def read(cls, scope: Scope) -> "Exchange":
        """Read the request from an ASGI scope; of a repeated header the first value is used."""
        pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        return cls(
            method=scope["method"],
            raw_path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=dict(reversed(pairs)),
            source_ip=scope["client"][0] if scope.get("client") else "",
        )

    def set_error(self, code: str, message: str, status: int = 403) -> None:
        """Set an error response in CloudFront's format."""
        document = (
            f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        )
        self.status, self.body, self.cache_status = status, document.encode(), "Error"
        self.response_headers = {"content-type": "text/xml"}


class DistributionApplication:
    """The ASGI application of a distribution; it accepts its loopback address and its own domain names as Host."""

    def __init__(self, account: LocalAccount, definition: DistributionDefinition, *, port: int) -> None:
        self._definition, self._origin = definition, BucketOrigin(account, definition)
        self._cloudfront, self._cache = account.client("cloudfront"), ResponseCache()
        local = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._hosts = frozenset({*local, definition.domain_name, *definition.aliases})
        self._client: httpx.AsyncClient

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or the lifespan of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        exchange = Exchange.read(scope)
        behavior = self._definition.behavior(exchange.raw_path)
        await self._respond(exchange, behavior)
        headers = apply_policy(exchange.response_headers, behavior.headers, exchange.headers.get("origin"))
        headers |= {
            "x-cache": f"{exchange.cache_status} from cloudfront",
            "via": "1.1 localhost (CloudFront)",
            "x-amz-cf-id": secrets.token_urlsafe(42),
        }
        if isinstance(exchange.body, bytes) and exchange.status != 304:
            headers.setdefault("content-length", str(len(exchange.body)))
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": exchange.status, "headers": raw})
        if isinstance(exchange.body, bytes):
            await send({"type": "http.response.body", "body": b"" if exchange.method == "HEAD" else exchange.body})
            return
        async for chunk in exchange.body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _respond(self, exchange: Exchange, behavior: Behavior) -> None:
        host = exchange.headers.get("host", "").lower()
        if host not in self._hosts or not self._definition.enabled:
            exchange.set_error("AccessDenied", "This distribution does not serve this host name")
            return
        if exchange.method not in behavior.allowed_methods:
            exchange.set_error("MethodNotAllowed", "This distribution is not configured to allow this request method")
            return
        if behavior.has_function:
            exchange.set_error("AccessDenied", "CloudFront Functions are not supported on this machine")
            return
        if behavior.requires_signature:
            query = SignedQuery.read(exchange.query)
            path = f"{host}{exchange.raw_path}" + (f"?{query.rest}" if query.rest else "")
            urls = [f"{scheme}://{path}" for scheme in ("http", "https")]
            try:
                query.require_signature(urls, behavior.keys, source_ip=exchange.source_ip, now=time.time())
            except InvalidSignatureError as error:
                exchange.set_error(error.code, error.message)
                return
            exchange.query = query.rest
        try:
            await self._deliver(exchange, behavior)
        except OriginAccessDeniedError:
            exchange.set_error("AccessDenied", "Access Denied")
        except (httpx.HTTPError, BotoCoreError, ClientError):
            exchange.set_error("BadGateway", "The origin does not respond", status=502)

    async def _deliver(self, exchange: Exchange, behavior: Behavior) -> None:
        key = behavior.cache.key(exchange.raw_path, exchange.query, exchange.headers.get)
        invalidations = await asyncio.to_thread(self._invalidations)
        entry = self._cache.get(key)
        if entry is not None and entry.invalidations != invalidations:
            self._cache.remove(key)
            entry = None
        # Range requests are left to the bucket.
        if entry is not None and "range" not in exchange.headers:
            exchange.response_headers = {**entry.headers, "age": str(int(time.monotonic() - entry.stored_at))}
            exchange.body, exchange.cache_status = entry.body, "Hit"
            exchange.status = 200
            if _is_not_modified(exchange.headers, entry.headers):
                exchange.status, exchange.body = 304, b""
        else:
            await self._fetch(exchange, behavior, key, invalidations)
        _compress(exchange, behavior)

    async def _fetch(self, exchange: Exchange, behavior: Behavior, key: tuple[str, ...], invalidations: int) -> None:
        url = await asyncio.to_thread(self._origin.sign_url, exchange.raw_path, exchange.method)
        headers = {name: exchange.headers[name] for name in FORWARDED_HEADERS if name in exchange.headers}
        headers["accept-encoding"] = "identity"
        request = self._client.build_request(exchange.method, url, headers=headers)
        response = await self._client.send(request, stream=True)
        if response.status_code in {403, 404}:
            await response.aclose()
            if response.status_code == 404 and await asyncio.to_thread(self._origin.can_list):
                exchange.set_error("NoSuchKey", "The specified key does not exist.", status=404)
                return
            raise OriginAccessDeniedError
        exchange.status, exchange.cache_status = response.status_code, "Miss"
        exchange.response_headers = {
            name: value for name, value in response.headers.items() if name not in DROPPED_HEADERS
        }
        length = response.headers.get("content-length", "")
        if exchange.method == "HEAD" or not length.isdigit() or int(length) > MAX_BODY_BYTES:
            if length:
                exchange.response_headers["content-length"] = length
            exchange.body = _stream(response)
            return
        exchange.body = b"".join([chunk async for chunk in _stream(response)])
        if response.status_code == 200:
            entry = Entry(
                headers=dict(exchange.response_headers),
                body=exchange.body,
                stored_at=time.monotonic(),
                ttl=compute_ttl(exchange.response_headers, behavior.cache, time.time()),
                invalidations=invalidations,
            )
            self._cache.put(key, entry)

    def _invalidations(self) -> int:
        """Return the number of invalidations. It is read for every request, so that invalidated responses are never served."""
        response = self._cloudfront.list_invalidations(
            DistributionId=self._definition.id, MaxItems=str(MAX_INVALIDATIONS)
        )
        return int(response["InvalidationList"]["Quantity"])

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        async with httpx.AsyncClient(timeout=ORIGIN_TIMEOUT_SECONDS, trust_env=False) as self._client:
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})


async def _stream(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()


def _is_not_modified(request: Mapping[str, str], cached: Mapping[str, str]) -> bool:
    """Whether the conditional headers of a request match a cached response. Weak comparison; entity tags take precedence."""
    if (tags := request.get("if-none-match")) is not None:
        own = cached.get("etag", "").removeprefix("W/")
        return tags.strip() == "*" or own in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    since, changed = request.get("if-modified-since"), cached.get("last-modified")
    if since is None or changed is None:
        return False
    try:
        return parsedate_to_datetime(changed) <= parsedate_to_datetime(since)
    except ValueError:
        return False  # An invalid date is ignored.


def _compress(exchange: Exchange, behavior: Behavior) -> None:
    """Compress a text body with gzip, if the viewer accepts it. Brotli is not supported here."""
    content_type = exchange.response_headers.get("content-type", "")
    if not behavior.compresses or not behavior.cache.enables_gzip or not content_type.startswith(COMPRESSED_TYPES):
        return
    exchange.response_headers["vary"] = "Accept-Encoding"
    body, accepted = exchange.body, exchange.headers.get("accept-encoding", "").split(",")
    if (
        "gzip" not in [each.partition(";")[0].strip() for each in accepted]
        or "content-encoding" in exchange.response_headers
    ):
        return
    if exchange.status == 200 and isinstance(body, bytes) and len(body) in COMPRESSED_BYTES:
        exchange.body = gzip.compress(body, mtime=0)
        exchange.response_headers.pop("accept-ranges", None)
        exchange.response_headers["content-encoding"] = "gzip"
        if (tag := exchange.response_headers.get("etag", "")) and not tag.startswith("W/"):
            exchange.response_headers["etag"] = f"W/{tag}"

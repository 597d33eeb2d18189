"""A distribution as an ASGI application: what CloudFront does between a viewer and a bucket.

Not done here: where a viewer is cannot be told on loopback, so nobody is turned away by country; HTTP stays HTTP; and
CloudFront's functions, which are JavaScript, are not run: what a function decides is refused.
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
from local.compute.cloudfront.distribution_cache import LARGEST_BODY, AnswerCache, Entry, lifetime
from local.compute.cloudfront.distribution_definition import Behavior, Definition
from local.compute.cloudfront.distribution_headers import with_policy
from local.compute.cloudfront.distribution_origin import BucketOrigin, RefusedByBucketError
from local.compute.cloudfront.signed_urls import RefusedError, SignedQuery
from local.compute.http.loopback_server import Receive, Scope, Send

# The emulator may be at work on something else; a client gives up earlier.
ORIGIN_TIMEOUT_SECONDS = 60
# What a viewer may ask of an object that its bucket knows how to answer.
PASSED_ON = ("range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
# Of one connection, or said anew by this server.
NOT_PASSED_BACK = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
# CloudFront compresses bodies of these types and sizes.
COMPRESSED_TYPES = ("text/", "application/json", "application/javascript", "application/xml", "image/svg+xml", "font/")
COMPRESSED_BYTES = range(1_000, 10_000_001)
MOST_INVALIDATIONS = 1_000_000


@dataclass(kw_only=True)
class Viewed:
    """A request, and what is answered to it. Header names are in lower case."""

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    source_ip: str
    status: int = 403
    answered: dict[str, str] = field(default_factory=dict)
    body: AsyncIterator[bytes] | bytes = b""
    cached: str = "Error"

    @classmethod
    def read(cls, scope: Scope) -> "Viewed":
        """From an ASGI scope; of a repeated header the first."""
        pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        return cls(
            method=scope["method"],
            raw_path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=dict(reversed(pairs)),
            source_ip=scope["client"][0] if scope.get("client") else "",
        )

    def refuse(self, code: str, message: str, status: int = 403) -> None:
        """Answers an error as CloudFront writes it."""
        document = (
            f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        )
        self.status, self.body, self.cached = status, document.encode(), "Error"
        self.answered = {"content-type": "text/xml"}


class DistributionApplication:
    """Serves a distribution on a port of loopback, and under its own names to clients that bring them here."""

    def __init__(self, account: LocalAccount, definition: Definition, *, port: int) -> None:
        self._definition, self._origin = definition, BucketOrigin(account, definition)
        self._cloudfront, self._cache = account.client("cloudfront"), AnswerCache()
        local = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._names = frozenset({*local, definition.domain_name, *definition.aliases})
        self._client: httpx.AsyncClient

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves HTTP, and ends its own connections when the server stops."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        viewed = Viewed.read(scope)
        behavior = self._definition.behavior(viewed.raw_path)
        await self._answer(viewed, behavior)
        answered = with_policy(viewed.answered, behavior.headers, viewed.headers.get("origin"))
        answered |= {
            "x-cache": f"{viewed.cached} from cloudfront",
            "via": "1.1 localhost (CloudFront)",
            "x-amz-cf-id": secrets.token_urlsafe(42),
        }
        if isinstance(viewed.body, bytes) and viewed.status != 304:
            answered.setdefault("content-length", str(len(viewed.body)))
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answered.items()]
        await send({"type": "http.response.start", "status": viewed.status, "headers": raw})
        if isinstance(viewed.body, bytes):
            await send({"type": "http.response.body", "body": b"" if viewed.method == "HEAD" else viewed.body})
            return
        async for chunk in viewed.body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _answer(self, viewed: Viewed, behavior: Behavior) -> None:
        host = viewed.headers.get("host", "").lower()
        if host not in self._names or not self._definition.enabled:
            viewed.refuse("AccessDenied", "This distribution does not answer under this name")
            return
        if viewed.method not in behavior.allowed_methods:
            viewed.refuse("MethodNotAllowed", "This distribution is not configured to allow this request method")
            return
        if behavior.decided_by_function:
            viewed.refuse("AccessDenied", "A function decides here, and functions are not run on this machine")
            return
        if behavior.signed:
            query = SignedQuery.read(viewed.query)
            path = f"{host}{viewed.raw_path}" + (f"?{query.rest}" if query.rest else "")
            urls = [f"{scheme}://{path}" for scheme in ("http", "https")]
            try:
                query.require_signature(urls, behavior.keys, source_ip=viewed.source_ip, now=time.time())
            except RefusedError as refused:
                viewed.refuse(refused.code, refused.message)
                return
            viewed.query = query.rest
        try:
            await self._deliver(viewed, behavior)
        except RefusedByBucketError:
            viewed.refuse("AccessDenied", "Access Denied")
        except (httpx.HTTPError, BotoCoreError, ClientError):
            viewed.refuse("BadGateway", "The origin does not answer", status=502)

    async def _deliver(self, viewed: Viewed, behavior: Behavior) -> None:
        key = behavior.cache.key(viewed.raw_path, viewed.query, viewed.headers.get)
        invalidations = await asyncio.to_thread(self._invalidations)
        kept = self._cache.get(key)
        if kept is not None and kept.invalidations != invalidations:
            self._cache.drop(key)
            kept = None
        # A part of an object is the bucket's to cut.
        if kept is not None and "range" not in viewed.headers:
            viewed.answered = {**kept.headers, "age": str(int(time.monotonic() - kept.came))}
            viewed.body, viewed.cached = kept.body, "Hit"
            viewed.status = 200
            if _unchanged(viewed.headers, kept.headers):
                viewed.status, viewed.body = 304, b""
        else:
            await self._fetch(viewed, behavior, key, invalidations)
        _compress(viewed, behavior)

    async def _fetch(self, viewed: Viewed, behavior: Behavior, key: tuple[str, ...], invalidations: int) -> None:
        address = await asyncio.to_thread(self._origin.address, viewed.raw_path, viewed.method)
        asked = {name: viewed.headers[name] for name in PASSED_ON if name in viewed.headers}
        request = self._client.build_request(viewed.method, address, headers={**asked, "accept-encoding": "identity"})
        response = await self._client.send(request, stream=True)
        if response.status_code in {403, 404}:
            await response.aclose()
            if response.status_code == 404 and await asyncio.to_thread(self._origin.shows_missing):
                viewed.refuse("NoSuchKey", "The specified key does not exist.", status=404)
                return
            raise RefusedByBucketError
        viewed.status, viewed.cached = response.status_code, "Miss"
        viewed.answered = {name: value for name, value in response.headers.items() if name not in NOT_PASSED_BACK}
        length = response.headers.get("content-length", "")
        if viewed.method == "HEAD" or not length.isdigit() or int(length) > LARGEST_BODY:
            if length:
                viewed.answered["content-length"] = length
            viewed.body = _streamed(response)
            return
        viewed.body = b"".join([chunk async for chunk in _streamed(response)])
        if response.status_code == 200:
            entry = Entry(
                headers=dict(viewed.answered),
                body=viewed.body,
                came=time.monotonic(),
                lifetime=lifetime(viewed.answered, behavior.cache, time.time()),
                invalidations=invalidations,
            )
            self._cache.put(key, entry)

    def _invalidations(self) -> int:
        """How many there have been. Asked for every request: an answer that was taken back must not be given once more."""
        answer = self._cloudfront.list_invalidations(
            DistributionId=self._definition.id, MaxItems=str(MOST_INVALIDATIONS)
        )
        return int(answer["InvalidationList"]["Quantity"])

    async def _live(self, receive: Receive, send: Send) -> None:
        async with httpx.AsyncClient(timeout=ORIGIN_TIMEOUT_SECONDS, trust_env=False) as self._client:
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})


async def _streamed(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()


def _unchanged(asked: Mapping[str, str], kept: Mapping[str, str]) -> bool:
    """Whether the viewer has this very answer already. Entity tags count before dates, and compressed is the same."""
    if (tags := asked.get("if-none-match")) is not None:
        own = kept.get("etag", "").removeprefix("W/")
        return tags.strip() == "*" or own in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    since, changed = asked.get("if-modified-since"), kept.get("last-modified")
    if since is None or changed is None:
        return False
    try:
        return parsedate_to_datetime(changed) <= parsedate_to_datetime(since)
    except ValueError:
        return False  # A date that is none asks nothing.


def _compress(viewed: Viewed, behavior: Behavior) -> None:
    """Packs text with gzip for viewers that take it; Brotli, which CloudFront also speaks, is not spoken here."""
    kind = viewed.answered.get("content-type", "")
    if not behavior.compress or not behavior.cache.gzip or not kind.startswith(COMPRESSED_TYPES):
        return
    viewed.answered["vary"] = "Accept-Encoding"
    body, taken = viewed.body, viewed.headers.get("accept-encoding", "").split(",")
    if "gzip" not in [each.partition(";")[0].strip() for each in taken] or "content-encoding" in viewed.answered:
        return
    if viewed.status == 200 and isinstance(body, bytes) and len(body) in COMPRESSED_BYTES:
        viewed.body = gzip.compress(body, mtime=0)
        viewed.answered.pop("accept-ranges", None)
        viewed.answered["content-encoding"] = "gzip"
        if (tag := viewed.answered.get("etag", "")) and not tag.startswith("W/"):
            viewed.answered["etag"] = f"W/{tag}"

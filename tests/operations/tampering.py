"""A proxy in front of a platform that changes one kind of answer on its way, and passes everything else on as it is."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.http_listener import Listener, QuietHandler

Answer = tuple[int, bytes]
Change = Callable[[int, bytes], Answer]
HOP_BY_HOP = {"host", "connection", "content-length", "accept-encoding"}


class _Proxy(Listener):
    def __init__(self, platform: str, request: str, change: Change) -> None:
        super().__init__(_Handler)
        self.client = httpx.Client(base_url=platform, trust_env=False, timeout=30)
        self.request_line, self.change, self.changed = re.compile(request), change, 0


class _Handler(QuietHandler):
    server: _Proxy

    def _pass_on(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        answer = self.server.client.request(self.command, self.path, content=sent, headers=headers)
        status, content = answer.status_code, answer.content
        if self.server.request_line.fullmatch(f"{self.command} {self.path.split('?')[0]}"):
            self.server.changed += 1
            status, content = self.server.change(status, content)
        self.send_response(status)
        for name in ("content-type", "retry-after"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - the names are the standard library's


@contextmanager
def tampered(platform: str, request: str, change: Change) -> Iterator[str]:
    """The proxy's address. It must have changed something by the end. `request` is a pattern for `GET /path`."""
    proxy = _Proxy(platform, request, change)
    with proxy.client, proxy:
        yield proxy.address
    assert proxy.changed


def status(other: int) -> Change:
    """Another status, the content as it was."""
    return lambda _, content: (other, content)


def data(change: Callable[[Any], Any]) -> Change:
    """The answer's data, changed in place or replaced."""

    def changed(status: int, content: bytes) -> Answer:
        answer = json.loads(content)
        # A refusal has none.
        if "data" in answer:
            replaced = change(answer["data"])
            answer["data"] = answer["data"] if replaced is None else replaced
        return status, json.dumps(answer).encode()

    return changed

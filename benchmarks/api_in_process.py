"""The API called as an ASGI application without a server, and its SQL queries without the API.

It runs in a separate process with the environment variables of the API's function: a line of JSON requests a load, a
line returns the result.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from itertools import cycle
from typing import Any

from psycopg.rows import DictRow

from benchmarks import platforms
from benchmarks.api_statements import GET_JSON, LIST_JSON, LIST_PARAMETERS
from benchmarks.rounds import percentile
from runtime.app import create_app
from runtime.persistence.pages import DEFAULT_LIMIT, JsonPage, Position
from runtime.web.dependencies import list_response

Message = MutableMapping[str, Any]


class AsgiBenchmark:
    """Concurrent calls of the ASGI application."""

    def __init__(self, host: str, token: str) -> None:
        self._app = create_app()
        self._headers = [(b"host", host.encode()), (b"authorization", f"Bearer {token}".encode())]
        self._runner = asyncio.Runner()

    def load(self, paths: Sequence[str], requests: int, connections: int) -> tuple[list[float], bytes]:
        """Return the latency of each request, and the last response body."""
        latencies: list[float] = []
        body = self._runner.run(self._run_concurrently(cycle(paths), requests, connections, latencies))
        return latencies, body

    def close(self) -> None:
        """Close the event loop."""
        self._runner.close()

    async def _run_concurrently(
        self, paths: Iterator[str], requests: int, connections: int, latencies: list[float]
    ) -> bytes:
        remaining, body = requests, b""

        async def run_sequentially() -> None:
            nonlocal remaining, body
            while remaining > 0:
                remaining -= 1
                started_at = time.perf_counter()
                body = await self._call(next(paths))
                latencies.append(time.perf_counter() - started_at)

        await asyncio.gather(*(run_sequentially() for _ in range(connections)))
        return body

    async def _call(self, path: str) -> bytes:
        sent: list[Message] = []
        route, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": route,
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": self._headers,
            "client": ("127.0.0.1", 40_000),
            "server": ("127.0.0.1", 80),
            "state": {},
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        if sent[0]["status"] != 200:
            raise RuntimeError(f"{path} returned status {sent[0]['status']}: {sent[1]['body']!r}")
        return b"".join(message.get("body", b"") for message in sent[1:])


class QueryBenchmark:
    """Sequential queries on one connection, each result in the API's envelope."""

    def __init__(self) -> None:
        self._connection = platforms.connect(json.loads(os.environ["BENCHMARK_DATABASE"]))

    def load(self, paths: Sequence[str], requests: int) -> tuple[list[float], bytes]:
        """Return the latency of each query, and the last result."""
        latencies, body, prepared = [], b"", cycle(self._prepare(path) for path in paths)
        for _ in range(requests):
            started_at = time.perf_counter()
            ask, values = next(prepared)
            body = ask(values)
            latencies.append(time.perf_counter() - started_at)
        return latencies, body

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _prepare(self, path: str) -> tuple[Callable[[dict[str, Any]], bytes], dict[str, Any]]:
        last = path.partition("?")[0].rpartition("/")[2]
        if last == "episodes":
            return self._list, dict.fromkeys(LIST_PARAMETERS) | {"limit": DEFAULT_LIMIT}
        return self._get, {"row_id": last}

    def _list(self, values: dict[str, Any]) -> bytes:
        row = self._fetch(LIST_JSON, values)
        return bytes(
            list_response(JsonPage(items=row["items"], last=Position(row["last_id"]) if row["last_id"] else None)).body
        )

    def _get(self, values: dict[str, Any]) -> bytes:
        return f'{{"data":{self._fetch(GET_JSON, values)["item"]}}}'.encode()

    def _fetch(self, statement: Any, values: dict[str, Any]) -> DictRow:
        row = self._connection.execute(statement, values).fetchone()
        if row is None:
            raise LookupError(f"no row for {values}")
        return row


def main() -> None:
    """Process requests until stdin is closed."""
    # The application's logs go to stderr, because stdout is for results only.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    application = AsgiBenchmark(os.environ["BENCHMARK_HOST"], os.environ["BENCHMARK_TOKEN"])
    queries = QueryBenchmark()
    for line in sys.stdin:
        request = json.loads(line)
        paths, requests = request["paths"], request["requests"]
        cpu_started_at, started_at = time.process_time(), time.perf_counter()
        if request["of"] == "application":
            latencies, body = application.load(paths, requests, request["connections"])
        else:
            latencies, body = queries.load(paths, requests)
        seconds, cpu_seconds = time.perf_counter() - started_at, time.process_time() - cpu_started_at
        response = {
            "seconds": seconds,
            "cpu seconds": cpu_seconds,
            "p50": percentile(latencies, 50) * 1000,
            "p99": percentile(latencies, 99) * 1000,
            "body": body.decode(),
        }
        output.write(json.dumps(response) + "\n")
        output.flush()
    application.close()
    queries.close()


if __name__ == "__main__":
    main()

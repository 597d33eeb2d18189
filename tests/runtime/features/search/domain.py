"""A search domain for tests: the parameter that tells where it is, with the real engine behind it, or a stub with any fault."""

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from local.account import LocalAccount
from local.compute.opensearch.server import OpenSearchServer
from local.supervisor import Supervisor
from runtime.mechanisms.search_index.mapping import ALIAS, BUILDS_ALIAS
from tests.http_listener import Listener, QuietHandler
from tests.local.compute.opensearch import search_engine

VARIABLE = "PLATFORM_SEARCH_ENDPOINT_PARAMETER"


@dataclass
class Domain:
    """Where the engine is said to be."""

    account: LocalAccount
    parameter: str
    endpoint: str = ""

    def say(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.account.client("ssm").put_parameter(Name=self.parameter, Value=endpoint, Type="String", Overwrite=True)

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """What the engine answers to somebody who is not the code that is tested."""
        answer = httpx.request(method, f"http://{self.endpoint}{path}", json=body, timeout=60, trust_env=False)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def documents(self) -> dict[str, dict[str, Any]]:
        """Everything in the index that answers, by id."""
        self.ask("POST", f"/{ALIAS}/_refresh")
        hits = self.ask("POST", f"/{ALIAS}/_search", {"size": 10_000, "version": True})["hits"]["hits"]
        return {hit["_id"]: hit["_source"] | {"version": hit["_version"]} for hit in hits}

    def indices(self) -> set[str]:
        """The names of all, whatever they are."""
        return {name for name in self.ask("GET", "/_all") if not name.startswith(".")}

    def refresh(self) -> None:
        self.ask("POST", f"/{BUILDS_ALIAS}/_refresh")

    def clear(self) -> None:
        for name in self.indices():
            self.ask("DELETE", f"/{name}")


@dataclass
class StubEngine:
    """An engine that answers what it is told to, after so many seconds, and remembers what it was asked."""

    status: int = 200
    answer: Any = field(default_factory=dict)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    delay_seconds: float = 0.0
    asked: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    endpoint: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]

    @classmethod
    @contextmanager
    def serve(cls) -> Iterator["StubEngine"]:
        stub = cls()

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                stub.asked.append((self.command, self.path, dict(self.headers.items()), body))
                if stub.delay_seconds:
                    stub.released.wait(stub.delay_seconds)
                status, answer = stub.answers.get(self.path, (stub.status, stub.answer))
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    self.close_connection = True  # the client has given up

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815  (the names are the library's)

        with Listener(Handler) as server:
            stub.endpoint = server.authority
            try:
                yield stub
            finally:
                stub.released.set()


@pytest.fixture
def domain(migrated: dict[str, str], account: LocalAccount, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """A domain that is configured and is not there yet. Ask for it before anything that reads the settings."""
    parameter = f"/episode-metadata/test-{secrets.token_hex(4)}/search_endpoint"
    monkeypatch.setenv(VARIABLE, parameter)
    return Domain(account, parameter)


@pytest.fixture
def stub(domain: Domain) -> Iterator[StubEngine]:
    """The domain's engine is a stub."""
    with StubEngine.serve() as serving:
        domain.say(serving.endpoint)
        yield serving


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a real engine."""
    program = search_engine.provided()
    directory = tmp_path_factory.mktemp("opensearch")
    supervisor = Supervisor(directory)
    try:
        server = OpenSearchServer(supervisor, directory / "server", program, name="opensearch")
        server.start()
        server.wait_until_ready()
        yield server.endpoint
    finally:
        supervisor.stop_all()


@pytest.fixture
def real_domain(domain: Domain, opensearch: str) -> Iterator[Domain]:
    """The domain's engine is real, and empty."""
    domain.say(opensearch)
    domain.clear()
    yield domain
    domain.clear()

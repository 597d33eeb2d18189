"""A search domain for tests: its endpoint parameter, with a real OpenSearch or a stub behind it."""

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
    """The parameter that holds the domain's endpoint."""

    account: LocalAccount
    parameter: str
    endpoint: str = ""

    def set_endpoint(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.account.client("ssm").put_parameter(Name=self.parameter, Value=endpoint, Type="String", Overwrite=True)

    def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send a request to the engine, bypassing the code under test."""
        response = httpx.request(method, f"http://{self.endpoint}{path}", json=body, timeout=60, trust_env=False)
        assert response.status_code < 300, response.text
        found: dict[str, Any] = response.json()
        return found

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return all documents behind the search alias, by id."""
        self.request("POST", f"/{ALIAS}/_refresh")
        hits = self.request("POST", f"/{ALIAS}/_search", {"size": 10_000, "version": True})["hits"]["hits"]
        return {hit["_id"]: hit["_source"] | {"version": hit["_version"]} for hit in hits}

    def indices(self) -> set[str]:
        """Return the names of all indices."""
        return {name for name in self.request("GET", "/_all") if not name.startswith(".")}

    def refresh(self) -> None:
        self.request("POST", f"/{BUILDS_ALIAS}/_refresh")

    def clear(self) -> None:
        for name in self.indices():
            self.request("DELETE", f"/{name}")


@dataclass
class StubEngine:
    """A fake OpenSearch with configurable responses and delay; it records requests."""

    status: int = 200
    response: Any = field(default_factory=dict)
    responses: dict[str, tuple[int, Any]] = field(default_factory=dict)
    delay_seconds: float = 0.0
    requests: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    endpoint: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.requests]

    @classmethod
    @contextmanager
    def serve(cls) -> Iterator["StubEngine"]:
        stub = cls()

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                stub.requests.append((self.command, self.path, dict(self.headers.items()), body))
                if stub.delay_seconds:
                    stub.released.wait(stub.delay_seconds)
                status, response = stub.responses.get(self.path, (stub.status, stub.response))
                content = response if isinstance(response, bytes) else json.dumps(response).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    self.close_connection = True  # the client closed the connection

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815  (the names are the library's)

        with Listener(Handler) as server:
            stub.endpoint = server.authority
            try:
                yield stub
            finally:
                stub.released.set()


@pytest.fixture
def domain(migrated: dict[str, str], account: LocalAccount, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """Configure a domain that does not exist yet. Request this fixture before any that reads the settings."""
    parameter = f"/episode-metadata/test-{secrets.token_hex(4)}/search_endpoint"
    monkeypatch.setenv(VARIABLE, parameter)
    return Domain(account, parameter)


@pytest.fixture
def stub(domain: Domain) -> Iterator[StubEngine]:
    """Use a stub as the domain's engine."""
    with StubEngine.serve() as serving:
        domain.set_endpoint(serving.endpoint)
        yield serving


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real OpenSearch and return its host and port."""
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
    """Use a real, empty OpenSearch as the domain's engine."""
    domain.set_endpoint(opensearch)
    domain.clear()
    yield domain
    domain.clear()

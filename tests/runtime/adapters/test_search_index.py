"""The door to OpenSearch: how it learns of the engine, signs, and leaves alone one that does not answer."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from urllib3.exceptions import ProtocolError

from local.account import LocalAccount
from runtime.adapters import search_index as module
from runtime.adapters.search_index import NEWLINE_JSON, SearchIndex, get_search_index
from runtime.errors import NotFoundError, UnavailableError
from runtime.settings import SearchSettings, load_settings
from tests.runtime.features.search.domain import Domain, StubEngine, domain, stub

__all__ = ["domain", "stub"]


@contextmanager
def resetting_server() -> Iterator[tuple[str, list[bytes]]]:
    """Answers one request on each connection, reads the next, and resets the connection instead of answering."""
    answered: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received = b""
                while not received.endswith(b"}"):
                    received += connection.recv(65536)
                answered.append(received.partition(b"\r\n\r\n")[2])
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                connection.recv(65536)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener], daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", answered
        listener.shutdown(socket.SHUT_RDWR)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def index(domain: Domain, clock: Clock) -> SearchIndex:
    return SearchIndex(load_settings(SearchSettings), clock=clock)


class TestSend:
    def test_answers_what_the_engine_answers(self, index: SearchIndex, stub: StubEngine) -> None:
        stub.response = {"took": 3}
        assert index.send("POST", "/episodes/_search?x=1", {"size": 1}) == {"took": 3}
        assert index.send("POST", "/_bulk", b"{}\n", content_type=NEWLINE_JSON) == {"took": 3}
        (method, path, headers, body), (_, _, bulk_headers, bulk_body) = stub.requests
        assert (method, path, body) == ("POST", "/episodes/_search?x=1", b'{"size": 1}')
        assert (headers["Content-Type"], bulk_headers["Content-Type"]) == ("application/json", "application/x-ndjson")
        assert bulk_body == b"{}\n"
        # The engine on loopback knows no users.
        assert "Authorization" not in headers

    @pytest.mark.parametrize(
        ("status", "answer"),
        [
            (404, {"error": {"reason": "no such index [episodes]"}}),
            (400, {"error": "no handler found for uri [/_plugins/_security/api/roles/x] and method [PUT]"}),
        ],
    )
    def test_what_the_engine_has_not_is_not_found(
        self, index: SearchIndex, stub: StubEngine, status: int, answer: Any
    ) -> None:
        stub.status, stub.response = status, answer
        with pytest.raises(NotFoundError):
            index.send("GET", "/x")

    @pytest.mark.parametrize(("status", "answer"), [(400, {"error": "bad"}), (403, {}), (200, []), (301, {})])
    def test_refusal_is_unavailable_and_no_reason_to_rest(
        self, index: SearchIndex, stub: StubEngine, status: int, answer: Any
    ) -> None:
        stub.status, stub.response = status, answer
        with pytest.raises(UnavailableError, match="rejected"):
            index.send("GET", "/x")
        stub.status, stub.response = 200, {}
        assert index.send("GET", "/x") == {}

    def test_connection_that_was_reset_meanwhile_is_made_again(self, index: SearchIndex, domain: Domain) -> None:
        with resetting_server() as (endpoint, answered):
            domain.set_endpoint(endpoint)
            assert [index.send("POST", "/x", {"n": n}) for n in range(3)] == [{}, {}, {}]
        assert answered == [b'{"n": 0}', b'{"n": 1}', b'{"n": 2}']


class TestRest:
    @pytest.mark.parametrize(
        ("status", "answer"), [(429, b"too many"), (429, {}), (503, {"error": "red"}), (500, {}), (200, b"<html>")]
    )
    def test_engine_that_fails_is_left_alone_for_a_while(
        self, index: SearchIndex, stub: StubEngine, clock: Clock, status: int, answer: Any
    ) -> None:
        stub.status, stub.response = status, answer
        for _ in range(3):
            with pytest.raises(UnavailableError):
                index.send("GET", "/x")
        assert len(stub.requests) == 1
        stub.status, stub.response = 200, {}
        clock.now += module.OPEN_SECONDS - 0.1
        with pytest.raises(UnavailableError, match="not used for a while"):
            index.send("GET", "/x")
        clock.now += 0.2
        assert index.send("GET", "/x") == {}
        assert index.send("GET", "/x") == {}

    def test_one_request_tries_and_the_others_do_not_wait_for_it(
        self, index: SearchIndex, stub: StubEngine, clock: Clock
    ) -> None:
        stub.status = 503
        with pytest.raises(UnavailableError):
            index.send("GET", "/x")
        clock.now += module.OPEN_SECONDS + 1
        index._check_circuit()  # the one that tries, and is not answered yet
        with pytest.raises(UnavailableError, match="not used for a while"):
            index.send("GET", "/x")
        assert len(stub.requests) == 1

    def test_engine_that_is_down(self, index: SearchIndex, domain: Domain) -> None:
        domain.set_endpoint("127.0.0.1:1")
        with pytest.raises(UnavailableError, match="does not respond"):
            index.send("GET", "/x")
        with pytest.raises(UnavailableError, match="not used for a while"):
            index.send("GET", "/x")

    def test_engine_that_is_slow(self, index: SearchIndex, stub: StubEngine) -> None:
        stub.delay_seconds = 60
        begun = time.monotonic()
        with pytest.raises(UnavailableError, match="does not respond"):
            index.send("GET", "/x")
        # Far from the delay, whatever else this machine does; that it is below a second is what the constants say.
        assert time.monotonic() - begun < 30
        assert module.CONNECT_SECONDS + module.READ_SECONDS < 1


class TestEndpoint:
    def test_there_is_none_before_the_domain_stands(
        self, index: SearchIndex, domain: Domain, clock: Clock, stub_later: StubEngine
    ) -> None:
        assert index.is_configured
        assert not index.has_endpoint()
        with pytest.raises(UnavailableError, match="no search domain"):
            index.send("GET", "/x")
        domain.set_endpoint(stub_later.endpoint)
        # Not asked for every search, and no failure of the engine either.
        assert not index.has_endpoint()
        clock.now += module.ENDPOINT_SECONDS
        assert index.send("GET", "/x") == {}

    def test_environment_without_a_domain_asks_nobody(self, domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")
        nobody = SearchIndex(load_settings(SearchSettings).model_copy(update={"search_endpoint_parameter": ""}))
        assert not nobody.is_configured
        assert not nobody.has_endpoint()
        with pytest.raises(UnavailableError, match="no search domain"):
            nobody.send("GET", "/x")

    def test_machine_without_an_engine_says_so(self, index: SearchIndex, domain: Domain) -> None:
        domain.set_endpoint("none")
        assert index.is_configured
        assert not index.has_endpoint()
        with pytest.raises(UnavailableError, match="no search domain"):
            index.send("GET", "/x")

    def test_unreadable_parameter_keeps_what_was_known(
        self, index: SearchIndex, stub: StubEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert index.send("GET", "/x") == {}
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")
        clock.now += module.ENDPOINT_SECONDS
        assert index.send("GET", "/x") == {}

    def test_unreadable_parameter_is_not_asked_by_everybody(
        self, index: SearchIndex, stub: StubEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as away:
            away.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")
            with pytest.raises(UnavailableError, match="cannot be read"):
                index.has_endpoint()
        with pytest.raises(UnavailableError, match="no search domain"):
            index.send("GET", "/x")
        clock.now += module.ENDPOINT_RETRY_SECONDS
        assert index.send("GET", "/x") == {}

    def test_loopback_is_believed_only_where_all_of_aws_is_there(self, stub: StubEngine) -> None:
        settings = load_settings(SearchSettings)
        index = SearchIndex(settings)
        assert index.has_endpoint()
        index._settings = settings.model_copy(update={"aws_endpoint_url": None})
        with pytest.raises(UnavailableError, match="only if the AWS endpoint is on loopback too"):
            index.send("GET", "/x")
        assert stub.requests == []

    def test_is_one_for_a_process(self, domain: Domain) -> None:
        settings = load_settings(SearchSettings)
        assert get_search_index(settings) is get_search_index(settings.model_copy())
        assert get_search_index(settings) is not get_search_index(
            settings.model_copy(update={"search_endpoint_parameter": "x"})
        )


@pytest.fixture
def stub_later() -> Iterator[StubEngine]:
    """An engine that the parameter does not name yet."""
    with StubEngine.serve() as serving:
        yield serving


class TestSignature:
    @pytest.mark.parametrize("path", ["/episodes/_search?allow_partial_search_results=false", "/_bulk"])
    def test_is_the_one_that_aws_computes(
        self, index: SearchIndex, domain: Domain, account: LocalAccount, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        host = "vpc-search-abc.us-east-1.es.amazonaws.com"
        domain.set_endpoint(host)
        sent: list[dict[str, Any]] = []

        def keep(method: str, url: str, **options: Any) -> Any:
            sent.append({"method": method, "url": url} | options)
            raise ProtocolError("nobody is there")

        monkeypatch.setattr(index._pool, "request", keep)
        with pytest.raises(UnavailableError):
            index.send("POST", path, b"content")
        first, again = sent
        assert first == again
        assert first["url"] == f"https://{host}{path}"
        headers = first["headers"]
        scope = headers["Authorization"].split("/", 1)[1].split(",")[0]
        assert scope.split("/")[1:] == ["us-east-1", "es", "aws4_request"]
        expected = AWSRequest(
            method="POST", url=first["url"], data=b"content", headers={"Content-Type": "application/json"}
        )
        expected.headers["X-Amz-Date"] = headers["X-Amz-Date"]
        expected.context["timestamp"] = headers["X-Amz-Date"]
        environment = account.environment()
        signer = SigV4Auth(
            Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]), "es", "us-east-1"
        )
        signature = signer.signature(signer.string_to_sign(expected, signer.canonical_request(expected)), expected)
        assert headers["Authorization"].endswith(f"Signature={signature}")

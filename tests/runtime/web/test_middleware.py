"""What every request passes."""

import hashlib
import re
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from runtime.errors import PlatformError
from runtime.persistence.transactions import Transaction
from tests.runtime.features.api_platform import HOST, ORIGIN, Api, problems
from tests.tables import Proved

REGIONAL = "abc123.execute-api.us-east-1.amazonaws.com"


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """The fields of this event's entries, since the last look."""
    found = [vars(record) for record in caplog.records if record.name == "api" and record.getMessage() == event]
    caplog.clear()
    return found


class TestRequestId:
    @pytest.mark.requirement("ROAD-96", "ROAD-95")
    def test_is_echoed_and_in_every_refusal(self, api: Api) -> None:
        answer = api.client.get("/api/v1/nowhere", headers={"X-Request-ID": "trace-0123456789"})
        assert answer.headers["x-request-id"] == "trace-0123456789"
        problems(answer, 404, "NOT_FOUND")

    @pytest.mark.requirement("ROAD-96")
    @pytest.mark.table("headers")
    @pytest.mark.parametrize(
        "sent", [None, "", "short", "x" * 65, "a" * 100_000, "has space", "é" * 8, "under_score", "a/b/c/d/e"]
    )
    def test_is_minted_otherwise(self, api: Api, sent: str | None, proved: Proved) -> None:
        headers = {"X-Request-ID": sent.encode()} if sent is not None else {}
        minted = api.client.get("/health", headers=headers).headers["x-request-id"]
        assert UUID(minted).version == 4
        proved(1)

    def test_two_of_them_are_none(self, api: Api) -> None:
        answer = api.client.send_raw("GET", "/health", [("X-Request-ID", "a" * 10), ("X-Request-ID", "b" * 10)])
        assert UUID(answer.headers["x-request-id"]).version == 4


class TestHeaders:
    @pytest.mark.requirement("ROAD-98")
    @pytest.mark.parametrize("path", ["/health", "/api/v1/shows", "/nowhere", "/docs", "/openapi.json"])
    def test_every_answer_is_safe_to_show(self, api: Api, path: str) -> None:
        headers = api.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert re.search(r"max-age=\d{8}", headers["strict-transport-security"])
        assert "server" not in headers

    def test_refused_host_and_crash_have_them_too(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(api.client.app.state.resources.database), "transaction", lambda _: 1 / 0)
        for answer in (
            api.client.get("/version", headers={"Host": "evil.example"}),
            api.client.get("/api/v1/shows", api.viewer),
        ):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-request-id"]


class TestHosts:
    @pytest.mark.parametrize("host", [HOST, HOST.upper(), f"{HOST}:8443", REGIONAL, f"{REGIONAL}:443"])
    def test_own_names_are_served(self, api: Api, host: str) -> None:
        assert api.client.get("/version", headers={"Host": host}).status_code == 200

    @pytest.mark.table("hosts")
    def test_others_reach_no_handler(self, api: Api, proved: Proved) -> None:
        hosts = ["evil?", "evil/x?", "a/b", "evil@x/y", "evil#", "[::1", "", "evil.example", f"{HOST}.evil.example"]
        hosts += [
            f"evil.example?{HOST}",
            f"{HOST}@evil.example",
            f"{HOST}.",
            f"x{HOST}",
            f"www.{HOST}",
            f"{HOST}/x",
            " ",
        ]
        hosts += ["127.0.0.1", "localhost", "execute-api.us-east-1.amazonaws.com", f"{HOST},{HOST}"]
        paths = ("/version", "/api/v1/shows", "/docs")
        for host in hosts:
            for path in paths:
                answer = api.client.get(path, api.admin, headers={"Host": host})
                assert problems(answer, 400, "VALIDATION_ERROR") == {None: "Unknown host"}, host
        proved(len(hosts) * len(paths))

    @pytest.mark.table("hosts")
    def test_two_of_them_reach_no_handler(self, api: Api, proved: Proved) -> None:
        # Who reads the first and who reads the last would speak of different hosts (RFC 9112, 3.2).
        for hosts in ((HOST, HOST), (HOST, "evil.example"), ("evil.example", HOST), (HOST, "")):
            answer = api.client.send_raw("GET", "/version", [("Host", host) for host in hosts])
            assert problems(answer, 400, "VALIDATION_ERROR") == {None: "Unknown host"}, hosts
        proved(4)

    @pytest.mark.requirement("C-28")
    def test_health_answers_a_load_balancer_by_address(self, api: Api) -> None:
        assert api.client.get("/health", headers={"Host": "10.1.10.23:3000"}).status_code == 200
        for path in ("/health/", "/health/ready", "/healthx"):
            assert api.client.get(path, headers={"Host": "10.1.10.23:3000"}).status_code == 400


class TestCrossOrigin:
    @pytest.mark.requirement("ROAD-98")
    def test_listed_origin_may_read_with_credentials(self, api: Api) -> None:
        for answer in (
            api.client.get("/health", headers={"Origin": ORIGIN}),
            api.client.get("/api/v1/shows", headers={"Origin": ORIGIN}),
        ):
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert "Origin" in answer.headers["vary"]

    def test_preflight_names_what_is_allowed(self, api: Api) -> None:
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        headers["Access-Control-Request-Headers"] = "authorization, content-type"
        answer = api.client.send("OPTIONS", "/api/v1/shows", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "POST" in answer.headers["access-control-allow-methods"]

    @pytest.mark.requirement("ROAD-98")
    @pytest.mark.table("origins")
    def test_other_origins_may_not(self, api: Api, proved: Proved) -> None:
        name = ORIGIN.removeprefix("https://")
        origins = ["null", "*", "https://evil.example", f"http://{name}", f"{ORIGIN}.evil.example", f"{ORIGIN}:444"]
        origins += [
            f"https://evil{name}",
            f"https://x.{name}",
            ORIGIN.upper(),
            f"{ORIGIN}/",
            f"{ORIGIN},*",
            f"{ORIGIN} https://evil.example",
            "",
            f"https://evil.example/{ORIGIN}",
            f"https://{name}@evil.example",
            f"https://evil.example#{name}",
            f"https://{name}%00.evil.example",
            f"https://{name.replace('.', '-')}",
            name,
        ]
        assert len(set(origins)) == 19
        for origin in origins:
            headers = {"Origin": origin}
            asking = headers | {"Access-Control-Request-Method": "POST"}
            for answer in (
                api.client.get("/health", headers=headers),
                api.client.get("/api/v1/shows", api.viewer, headers=headers),
                api.client.get("/api/v1/shows", headers=headers),
                api.client.get("/nowhere", headers=headers),
                api.client.send("OPTIONS", "/api/v1/shows", headers=asking),
            ):
                assert "access-control-allow-origin" not in answer.headers, origin
                # A cache must not give one origin's answer to another.
                assert answer.request.method == "OPTIONS" or "Origin" in answer.headers.get("vary", ""), origin
        proved(5 * len(origins))


class TestErrors:
    @pytest.mark.requirement("ROAD-100", "ROAD-95")
    def test_unknown_route_is_404_in_the_envelope(self, api: Api) -> None:
        for path in (
            "/",
            "/nowhere",
            "/api/v1",
            "/api/v1/shows/",
            "/api/v1//shows",
            "/docs-assets/../app.py",
            "/docs-assets/x",
        ):
            problems(api.client.get(path, api.admin), 404, "NOT_FOUND")

    @pytest.mark.requirement("ROAD-95")
    def test_wrong_method_is_405_in_the_envelope(self, api: Api) -> None:
        answer = api.client.send("DELETE", "/api/v1/shows", api.admin)
        problems(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "GET, POST"

    @pytest.mark.parametrize("method", ["TRACE", "OPTIONS"])
    def test_every_path_names_all_its_methods(self, api: Api, method: str) -> None:
        for path, described in api.client.get("/openapi.json").json()["paths"].items():
            answer = api.client.send(method, re.sub(r"{\w+}", str(uuid4()), path), api.admin)
            problems(answer, 405, "METHOD_NOT_ALLOWED")
            assert set(answer.headers["allow"].split(", ")) == {each.upper() for each in described}, path

    @pytest.mark.requirement("ROAD-95")
    def test_faults_hide_everything_and_are_in_the_log_once(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        secret = "SELECT canary-7f3a FROM arn:aws:s3:::bucket"
        faults: list[type[Exception]] = [
            ValueError,
            KeyError,
            OSError,
            RuntimeError,
            MemoryError,
            RecursionError,
            PlatformError,
        ]
        faults += [AssertionError, LookupError, TimeoutError, psycopg.DataError, psycopg.ProgrammingError, UnicodeError]
        faults += [ZeroDivisionError, ArithmeticError, AttributeError, ConnectionError, EOFError, StopAsyncIteration]
        for fault in faults:

            def fail(*_: Any, fault: type[Exception] = fault) -> Any:
                raise fault(secret)

            monkeypatch.setattr(type(api.client.app.state.resources.database), "transaction", fail)
            answer = api.client.get("/api/v1/shows", api.viewer)
            assert problems(answer, 500, "SERVER_ERROR") == {None: "Internal server error"}, fault
            failed = logged(caplog, "server_error_returned" if fault is PlatformError else "request_failed")
            assert [entry["request_id"] for entry in failed] == [answer.headers["x-request-id"]]
            assert secret not in answer.text
            # A refusal of ours is worded by us. What others say of a fault may quote what a client sent.
            assert fault is PlatformError or "canary-7f3a" not in str(failed)


class TestLog:
    @pytest.mark.requirement("ROAD-98", "P1-29", "ROAD-94")
    def test_one_event_a_request_without_what_was_sent(self, api: Api, caplog: pytest.LogCaptureFixture) -> None:
        show_id = api.create_show()["show_id"]
        caplog.clear()
        answer = api.client.get(f"/api/v1/shows/{show_id}?secret=canary-7f3a", api.viewer)
        output = str([vars(record) for record in caplog.records])
        (event,) = logged(caplog, "request_handled")
        user = hashlib.sha256(api.viewer.user_id.bytes).hexdigest()[:16]
        expected = {"message": "request_handled", "method": "GET", "route": "/api/v1/shows/{show_id}", "status": 200}
        expected |= {"request_id": answer.headers["x-request-id"], "user": user}
        assert expected.items() <= event.items()
        assert event["ms"] > 0
        for secret in ("canary-7f3a", api.viewer.token, str(api.viewer.user_id), show_id):
            assert secret not in output

    def test_refusals_are_events_too(self, api: Api, caplog: pytest.LogCaptureFixture) -> None:
        api.client.get("/nowhere")
        api.client.get("/version", headers={"Host": "evil.example"})
        events = logged(caplog, "request_handled")
        assert [(event["status"], event["route"], event["user"]) for event in events] == [
            (404, None, None),
            (400, None, None),
        ]


class TestTransactions:
    def test_row_is_stored_before_the_answer_leaves(self, api: Api) -> None:
        stored: list[int] = []
        database = api.client.app.state.resources.database

        async def watching(scope: Any, receive: Any, send: Any) -> None:
            async def send_noting(message: Any) -> None:
                if message["type"] == "http.response.start":
                    with database.transaction() as connection:
                        stored.append(len(connection.execute("SELECT 1 FROM shows").fetchall()))
                await send(message)

            await app(scope, receive, send_noting)

        app = api.client.app.build_middleware_stack()
        api.client.app.middleware_stack = watching
        api.create_show()
        assert stored == [1]

    def test_refusal_rolls_back(self, api: Api) -> None:
        api.create_show(name="Twice")
        problems(api.client.post("/api/v1/shows", {"name": "Twice"}, api.admin), 409, "CONFLICT")
        database = api.client.app.state.resources.database
        called: list[str] = []
        with pytest.raises(ZeroDivisionError), Transaction.begin(database.transaction()) as transaction:
            transaction.connection.execute("INSERT INTO shows (name) VALUES ('Lost')")
            transaction.after_commit(lambda: called.append("sent"))
            raise ZeroDivisionError
        with database.transaction() as connection:
            assert len(connection.execute("SELECT 1 FROM shows").fetchall()) == 1
        assert called == []

    def test_what_follows_the_commit_sees_the_row(self, api: Api) -> None:
        database = api.client.app.state.resources.database
        seen: list[int] = []

        def count() -> None:
            with database.transaction() as connection:
                seen.append(len(connection.execute("SELECT 1 FROM shows").fetchall()))

        with Transaction.begin(database.transaction()) as transaction:
            transaction.connection.execute("INSERT INTO shows (name) VALUES ('Kept')")
            transaction.after_commit(count)
            assert seen == []
        assert seen == [1]

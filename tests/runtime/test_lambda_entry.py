"""The API as a function, fed with the events that an HTTP API sends."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from runtime import lambda_entry
from runtime.lambda_entry import handler
from tests.runtime.features.api_fixtures import api_environment, pool, pool_server
from tests.runtime.features.user_pool import User
from tests.tables import Proved

__all__ = ["api_environment", "pool", "pool_server"]

DOMAIN = "abc123.execute-api.us-east-1.amazonaws.com"


def event(method: str, path: str, *, headers: dict[str, str] | None = None, body: str | None = None) -> dict[str, Any]:
    path, _, query = path.partition("?")
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": DOMAIN, "x-forwarded-port": "443", "x-forwarded-proto": "https"} | (headers or {}),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc123",
            "domainName": DOMAIN,
            "domainPrefix": "abc123",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9",
                "userAgent": "x",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "21/Nov/2026:10:00:00 +0000",
            "timeEpoch": 0,
        },
        "isBase64Encoded": False,
    } | ({"body": body} if body is not None else {})


@pytest.fixture(autouse=True)
def fresh_function(api_environment: dict[str, str]) -> Iterator[None]:
    """A function that has not answered anything yet, and its event loop closed afterwards."""
    lambda_entry._adapter.cache_clear()
    yield
    with contextlib.suppress(RuntimeError):
        asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)
    lambda_entry._adapter.cache_clear()


class TestHandler:
    def test_answers_several_requests(self) -> None:
        admin = User.of("admin")
        headers = admin.headers | {"content-type": "application/json"}
        created = handler(event("POST", "/api/v1/shows", headers=headers, body='{"name": "Mine"}'), None)
        assert created["statusCode"] == 201
        listed = handler(event("GET", "/api/v1/shows?limit=5", headers=admin.headers), None)
        assert json.loads(listed["body"])["data"] == [json.loads(created["body"])["data"]]
        assert listed["headers"]["content-type"] == "application/json"
        assert listed["isBase64Encoded"] is False

    @pytest.mark.requirement("P1-08")
    def test_log_has_the_address_that_api_gateway_saw(self) -> None:
        headers = User.of("admin").headers | {"content-type": "application/json", "user-agent": "curl/8"}
        forged = headers | {"x-forwarded-for": "203.0.113.66"}
        made = handler(event("POST", "/api/v1/shows", headers=forged, body='{"name": "Mine"}'), None)
        assert made["headers"]["etag"] == '"1"'
        log = json.loads(handler(event("GET", "/api/v1/activity-logs", headers=headers), None)["body"])["data"]
        assert [(entry["ip_address"], entry["user_agent"]) for entry in log] == [("203.0.113.9", "curl/8")]

    def test_body_may_be_base64(self) -> None:
        headers = User.of("admin").headers | {"content-type": "application/json"}
        made = event("POST", "/api/v1/shows", headers=headers, body=base64.b64encode(b'{"name": "Mine"}').decode())
        assert handler(made | {"isBase64Encoded": True}, None)["statusCode"] == 201

    def test_assets_come_through_unchanged(self) -> None:
        answer = handler(event("GET", "/docs-assets/favicon.png"), None)
        assert answer["isBase64Encoded"] is True
        assert base64.b64decode(answer["body"]).startswith(b"\x89PNG")
        script = handler(event("GET", "/docs-assets/swagger-ui-bundle.js"), None)
        assert len(json.dumps(script)) < 6_000_000

    @pytest.mark.parametrize(
        "other",
        [
            {"Records": [{"eventSource": "aws:sqs", "body": "x"}]},
            {"source": "aws.events", "detail-type": "Scheduled Event"},
            {"version": "1.0", "requestContext": {"httpMethod": "GET"}},
            {"version": "2.0", "requestContext": {"routeKey": "$connect"}},
            {"requestContext": {"elb": {}}},
            {},
            [],
            None,
        ],
    )
    def test_other_events_are_refused_clearly(self, other: Any) -> None:
        with pytest.raises(ValueError, match="HTTP API"):
            handler(other, None)


class TestHosts:
    @pytest.mark.table("hosts")
    def test_malformed_and_foreign_hosts_reach_no_handler(self, proved: Proved) -> None:
        admin = User.of("admin")
        hosts = ["evil?", "evil/x?", "a/b", "evil@x/y", "evil#", "[::1", "a\r\nX-Evil: 1", "", "evil.example", "a:b:c"]
        hosts += [f"{DOMAIN}.", f"{DOMAIN}/x", f"{DOMAIN}:x", "é", "evil?" + DOMAIN]
        for host in hosts:
            for path in ("/api/v1/shows", "/version"):
                answer = handler(event("GET", path, headers=admin.headers | {"host": host}), None)
                assert answer["statusCode"] == 400, host
                assert "Unknown host" in answer["body"]
        proved(2 * len(hosts))

    def test_own_hosts_are_served(self) -> None:
        for host in (DOMAIN, DOMAIN.upper(), f"{DOMAIN}:8443"):
            assert handler(event("GET", "/version", headers={"host": host}), None)["statusCode"] == 200

    def test_health_is_open_to_any_host_but_nothing_hides_behind_it(self) -> None:
        assert handler(event("GET", "/health", headers={"host": "10.0.0.1:3000"}), None)["statusCode"] == 200
        # The host shifts what a careless reader takes for the path; the guard looks at the route.
        answer = handler(event("GET", "/api/v1/shows", headers={"host": f"{DOMAIN}/health?"}), None)
        assert answer["statusCode"] == 400

    def test_forwarded_port_is_not_believed(self) -> None:
        for port in ("x", "", "99999999999999999999", "443, 80"):
            assert handler(event("GET", "/version", headers={"x-forwarded-port": port}), None)["statusCode"] == 200


UNSAFE = ("a\r\nSet-Cookie: x=1", "abcdefgh\n", "abcdefgh\r", "abcd\0efgh", "é" * 10, "😀" * 10, "a" * 100_000)


class TestHeaderInjection:
    @pytest.mark.requirement("ROAD-96")
    @pytest.mark.table("headers")
    def test_no_unsafe_character_comes_back(self, proved: Proved) -> None:
        paths = ("/health", "/nowhere", "/docs-assets/swagger-ui.css", "/api/v1/shows")
        for value in UNSAFE:
            headers = {"x-request-id": value, "origin": value, "accept": value, "if-none-match": value}
            for path in paths:
                answer = handler(event("GET", path, headers=headers), None)
                assert answer["statusCode"] < 500
                assert UUID(answer["headers"]["x-request-id"]).version == 4
                for name, sent_back in answer["headers"].items():
                    assert all(" " <= character <= "~" for character in name + sent_back), (name, value)
        proved(len(UNSAFE) * len(headers) * len(paths))

    @pytest.mark.table("headers")
    def test_no_unsafe_character_comes_back_in_headers_that_answers_are_made_of(self, proved: Proved) -> None:
        headers = User.of("admin").headers | {"content-type": "application/json"}
        for number in range(2):
            body = json.dumps({"title": f"Clip {number}", "talent_source": "Lala"})
            made = handler(event("POST", "/api/v1/clips", headers=headers, body=body), None)
        clip_id = json.loads(made["body"])["data"]["clip_id"]
        for value in UNSAFE:
            # The part of an export names the next one by the request's own address.
            address = f"/api/v1/clips/export?format=csv&limit=1&x={quote(value)}"
            exported = handler(event("GET", address, headers=headers), None)
            assert exported["statusCode"] == 200
            assert "cursor=" in exported["headers"]["link"]
            stale = headers | {"if-match": value}
            changed = handler(event("PATCH", f"/api/v1/clips/{clip_id}", headers=stale, body='{"notes": "x"}'), None)
            assert changed["statusCode"] == 400
            keyed = headers | {"idempotency-key": value}
            posted = handler(event("POST", f"/api/v1/clips/{clip_id}/unassign", headers=keyed), None)
            assert posted["statusCode"] in {200, 400}
            for answer in (exported, changed, posted):
                for name, sent_back in answer["headers"].items():
                    assert all(" " <= character <= "~" for character in name + sent_back), (name, value)
        proved(3 * len(UNSAFE))

"""Search with an unavailable OpenSearch: Postgres replaces it, the response says so, and nothing waits for it."""

import time
from typing import Any

import httpx
import pytest

from runtime.adapters import search_index as adapter
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.search.domain import Domain, StubEngine

OPENSEARCH = {"next": None, "engine": "opensearch", "degraded": False}
DEGRADED = {"next": None, "engine": "postgres", "degraded": True}
# Generous for a busy machine; normally it takes less than a second.
PATIENCE_SECONDS = 20


def search(api: Api, text: str = "meadow", **query: Any) -> httpx.Response:
    return api.client.get("/api/v1/search", api.viewer, params={"q": text} | query)


class TestSearch:
    @pytest.mark.parametrize(
        ("status", "response"),
        [
            pytest.param(429, {"error": {"reason": "rejected execution"}}, id="429"),
            pytest.param(503, {"error": {"reason": "all shards failed"}}, id="red"),
            pytest.param(500, b"<html>", id="broken"),
            pytest.param(404, {"error": {"reason": "no such index [episodes]"}}, id="no index yet"),
            pytest.param(403, {"message": "no permissions"}, id="forbidden"),
            pytest.param(200, {"hits": "?"}, id="something else"),
        ],
    )
    def test_failing_opensearch_falls_back_to_postgres(
        self, stub: StubEngine, api: Api, status: int, response: Any
    ) -> None:
        stub.status, stub.response = status, response
        api.create_episode(title="Meadow")
        found = search(api, facets=True)
        assert found.status_code == 200
        assert found.json()["page"] == DEGRADED
        assert [hit["title"] for hit in found.json()["data"]] == ["Meadow"]
        assert found.json()["facets"]["statuses"] == [{"status": "draft", "count": 1}]

    def test_refused_connection_falls_back_to_postgres(self, domain: Domain, api: Api) -> None:
        domain.set_endpoint("127.0.0.1:1")
        episode = api.create_episode(title="Meadow")
        assert search(api).json()["page"] == DEGRADED
        assert (
            api.client.patch(f"/api/v1/episodes/{episode['episode_id']}", {"rating": 1}, api.admin).status_code == 200
        )

    def test_missing_domain_falls_back_to_postgres(self, domain: Domain, api: Api) -> None:
        api.create_episode(title="Meadow")
        response = search(api).json()
        assert (response["page"], len(response["data"])) == (DEGRADED, 1)

    def test_slow_opensearch_is_waited_for_once(self, stub: StubEngine, api: Api) -> None:
        stub.delay_seconds = 3600
        begun = time.monotonic()
        pages = [search(api).json()["page"] for _ in range(5)]
        assert pages == [DEGRADED] * 5
        assert len(stub.requests) == 1
        assert time.monotonic() - begun < PATIENCE_SECONDS

    def test_slow_opensearch_does_not_block_writes(self, stub: StubEngine, api: Api) -> None:
        stub.delay_seconds = 3600
        begun = time.monotonic()
        for _ in range(5):
            api.create_episode(title="Meadow")
        assert len(stub.requests) == 1
        assert time.monotonic() - begun < PATIENCE_SECONDS
        assert len(search(api).json()["data"]) == 5

    def test_recovered_opensearch_is_used_again(
        self, stub: StubEngine, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(adapter, "OPEN_SECONDS", 0.0)
        stub.status = 503
        assert search(api).json()["page"] == DEGRADED
        stub.status, stub.response = 200, {"hits": {"hits": []}}
        assert search(api).json()["page"] == OPENSEARCH

    def test_unavailable_database_is_503(self, stub: StubEngine, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api.client.app.state.resources.database, "_credentials", None)
        api.client.app.state.resources.database.close()
        monkeypatch.setattr("runtime.adapters.secret_store.SecretStore.read", lambda *_: None)
        monkeypatch.setenv("PLATFORM_DATABASE_CONNECT_TIMEOUT_SECONDS", "1")
        problems(search(api), 503, "SERVICE_UNAVAILABLE")

    def test_stop_words_send_no_request(self, stub: StubEngine, api: Api) -> None:
        response = search(api, "the", facets=True).json()
        assert response["data"] == []
        assert response["page"] == {"next": None, "engine": "postgres", "degraded": False}
        assert stub.requests == []

    def test_hits_are_returned_with_their_current_values(self, stub: StubEngine, api: Api) -> None:
        stub.status = 503
        shown, deleted = api.create_episode(title="Meadow"), api.create_episode(title="Meadow")
        api.delete(f"/api/v1/episodes/{deleted['episode_id']}")
        orphan = api.create_episode(title="Meadow")
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE shows SET deleted_at = now() WHERE show_id = %s", [orphan["show_id"]])
        hits = [
            {"_id": each["episode_id"], "sort": [rank, ""]}
            for rank, each in [(3.0, deleted), (2.0, orphan), (1.0, shown)]
        ]
        # The index still contains the deleted ones.
        stub.status, stub.response = 200, {"hits": {"hits": hits}}
        index = adapter.get_search_index(api.client.app.state.resources.settings)
        index._record_success()
        response = search(api).json()
        assert response["page"] == OPENSEARCH
        (hit,) = response["data"]
        assert hit.pop("rank") == 1.0
        assert hit == {name: value for name, value in shown.items() if name != "script_text"}

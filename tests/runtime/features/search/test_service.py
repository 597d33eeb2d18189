"""Search while the engine is away: Postgres answers, says so, and nobody waits for what does not answer."""

import time
from typing import Any

import httpx
import pytest

from runtime.adapters import search_index as adapter
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.search.domain import Domain, StubEngine

OPENSEARCH = {"next": None, "engine": "opensearch", "degraded": False}
DEGRADED = {"next": None, "engine": "postgres", "degraded": True}
# For a machine that does other things too; what is promised is below a second.
PATIENCE_SECONDS = 20


def search(api: Api, text: str = "meadow", **query: Any) -> httpx.Response:
    return api.client.get("/api/v1/search", api.viewer, params={"q": text} | query)


class TestSearch:
    @pytest.mark.parametrize(
        ("status", "answer"),
        [
            pytest.param(429, {"error": {"reason": "rejected execution"}}, id="429"),
            pytest.param(503, {"error": {"reason": "all shards failed"}}, id="red"),
            pytest.param(500, b"<html>", id="broken"),
            pytest.param(404, {"error": {"reason": "no such index [episodes]"}}, id="no index yet"),
            pytest.param(403, {"message": "no permissions"}, id="forbidden"),
            pytest.param(200, {"hits": "?"}, id="something else"),
        ],
    )
    def test_postgres_answers_instead(self, stub: StubEngine, api: Api, status: int, answer: Any) -> None:
        stub.status, stub.answer = status, answer
        api.create_episode(title="Meadow")
        found = search(api, facets=True)
        assert found.status_code == 200
        assert found.json()["page"] == DEGRADED
        assert [hit["title"] for hit in found.json()["data"]] == ["Meadow"]
        assert found.json()["facets"]["statuses"] == [{"status": "draft", "count": 1}]

    def test_engine_that_is_down(self, domain: Domain, api: Api) -> None:
        domain.say("127.0.0.1:1")
        episode = api.create_episode(title="Meadow")
        assert search(api).json()["page"] == DEGRADED
        assert (
            api.client.patch(f"/api/v1/episodes/{episode['episode_id']}", {"rating": 1}, api.admin).status_code == 200
        )

    def test_domain_that_is_not_there_yet(self, domain: Domain, api: Api) -> None:
        api.create_episode(title="Meadow")
        answer = search(api).json()
        assert (answer["page"], len(answer["data"])) == (DEGRADED, 1)

    def test_slow_engine_is_waited_for_once(self, stub: StubEngine, api: Api) -> None:
        stub.delay_seconds = 3600
        begun = time.monotonic()
        pages = [search(api).json()["page"] for _ in range(5)]
        assert pages == [DEGRADED] * 5
        assert len(stub.asked) == 1
        assert time.monotonic() - begun < PATIENCE_SECONDS

    def test_writes_go_on_while_it_is_slow(self, stub: StubEngine, api: Api) -> None:
        stub.delay_seconds = 3600
        begun = time.monotonic()
        for _ in range(5):
            api.create_episode(title="Meadow")
        assert len(stub.asked) == 1
        assert time.monotonic() - begun < PATIENCE_SECONDS
        assert len(search(api).json()["data"]) == 5

    def test_engine_that_is_back_is_asked_again(
        self, stub: StubEngine, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(adapter, "REST_SECONDS", 0.0)
        stub.status = 503
        assert search(api).json()["page"] == DEGRADED
        stub.status, stub.answer = 200, {"hits": {"hits": []}}
        assert search(api).json()["page"] == OPENSEARCH

    def test_database_that_is_away_too_is_told(
        self, stub: StubEngine, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api.client.app.state.resources.database, "_credentials", None)
        api.client.app.state.resources.database.close()
        monkeypatch.setattr("runtime.adapters.secret_store.SecretStore.read", lambda *_: None)
        monkeypatch.setenv("PLATFORM_DATABASE_CONNECT_TIMEOUT_SECONDS", "1")
        problems(search(api), 503, "SERVICE_UNAVAILABLE")

    def test_words_that_say_nothing_ask_nobody(self, stub: StubEngine, api: Api) -> None:
        answer = search(api, "the", facets=True).json()
        assert answer["data"] == []
        assert answer["page"] == {"next": None, "engine": "postgres", "degraded": False}
        assert stub.asked == []

    def test_what_the_engine_finds_is_shown_as_it_is_now(self, stub: StubEngine, api: Api) -> None:
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
        # Whatever the index still has of them.
        stub.status, stub.answer = 200, {"hits": {"hits": hits}}
        index = adapter.get_search_index(api.client.app.state.resources.settings)
        index._answered()
        answer = search(api).json()
        assert answer["page"] == OPENSEARCH
        (hit,) = answer["data"]
        assert hit.pop("rank") == 1.0
        assert hit == {name: value for name, value in shown.items() if name != "script_text"}

"""Indexing of changes: after each commit while OpenSearch is available, ordered by version."""

from typing import Any
from uuid import UUID

import pytest

from runtime.adapters.search_index import SearchIndex
from runtime.errors import UnavailableError
from runtime.mechanisms.search_index import documents, indexing, messages
from runtime.mechanisms.search_index.documents import IndexedDocument
from runtime.mechanisms.search_index.mapping import ALIAS
from runtime.settings import SearchSettings, load_settings
from tests.runtime.features.api_platform import Api
from tests.runtime.features.search.domain import Domain, StubEngine
from tests.runtime.features.search.index_tasks import RunIndexTask


def unsent(api: Api) -> list[tuple[str | None, str | None]]:
    with api.client.app.state.resources.database.transaction() as connection:
        found = messages.find_unsent(connection, limit=100)
    return [(str(each.episode_id or ""), str(each.show_id or "")) for each in found]


def path(episode: dict[str, Any], suffix: str = "") -> str:
    return f"/api/v1/episodes/{episode['episode_id']}{suffix}"


class TestIndexing:
    """Each change is in the index when its response is sent, before any task has run."""

    @pytest.fixture
    def index(self, real_domain: Domain, run_index_task: RunIndexTask) -> Domain:
        assert run_index_task() == {"told": 0, "indexed": 0, "building": 0}
        return real_domain

    @pytest.mark.requirement("P2-19")
    def test_change_of_an_episode_is_indexed_after_the_commit(self, index: Domain, api: Api) -> None:
        show, other = api.create_show(name="Meadow"), api.create_show(name="Harbour")
        episode = api.create_episode(show, title="Ants", tags=["spring"], script_text="FADE\nIN", season_number=3)
        assert index.documents()[episode["episode_id"]] == {
            "is_live": True,
            "episode_id": episode["episode_id"],
            "show_id": show["show_id"],
            "show_name": "Meadow",
            "title": "Ants",
            "description": None,
            "script_text": "FADE\nIN",
            "tags": ["spring"],
            "category": None,
            "genre": None,
            "status": "draft",
            "season_number": 3,
            "version": (1 << 31) + 1,
        }
        api.client.patch(path(episode), {"title": "Bees", "status": "in_production"}, api.admin)
        document = index.documents()[episode["episode_id"]]
        assert (document["title"], document["status"], document["version"]) == ("Bees", "in_production", (2 << 31) + 1)
        api.client.patch(path(episode), {"show_id": other["show_id"]}, api.admin)
        assert index.documents()[episode["episode_id"]]["show_name"] == "Harbour"
        api.delete(path(episode))
        assert index.documents()[episode["episode_id"]] == {
            "is_live": False,
            "episode_id": episode["episode_id"],
            "version": (4 << 31) + 1,
        }
        api.client.post(path(episode, "/restore"), None, api.admin)
        assert index.documents()[episode["episode_id"]]["title"] == "Bees"
        assert unsent(api) == [(episode["episode_id"], "")] * 5

    def test_new_show_name_is_indexed_for_each_episode(
        self, index: Domain, api: Api, run_index_task: RunIndexTask
    ) -> None:
        show = api.create_show(name="Meadow")
        episodes = [api.create_episode(show) for _ in range(3)]
        deleted = api.delete(path(api.create_episode(show)))
        other = api.create_episode(api.create_show(name="Harbour"))
        run_index_task()
        shows = f"/api/v1/shows/{show['show_id']}"
        api.client.patch(shows, {"description": "Its name stays."}, api.admin)
        assert unsent(api) == []
        api.client.patch(shows, {"name": "Prairie"}, api.admin)
        assert unsent(api) == [("", show["show_id"])]
        assert run_index_task() == {"told": 1, "indexed": 4, "building": 0}
        documents = index.documents()
        assert {documents[each["episode_id"]]["show_name"] for each in episodes} == {"Prairie"}
        assert documents[other["episode_id"]]["show_name"] == "Harbour"
        assert documents[deleted["episode_id"]]["is_live"] is False

    def test_move_to_a_younger_show_has_a_higher_version(
        self, index: Domain, api: Api, run_index_task: RunIndexTask
    ) -> None:
        """The sum of both versions would be smaller than before the move."""
        old, young = api.create_show(), api.create_show(name="Young")
        for number in range(20):
            api.client.patch(f"/api/v1/shows/{old['show_id']}", {"name": f"Old {number}"}, api.admin)
        episode = api.create_episode(old)
        api.client.patch(path(episode), {"show_id": young["show_id"]}, api.admin)
        assert index.documents()[episode["episode_id"]]["show_name"] == "Young"
        api.client.patch(f"/api/v1/shows/{young['show_id']}", {"name": "Younger"}, api.admin)
        run_index_task()
        assert index.documents()[episode["episode_id"]]["show_name"] == "Younger"

    def test_rolled_back_change_is_not_indexed(self, index: Domain, api: Api) -> None:
        episode = api.create_episode(title="Ants")
        before = (index.documents(), unsent(api))
        taken = {"title": "Bees", "show_id": episode["show_id"], "episode_number": episode["episode_number"]}
        assert api.client.post("/api/v1/episodes", taken, api.admin).status_code == 409
        assert api.client.patch(path(episode), {"title": "Ants"}, api.admin).status_code == 200
        assert (index.documents(), unsent(api)) == before

    def test_late_message_does_not_overwrite_a_newer_version(self, index: Domain, api: Api) -> None:
        episode = api.create_episode(title="Ants")
        engine = SearchIndex(load_settings(SearchSettings))
        with api.client.app.state.resources.database.transaction() as connection:
            late = documents.find_documents(connection, episode_ids=[UUID(episode["episode_id"])], limit=1)
        api.delete(path(episode))
        now = index.documents()
        assert indexing.write_documents(engine, ALIAS, late) == 0
        assert index.documents() == now
        # The same version again is not newer.
        with api.client.app.state.resources.database.transaction() as connection:
            same = documents.find_documents(connection, episode_ids=[UUID(episode["episode_id"])], limit=1)
        assert indexing.write_documents(engine, ALIAS, same) == 0


class TestWithoutDomain:
    def test_no_message_is_stored(self, api: Api) -> None:
        episode = api.create_episode()
        api.client.patch(f"/api/v1/shows/{episode['show_id']}", {"name": "Another"}, api.admin)
        assert unsent(api) == []


class TestUnavailableOpenSearch:
    @pytest.mark.parametrize(
        ("status", "response"),
        [
            (503, {}),
            (429, {}),
            (404, {}),
            (403, {}),
            (200, {}),
            (200, {"items": [{"index": {"_id": "x", "status": 429, "error": {"reason": "rejected"}}}]}),
        ],
    )
    def test_writes_are_stored_with_their_messages(
        self, stub: StubEngine, api: Api, status: int, response: Any
    ) -> None:
        stub.status, stub.response = status, response
        episode = api.create_episode(title="Ants")
        assert api.client.patch(path(episode), {"title": "Bees"}, api.admin).status_code == 200
        assert unsent(api) == [(episode["episode_id"], "")] * 2

    def test_missing_alias_creates_no_index(self, real_domain: Domain, api: Api) -> None:
        api.create_episode(title="Ants")
        assert real_domain.indices() == set()

    def test_outbox_relay_is_not_blocked(self, stub: StubEngine, api: Api, run_index_task: RunIndexTask) -> None:
        """With an unavailable OpenSearch the relay would stop at the first message and delay every other topic."""
        stub.status = 503
        for _ in range(3):
            api.create_episode()
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE outbox SET not_before = not_before - interval '1 year'")
        assert run_index_task("relay_outbox") == {"sent": 0, "delayed": 0, "abandoned": 0}


class TestWrite:
    def document(self, number: int, source: str = '{"is_live":false}') -> IndexedDocument:
        return IndexedDocument(episode_id=UUID(int=number), version=1, source=source)

    def test_large_documents_are_split_into_requests(self, stub: StubEngine) -> None:
        stub.response = {"items": []}
        large = '{"script_text":"' + "x" * 1_500_000 + '"}'
        indexing.write_documents(
            SearchIndex(load_settings(SearchSettings)), ALIAS, [self.document(n, large) for n in range(5)]
        )
        assert [len(body) // 1_500_000 for _, _, _, body in stub.requests] == [2, 2, 1]
        assert all(len(body) <= indexing.MAX_REQUEST_BYTES for _, _, _, body in stub.requests)

    def test_permanently_rejected_document_does_not_block_others(
        self, real_domain: Domain, run_index_task: RunIndexTask
    ) -> None:
        run_index_task()
        engine = SearchIndex(load_settings(SearchSettings))
        documents = [self.document(1), self.document(2, '{"is_live":"?"}'), self.document(3)]
        assert indexing.write_documents(engine, ALIAS, documents, read_seconds=30) == 2
        assert real_domain.documents().keys() == {str(UUID(int=1)), str(UUID(int=3))}

    @pytest.mark.parametrize("status", [404, 429, 500, 503])
    def test_temporarily_rejected_document_raises_unavailable(self, stub: StubEngine, status: int) -> None:
        stub.response = {"items": [{"index": {"_id": "x", "status": status, "error": {"reason": "later"}}}]}
        with pytest.raises(UnavailableError, match="later"):
            indexing.write_documents(SearchIndex(load_settings(SearchSettings)), ALIAS, [self.document(1)])

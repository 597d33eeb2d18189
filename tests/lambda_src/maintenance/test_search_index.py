"""The search index: built if there is none, updated with missed changes, and rebuilt without an interruption."""

import threading
from typing import Any

import psycopg
import pytest

from lambda_src.maintenance import search_index
from lambda_src.maintenance.handler import MaintenanceFailedError
from runtime.adapters import search_index as adapter
from runtime.adapters.database import Database
from runtime.mechanisms.search_index import indexing, mapping
from tests.conftest import DatabaseAddress
from tests.runtime.features.api_platform import Api
from tests.runtime.features.search.domain import Domain, StubEngine
from tests.runtime.features.search.index_tasks import RunIndexTask

NOTHING = {"told": 0, "indexed": 0, "building": 0}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the pauses between requests to an unavailable engine."""
    monkeypatch.setattr(adapter, "OPEN_SECONDS", 0.0)
    monkeypatch.setattr(adapter, "ENDPOINT_SECONDS", 0.0)


def store(database: Database, count: int) -> None:
    """Insert episodes as they were before there was a domain."""
    with database.transaction() as connection:
        connection.execute(
            """WITH made AS (INSERT INTO shows (name) SELECT 'Stored ' || n FROM generate_series(1, %(count)s) n RETURNING show_id)
            INSERT INTO episodes (show_id, title, episode_number) SELECT show_id, 'Meadow', 1 FROM made""",
            {"count": count},
        )


def found(api: Api) -> dict[str, Any]:
    answer: dict[str, Any] = api.client.get("/api/v1/search?q=meadow&limit=100", api.viewer).json()
    return {"count": len(answer["data"]), "engine": answer["page"]["engine"], "degraded": answer["page"]["degraded"]}


def stored(api: Api) -> dict[str, tuple[bool, str | None, str | None]]:
    """Return whether each episode is live, its title and its show's name, by id."""
    with api.client.app.state.resources.database.transaction() as connection:
        rows = connection.execute(
            """SELECT episode_id::text, e.deleted_at IS NULL AS is_live, e.title, s.name
            FROM episodes e JOIN shows s USING (show_id)"""
        ).fetchall()
    return {
        row["episode_id"]: (True, row["title"], row["name"]) if row["is_live"] else (False, None, None) for row in rows
    }


def indexed(domain: Domain) -> dict[str, tuple[bool, str | None, str | None]]:
    return {
        episode_id: (document["is_live"], document.get("title"), document.get("show_name"))
        for episode_id, document in domain.documents().items()
    }


def write_something(api: Api, number: int) -> None:
    """Make one change of each kind."""
    kept, deleted = (api.create_episode(title=f"Meadow {number}") for _ in range(2))
    api.client.patch(f"/api/v1/episodes/{kept['episode_id']}", {"title": f"Harbour {number}"}, api.admin)
    api.client.patch(f"/api/v1/shows/{kept['show_id']}", {"name": f"Renamed {number}"}, api.admin)
    api.delete(f"/api/v1/episodes/{deleted['episode_id']}")


class TestCatchUp:
    def test_first_index_is_complete_before_it_serves_searches(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store(api.client.app.state.resources.database, 249)
        # It has a message, which cannot be processed yet.
        api.create_episode(title="Meadow")
        monkeypatch.setattr(search_index, "RUN_SECONDS", 0.0)
        for built in (100, 100):
            assert run_index_task() == {"told": 0, "indexed": built, "building": 1}
            assert found(api) == {"count": 100, "engine": "postgres", "degraded": True}
        monkeypatch.setattr(search_index, "RUN_SECONDS", 60.0)
        # The last fifty; the message is about an episode that the index contains already.
        assert run_index_task() == {"told": 1, "indexed": 50, "building": 0}
        assert found(api) == {"count": 100, "engine": "opensearch", "degraded": False}
        assert indexed(real_domain) == stored(api)
        assert len(real_domain.indices()) == 1
        assert run_index_task() == NOTHING

    def test_no_domain_does_nothing(self, migrated: dict[str, str], run_index_task: RunIndexTask) -> None:
        assert run_index_task() == NOTHING

    def test_missing_endpoint_does_nothing(self, domain: Domain, api: Api, run_index_task: RunIndexTask) -> None:
        api.create_episode()
        assert run_index_task() == NOTHING

    @pytest.mark.requirement("P2-40")
    def test_index_is_complete_after_outage(
        self, real_domain: Domain, stub: StubEngine, opensearch: str, api: Api, run_index_task: RunIndexTask
    ) -> None:
        real_domain.set_endpoint(opensearch)
        write_something(api, 1)
        run_index_task()
        assert indexed(real_domain) == stored(api)
        # An outage: another server listens at the domain's endpoint.
        stub.status = 503
        real_domain.set_endpoint(stub.endpoint)
        for number in range(2, 12):
            write_something(api, number)
        for _ in range(3):
            with pytest.raises(MaintenanceFailedError, match="catch_up_search_index failed"):
                run_index_task()
        real_domain.set_endpoint(opensearch)
        assert indexed(real_domain) != stored(api)
        # One scheduled run is enough, however long the outage was.
        assert run_index_task()["told"] == 50
        assert indexed(real_domain) == stored(api)
        assert run_index_task() == NOTHING

    def test_run_out_of_time_leaves_messages_to_next_run(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_index_task()
        monkeypatch.setattr(search_index, "MESSAGES", 2)
        for _ in range(5):
            api.create_episode()
        monkeypatch.setattr(search_index, "RUN_SECONDS", 0.0)
        assert run_index_task()["told"] == 0
        monkeypatch.setattr(search_index, "RUN_SECONDS", 60.0)
        assert run_index_task()["told"] == 5

    def test_failed_write_leaves_message_unsent(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_index_task()
        api.create_episode()
        with monkeypatch.context() as broken:
            broken.setattr(indexing, "write_documents", lambda *_, **__: 1 / 0)
            with pytest.raises(MaintenanceFailedError):
                run_index_task()
        assert run_index_task()["told"] == 1

    def test_concurrent_run_does_nothing(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask, database: DatabaseAddress
    ) -> None:
        store(api.client.app.state.resources.database, 1)
        lock = ("SELECT pg_try_advisory_lock(%s)", [search_index.ADVISORY_LOCK])
        with psycopg.connect(database.conninfo, autocommit=True) as first:
            assert first.execute(*lock).fetchone() == (True,)
            assert run_index_task() == NOTHING
        assert run_index_task()["indexed"] == 1
        with psycopg.connect(database.conninfo, autocommit=True) as next_one:
            assert next_one.execute(*lock).fetchone() == (True,), "the run released the lock"


def exhaust_time(run: Any, *_: Any) -> bool:
    run.ends_at = 0.0
    return False


class TestRebuild:
    def test_rebuilt_index_equals_incremental_index(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask
    ) -> None:
        run_index_task()
        for number in range(5):
            write_something(api, number)
        run_index_task()
        live, names = real_domain.documents(), real_domain.indices()
        assert run_index_task("rebuild_search_index") == {"told": 25, "indexed": 10, "building": 0}
        assert real_domain.documents() == live
        assert len(real_domain.indices()) == 1
        assert real_domain.indices() != names

    def test_changes_during_rebuild_are_in_both_indices(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3):
            write_something(api, number)
        run_index_task()
        monkeypatch.setattr(search_index, "PAGE", 1)
        monkeypatch.setattr(search_index, "RUN_SECONDS", 0.0)
        for number in range(100, 103):
            assert run_index_task("rebuild_search_index")["building"] == 1
            # Changes of episodes that the new index has, and of some that it lacks; the old one serves searches and gets them.
            for episode_id in list(stored(api))[:2]:
                api.client.patch(f"/api/v1/episodes/{episode_id}", {"title": f"Meadow {number}"}, api.admin)
            write_something(api, number)
            with monkeypatch.context() as telling:
                telling.setattr(search_index, "RUN_SECONDS", 60.0)
                telling.setattr(search_index, "_build", exhaust_time)
                assert run_index_task()["told"] > 0
            assert indexed(real_domain) == stored(api)
        monkeypatch.setattr(search_index, "RUN_SECONDS", 60.0)
        assert run_index_task()["told"] > 0
        assert indexed(real_domain) == stored(api)
        assert len(real_domain.indices()) == 1

    def test_changed_mapping_builds_new_index(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api.create_episode(title="Meadow")
        run_index_task()
        before = real_domain.indices()
        monkeypatch.setattr(mapping, "DIGEST", "another")
        monkeypatch.setattr(search_index, "DIGEST", "another")
        assert run_index_task()["building"] == 0
        assert len(real_domain.indices()) == 1
        assert real_domain.indices() != before
        assert indexed(real_domain) == stored(api)
        assert run_index_task() == NOTHING

    def test_abandoned_build_is_removed(self, real_domain: Domain, api: Api, run_index_task: RunIndexTask) -> None:
        run_index_task()
        live = real_domain.indices()
        abandoned = mapping.definition("2020-01-01 00:00:00+00")
        abandoned["mappings"]["_meta"]["digest"] = "older"
        real_domain.request("PUT", "/episodes-20200101", abandoned)
        assert run_index_task() == NOTHING
        assert real_domain.indices() == live | {"episodes-20200101"}
        run_index_task("rebuild_search_index")
        assert len(real_domain.indices()) == 1
        assert not real_domain.indices() & (live | {"episodes-20200101"})

    def test_searches_see_complete_index_during_rebuild(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask
    ) -> None:
        store(api.client.app.state.resources.database, 30)
        run_index_task()
        done, counts = threading.Event(), []

        def rebuild() -> None:
            try:
                for _ in range(3):
                    run_index_task("rebuild_search_index")
            finally:
                done.set()

        thread = threading.Thread(target=rebuild)
        thread.start()
        while not done.is_set():
            counts.append(found(api)["count"])
        thread.join()
        assert set(counts) == {30}

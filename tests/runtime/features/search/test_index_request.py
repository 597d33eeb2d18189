"""Requests to reindex episodes, and their execution by the next maintenance run."""

from typing import Any
from uuid import uuid4

import pytest

from runtime.mechanisms.search_index import messages
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.search.domain import Domain
from tests.runtime.features.search.index_tasks import RunIndexTask

INDEX = "/api/v1/search/index"


def reindex(api: Api, body: dict[str, Any], path: str = INDEX) -> dict[str, Any]:
    response = api.client.post(path, body, api.admin)
    assert response.status_code == 202, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def unsent(api: Api) -> int:
    with api.client.app.state.resources.database.transaction() as connection:
        return len(messages.find_unsent(connection, limit=1000))


class TestIndexEpisodes:
    @pytest.mark.requirement("P2-32")
    def test_missing_episodes_are_indexed_by_the_next_run(
        self, real_domain: Domain, api: Api, run_index_task: RunIndexTask
    ) -> None:
        indexed = api.create_episode()
        run_index_task()
        # Not through the API, as after restoring a backup.
        with api.client.app.state.resources.database.transaction() as connection:
            rows = connection.execute(
                """INSERT INTO episodes (show_id, title, episode_number) SELECT %s, 'Unindexed', 1000 + n
                FROM generate_series(1, 3) n RETURNING episode_id::text AS id""",
                [indexed["show_id"]],
            ).fetchall()
        first, second, third = (row["id"] for row in rows)
        # Nothing is indexed without a request.
        assert run_index_task() == {"told": 0, "indexed": 0, "building": 0}
        accepted = reindex(api, {"episode_ids": [first, second]})
        assert accepted == {"engine": "opensearch", "everything": False, "episode_count": 2}
        assert run_index_task() == {"told": 2, "indexed": 2, "building": 0}
        assert real_domain.documents().keys() == {indexed["episode_id"], first, second}
        assert reindex(api, {}) == {"engine": "opensearch", "everything": True, "episode_count": 4}
        # Documents that are up to date are not indexed again.
        assert run_index_task() == {"told": 1, "indexed": 1, "building": 0}
        assert real_domain.documents().keys() == {indexed["episode_id"], first, second, third}

    @pytest.mark.requirement("C-08", "G-06")
    def test_path_without_prefix_and_other_roles_get_403(self, domain: Domain, api: Api) -> None:
        episode = api.create_episode()
        before = unsent(api)
        reindex(api, {"episode_ids": [episode["episode_id"]]}, "/search/index")
        assert unsent(api) == before + 1
        for user in (api.editor, api.viewer):
            problems(api.client.post(INDEX, {}, user), 403, "FORBIDDEN")
        assert unsent(api) == before + 1

    def test_all_episodes_are_one_message_per_show(self, domain: Domain, api: Api) -> None:
        shows = [api.create_show() for _ in range(2)]
        for show in (*shows, *shows):
            api.create_episode(show)
        api.delete(f"/api/v1/episodes/{api.create_episode(shows[0])['episode_id']}")
        before = unsent(api)
        assert reindex(api, {})["episode_count"] == 5
        assert unsent(api) == before + 2

    def test_unknown_episodes_are_404_and_nothing_is_queued(self, domain: Domain, api: Api) -> None:
        known = api.create_episode()["episode_id"]
        before = unsent(api)
        response = api.client.post(INDEX, {"episode_ids": [known, str(uuid4())]}, api.admin)
        assert problems(response, 404, "NOT_FOUND").keys() == {"body.episode_ids.1"}
        assert unsent(api) == before

    def test_postgres_only_queues_nothing(self, api: Api) -> None:
        episode = api.create_episode()
        assert reindex(api, {}) == {"engine": "postgres", "everything": True, "episode_count": 1}
        one = reindex(api, {"episode_ids": [episode["episode_id"]] * 2})
        assert one == {"engine": "postgres", "everything": False, "episode_count": 1}
        response = api.client.post(INDEX, {"episode_ids": [str(uuid4())]}, api.admin)
        assert problems(response, 404, "NOT_FOUND").keys() == {"body.episode_ids.0"}
        assert unsent(api) == 0

    def test_invalid_bodies_are_rejected(self, api: Api) -> None:
        for body, field in [
            ({"episode_ids": []}, "body.episode_ids"),
            ({"episode_ids": ["x"]}, "body.episode_ids.0"),
            ({"episode_ids": [str(uuid4())] * 101}, "body.episode_ids"),
            ({"everything": True}, "body.everything"),
        ]:
            response = api.client.post(INDEX, body, api.admin)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {field}, body
        problems(api.client.post(INDEX, user=api.admin), 400, "VALIDATION_ERROR")

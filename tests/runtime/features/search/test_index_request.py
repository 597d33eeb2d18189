"""The search index is asked to be brought up to date, and is, by the next run of the maintenance."""

from typing import Any
from uuid import uuid4

import pytest

from runtime.mechanisms.search_index import messages
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.search.domain import Domain
from tests.runtime.features.search.kept_index import Run

INDEX = "/api/v1/search/index"


def ask(api: Api, body: dict[str, Any], path: str = INDEX) -> dict[str, Any]:
    answer = api.client.post(path, body, api.admin)
    assert answer.status_code == 202, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def unsent(api: Api) -> int:
    with api.client.app.state.resources.database.transaction() as connection:
        return len(messages.find_unsent(connection, limit=1000))


class TestIndexEpisodes:
    @pytest.mark.requirement("P2-32")
    def test_what_the_index_never_heard_of_is_there_after_the_next_run(
        self, real_domain: Domain, api: Api, kept_index: Run
    ) -> None:
        told = api.create_episode()
        kept_index()
        # Past the API, as a restored backup would.
        with api.client.app.state.resources.database.transaction() as connection:
            rows = connection.execute(
                """INSERT INTO episodes (show_id, title, episode_number) SELECT %s, 'Untold', 1000 + n
                FROM generate_series(1, 3) n RETURNING episode_id::text AS id""",
                [told["show_id"]],
            ).fetchall()
        first, second, third = (row["id"] for row in rows)
        # Nothing says so by itself.
        assert kept_index() == {"told": 0, "indexed": 0, "building": 0}
        asked = ask(api, {"episode_ids": [first, second]})
        assert asked == {"engine": "opensearch", "everything": False, "episode_count": 2}
        assert kept_index() == {"told": 2, "indexed": 2, "building": 0}
        assert real_domain.documents().keys() == {told["episode_id"], first, second}
        assert ask(api, {}) == {"engine": "opensearch", "everything": True, "episode_count": 4}
        # What it has already is left as it is.
        assert kept_index() == {"told": 1, "indexed": 1, "building": 0}
        assert real_domain.documents().keys() == {told["episode_id"], first, second, third}

    @pytest.mark.requirement("C-08", "G-06")
    def test_path_without_prefix_is_the_same_and_only_administrators_may(self, domain: Domain, api: Api) -> None:
        episode = api.create_episode()
        before = unsent(api)
        ask(api, {"episode_ids": [episode["episode_id"]]}, "/search/index")
        assert unsent(api) == before + 1
        for user in (api.editor, api.viewer):
            problems(api.client.post(INDEX, {}, user), 403, "FORBIDDEN")
        assert unsent(api) == before + 1

    def test_everything_is_one_message_for_each_show(self, domain: Domain, api: Api) -> None:
        shows = [api.create_show() for _ in range(2)]
        for show in (*shows, *shows):
            api.create_episode(show)
        api.delete(f"/api/v1/episodes/{api.create_episode(shows[0])['episode_id']}")
        before = unsent(api)
        assert ask(api, {})["episode_count"] == 5
        assert unsent(api) == before + 2

    def test_unknown_episodes_are_named_and_nothing_is_asked(self, domain: Domain, api: Api) -> None:
        known = api.create_episode()["episode_id"]
        before = unsent(api)
        answer = api.client.post(INDEX, {"episode_ids": [known, str(uuid4())]}, api.admin)
        assert problems(answer, 404, "NOT_FOUND").keys() == {"body.episode_ids.1"}
        assert unsent(api) == before

    def test_without_a_domain_nothing_waits_and_the_answer_says_so(self, api: Api) -> None:
        episode = api.create_episode()
        assert ask(api, {}) == {"engine": "postgres", "everything": True, "episode_count": 1}
        one = ask(api, {"episode_ids": [episode["episode_id"]] * 2})
        assert one == {"engine": "postgres", "everything": False, "episode_count": 1}
        answer = api.client.post(INDEX, {"episode_ids": [str(uuid4())]}, api.admin)
        assert problems(answer, 404, "NOT_FOUND").keys() == {"body.episode_ids.0"}
        assert unsent(api) == 0

    def test_wrong_bodies_are_refused(self, api: Api) -> None:
        for body, field in [
            ({"episode_ids": []}, "body.episode_ids"),
            ({"episode_ids": ["x"]}, "body.episode_ids.0"),
            ({"episode_ids": [str(uuid4())] * 101}, "body.episode_ids"),
            ({"everything": True}, "body.everything"),
        ]:
            answer = api.client.post(INDEX, body, api.admin)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {field}, body
        problems(api.client.post(INDEX, user=api.admin), 400, "VALIDATION_ERROR")

"""Script versions that are created by updating the episode's script."""

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.episodes.episode_fields import path_of
from tests.runtime.features.episodes.script_versions import (
    FILE,
    active,
    create,
    history,
    log_of,
    stored,
    versions_of,
)


class TestEpisodeScript:
    @pytest.mark.requirement("ROAD-106", "ROAD-107", "ROAD-73")
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_each_script_change_creates_a_version(self, api: Api, method: str) -> None:
        episode = api.create_episode(script_text="One")
        for body in (
            {"script_text": "Two"},
            {"genre": "drama"},
            {"script_file_reference": FILE},
            {"script_text": "Two"},
        ):
            assert api.client.send(method, path_of(episode), api.editor, json=body).status_code == 200
        versions = history(api, episode)
        assert [version["version_number"] for version in versions] == [1, 2, 3]
        assert [version["is_active"] for version in versions] == [False, False, True]
        makers = [str(user.user_id) for user in (api.admin, api.editor, api.editor)]
        assert [version["created_by"] for version in versions] == makers
        assert [version["activated_by"] for version in versions] == makers
        assert {version["change_notes"] for version in versions} == {None}
        last = active(api, episode)
        assert (last["script_text"], last["script_file_reference"]) == ("Two", FILE)
        assert log_of(api, "script_version", last["script_version_id"]) == []

    def test_episode_without_a_script_has_no_version(self, api: Api) -> None:
        assert history(api, api.create_episode()) == []

    def test_cleared_script_keeps_its_history_without_an_active_version(self, api: Api) -> None:
        episode = api.create_episode(script_text="One")
        first = active(api, episode)
        api.client.patch(path_of(episode), {"script_text": None}, api.editor)
        assert [version["is_active"] for version in history(api, episode)] == [False]
        problems(api.client.get(f"{versions_of(episode)}/active", api.viewer), 404, "NOT_FOUND")
        api.client.post(f"{versions_of(episode)}/{first['script_version_id']}/activate", user=api.editor)
        assert stored(api, episode)["script_text"] == "One"

    def test_rejected_change_creates_no_version(self, api: Api) -> None:
        show = api.create_show()
        api.create_episode(show, episode_number=1)
        episode = api.create_episode(show, episode_number=2, script_text="One")
        body = {"script_text": "Two", "episode_number": 1}
        problems(api.client.patch(path_of(episode), body, api.editor), 409, "CONFLICT")
        assert [version["is_active"] for version in history(api, episode)] == [True]

    def test_delete_and_restore_keep_the_history(self, api: Api) -> None:
        episode = api.create_episode(script_text="One")
        create(api, episode, script_text="Two", activate=False)
        before = history(api, episode)
        api.delete(path_of(episode))
        assert api.client.post(f"{path_of(episode)}/restore", user=api.admin).status_code == 200
        assert history(api, episode) == before

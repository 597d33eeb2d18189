"""Script versions: create, list, get, activate."""

from uuid import UUID, uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.episodes.episode_fields import differing, path_of
from tests.runtime.features.episodes.script_versions import (
    FILE,
    Body,
    active,
    create,
    history,
    log_of,
    stored,
    titles_found,
    versions_of,
)

LONGEST = "é" * 100_000


class TestCreate:
    @pytest.mark.requirement("ROAD-78", "ROAD-107", "G-02")
    def test_new_version_is_returned_and_becomes_the_episodes_script(self, api: Api) -> None:
        episode = api.create_episode()
        created = create(
            api, episode, script_text="FADE IN: é", script_file_reference=FILE, change_notes=" The first. "
        )
        assert UUID(created["script_version_id"]).version == 7
        expected = {
            "episode_id": episode["episode_id"],
            "version_number": 1,
            "script_text": "FADE IN: é",
            "script_bytes": 11,
            "script_file_reference": FILE,
            "change_notes": "The first.",
            "is_active": True,
            "activated_by": str(api.editor.user_id),
            "created_by": str(api.editor.user_id),
        }
        assert expected.items() <= created.items()
        assert created["activated_at"] == created["created_at"]
        for path in (f"{versions_of(episode)}/{created['script_version_id']}", f"{versions_of(episode)}/active"):
            assert api.client.get(path, api.viewer).json() == {"data": created}
        after = stored(api, episode)
        assert differing(episode, after) == {"script_text", "script_file_reference"}
        assert (after["script_text"], after["script_file_reference"]) == ("FADE IN: é", FILE)
        assert after["updated_by"] == str(api.editor.user_id)

    @pytest.mark.requirement("ROAD-107")
    def test_inactive_version_does_not_change_the_episode(self, api: Api) -> None:
        episode = api.create_episode(script_text="One")
        created = create(api, episode, script_text="Two", activate=False)
        assert (created["version_number"], created["is_active"]) == (2, False)
        assert created["activated_at"] is created["activated_by"] is None
        assert active(api, episode)["script_text"] == "One"
        assert stored(api, episode) == episode

    def test_file_reference_replaces_the_text(self, api: Api) -> None:
        episode = api.create_episode(script_text="One")
        created = create(api, episode, script_file_reference=FILE)
        assert (created["script_text"], created["script_bytes"]) == (None, None)
        after = stored(api, episode)
        assert (after["script_text"], after["script_file_reference"]) == (None, FILE)
        assert len(history(api, episode)) == 2

    def test_longest_script_is_accepted(self, api: Api) -> None:
        episode = api.create_episode()
        assert create(api, episode, script_text=LONGEST)["script_bytes"] == 200_000
        assert stored(api, episode)["script_text"] == LONGEST

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "script_text"),
            ({"script_text": None, "script_file_reference": None, "change_notes": "Nothing"}, "script_text"),
            ({"script_text": LONGEST + "x"}, "script_text"),
            ({"script_text": ["One"]}, "script_text"),
            ({"script_text": "One", "change_notes": "x" * 2_001}, "change_notes"),
            ({"script_text": "One", "change_notes": "  "}, "change_notes"),
            ({"script_text": "One", "activate": "yes"}, "activate"),
            ({"script_text": "One", "activate": None}, "activate"),
            ({"script_text": "One", "version_number": 7}, "version_number"),
            ({"script_text": "One", "is_active": True}, "is_active"),
            ({"script_file_reference": "https://scripts/1.pdf"}, "script_file_reference"),
            ({"script_file_reference": "s3://scripts"}, "script_file_reference"),
            ({"script_file_reference": "s3://No_Bucket/1.pdf"}, "script_file_reference"),
            ({"script_file_reference": "s3://scripts/a\nb"}, "script_file_reference"),
            ({"script_file_reference": "s3://scripts/" + "x" * 1_012}, "script_file_reference"),
        ],
    )
    def test_invalid_values_are_rejected_with_their_fields(self, api: Api, body: Body, field: str) -> None:
        episode = api.create_episode()
        response = api.client.post(versions_of(episode), body, api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"body.{field}"}
        assert history(api, episode) == []

    @pytest.mark.parametrize("script", ["a\0b", "\ud800"])
    def test_unstorable_text_is_rejected(self, api: Api, script: str) -> None:
        escaped = {"\0": "\\u0000", "\ud800": "\\ud800"}
        content = '{"script_text": "' + "".join(escaped.get(character, character) for character in script) + '"}'
        headers = {"Content-Type": "application/json"}
        episode = api.create_episode()
        response = api.client.send("POST", versions_of(episode), api.editor, content=content, headers=headers)
        problems(response, 400, "VALIDATION_ERROR")

    def test_schema_example_is_accepted(self, api: Api) -> None:
        schemas = api.client.get("/openapi.json").json()["components"]["schemas"]
        (example,) = schemas["ScriptVersionCreate"]["examples"]
        assert create(api, api.create_episode(), **example)["change_notes"] == example["change_notes"]

    def test_create_is_logged_without_the_text(self, api: Api) -> None:
        episode = api.create_episode()
        created = create(api, episode, script_text="One", change_notes="First")
        (entry,) = log_of(api, "script_version", created["script_version_id"])
        assert (entry["action_type"], entry["user_id"]) == ("create", str(api.editor.user_id))
        assert entry["old_values"] is None
        not_null = {name: value for name, value in created.items() if value is not None}
        assert entry["new_values"] == {name: value for name, value in not_null.items() if name != "script_text"}
        entries = log_of(api, "episode", episode["episode_id"])
        assert [entry["action_type"] for entry in entries] == ["create", "edit"]
        assert entries[-1]["new_values"] == {"script_text": "One"}


class TestRead:
    @pytest.mark.requirement("ROAD-107", "G-02", "G-07")
    def test_list_is_paged_newest_first_without_texts(self, api: Api) -> None:
        episode, other = api.create_episode(), api.create_episode(script_text="Other")
        created = [create(api, episode, script_text=f"Number {number}", change_notes="x") for number in range(1, 6)]
        seen: list[Body] = []
        query: Body = {"limit": 2}
        while query:
            page = api.client.get(versions_of(episode), api.viewer, params=query).json()
            seen += page["data"]
            after = page["page"]["next"]
            query = {"limit": 2, "cursor": after} if after else {}
        assert [version["version_number"] for version in seen] == [5, 4, 3, 2, 1]
        whole = created[-1] | {"is_active": True}
        assert seen[0] == {name: value for name, value in whole.items() if name != "script_text"}
        assert [version["is_active"] for version in seen] == [True, False, False, False, False]
        assert [version["version_number"] for version in history(api, other)] == [1]

    def test_unknown_and_deleted_records_are_404(self, api: Api) -> None:
        episode, other, deleted = (api.create_episode(script_text="One") for _ in range(3))
        foreign = active(api, other)["script_version_id"]
        old = active(api, deleted)["script_version_id"]
        api.delete(path_of(deleted))
        bare = api.create_episode()
        unknown = {"episode_id": str(uuid4())}
        for path, field in (
            (f"{versions_of(episode)}/{uuid4()}", "path.script_version_id"),
            (f"{versions_of(episode)}/{foreign}", "path.script_version_id"),
            (f"{versions_of(bare)}/active", "path.episode_id"),
            *((versions_of(one), "path.episode_id") for one in (unknown, deleted)),
            *((f"{versions_of(one)}/active", "path.episode_id") for one in (unknown, deleted)),
            *((f"{versions_of(one)}/{old}", "path.episode_id") for one in (unknown, deleted)),
        ):
            assert problems(api.client.get(path, api.viewer), 404, "NOT_FOUND").keys() == {field}, path
        for path, field in (
            (f"{versions_of(episode)}/{foreign}/activate", "path.script_version_id"),
            (f"{versions_of(deleted)}/{old}/activate", "path.episode_id"),
        ):
            assert problems(api.client.post(path, user=api.editor), 404, "NOT_FOUND").keys() == {field}, path
        for one in (unknown, deleted):
            response = api.client.post(versions_of(one), {"script_text": "Two"}, api.editor)
            assert problems(response, 404, "NOT_FOUND").keys() == {"path.episode_id"}
        assert active(api, other)["script_version_id"] == foreign

    @pytest.mark.requirement("ROAD-107")
    def test_versions_are_never_changed_or_deleted(self, api: Api) -> None:
        episode = api.create_episode(script_text="One")
        path = f"{versions_of(episode)}/{active(api, episode)['script_version_id']}"
        for method in ("PUT", "PATCH", "DELETE"):
            assert api.client.send(method, path, api.admin, json={"script_text": "Two"}).status_code == 405


class TestActivate:
    @pytest.mark.requirement("ROAD-86", "ROAD-107", "G-02")
    def test_episode_and_search_use_the_active_version(self, api: Api) -> None:
        episode = api.create_episode(title="Meadow", script_text="dandelions")
        first = active(api, episode)
        second = create(api, episode, script_text="beetles", script_file_reference=FILE)
        assert (titles_found(api, "beetles"), titles_found(api, "dandelions")) == (["Meadow"], [])
        path = f"{versions_of(episode)}/{first['script_version_id']}/activate"
        response = api.client.post(path, user=api.editor)
        again = response.json()["data"]
        assert response.status_code == 200
        changed = {name for name in first if first[name] != again[name]}
        assert changed == {"activated_at", "activated_by"}
        assert again["activated_by"] == str(api.editor.user_id)
        assert active(api, episode) == again
        assert (titles_found(api, "beetles"), titles_found(api, "dandelions")) == ([], ["Meadow"])
        after = stored(api, episode)
        assert (after["script_text"], after["script_file_reference"]) == ("dandelions", None)
        assert [version["is_active"] for version in history(api, episode)] == [True, False]
        (entry,) = log_of(api, "script_version", first["script_version_id"])
        assert (entry["action_type"], entry["user_id"]) == ("activate", str(api.editor.user_id))
        assert entry["old_values"]["is_active"] is False
        assert entry["new_values"] == {name: again[name] for name in ("is_active", "activated_at", "activated_by")}
        (entry,) = log_of(api, "script_version", second["script_version_id"])
        assert entry["action_type"] == "create"
        of_the_episode = log_of(api, "episode", episode["episode_id"])
        assert [entry["action_type"] for entry in of_the_episode] == ["create", "edit", "edit"]
        assert of_the_episode[-1]["new_values"] == {"script_text": "dandelions", "script_file_reference": None}

    def test_active_version_again_is_no_change(self, api: Api) -> None:
        episode = api.create_episode(script_text="One")
        version = active(api, episode)
        path = f"{versions_of(episode)}/{version['script_version_id']}/activate"
        assert api.client.post(path, user=api.admin).json() == {"data": version}
        assert log_of(api, "script_version", version["script_version_id"]) == []
        assert stored(api, episode) == episode

    def test_equal_texts_are_separate_versions(self, api: Api) -> None:
        """The episode is the same with either version, so its own version does not change."""
        episode = api.create_episode(script_text="One")
        first = active(api, episode)
        create(api, episode, script_text="One")
        assert [version["is_active"] for version in history(api, episode)] == [False, True]
        api.client.post(f"{versions_of(episode)}/{first['script_version_id']}/activate", user=api.editor)
        assert [version["is_active"] for version in history(api, episode)] == [True, False]
        assert stored(api, episode) == episode

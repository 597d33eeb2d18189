"""Assigning clips to episodes, one or many, and the effect on their status."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.clips.clip_library import (
    CLIPS,
    assign,
    create,
    data,
    database_of,
    ids,
    listed,
    log_of,
    path_of,
    stored,
    submit_blocked,
)

MANY = f"{CLIPS}/assign"

pytestmark = pytest.mark.requirement("ROAD-111", "G-02")


def used_by(api: Api, episode: dict[str, Any], query: str = "") -> list[str]:
    """List the ids of the episode's clips."""
    return ids(data(api.client.get(f"/api/v1/episodes/{episode['episode_id']}/clips{query}", api.viewer)))


def body_of(episode: dict[str, Any], *clips: dict[str, Any]) -> dict[str, Any]:
    return {"episode_id": episode["episode_id"], "clip_ids": ids(list(clips))}


def values(entry: dict[str, Any], *names: str) -> list[tuple[Any, Any]]:
    """Return the old and the new value of each field in an activity log entry."""
    return [(entry["old_values"].get(name), entry["new_values"].get(name)) for name in names]


class TestAssign:
    @pytest.mark.parametrize("status", ["pending_review", "approved"])
    def test_assigned_clip_is_used(self, api: Api, status: str) -> None:
        clip, episode = create(api, status=status), api.create_episode()
        used = assign(api, clip, episode)
        differing = {name for name in clip if clip[name] != used[name]}
        assert differing == {"episode_id", "status", "assigned_at", "assigned_by", "updated_at", "etag"}
        assert (used["episode_id"], used["status"]) == (episode["episode_id"], "used")
        assert used["assigned_by"] == str(api.editor.user_id)
        assert used["assigned_at"] == used["updated_at"]
        assert stored(api, clip) == used
        assert used_by(api, episode) == ids([clip])
        entry = log_of(api, clip)[-1]
        assert (entry["action_type"], entry["user_id"]) == ("link", str(api.editor.user_id))
        assert values(entry, "episode_id", "status") == [(None, episode["episode_id"]), (status, "used")]

    def test_same_episode_again_is_no_change(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        used = assign(api, clip, episode)
        assert assign(api, clip, episode, api.admin) == used
        assert data(api.client.post(MANY, body_of(episode, clip), api.admin)) == [used]
        assert [entry["action_type"] for entry in log_of(api, clip)] == ["create", "link"]

    def test_another_episode_replaces_the_assignment(self, api: Api) -> None:
        clip, first, second = create(api), api.create_episode(), api.create_episode()
        before = assign(api, clip, first)
        after = assign(api, clip, second, api.admin)
        assert (used_by(api, first), used_by(api, second)) == ([], ids([clip]))
        assert (after["status"], after["assigned_by"]) == ("used", str(api.admin.user_id))
        assert after["assigned_at"] > before["assigned_at"]
        entry = log_of(api, clip)[-1]
        assert entry["action_type"] == "link"
        assert values(entry, "episode_id") == [(first["episode_id"], second["episode_id"])]

    def test_rejected_clip_is_409(self, api: Api) -> None:
        clip, episode = create(api, status="rejected"), api.create_episode()
        response = api.client.post(f"{path_of(clip)}/assign", {"episode_id": episode["episode_id"]}, api.editor)
        assert problems(response, 409, "CONFLICT").keys() == {"path.clip_id"}
        assert stored(api, clip) == clip
        # A low quality is no rejected status.
        assert assign(api, create(api, quality="reject"), episode)["status"] == "used"

    def test_unknown_and_deleted_records_are_404(self, api: Api) -> None:
        clip, episode, gone = create(api), api.create_episode(), create(api)
        api.delete(path_of(gone))
        deleted = api.create_episode()
        api.delete(f"/api/v1/episodes/{deleted['episode_id']}")
        for episode_id in (deleted["episode_id"], str(uuid4())):
            response = api.client.post(f"{path_of(clip)}/assign", {"episode_id": episode_id}, api.editor)
            assert problems(response, 404, "NOT_FOUND").keys() == {"body.episode_id"}
            response = api.client.post(MANY, {"episode_id": episode_id, "clip_ids": ids([clip])}, api.editor)
            assert problems(response, 404, "NOT_FOUND").keys() == {"body.episode_id"}
        for clip_id in (gone["clip_id"], str(uuid4())):
            for verb, body in (("assign", {"episode_id": episode["episode_id"]}), ("unassign", None)):
                response = api.client.post(f"{CLIPS}/{clip_id}/{verb}", body, api.editor)
                assert problems(response, 404, "NOT_FOUND").keys() == {"path.clip_id"}
        assert stored(api, clip) == clip

    def test_stale_etag_is_412_and_changes_nothing(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        stale, current = (
            {"If-Match": clip["etag"]},
            data(api.client.patch(path_of(clip), {"notes": "Newer"}, api.editor)),
        )
        body = {"episode_id": episode["episode_id"]}
        response = api.client.post(f"{path_of(clip)}/assign", body, api.editor, headers=stale)
        assert problems(response, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}
        assert stored(api, clip) == current
        fresh = {"If-Match": current["etag"]}
        response = api.client.post(f"{path_of(clip)}/assign", body, api.editor, headers=fresh)
        assert response.headers["etag"] == data(response)["etag"] != current["etag"]
        response = api.client.post(f"{path_of(clip)}/unassign", user=api.editor, headers=fresh)
        assert problems(response, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}
        assert used_by(api, episode) == ids([clip])

    def test_assign_waits_for_a_concurrent_deletion_of_the_episode(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        body = {"episode_id": episode["episode_id"]}
        with ThreadPoolExecutor(1) as threads:
            with database_of(api).transaction() as connection:
                statement = "UPDATE episodes SET deleted_at = now() WHERE episode_id = %s"
                connection.execute(statement, [episode["episode_id"]])
                future = submit_blocked(
                    threads, api, lambda client: client.post(f"{path_of(clip)}/assign", body, api.editor)
                )
            assert problems(future.result(), 404, "NOT_FOUND").keys() == {"body.episode_id"}


class TestUnassign:
    def test_unassigned_clip_is_approved(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        assign(api, clip, episode)
        response = api.client.post(f"{path_of(clip)}/unassign", user=api.editor)
        free = data(response)
        assert response.headers["etag"] == free["etag"] == '"3"'
        assert (free["status"], free["episode_id"], free["assigned_at"], free["assigned_by"]) == (
            "approved",
            *[None] * 3,
        )
        assert used_by(api, episode) == listed(api, "assigned=true") == []
        entry = log_of(api, clip)[-1]
        assert entry["action_type"] == "unlink"
        assert values(entry, "episode_id", "status") == [(episode["episode_id"], None), ("used", "approved")]

    @pytest.mark.parametrize("status", ["pending_review", "approved", "rejected"])
    def test_unassigned_clip_does_not_change(self, api: Api, status: str) -> None:
        clip = create(api, status=status)
        assert data(api.client.post(f"{path_of(clip)}/unassign", user=api.editor)) == clip
        assert len(log_of(api, clip)) == 1

    def test_clip_of_a_deleted_episode_can_be_unassigned(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        used = assign(api, clip, episode)
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        assert stored(api, clip) == used
        assert data(api.client.post(f"{path_of(clip)}/unassign", user=api.editor))["status"] == "approved"


class TestAssignMany:
    def test_all_clips_are_assigned_and_returned_in_order(self, api: Api) -> None:
        episode, other = api.create_episode(), api.create_episode()
        clips = [create(api) for _ in range(4)]
        assign(api, clips[1], other)
        wanted = [clips[2], clips[0], clips[3], clips[1], clips[0]]
        returned = data(api.client.post(MANY, body_of(episode, *wanted), api.editor))
        assert ids(returned) == ids(wanted)
        assert returned == [stored(api, clip) for clip in wanted]
        assert {(clip["status"], clip["episode_id"]) for clip in returned} == {("used", episode["episode_id"])}
        assert (used_by(api, episode), used_by(api, other)) == (ids(clips[::-1]), [])
        for clip in clips:
            assert log_of(api, clip)[-1]["action_type"] == "link"

    def test_one_invalid_clip_prevents_all(self, api: Api) -> None:
        episode, good, gone = api.create_episode(), create(api), create(api)
        rejected = [create(api, status="rejected") for _ in range(2)]
        api.delete(path_of(gone))
        body = body_of(episode, good, rejected[0], gone, rejected[1])
        body["clip_ids"] += [str(uuid4()), gone["clip_id"]]
        response = api.client.post(MANY, body, api.editor)
        assert problems(response, 404, "NOT_FOUND").keys() == {f"body.clip_ids.{place}" for place in (2, 4, 5)}
        response = api.client.post(MANY, body_of(episode, rejected[1], good, rejected[0]), api.editor)
        assert problems(response, 409, "CONFLICT").keys() == {"body.clip_ids.0", "body.clip_ids.2"}
        assert stored(api, good) == good
        assert used_by(api, episode) == []

    def test_1_to_100_clips_are_accepted(self, api: Api) -> None:
        episode = api.create_episode()
        for clip_ids in ([], [str(uuid4())] * 101, None, "x"):
            body = {"episode_id": episode["episode_id"], "clip_ids": clip_ids}
            assert problems(api.client.post(MANY, body, api.editor), 400, "VALIDATION_ERROR").keys() == {
                "body.clip_ids"
            }
        body = {"episode_id": episode["episode_id"], "clip_ids": [str(uuid4()), "x"]}
        assert problems(api.client.post(MANY, body, api.editor), 400, "VALIDATION_ERROR").keys() == {"body.clip_ids.1"}
        clips = [create(api) for _ in range(100)]
        assert len(data(api.client.post(MANY, body_of(episode, *clips), api.editor))) == 100
        assert used_by(api, episode, "?limit=100") == ids(clips[::-1])


class TestClipsOfAnEpisode:
    def test_clips_of_the_episode_are_listed_in_the_requested_order(self, api: Api) -> None:
        episode = api.create_episode()
        assign(api, create(api), api.create_episode())
        clips = [assign(api, create(api, title=title), episode) for title in ("b", "C", "a")]
        gone = assign(api, create(api), episode)
        api.delete(path_of(gone))
        assert used_by(api, episode) == ids(clips[::-1])
        assert used_by(api, episode, "?sort=title") == ids([clips[2], clips[0], clips[1]])
        path = f"/api/v1/episodes/{episode['episode_id']}/clips?limit=2"
        page = api.client.get(path, api.viewer).json()
        assert ids(page["data"]) == ids([clips[2], clips[1]])
        page = api.client.get(f"{path}&cursor={page['page']['next']}", api.viewer).json()
        assert (page["data"], page["page"]["next"]) == ([clips[0]], None)

    def test_restored_clip_keeps_its_episode(self, api: Api) -> None:
        episode = api.create_episode()
        clip = assign(api, create(api), episode)
        api.delete(path_of(clip))
        data(api.client.post(f"{path_of(clip)}/restore", user=api.admin))
        assert used_by(api, episode) == ids([clip])

    def test_unknown_and_deleted_episodes_are_404(self, api: Api) -> None:
        deleted = api.create_episode()
        api.delete(f"/api/v1/episodes/{deleted['episode_id']}")
        for episode_id in (deleted["episode_id"], uuid4()):
            response = api.client.get(f"/api/v1/episodes/{episode_id}/clips", api.viewer)
            assert problems(response, 404, "NOT_FOUND").keys() == {"path.episode_id"}


class TestRoles:
    @pytest.mark.requirement("P1-28")
    def test_viewers_get_403(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        requests: dict[str, Callable[[], dict[str, Any]]] = {
            f"{path_of(clip)}/assign": lambda: {"episode_id": episode["episode_id"]},
            f"{path_of(clip)}/unassign": dict,
            f"{path_of(clip)}/rate": lambda: {"quality": "good"},
            MANY: lambda: body_of(episode, clip),
            f"{CLIPS}/tag": lambda: {"clip_ids": ids([clip]), "add": ["x"]},
        }
        for path, body in requests.items():
            problems(api.client.post(path, body(), api.viewer), 403, "FORBIDDEN")
        assert stored(api, clip) == clip

"""Which episode uses a clip: assigned and unassigned, one or many, and what that does to its status."""

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
    waiting,
)

MANY = f"{CLIPS}/assign"

pytestmark = pytest.mark.requirement("ROAD-111", "G-02")


def used_by(api: Api, episode: dict[str, Any], query: str = "") -> list[str]:
    """The ids of the clips that the episode uses."""
    return ids(data(api.client.get(f"/api/v1/episodes/{episode['episode_id']}/clips{query}", api.viewer)))


def body_of(episode: dict[str, Any], *clips: dict[str, Any]) -> dict[str, Any]:
    return {"episode_id": episode["episode_id"], "clip_ids": ids(list(clips))}


def values(entry: dict[str, Any], *names: str) -> list[tuple[Any, Any]]:
    """Each of these fields as it was and as it is since, by an entry of the log."""
    return [(entry["old_values"].get(name), entry["new_values"].get(name)) for name in names]


class TestAssign:
    @pytest.mark.parametrize("status", ["pending_review", "approved"])
    def test_clip_is_used_by_the_episode_from_then_on(self, api: Api, status: str) -> None:
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

    def test_same_episode_again_changes_nothing(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        used = assign(api, clip, episode)
        assert assign(api, clip, episode, api.admin) == used
        assert data(api.client.post(MANY, body_of(episode, clip), api.admin)) == [used]
        assert [entry["action_type"] for entry in log_of(api, clip)] == ["create", "link"]

    def test_another_episode_takes_the_clip_over(self, api: Api) -> None:
        clip, first, second = create(api), api.create_episode(), api.create_episode()
        before = assign(api, clip, first)
        after = assign(api, clip, second, api.admin)
        assert (used_by(api, first), used_by(api, second)) == ([], ids([clip]))
        assert (after["status"], after["assigned_by"]) == ("used", str(api.admin.user_id))
        assert after["assigned_at"] > before["assigned_at"]
        entry = log_of(api, clip)[-1]
        assert entry["action_type"] == "link"
        assert values(entry, "episode_id") == [(first["episode_id"], second["episode_id"])]

    def test_rejected_clip_is_a_conflict(self, api: Api) -> None:
        clip, episode = create(api, status="rejected"), api.create_episode()
        answer = api.client.post(f"{path_of(clip)}/assign", {"episode_id": episode["episode_id"]}, api.editor)
        assert problems(answer, 409, "CONFLICT").keys() == {"path.clip_id"}
        assert stored(api, clip) == clip
        # Rated low is not rejected.
        assert assign(api, create(api, quality="reject"), episode)["status"] == "used"

    def test_what_is_not_there_is_404(self, api: Api) -> None:
        clip, episode, gone = create(api), api.create_episode(), create(api)
        api.delete(path_of(gone))
        deleted = api.create_episode()
        api.delete(f"/api/v1/episodes/{deleted['episode_id']}")
        for episode_id in (deleted["episode_id"], str(uuid4())):
            answer = api.client.post(f"{path_of(clip)}/assign", {"episode_id": episode_id}, api.editor)
            assert problems(answer, 404, "NOT_FOUND").keys() == {"body.episode_id"}
            answer = api.client.post(MANY, {"episode_id": episode_id, "clip_ids": ids([clip])}, api.editor)
            assert problems(answer, 404, "NOT_FOUND").keys() == {"body.episode_id"}
        for clip_id in (gone["clip_id"], str(uuid4())):
            for verb, body in (("assign", {"episode_id": episode["episode_id"]}), ("unassign", None)):
                answer = api.client.post(f"{CLIPS}/{clip_id}/{verb}", body, api.editor)
                assert problems(answer, 404, "NOT_FOUND").keys() == {"path.clip_id"}
        assert stored(api, clip) == clip

    def test_stale_version_is_412_and_nothing_changes(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        stale, current = (
            {"If-Match": clip["etag"]},
            data(api.client.patch(path_of(clip), {"notes": "Newer"}, api.editor)),
        )
        body = {"episode_id": episode["episode_id"]}
        answer = api.client.post(f"{path_of(clip)}/assign", body, api.editor, headers=stale)
        assert problems(answer, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}
        assert stored(api, clip) == current
        fresh = {"If-Match": current["etag"]}
        answer = api.client.post(f"{path_of(clip)}/assign", body, api.editor, headers=fresh)
        assert answer.headers["etag"] == data(answer)["etag"] != current["etag"]
        answer = api.client.post(f"{path_of(clip)}/unassign", user=api.editor, headers=fresh)
        assert problems(answer, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}
        assert used_by(api, episode) == ids([clip])

    def test_episode_that_is_being_deleted_is_waited_for(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        body = {"episode_id": episode["episode_id"]}
        with ThreadPoolExecutor(1) as threads:
            with database_of(api).transaction() as connection:
                statement = "UPDATE episodes SET deleted_at = now() WHERE episode_id = %s"
                connection.execute(statement, [episode["episode_id"]])
                asked = waiting(threads, api, lambda client: client.post(f"{path_of(clip)}/assign", body, api.editor))
            assert problems(asked.result(), 404, "NOT_FOUND").keys() == {"body.episode_id"}


class TestUnassign:
    def test_clip_is_approved_and_used_by_no_episode(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        assign(api, clip, episode)
        answer = api.client.post(f"{path_of(clip)}/unassign", user=api.editor)
        free = data(answer)
        assert answer.headers["etag"] == free["etag"] == '"3"'
        assert (free["status"], free["episode_id"], free["assigned_at"], free["assigned_by"]) == (
            "approved",
            *[None] * 3,
        )
        assert used_by(api, episode) == listed(api, "assigned=true") == []
        entry = log_of(api, clip)[-1]
        assert entry["action_type"] == "unlink"
        assert values(entry, "episode_id", "status") == [(episode["episode_id"], None), ("used", "approved")]

    @pytest.mark.parametrize("status", ["pending_review", "approved", "rejected"])
    def test_clip_that_no_episode_uses_stays_as_it_is(self, api: Api, status: str) -> None:
        clip = create(api, status=status)
        assert data(api.client.post(f"{path_of(clip)}/unassign", user=api.editor)) == clip
        assert len(log_of(api, clip)) == 1

    def test_deleted_episode_gives_its_clips_back(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        used = assign(api, clip, episode)
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        assert stored(api, clip) == used
        assert data(api.client.post(f"{path_of(clip)}/unassign", user=api.editor))["status"] == "approved"


class TestAssignMany:
    def test_all_are_assigned_and_answered_in_their_order(self, api: Api) -> None:
        episode, other = api.create_episode(), api.create_episode()
        clips = [create(api) for _ in range(4)]
        assign(api, clips[1], other)
        wanted = [clips[2], clips[0], clips[3], clips[1], clips[0]]
        answered = data(api.client.post(MANY, body_of(episode, *wanted), api.editor))
        assert ids(answered) == ids(wanted)
        assert answered == [stored(api, clip) for clip in wanted]
        assert {(clip["status"], clip["episode_id"]) for clip in answered} == {("used", episode["episode_id"])}
        assert (used_by(api, episode), used_by(api, other)) == (ids(clips[::-1]), [])
        for clip in clips:
            assert log_of(api, clip)[-1]["action_type"] == "link"

    def test_none_is_assigned_when_one_cannot_be(self, api: Api) -> None:
        episode, good, gone = api.create_episode(), create(api), create(api)
        rejected = [create(api, status="rejected") for _ in range(2)]
        api.delete(path_of(gone))
        body = body_of(episode, good, rejected[0], gone, rejected[1])
        body["clip_ids"] += [str(uuid4()), gone["clip_id"]]
        answer = api.client.post(MANY, body, api.editor)
        assert problems(answer, 404, "NOT_FOUND").keys() == {f"body.clip_ids.{place}" for place in (2, 4, 5)}
        answer = api.client.post(MANY, body_of(episode, rejected[1], good, rejected[0]), api.editor)
        assert problems(answer, 409, "CONFLICT").keys() == {"body.clip_ids.0", "body.clip_ids.2"}
        assert stored(api, good) == good
        assert used_by(api, episode) == []

    def test_one_to_a_hundred_are_named(self, api: Api) -> None:
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
    def test_its_own_are_listed_in_the_order_that_is_asked_for(self, api: Api) -> None:
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

    def test_deleted_clip_comes_back_to_its_episode(self, api: Api) -> None:
        episode = api.create_episode()
        clip = assign(api, create(api), episode)
        api.delete(path_of(clip))
        data(api.client.post(f"{path_of(clip)}/restore", user=api.admin))
        assert used_by(api, episode) == ids([clip])

    def test_unknown_and_deleted_episodes_are_404(self, api: Api) -> None:
        deleted = api.create_episode()
        api.delete(f"/api/v1/episodes/{deleted['episode_id']}")
        for episode_id in (deleted["episode_id"], uuid4()):
            answer = api.client.get(f"/api/v1/episodes/{episode_id}/clips", api.viewer)
            assert problems(answer, 404, "NOT_FOUND").keys() == {"path.episode_id"}


class TestRoles:
    @pytest.mark.requirement("P1-28")
    def test_viewers_change_nothing(self, api: Api) -> None:
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

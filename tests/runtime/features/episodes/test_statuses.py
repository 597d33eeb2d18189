"""Episodes: status transitions, publishing and unpublishing, approval and rejection."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.episodes.episode_fields import differing, path_of

Body = dict[str, Any]
UNPUBLISHED = {"draft", "in_production", "ready_for_publish", "archived", "on_hold", "canceled"}
EVERY_STATUS = UNPUBLISHED | {"published"}
# The rule, expressed differently than in the code.
ONWARD = {"draft": "in_production", "in_production": "ready_for_publish", "ready_for_publish": "published"}
BACK = {"published": {"ready_for_publish"}} | {
    status: {"draft"} for status in ("in_production", "on_hold", "canceled", "archived")
}


def allowed_next(status: str) -> set[str]:
    possible = BACK.get(status, set()) | {"archived"}
    if status in ONWARD:
        possible = possible | {ONWARD[status]}
    if status in UNPUBLISHED:
        possible = possible | {"on_hold", "canceled"}
    return possible - {status}


def act(api: Api, episode: Body, action: str, status: int = 200) -> Body:
    response = api.client.post(f"{path_of(episode)}/{action}", user=api.admin)
    assert response.status_code == status, response.text
    data: Body = response.json().get("data", {})
    return data


def changes_of(api: Api, episode: Body) -> list[Body]:
    """Return the new values of each logged change except the creation, oldest first."""
    query = {"resource_type": "episode", "resource_id": episode["episode_id"]}
    entries = api.client.get("/api/v1/activity-logs", api.admin, params=query).json()["data"]
    assert {entry["action_type"] for entry in entries[:-1]} <= {"edit"}
    return [entry["new_values"] for entry in entries[-2::-1]]


class TestStatusTransition:
    @pytest.mark.requirement("ROAD-74", "ROAD-88", "P1-30")
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    @pytest.mark.parametrize("status", sorted(EVERY_STATUS))
    def test_only_allowed_transitions_are_accepted(self, api: Api, status: str, method: str) -> None:
        show = api.create_show()
        for wanted in sorted(EVERY_STATUS):
            episode = api.create_episode(show, status=status)
            response = api.client.send(method, path_of(episode), api.editor, json={"status": wanted, "genre": "drama"})
            if wanted == status or wanted in allowed_next(status):
                assert response.json()["data"]["status"] == wanted, (status, wanted)
                continue
            errors = problems(response, 409, "CONFLICT")
            assert errors.keys() == {"body.status"}
            listed = errors["body.status"].rpartition("allowed: ")[2]
            assert set(listed.split(", ")) == allowed_next(status)
            assert api.client.get(path_of(episode), api.viewer).json()["data"] == episode

    def test_openapi_lists_the_transitions(self, api: Api) -> None:
        schemas = api.client.get("/openapi.json").json()["components"]["schemas"]
        description = schemas["EpisodeUpdate"]["properties"]["status"]["description"]
        for status in EVERY_STATUS:
            _, _, rest = description.partition(f"{status} → ")
            assert set(rest.replace(".", ";").split(";")[0].split(", ")) == allowed_next(status)


class TestPublish:
    @pytest.mark.requirement("ROAD-74", "ROAD-88", "ROAD-73", "C-45")
    def test_first_publication_sets_date_and_time(self, api: Api) -> None:
        episode = api.create_episode(status="ready_for_publish")
        before = datetime.now(UTC)
        response = api.client.post(f"{path_of(episode)}/publish", user=api.editor)
        published = response.json()["data"]
        assert (response.status_code, response.headers["etag"]) == (200, published["etag"])
        assert differing(episode, published) == {"status", "publish_date", "released_at"}
        assert published["status"] == "published"
        assert published["publish_date"] in {before.date().isoformat(), datetime.now(UTC).date().isoformat()}
        assert abs((datetime.fromisoformat(published["released_at"]) - before).total_seconds()) < 60
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == published
        again = {**published, **act(api, episode, "unpublish")}
        assert again["status"] == "ready_for_publish"
        republished = act(api, episode, "publish")
        assert differing(published, again) == {"status"}
        assert differing(published, republished) == set()
        assert [changes.keys() for changes in changes_of(api, episode)] == [
            {"status", "publish_date", "released_at"},
            {"status"},
            {"status"},
        ]

    def test_given_publish_date_is_kept(self, api: Api) -> None:
        episode = api.create_episode(status="ready_for_publish", publish_date="2031-01-01")
        assert act(api, episode, "publish")["publish_date"] == "2031-01-01"
        body = {"status": "published", "publish_date": "2030-01-01"}
        for publish_date in ("2031-01-01", None):
            other = api.create_episode(status="ready_for_publish", publish_date=publish_date)
            published = api.client.patch(path_of(other), body, api.editor).json()["data"]
            assert published["publish_date"] == "2030-01-01"

    @pytest.mark.parametrize("cleared", [{}, {"publish_date": None}])
    def test_update_of_the_status_publishes(self, api: Api, cleared: Body) -> None:
        stored: Body = {"publish_date": "2031-01-01"} if cleared else {}
        episode = api.create_episode(status="ready_for_publish", **stored)
        body = {"status": "published"} | cleared
        published = api.client.patch(path_of(episode), body, api.editor).json()["data"]
        assert differing(episode, published) == {"status", "publish_date", "released_at"}
        assert published["publish_date"] == published["released_at"][:10]

    def test_new_episode_can_be_published(self, api: Api) -> None:
        published = api.create_episode(status="published")
        assert published["publish_date"] == published["released_at"][:10]
        assert api.create_episode(status="published", publish_date="2020-02-02")["publish_date"] == "2020-02-02"
        assert api.create_episode(status="ready_for_publish")["released_at"] is None

    @pytest.mark.parametrize("status", sorted(EVERY_STATUS - {"ready_for_publish"}))
    def test_episode_that_is_not_ready_is_409(self, api: Api, status: str) -> None:
        episode = api.create_episode(status=status)
        response = api.client.post(f"{path_of(episode)}/publish", user=api.admin)
        assert problems(response, 409, "CONFLICT").keys() == {"path.episode_id"}
        if status != "published":
            response = api.client.post(f"{path_of(episode)}/unpublish", user=api.admin)
            assert problems(response, 409, "CONFLICT").keys() == {"path.episode_id"}
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == episode


class TestApproval:
    @pytest.mark.requirement("C-45", "ROAD-73", "ROAD-74")
    def test_rejected_episode_cannot_be_published(self, api: Api) -> None:
        episode = api.create_episode(status="ready_for_publish")
        rejected = act(api, episode, "reject")
        assert differing(episode, rejected) == {"approval_status"}
        assert rejected["approval_status"] == "rejected"
        response = api.client.post(f"{path_of(episode)}/publish", user=api.editor)
        assert problems(response, 409, "CONFLICT").keys() == {"path.episode_id"}
        response = api.client.patch(path_of(episode), {"status": "published"}, api.editor)
        errors = problems(response, 409, "CONFLICT")
        assert errors == {"body.status": "The episode is not approved; its approval_status is rejected"}
        approved = act(api, episode, "approve")
        assert (approved["approval_status"], approved["original_approver"]) == ("approved", str(api.admin.user_id))
        assert act(api, episode, "publish")["status"] == "published"

    @pytest.mark.requirement("C-45")
    def test_first_approver_is_kept(self, api: Api) -> None:
        episode = api.create_episode()
        assert (episode["approval_status"], episode["original_approver"]) == ("approved", None)
        approved = act(api, episode, "approve")
        assert differing(episode, approved) == {"original_approver"}
        act(api, episode, "reject")
        for _ in range(2):
            response = api.client.post(f"{path_of(episode)}/approve", user=type(api.admin).of("admin"))
            assert response.json()["data"]["original_approver"] == str(api.admin.user_id)
        assert changes_of(api, episode) == [
            {"original_approver": str(api.admin.user_id)},
            {"approval_status": "rejected"},
            {"approval_status": "approved"},
        ]

    def test_published_episode_cannot_be_rejected(self, api: Api) -> None:
        episode = api.create_episode(status="published")
        response = api.client.post(f"{path_of(episode)}/reject", user=api.admin)
        assert problems(response, 409, "CONFLICT").keys() == {"path.episode_id"}
        act(api, episode, "unpublish")
        assert act(api, episode, "reject")["approval_status"] == "rejected"


@pytest.mark.parametrize("action", ["publish", "unpublish", "approve", "reject"])
class TestEveryAction:
    def test_stale_etag_is_412(self, api: Api, action: str) -> None:
        episode = api.create_episode(status="published" if action == "unpublish" else "ready_for_publish")
        changed = api.client.patch(path_of(episode), {"genre": "drama"}, api.editor).json()["data"]
        path = f"{path_of(episode)}/{action}"
        response = api.client.post(path, user=api.admin, headers={"If-Match": episode["etag"]})
        assert problems(response, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}
        assert api.client.post(path, user=api.admin, headers={"If-Match": changed["etag"]}).status_code == 200

    def test_unknown_and_deleted_episodes_are_404(self, api: Api, action: str) -> None:
        deleted = api.create_episode()
        api.delete(path_of(deleted))
        for episode_id in (deleted["episode_id"], uuid4()):
            response = api.client.post(f"/api/v1/episodes/{episode_id}/{action}", user=api.admin)
            assert problems(response, 404, "NOT_FOUND").keys() == {"path.episode_id"}

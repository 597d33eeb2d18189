"""Deletion of thumbnails: the row at once, the file once no worker can store it again."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import LockNotAvailable

from runtime.features.jobs import repository as jobs
from runtime.mechanisms.outbox.service import RelayResult
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.stored_rows import new_job
from tests.runtime.features.thumbnails.test_routes import make_thumbnails


def thumbnails(api: Api, episode: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = api.client.get(f"/api/v1/episodes/{episode['episode_id']}/thumbnails", api.viewer).json()["data"]
    return {one["variant"]: one for one in found}


def files(api: Api) -> set[str]:
    listed = api.account.client("s3").list_objects_v2(Bucket=api.buckets["thumbnails"])
    return {found["Key"].split("/")[2] for found in listed.get("Contents", [])}


def reference(api: Api, episode: dict[str, Any]) -> str | None:
    found: str | None = api.client.get(f"/api/v1/episodes/{episode['episode_id']}", api.viewer).json()["data"][
        "thumbnail_reference"
    ]
    return found


def relay(api: Api) -> RelayResult:
    with api.client.app.state.resources.database.transaction() as connection:
        connection.execute("UPDATE outbox SET not_before = now()")
    relayed: RelayResult = api.client.app.state.resources.outbox.relay()
    return relayed


@pytest.fixture
def episode(api: Api) -> dict[str, Any]:
    created = api.create_episode()
    make_thumbnails(api, created)
    return created


@pytest.fixture
def worker(api: Api, episode: dict[str, Any]) -> jobs.Claim:
    """Claim a job of the episode, as a worker that is about to store thumbnails."""
    with api.client.app.state.resources.database.transaction() as connection:
        claim = jobs.claim(connection, new_job(connection, UUID(episode["episode_id"])).job_id, 60)
    assert claim
    return claim


@pytest.mark.requirement("P1-19")
class TestDeleteThumbnail:
    def test_only_its_row_and_file_are_deleted(self, api: Api, episode: dict[str, Any]) -> None:
        other = api.create_episode()
        make_thumbnails(api, other)
        found, primary = thumbnails(api, episode), reference(api, episode)
        path = f"/api/v1/thumbnails/{found['small']['thumbnail_id']}"
        response = api.client.delete(path, api.admin)
        assert (response.status_code, response.text) == (204, "")
        assert problems(api.client.get(path, api.viewer), 404, "NOT_FOUND").keys() == {"path.thumbnail_id"}
        assert thumbnails(api, episode).keys() == {"primary", "medium"}
        assert thumbnails(api, other).keys() == {"primary", "medium", "small"}
        assert reference(api, episode) == primary
        listed = api.account.client("s3").list_objects_v2(Bucket=api.buckets["thumbnails"])["Contents"]
        gone = found["small"]["file_reference"].split("/", 3)[3]
        assert gone not in {each["Key"] for each in listed}
        assert len(listed) == 5

    def test_primary_thumbnail_clears_the_episodes_reference(self, api: Api, episode: dict[str, Any]) -> None:
        primary = thumbnails(api, episode)["primary"]
        assert reference(api, episode) == primary["file_reference"]
        assert api.client.delete(f"/api/v1/thumbnails/{primary['thumbnail_id']}", api.admin).status_code == 204
        assert reference(api, episode) is None

    def test_deletion_is_logged(self, api: Api, episode: dict[str, Any]) -> None:
        medium = thumbnails(api, episode)["medium"]
        api.client.delete(f"/api/v1/thumbnails/{medium['thumbnail_id']}", api.admin)
        (entry,) = api.client.get("/api/v1/activity-logs?resource_type=thumbnail", api.admin).json()["data"]
        assert (entry["action_type"], entry["resource_id"]) == ("delete", medium["thumbnail_id"])
        assert entry["user_id"] == str(api.admin.user_id)
        assert entry["new_values"] is None
        assert entry["old_values"] == {
            "entity_type": "episode",
            "entity_id": episode["episode_id"],
            "variant": "medium",
            "file_reference": medium["file_reference"],
        }

    def test_unknown_deleted_and_of_a_deleted_episode_are_404(self, api: Api, episode: dict[str, Any]) -> None:
        found = thumbnails(api, episode)
        api.client.delete(f"/api/v1/thumbnails/{found['small']['thumbnail_id']}", api.admin)
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for gone in (uuid4(), found["small"]["thumbnail_id"], found["primary"]["thumbnail_id"]):
            response = api.client.delete(f"/api/v1/thumbnails/{gone}", api.admin)
            assert problems(response, 404, "NOT_FOUND") == {"path.thumbnail_id": "Thumbnail not found"}
        assert files(api) == {"primary", "medium"}

    def test_other_roles_get_403(self, api: Api, episode: dict[str, Any]) -> None:
        one = thumbnails(api, episode)["small"]
        problems(api.client.delete(f"/api/v1/thumbnails/{one['thumbnail_id']}", api.editor), 403, "FORBIDDEN")
        assert thumbnails(api, episode).keys() == {"primary", "medium", "small"}


class TestThumbnailFileDeletionTopic:
    def test_file_is_kept_while_a_worker_runs(self, api: Api, episode: dict[str, Any], worker: jobs.Claim) -> None:
        one = thumbnails(api, episode)["small"]
        assert api.client.delete(f"/api/v1/thumbnails/{one['thumbnail_id']}", api.admin).status_code == 204
        assert "small" not in thumbnails(api, episode)
        assert files(api) == {"primary", "medium", "small"}
        assert relay(api) == RelayResult(delayed=1)
        with api.client.app.state.resources.database.transaction() as connection:
            jobs.fail(connection, worker, error_code="CORRUPT_IMAGE", error_message="x")
        assert relay(api) == RelayResult(sent=1)
        assert files(api) == {"primary", "medium"}

    def test_file_of_a_new_thumbnail_is_kept(self, api: Api, episode: dict[str, Any], worker: jobs.Claim) -> None:
        one = thumbnails(api, episode)["small"]
        api.client.delete(f"/api/v1/thumbnails/{one['thumbnail_id']}", api.admin)
        with api.client.app.state.resources.database.transaction() as connection:
            jobs.complete(connection, worker)
        make_thumbnails(api, episode)
        assert relay(api) == RelayResult(sent=1)
        assert files(api) == {"primary", "medium", "small"}
        assert thumbnails(api, episode).keys() == {"primary", "medium", "small"}

    def test_missing_file_is_no_error(self, api: Api, episode: dict[str, Any], worker: jobs.Claim) -> None:
        one = thumbnails(api, episode)["small"]
        api.client.delete(f"/api/v1/thumbnails/{one['thumbnail_id']}", api.admin)
        bucket, key = one["file_reference"].removeprefix("s3://").split("/", 1)
        api.account.client("s3").delete_object(Bucket=bucket, Key=key)
        with api.client.app.state.resources.database.transaction() as connection:
            jobs.complete(connection, worker)
        assert relay(api) == RelayResult(sent=1)

    def test_claim_waits_for_the_deletion(
        self, api: Api, episode: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A worker that starts during the deletion waits for it, and so stores its file afterwards."""
        database = api.client.app.state.resources.database
        with database.transaction() as connection:
            job_id = new_job(connection, UUID(episode["episode_id"])).job_id
        seen: list[str | None] = []

        def claim_meanwhile(*_: Any) -> None:
            with database.transaction() as connection:
                connection.execute("SET LOCAL lock_timeout = '200ms'")
                try:
                    jobs.claim(connection, job_id, 60)
                except LockNotAvailable as error:
                    seen.append(error.sqlstate)
                    connection.rollback()

        monkeypatch.setattr(api.client.app.state.resources.objects, "delete", claim_meanwhile)
        one = thumbnails(api, episode)["small"]
        assert api.client.delete(f"/api/v1/thumbnails/{one['thumbnail_id']}", api.admin).status_code == 204
        assert seen == ["55P03"]

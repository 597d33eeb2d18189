"""Retrying failed jobs: all of the requested jobs or none, each started by a copy of its original."""

from typing import Any
from uuid import uuid4

import pytest

from runtime.mechanisms.outbox.service import RelayResult
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.jobs.job_rows import PHOTO, complete, fail, job, make_jobs, make_outbox_due, rows, upload

FAMILIES = ["/api/v1/jobs", "/api/v1/processing-queue", "/jobs"]
PATH = "/api/v1/jobs/retry"


def versions(api: Api, reference: str) -> list[dict[str, Any]]:
    key = reference.removeprefix(f"s3://{api.buckets['storage']}/")
    found: list[dict[str, Any]] = (
        api.account.client("s3").list_object_versions(Bucket=api.buckets["storage"], Prefix=key).get("Versions", [])
    )
    return found


def statuses(api: Api, *job_ids: str) -> list[str]:
    return [job(api, job_id)["status"] for job_id in job_ids]


@pytest.mark.requirement("P2-24", "P2-25", "P2-35")
class TestRetry:
    @pytest.mark.requirement("C-06", "C-08")
    @pytest.mark.parametrize("family", FAMILIES)
    def test_failed_jobs_are_pending_again_and_their_originals_copied(self, api: Api, family: str) -> None:
        uploads = [upload(api, api.create_episode(), PHOTO + bytes([number])) for number in range(2)]
        job_ids = [done["job_id"] for done in uploads]
        fail(api, *job_ids, error_code="SERVICE_UNAVAILABLE")
        before = [job(api, job_id) for job_id in job_ids]
        response = api.client.post(f"{family}/retry", {"job_ids": job_ids[::-1]}, api.admin)
        assert response.status_code == 202, response.text
        expected = [
            was
            | {"status": "pending", "error_code": None, "error_message": None, "started_at": None, "completed_at": None}
            for was in before
        ]
        assert response.json()["data"] == expected[::-1]
        assert [job(api, job_id) for job_id in job_ids] == expected
        for number, done in enumerate(uploads):
            assert len(versions(api, done["file_reference"])) == 2
            key = done["file_reference"].split("/", 3)[3]
            stored = api.account.client("s3").get_object(Bucket=api.buckets["storage"], Key=key)
            assert (stored["Body"].read(), stored["ContentType"]) == (PHOTO + bytes([number]), "image/jpeg")

    @pytest.mark.parametrize("family", FAMILIES[:2])
    def test_single_job_is_retried_by_path(self, api: Api, family: str) -> None:
        done = upload(api, api.create_episode())
        fail(api, done["job_id"])
        response = api.client.post(f"{family}/{done['job_id']}/retry", user=api.admin)
        assert (response.status_code, response.json()["data"]["status"]) == (202, "pending")
        assert len(versions(api, done["file_reference"])) == 2
        again = api.client.post(f"{family}/{done['job_id']}/retry", user=api.admin)
        assert problems(again, 409, "CONFLICT") == {
            "path.job_id": "The job is pending; only failed jobs can be retried"
        }

    def test_job_that_has_not_failed_is_409_and_none_is_retried(self, api: Api) -> None:
        failed, pending, done = make_jobs(api, 3)
        fail(api, failed)
        complete(api, done)
        before = rows(api, "SELECT * FROM processing_queue ORDER BY job_id")
        response = api.client.post(PATH, {"job_ids": [failed, pending, done]}, api.admin)
        assert problems(response, 409, "CONFLICT") == {
            "body.job_ids.1": "The job is pending; only failed jobs can be retried",
            "body.job_ids.2": "The job is completed; only failed jobs can be retried",
        }
        assert rows(api, "SELECT * FROM processing_queue ORDER BY job_id") == before
        assert rows(api, "SELECT * FROM outbox") == []

    def test_unknown_job_is_404_and_none_is_retried(self, api: Api) -> None:
        (failed,) = make_jobs(api, 1)
        fail(api, failed)
        response = api.client.post(PATH, {"job_ids": [failed, str(uuid4())]}, api.admin)
        assert problems(response, 404, "NOT_FOUND") == {"body.job_ids.1": "Job not found"}
        assert statuses(api, failed) == ["failed"]
        response = api.client.post(f"/api/v1/jobs/{uuid4()}/retry", user=api.admin)
        assert problems(response, 404, "NOT_FOUND") == {"path.job_id": "Job not found"}

    @pytest.mark.parametrize(
        "values",
        [
            {"source_reference": "s3://another/raw/episodes/x"},
            {"job_type": "metadata_extraction"},
            {"job_type": "transcoding"},
        ],
        ids=["another bucket", "another type", "video"],
    )
    def test_job_without_a_worker_is_409(self, api: Api, values: dict[str, Any]) -> None:
        (failed,) = make_jobs(api, 1, **values)
        fail(api, failed)
        response = api.client.post(PATH, {"job_ids": [failed]}, api.admin)
        assert problems(response, 409, "CONFLICT") == {
            "body.job_ids.0": "No worker processes this job; only thumbnail jobs of stored originals can be retried"
        }
        assert statuses(api, failed) == ["failed"]

    def test_missing_original_fails_the_job(self, api: Api) -> None:
        (failed,) = make_jobs(api, 1)
        fail(api, failed)
        assert api.client.post(PATH, {"job_ids": [failed]}, api.admin).status_code == 202
        found = job(api, failed)
        assert (found["status"], found["error_code"]) == ("failed", "SOURCE_MISSING")

    def test_many_jobs_are_copied_by_the_relay(self, api: Api) -> None:
        job_ids = [upload(api, api.create_episode())["job_id"] for _ in range(11)]
        fail(api, *job_ids)
        assert api.client.post(PATH, {"job_ids": job_ids}, api.admin).status_code == 202
        references = [job(api, job_id)["source_reference"] for job_id in job_ids]
        assert [len(versions(api, reference)) for reference in references] == [1] * 11
        # The request left them to the relay, so there is no grace period to wait for.
        assert api.client.app.state.resources.outbox.relay() == RelayResult(sent=11)
        assert [len(versions(api, reference)) for reference in references] == [2] * 11
        make_outbox_due(api)
        assert api.client.app.state.resources.outbox.relay() == RelayResult()

    def test_each_retry_is_logged(self, api: Api) -> None:
        job_ids = make_jobs(api, 2)
        fail(api, *job_ids)
        api.client.post(PATH, {"job_ids": job_ids}, api.admin)
        logged = api.client.get("/api/v1/activity-logs?resource_type=job", api.admin).json()["data"]
        assert {entry["resource_id"] for entry in logged} == set(job_ids)
        for entry in logged:
            assert (entry["action_type"], entry["user_id"]) == ("process", str(api.admin.user_id))
            assert entry["old_values"] == {"status": "failed", "error_code": "CORRUPT_IMAGE"}
            assert entry["new_values"] == {"status": "pending", "error_code": None}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "body.job_ids"),
            ({"job_ids": []}, "body.job_ids"),
            ({"job_ids": [str(uuid4()) for _ in range(101)]}, "body.job_ids"),
            ({"job_ids": ["01981b2e-7c3a-7d41-9a55-0242ac120002"] * 2}, "body.job_ids"),
            ({"job_ids": ["x"]}, "body.job_ids.0"),
            ({"job_ids": None}, "body.job_ids"),
            ({"job_ids": [str(uuid4())], "all": True}, "body.all"),
        ],
        ids=["missing", "none", "too many", "twice", "no id", "null", "unknown field"],
    )
    def test_invalid_bodies_are_rejected(self, api: Api, body: dict[str, Any], field: str) -> None:
        assert problems(api.client.post(PATH, body, api.admin), 400, "VALIDATION_ERROR").keys() == {field}

    def test_schema_example_is_accepted(self, api: Api) -> None:
        schema = api.client.get("/openapi.json").json()["components"]["schemas"]["JobsRetry"]
        response = api.client.post(PATH, schema["examples"][0], api.admin)
        assert problems(response, 404, "NOT_FOUND").keys() == {"body.job_ids.0"}

    @pytest.mark.requirement("G-06")
    def test_other_roles_get_403(self, api: Api) -> None:
        (failed,) = make_jobs(api, 1)
        fail(api, failed)
        for path, body in [(PATH, {"job_ids": [failed]}), (f"/api/v1/jobs/{failed}/retry", None)]:
            problems(api.client.post(path, body, api.editor), 403, "FORBIDDEN")
        assert statuses(api, failed) == ["failed"]

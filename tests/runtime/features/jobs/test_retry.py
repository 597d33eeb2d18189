"""Failed jobs tried again: all of those that are named or none, each told to a worker by its original."""

from typing import Any
from uuid import uuid4

import pytest

from runtime.mechanisms.outbox.service import RelayResult
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.jobs.job_rows import PHOTO, complete, fail, job, let_time_pass, make_jobs, rows, upload

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
    def test_failed_jobs_are_pending_again_and_their_originals_stored_anew(self, api: Api, family: str) -> None:
        uploads = [upload(api, api.create_episode(), PHOTO + bytes([number])) for number in range(2)]
        job_ids = [done["job_id"] for done in uploads]
        fail(api, *job_ids, error_code="SERVICE_UNAVAILABLE")
        before = [job(api, job_id) for job_id in job_ids]
        answer = api.client.post(f"{family}/retry", {"job_ids": job_ids[::-1]}, api.admin)
        assert answer.status_code == 202, answer.text
        expected = [
            was
            | {"status": "pending", "error_code": None, "error_message": None, "started_at": None, "completed_at": None}
            for was in before
        ]
        assert answer.json()["data"] == expected[::-1]
        assert [job(api, job_id) for job_id in job_ids] == expected
        for number, done in enumerate(uploads):
            assert len(versions(api, done["file_reference"])) == 2
            key = done["file_reference"].split("/", 3)[3]
            stored = api.account.client("s3").get_object(Bucket=api.buckets["storage"], Key=key)
            assert (stored["Body"].read(), stored["ContentType"]) == (PHOTO + bytes([number]), "image/jpeg")

    @pytest.mark.parametrize("family", FAMILIES[:2])
    def test_one_by_its_path(self, api: Api, family: str) -> None:
        done = upload(api, api.create_episode())
        fail(api, done["job_id"])
        answer = api.client.post(f"{family}/{done['job_id']}/retry", user=api.admin)
        assert (answer.status_code, answer.json()["data"]["status"]) == (202, "pending")
        assert len(versions(api, done["file_reference"])) == 2
        again = api.client.post(f"{family}/{done['job_id']}/retry", user=api.admin)
        assert problems(again, 409, "CONFLICT") == {
            "path.job_id": "The job is pending; only failed ones can be tried again"
        }

    def test_one_that_has_not_failed_keeps_all_as_they_are(self, api: Api) -> None:
        failed, pending, done = make_jobs(api, 3)
        fail(api, failed)
        complete(api, done)
        before = rows(api, "SELECT * FROM processing_queue ORDER BY job_id")
        answer = api.client.post(PATH, {"job_ids": [failed, pending, done]}, api.admin)
        assert problems(answer, 409, "CONFLICT") == {
            "body.job_ids.1": "The job is pending; only failed ones can be tried again",
            "body.job_ids.2": "The job is completed; only failed ones can be tried again",
        }
        assert rows(api, "SELECT * FROM processing_queue ORDER BY job_id") == before
        assert rows(api, "SELECT * FROM outbox") == []

    def test_unknown_one_keeps_all_as_they_are(self, api: Api) -> None:
        (failed,) = make_jobs(api, 1)
        fail(api, failed)
        answer = api.client.post(PATH, {"job_ids": [failed, str(uuid4())]}, api.admin)
        assert problems(answer, 404, "NOT_FOUND") == {"body.job_ids.1": "There is no such job"}
        assert statuses(api, failed) == ["failed"]
        answer = api.client.post(f"/api/v1/jobs/{uuid4()}/retry", user=api.admin)
        assert problems(answer, 404, "NOT_FOUND") == {"path.job_id": "There is no such job"}

    @pytest.mark.parametrize(
        "values",
        [
            {"source_reference": "s3://another/raw/episodes/x"},
            {"job_type": "metadata_extraction"},
            {"job_type": "transcoding"},
        ],
        ids=["another bucket", "another type", "video"],
    )
    def test_one_of_which_no_worker_could_hear_is_a_conflict(self, api: Api, values: dict[str, str]) -> None:
        (failed,) = make_jobs(api, 1, **values)
        fail(api, failed)
        answer = api.client.post(PATH, {"job_ids": [failed]}, api.admin)
        assert problems(answer, 409, "CONFLICT") == {"body.job_ids.0": "No worker could be told of this job"}
        assert statuses(api, failed) == ["failed"]

    def test_one_whose_original_is_gone_fails_for_that(self, api: Api) -> None:
        (failed,) = make_jobs(api, 1)
        fail(api, failed)
        assert api.client.post(PATH, {"job_ids": [failed]}, api.admin).status_code == 202
        found = job(api, failed)
        assert (found["status"], found["error_code"]) == ("failed", "SOURCE_MISSING")

    def test_many_are_left_to_the_relay(self, api: Api) -> None:
        job_ids = [upload(api, api.create_episode())["job_id"] for _ in range(11)]
        fail(api, *job_ids)
        assert api.client.post(PATH, {"job_ids": job_ids}, api.admin).status_code == 202
        references = [job(api, job_id)["source_reference"] for job_id in job_ids]
        assert [len(versions(api, reference)) for reference in references] == [1] * 11
        # Nobody else sends them, so nobody has to be waited for.
        assert api.client.app.state.resources.outbox.relay() == RelayResult(sent=11)
        assert [len(versions(api, reference)) for reference in references] == [2] * 11
        let_time_pass(api)
        assert api.client.app.state.resources.outbox.relay() == RelayResult()

    def test_each_is_in_the_log(self, api: Api) -> None:
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
    def test_wrong_bodies_are_refused(self, api: Api, body: dict[str, Any], field: str) -> None:
        assert problems(api.client.post(PATH, body, api.admin), 400, "VALIDATION_ERROR").keys() == {field}

    def test_example_of_the_description_is_understood(self, api: Api) -> None:
        schema = api.client.get("/openapi.json").json()["components"]["schemas"]["JobsRetry"]
        answer = api.client.post(PATH, schema["examples"][0], api.admin)
        assert problems(answer, 404, "NOT_FOUND").keys() == {"body.job_ids.0"}

    @pytest.mark.requirement("G-06")
    def test_is_for_administrators(self, api: Api) -> None:
        (failed,) = make_jobs(api, 1)
        fail(api, failed)
        for path, body in [(PATH, {"job_ids": [failed]}), (f"/api/v1/jobs/{failed}/retry", None)]:
            problems(api.client.post(path, body, api.editor), 403, "FORBIDDEN")
        assert statuses(api, failed) == ["failed"]

"""Jobs: list, get and statistics, under all of their paths."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from runtime.features.jobs import repository
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.jobs.job_rows import complete, fail, job, make_jobs

FAMILIES = ["/api/v1/jobs", "/api/v1/processing-queue", "/jobs"]
PREFIXED = FAMILIES[:2]


@pytest.mark.requirement("C-06", "C-08", "P2-33", "P2-34")
@pytest.mark.parametrize("family", FAMILIES)
class TestJobs:
    @pytest.mark.requirement("P1-24", "P2-23")
    def test_get_job_returns_its_outcome(self, api: Api, family: str) -> None:
        (job_id,) = make_jobs(api, 1)
        job = api.client.get(f"{family}/{job_id}", api.editor).json()["data"]
        assert (job["job_id"], job["status"], job["retry_count"]) == (job_id, "pending", 0)
        assert (job["started_at"], job["completed_at"], job["error_code"]) == (None, None, None)
        with api.client.app.state.resources.database.transaction() as connection:
            claim = repository.claim(connection, UUID(job_id), 60)
            assert claim
            repository.fail(connection, claim, error_code="CORRUPT", error_message="The file is broken")
        job = api.client.get(f"{family}/{job_id}", api.editor).json()["data"]
        assert (job["status"], job["error_code"], job["error_message"]) == ("failed", "CORRUPT", "The file is broken")
        assert job["started_at"].endswith("Z")
        assert job["completed_at"].endswith("Z")
        assert api.client.get(family, api.editor).json()["data"] == [job]

    @pytest.mark.requirement("P1-23", "G-07")
    def test_list_pages_and_filters(self, api: Api, family: str) -> None:
        episode = api.create_episode()
        jobs = make_jobs(api, 5, episode)
        make_jobs(api, 2)
        with api.client.app.state.resources.database.transaction() as connection:
            repository.claim(connection, UUID(jobs[2]), 60)
        query: dict[str, Any] = {"entity_id": episode["episode_id"], "status": "pending", "limit": 2}
        seen: list[str] = []
        while True:
            page = api.client.get(family, api.editor, params=query).json()
            seen += [job["job_id"] for job in page["data"]]
            if page["page"]["next"] is None:
                break
            query["cursor"] = page["page"]["next"]
        assert seen == [jobs[4], jobs[3], jobs[1], jobs[0]]

    def test_list_filters_by_type(self, api: Api, family: str) -> None:
        (thumbnails,) = make_jobs(api, 1)
        (metadata,) = make_jobs(api, 1, job_type="metadata_extraction")
        for job_type, expected in [("thumbnail_generation", thumbnails), ("metadata_extraction", metadata)]:
            found = api.client.get(f"{family}?job_type={job_type}", api.editor).json()["data"]
            assert [job["job_id"] for job in found] == [expected]

    def test_unknown_job_is_404_and_invalid_input_400(self, api: Api, family: str) -> None:
        assert problems(api.client.get(f"{family}/{uuid4()}", api.admin), 404, "NOT_FOUND").keys() == {"path.job_id"}
        assert problems(api.client.get(f"{family}/x", api.admin), 400, "VALIDATION_ERROR").keys() == {"path.job_id"}
        for name in ("status", "job_type"):
            response = api.client.get(f"{family}?{name}=lost", api.admin)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}

    @pytest.mark.requirement("C-12", "P1-28", "G-06")
    def test_viewers_get_403(self, api: Api, family: str) -> None:
        problems(api.client.get(family, api.viewer), 403, "FORBIDDEN")
        problems(api.client.get(f"{family}/{uuid4()}", api.viewer), 403, "FORBIDDEN")


@pytest.mark.requirement("P2-25", "C-06", "C-09")
@pytest.mark.parametrize("family", PREFIXED)
class TestStats:
    def test_stats_of_an_empty_queue_are_zero(self, api: Api, family: str) -> None:
        none = {"pending": 0, "processing": 0, "completed": 0, "failed": 0}
        assert api.client.get(f"{family}/stats", api.editor).json()["data"] == {
            "by_status": none,
            "by_type": {"thumbnail_generation": none, "metadata_extraction": none, "transcoding": none},
            "depth": 0,
            "depth_limit": 100,
            "oldest_pending_seconds": None,
        }

    def test_stats_count_each_job_once(self, api: Api, family: str) -> None:
        jobs = make_jobs(api, 6)
        make_jobs(api, 2, job_type="metadata_extraction")
        make_jobs(api, 1, job_type="transcoding")
        fail(api, jobs[0])
        complete(api, *jobs[1:3])
        with api.client.app.state.resources.database.transaction() as connection:
            repository.claim(connection, UUID(jobs[3]), 60)
            connection.execute(
                "UPDATE processing_queue SET created_at = now() - interval '90 seconds' WHERE job_id = %s", [jobs[4]]
            )
            # Running and finished jobs are not pending, however old they are.
            connection.execute(
                "UPDATE processing_queue SET created_at = now() - interval '1 day' WHERE job_id = ANY(%s)", [jobs[:4]]
            )
        found = api.client.get(f"{family}/stats", api.editor).json()["data"]
        assert found["by_status"] == {"pending": 5, "processing": 1, "completed": 2, "failed": 1}
        assert found["by_type"] == {
            "thumbnail_generation": {"pending": 2, "processing": 1, "completed": 2, "failed": 1},
            "metadata_extraction": {"pending": 2, "processing": 0, "completed": 0, "failed": 0},
            "transcoding": {"pending": 1, "processing": 0, "completed": 0, "failed": 0},
        }
        assert found["depth"] == 6
        assert 90 <= found["oldest_pending_seconds"] < 120


@pytest.mark.requirement("C-08")
class TestPaths:
    def test_paths_without_prefix_are_not_in_openapi(self, api: Api) -> None:
        paths = api.client.get("/openapi.json").json()["paths"]
        assert [path for path in paths if path.startswith("/jobs")] == []
        for family in PREFIXED:
            expected = {
                family,
                f"{family}/stats",
                f"{family}/retry",
                f"{family}/{{job_id}}",
                f"{family}/{{job_id}}/retry",
            }
            assert {path for path in paths if path.startswith(family)} == expected

    def test_all_paths_return_the_same_jobs(self, api: Api) -> None:
        (job_id,) = make_jobs(api, 1)
        responses = [api.client.get(f"{family}/{job_id}", api.editor).json()["data"] for family in FAMILIES]
        assert responses == [job(api, job_id)] * 3

"""Jobs, under both of their names."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from runtime.features.jobs import repository
from tests.runtime.features.api_platform import Api, problems

FAMILIES = ["/api/v1/jobs", "/api/v1/processing-queue"]


def make_jobs(api: Api, count: int, episode: dict[str, Any] | None = None) -> list[str]:
    entity_id = UUID((episode or api.create_episode())["episode_id"])
    made = []
    for _ in range(count):
        with api.client.app.state.resources.database.transaction() as connection:
            job = repository.insert(
                connection,
                job_type="thumbnail_generation",
                entity_type="episode",
                entity_id=entity_id,
                source_reference="s3://bucket/raw/x",
                source_version_id=None,
                created_by=api.editor.user_id,
            )
        made.append(str(job.job_id))
    return made


@pytest.mark.requirement("C-06")
@pytest.mark.parametrize("family", FAMILIES)
class TestJobs:
    @pytest.mark.requirement("P1-24")
    def test_job_says_what_became_of_it(self, api: Api, family: str) -> None:
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
    def test_pages_and_filters(self, api: Api, family: str) -> None:
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

    def test_unknown_is_404_and_nonsense_400(self, api: Api, family: str) -> None:
        assert problems(api.client.get(f"{family}/{uuid4()}", api.admin), 404, "NOT_FOUND").keys() == {"path.job_id"}
        assert problems(api.client.get(f"{family}/x", api.admin), 400, "VALIDATION_ERROR").keys() == {"path.job_id"}
        answer = api.client.get(f"{family}?status=lost", api.admin)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.status"}

    @pytest.mark.requirement("C-12", "P1-28")
    def test_viewers_see_none(self, api: Api, family: str) -> None:
        problems(api.client.get(family, api.viewer), 403, "FORBIDDEN")
        problems(api.client.get(f"{family}/{uuid4()}", api.viewer), 403, "FORBIDDEN")

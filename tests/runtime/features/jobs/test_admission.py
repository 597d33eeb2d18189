"""Admission control: at the queue's depth limit new jobs are throttled, and nothing is lost."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.account import LocalAccount
from runtime.errors import RateLimitError
from runtime.features.jobs.admission import RETRY_AFTER_SECONDS, require_capacity
from tests.runtime.features.api_platform import Api, Client, application, problems
from tests.runtime.features.jobs.job_rows import PHOTO, complete, fail, make_jobs, rows, upload
from tests.runtime.features.stored_rows import new_job
from tests.runtime.features.user_pool import Pool

LIMIT = 4


@pytest.fixture
def api(
    api_environment: dict[str, str], account: LocalAccount, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Api]:
    monkeypatch.setenv("PLATFORM_QUEUE_DEPTH_LIMIT", str(LIMIT))
    with asyncio.Runner() as runner:
        yield Api(client=Client(application(), runner), account=account, pool=pool, buckets=api_environment)


@pytest.fixture
def episode(api: Api) -> dict[str, Any]:
    """Create an episode that can be processed: it has an original and no pending job."""
    created = api.create_episode()
    complete(api, upload(api, created)["job_id"])
    return created


def depth(api: Api) -> int:
    return len(rows(api, "SELECT FROM processing_queue WHERE status IN ('pending', 'processing')"))


def assert_full(response: httpx.Response) -> None:
    assert problems(response, 429, "RATE_LIMIT_EXCEEDED").keys() == {None}
    assert response.headers["retry-after"] == str(RETRY_AFTER_SECONDS)


def process(api: Api, episode: dict[str, Any]) -> httpx.Response:
    return api.client.post(f"/api/v1/episodes/{episode['episode_id']}/process", user=api.editor)


@pytest.mark.requirement("C-31")
class TestQueueDepthLimit:
    def test_full_queue_rejects_a_new_job(self, api: Api, episode: dict[str, Any]) -> None:
        jobs = make_jobs(api, LIMIT - 1)
        assert process(api, episode).status_code == 202
        before = rows(api, "SELECT FROM outbox"), rows(api, "SELECT FROM activity_logs")
        assert_full(process(api, episode))
        assert (rows(api, "SELECT FROM outbox"), rows(api, "SELECT FROM activity_logs")) == before
        assert depth(api) == LIMIT
        fail(api, jobs[0])
        assert process(api, episode).status_code == 202

    def test_running_jobs_count(self, api: Api, episode: dict[str, Any]) -> None:
        jobs = make_jobs(api, LIMIT)
        rows(api, "UPDATE processing_queue SET status = 'processing' WHERE job_id = ANY(%s) RETURNING 1", jobs)
        assert_full(process(api, episode))

    def test_rejected_upload_can_be_completed_later(self, api: Api) -> None:
        new_upload = api.create_upload(PHOTO)
        api.store(new_upload, PHOTO)
        jobs = make_jobs(api, LIMIT)
        assert_full(api.complete(new_upload))
        assert rows(api, "SELECT status, job_id FROM upload_sessions") == [{"status": "pending", "job_id": None}]
        complete(api, jobs[0])
        response = api.complete(new_upload)
        assert (response.status_code, response.json()["data"]["status"]) == (200, "pending")

    def test_completed_upload_can_be_repeated_at_the_limit(self, api: Api) -> None:
        done = upload(api, api.create_episode())
        make_jobs(api, LIMIT)
        assert api.complete(done).json()["data"] == done

    def test_upload_can_be_created_at_the_limit(self, api: Api) -> None:
        make_jobs(api, LIMIT)
        assert api.create_upload(PHOTO)["upload_id"]

    def test_retry_requires_capacity_for_all_jobs(self, api: Api) -> None:
        failed = make_jobs(api, 2)
        fail(api, *failed)
        waiting = make_jobs(api, LIMIT - 1)
        body = {"job_ids": failed}
        assert_full(api.client.post("/api/v1/jobs/retry", body, api.admin))
        assert len(rows(api, "SELECT FROM processing_queue WHERE status = 'failed'")) == 2
        complete(api, waiting[0])
        assert api.client.post("/api/v1/jobs/retry", body, api.admin).status_code == 202

    def test_retry_of_one_job_requires_capacity(self, api: Api) -> None:
        (failed,) = make_jobs(api, 1)
        fail(api, failed)
        make_jobs(api, LIMIT)
        assert_full(api.client.post(f"/api/v1/jobs/{failed}/retry", user=api.admin))

    def test_idempotency_key_of_a_rejected_request_can_be_reused(self, api: Api, episode: dict[str, Any]) -> None:
        jobs, key = make_jobs(api, LIMIT), {"Idempotency-Key": "once"}
        path = f"/api/v1/episodes/{episode['episode_id']}/process"
        assert_full(api.client.post(path, user=api.editor, headers=key))
        complete(api, jobs[0])
        assert api.client.post(path, user=api.editor, headers=key).status_code == 202

    def test_concurrent_requests_do_not_exceed_the_limit(self, api: Api) -> None:
        episodes = [api.create_episode() for _ in range(6)]
        for episode in episodes:
            complete(api, upload(api, episode)["job_id"])
        make_jobs(api, LIMIT - 2)
        app = api.client.app

        def ask(episode: dict[str, Any]) -> int:
            with asyncio.Runner() as runner:
                path = f"/api/v1/episodes/{episode['episode_id']}/process"
                return Client(app, runner).post(path, user=api.editor).status_code

        with ThreadPoolExecutor(6) as threads:
            responses = sorted(threads.map(ask, episodes))
        assert responses == [202, 202, 429, 429, 429, 429]
        assert depth(api) == LIMIT

    def test_capacity_check_blocks_until_the_job_is_committed(self, api: Api) -> None:
        make_jobs(api, LIMIT - 1)
        database = api.client.app.state.resources.database

        def ask() -> None:
            with database.transaction() as connection:
                require_capacity(connection, 1, limit=LIMIT)

        with ThreadPoolExecutor(1) as threads:
            with database.transaction() as connection:
                require_capacity(connection, 1, limit=LIMIT)
                new_job(connection)
                second = threads.submit(ask)
                with pytest.raises(TimeoutError):
                    second.result(timeout=0.5)
            with pytest.raises(RateLimitError):
                second.result(timeout=10)

    def test_stats_return_depth_and_limit(self, api: Api) -> None:
        make_jobs(api, 3)
        found = api.client.get("/api/v1/jobs/stats", api.editor).json()["data"]
        assert (found["depth"], found["depth_limit"]) == (3, LIMIT)

"""Admission control: with so many jobs unfinished, new ones are refused for the time being, and nothing is lost by it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.account import LocalAccount
from runtime.errors import RateLimitError
from runtime.features.jobs.admission import RETRY_AFTER_SECONDS, admit
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
    """One that could be processed: it has an original, and nothing is pending."""
    made = api.create_episode()
    complete(api, upload(api, made)["job_id"])
    return made


def depth(api: Api) -> int:
    return len(rows(api, "SELECT FROM processing_queue WHERE status IN ('pending', 'processing')"))


def assert_full(answer: httpx.Response) -> None:
    assert problems(answer, 429, "RATE_LIMIT_EXCEEDED").keys() == {None}
    assert answer.headers["retry-after"] == str(RETRY_AFTER_SECONDS)


def process(api: Api, episode: dict[str, Any]) -> httpx.Response:
    return api.client.post(f"/api/v1/episodes/{episode['episode_id']}/process", user=api.editor)


@pytest.mark.requirement("C-31")
class TestFullQueue:
    def test_last_place_is_given_and_no_more(self, api: Api, episode: dict[str, Any]) -> None:
        jobs = make_jobs(api, LIMIT - 1)
        assert process(api, episode).status_code == 202
        before = rows(api, "SELECT FROM outbox"), rows(api, "SELECT FROM activity_logs")
        assert_full(process(api, episode))
        assert (rows(api, "SELECT FROM outbox"), rows(api, "SELECT FROM activity_logs")) == before
        assert depth(api) == LIMIT
        fail(api, jobs[0])
        assert process(api, episode).status_code == 202

    def test_what_runs_counts_as_well(self, api: Api, episode: dict[str, Any]) -> None:
        jobs = make_jobs(api, LIMIT)
        rows(api, "UPDATE processing_queue SET status = 'processing' WHERE job_id = ANY(%s) RETURNING 1", jobs)
        assert_full(process(api, episode))

    def test_upload_is_kept_and_completed_later(self, api: Api) -> None:
        announced = api.announce(PHOTO)
        api.store(announced, PHOTO)
        jobs = make_jobs(api, LIMIT)
        assert_full(api.complete(announced))
        assert rows(api, "SELECT status, job_id FROM upload_sessions") == [{"status": "pending", "job_id": None}]
        complete(api, jobs[0])
        answer = api.complete(announced)
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, "pending")

    def test_completed_upload_is_answered_again_all_the_same(self, api: Api) -> None:
        done = upload(api, api.create_episode())
        make_jobs(api, LIMIT)
        assert api.complete(done).json()["data"] == done

    def test_announcing_is_possible_all_the_same(self, api: Api) -> None:
        make_jobs(api, LIMIT)
        assert api.announce(PHOTO)["upload_id"]

    def test_jobs_are_tried_again_when_there_is_a_place_for_each(self, api: Api) -> None:
        failed = make_jobs(api, 2)
        fail(api, *failed)
        waiting = make_jobs(api, LIMIT - 1)
        body = {"job_ids": failed}
        assert_full(api.client.post("/api/v1/jobs/retry", body, api.admin))
        assert len(rows(api, "SELECT FROM processing_queue WHERE status = 'failed'")) == 2
        complete(api, waiting[0])
        assert api.client.post("/api/v1/jobs/retry", body, api.admin).status_code == 202

    def test_one_job_is_tried_again_when_there_is_a_place(self, api: Api) -> None:
        (failed,) = make_jobs(api, 1)
        fail(api, failed)
        make_jobs(api, LIMIT)
        assert_full(api.client.post(f"/api/v1/jobs/{failed}/retry", user=api.admin))

    def test_key_of_a_refused_request_is_free_again(self, api: Api, episode: dict[str, Any]) -> None:
        jobs, key = make_jobs(api, LIMIT), {"Idempotency-Key": "once"}
        path = f"/api/v1/episodes/{episode['episode_id']}/process"
        assert_full(api.client.post(path, user=api.editor, headers=key))
        complete(api, jobs[0])
        assert api.client.post(path, user=api.editor, headers=key).status_code == 202

    def test_those_who_ask_at_once_do_not_share_a_place(self, api: Api) -> None:
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
            answers = sorted(threads.map(ask, episodes))
        assert answers == [202, 202, 429, 429, 429, 429]
        assert depth(api) == LIMIT

    def test_place_is_taken_before_its_job_is_committed(self, api: Api) -> None:
        make_jobs(api, LIMIT - 1)
        database = api.client.app.state.resources.database

        def ask() -> None:
            with database.transaction() as connection:
                admit(connection, 1, limit=LIMIT)

        with ThreadPoolExecutor(1) as threads:
            with database.transaction() as connection:
                admit(connection, 1, limit=LIMIT)
                new_job(connection)
                second = threads.submit(ask)
                with pytest.raises(TimeoutError):
                    second.result(timeout=0.5)
            with pytest.raises(RateLimitError):
                second.result(timeout=10)

    def test_stats_say_how_full_it_is(self, api: Api) -> None:
        make_jobs(api, 3)
        found = api.client.get("/api/v1/jobs/stats", api.editor).json()["data"]
        assert (found["depth"], found["depth_limit"]) == (3, LIMIT)

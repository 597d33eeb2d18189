"""Uploads of generated pictures and the thumbnail jobs that they start."""

import hashlib
import time
import uuid
from collections.abc import Sequence
from typing import Any

from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.client.retry_policy import RetryPolicy
from operations.seed import pictures
from operations.seed.outcome_counts import Outcome, OutcomeCounts

MEDIA_TYPE = "image/jpeg"
KIND = "picture"
JOB_SECONDS = 60.0
JOB_SECONDS_EACH = 5.0
POLL_SECONDS = 0.2


class PictureUploads:
    """Uploads a picture for each episode that has none, and waits for the thumbnails."""

    def __init__(self, api: PlatformApi, token: str, counts: OutcomeCounts, retry: RetryPolicy) -> None:
        self._api, self._token, self._counts, self._retry = api, token, counts, retry

    def upload(self, episode_id: str, name: str, palette: Sequence[str]) -> str | None:
        """Upload an episode's picture.

        Returns:
            The id of the job that creates the thumbnails, possibly one of an earlier run; None if the episode has
                thumbnails.
        """
        if self._get(f"episodes/{episode_id}/thumbnails"):
            self._counts.count(KIND, Outcome.FOUND)
            return None
        for status in ("processing", "pending"):
            active_jobs = self._get("jobs", {"entity_id": episode_id, "status": status})
            if active_jobs:
                self._counts.count(KIND, Outcome.FOUND)
                return str(active_jobs[0]["job_id"])
        return self._upload(episode_id, pictures.draw(name, palette))

    def wait_for_jobs(self, jobs: Sequence[str]) -> None:
        """Wait until every job has completed.

        Raises:
            UnexpectedResponseError: A job failed, or the jobs take too long.
        """
        deadline = time.monotonic() + JOB_SECONDS + JOB_SECONDS_EACH * len(jobs)
        for job_id in jobs:
            while (job := self._job(job_id))["status"] != "completed":
                if job["status"] == "failed":
                    raise UnexpectedResponseError(f"job {job_id} failed: {job['error_message'] or 'no error message'}")
                if time.monotonic() > deadline:
                    raise UnexpectedResponseError(f"timeout: job {job_id} of {len(jobs)} jobs is still {job['status']}")
                time.sleep(POLL_SECONDS)

    def _upload(self, episode_id: str, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        file_name = f"{episode_id}.jpg"
        body = {
            "file_name": file_name,
            "file_type": MEDIA_TYPE,
            "entity_type": "episode",
            "entity_id": episode_id,
            "byte_count": len(content),
            "sha256": digest,
        }
        key = str(uuid.uuid4())
        form = self._retry(
            lambda: self._api.post("/api/v1/upload/generate-url", body, token=self._token, idempotency_key=key)
        )["data"]
        self._retry(lambda: self._api.upload(form["uploadUrl"], form["fields"], file_name, content, MEDIA_TYPE))
        # Completing an upload is idempotent: a repeated request returns the same job.
        completed = self._retry(
            lambda: self._api.post(f"/api/v1/upload/{form['upload_id']}/complete", None, token=self._token, expect=200)
        )["data"]
        self._counts.count(KIND, Outcome.MADE)
        return str(completed["job_id"])

    def _job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self._retry(lambda: self._api.get(f"/api/v1/jobs/{job_id}", token=self._token))["data"]
        return job

    def _get(self, path: str, query: dict[str, str] | None = None) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._retry(
            lambda: self._api.get(f"/api/v1/{path}", token=self._token, query=query or {})
        )["data"]
        return found

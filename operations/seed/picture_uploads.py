"""The pictures of episodes on their way through the pipeline: drawn, uploaded, turned into thumbnails."""

import hashlib
import time
import uuid
from collections.abc import Sequence

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
    """Sends pictures, each once, and waits for the thumbnails of all."""

    def __init__(self, api: PlatformApi, token: str, ledger: OutcomeCounts, patience: RetryPolicy) -> None:
        self._api, self._token, self._ledger, self._patience = api, token, ledger, patience

    def send(self, episode_id: str, name: str, palette: Sequence[str]) -> str | None:
        """The job that makes the episode's thumbnails; None when there are some already.

        A job that an earlier run left at work is that job.
        """
        if self._get(f"episodes/{episode_id}/thumbnails"):
            self._ledger.count(KIND, Outcome.FOUND)
            return None
        for status in ("processing", "pending"):
            at_work = self._get("jobs", {"entity_id": episode_id, "status": status})
            if at_work:
                self._ledger.count(KIND, Outcome.FOUND)
                return str(at_work[0]["job_id"])
        return self._upload(episode_id, pictures.draw(name, palette))

    def wait(self, jobs: Sequence[str]) -> None:
        """Returns when every job is done. Raises UnexpectedAnswerError for one that failed, or when it takes too long."""
        deadline = time.monotonic() + JOB_SECONDS + JOB_SECONDS_EACH * len(jobs)
        for job_id in jobs:
            while (job := self._patience(lambda: self._api.get(f"/api/v1/jobs/{job_id}", token=self._token))["data"])[  # noqa: B023
                "status"
            ] != "completed":
                if job["status"] == "failed":
                    raise UnexpectedResponseError(
                        f"job {job_id} failed: {job['error_message'] or 'it gives no reason'}"
                    )
                if time.monotonic() > deadline:
                    raise UnexpectedResponseError(f"job {job_id} is still {job['status']}; {len(jobs)} were waited for")
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
        form = self._patience(
            lambda: self._api.post("/api/v1/upload/generate-url", body, token=self._token, idempotency_key=key)
        )["data"]
        self._patience(lambda: self._api.upload(form["uploadUrl"], form["fields"], file_name, content, MEDIA_TYPE))
        # A completion may be repeated as it is: the second one answers the same job.
        completed = self._patience(
            lambda: self._api.post(f"/api/v1/upload/{form['upload_id']}/complete", None, token=self._token, expect=200)
        )["data"]
        self._ledger.count(KIND, Outcome.MADE)
        return str(completed["job_id"])

    def _get(self, path: str, query: dict[str, str] | None = None) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._patience(
            lambda: self._api.get(f"/api/v1/{path}", token=self._token, query=query or {})
        )["data"]
        return found

"""The steps of the photo's journey: one photograph through the whole platform, as three people in the outside world send it."""

import io
import secrets
import string
import time
from collections.abc import Callable
from typing import Any

from PIL import Image

from operations.client.access_tokens import Role
from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.journeys.journey import FetchedThumbnail, Journey, Steps
from operations.journeys.photo import Photo

JOB_SECONDS = 60.0
SEARCH_SECONDS = 10.0
POLL_SECONDS = 0.1


class PhotoJourney(Journey):
    """One run. Names are unique to it, so that any number can be made on one platform."""

    def __init__(self, api: PlatformApi, photo: Photo, sign_in: Callable[[Role], str]) -> None:
        super().__init__(api, sign_in)
        self._photo = photo
        # Letters alone: every full-text engine keeps them together as one word.
        self._word = "".join(secrets.choice(string.ascii_lowercase) for _ in range(14))
        self._show_id = self._episode_id = self._job_id = ""
        self._upload: dict[str, Any] = {}

    def _steps(self) -> Steps:
        return (
            ("create show", self._create_show),
            ("create episode", self._create_episode),
            ("generate url", self._generate_url),
            ("upload photo", self._send_photo),
            ("complete upload", self._complete_upload),
            ("thumbnail job", self._wait_for_job),
            ("thumbnails", self._fetch_thumbnails),
            ("search", self._find_by_word),
            ("viewer reads", self._read_as_viewer),
            ("viewer is refused", self._refuse_viewer),
        )

    def _create_show(self) -> str:
        body = {"name": f"Journey {self._word}", "description": "Made by `platform journey`."}
        self._show_id = self._create(Role.ADMIN, "shows", "show", body)
        return f"show {self._show_id}"

    def _create_episode(self) -> str:
        body = {
            "show_id": self._show_id,
            "title": "A field of dandelions",
            "season_number": 1,
            "episode_number": 1,
            "description": f"An episode that only the word {self._word} finds.",
        }
        self._episode_id = self._create(Role.ADMIN, "episodes", "episode", body)
        return f"episode {self._episode_id}"

    def _generate_url(self) -> str:
        body = {
            "file_name": self._photo.path.name,
            "file_type": self._photo.media_type,
            "entity_type": "episode",
            "entity_id": self._episode_id,
            "byte_count": len(self._photo.content),
            "sha256": self._photo.sha256,
        }
        self._upload = self._api.post("/api/v1/upload/generate-url", body, token=self._tokens[Role.EDITOR])["data"]
        return f"a form for upload {self._upload['upload_id']}"

    def _send_photo(self) -> str:
        photo = self._photo
        status = self._api.upload(
            self._upload["uploadUrl"], self._upload["fields"], photo.path.name, photo.content, photo.media_type
        )
        return f"{len(photo.content):,} bytes of {photo.path.name} ({photo.width}×{photo.height}), answered {status}"

    def _complete_upload(self) -> str:
        path = f"/api/v1/upload/{self._upload['upload_id']}/complete"
        self._job_id = self._api.post(path, {}, token=self._tokens[Role.EDITOR], expect=200)["data"]["job_id"]
        return f"verified; job {self._job_id}"

    def _wait_for_job(self) -> str:
        deadline = time.monotonic() + JOB_SECONDS
        while True:
            job = self._get(f"/api/v1/jobs/{self._job_id}", role=Role.EDITOR)
            if job["status"] == "completed":
                return "completed"
            if job["status"] == "failed":
                raise UnexpectedResponseError(f"the job failed: {job.get('error_message') or 'it gives no reason'}")
            if time.monotonic() > deadline:
                raise UnexpectedResponseError(f"the job is still {job['status']} after {JOB_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _fetch_thumbnails(self) -> str:
        listed = self._list(f"/api/v1/episodes/{self._episode_id}/thumbnails")
        if not listed:
            raise UnexpectedResponseError("the episode has no thumbnails")
        self._thumbnails = [self._fetch(announced) for announced in listed]
        return ", ".join(f"{one.variant} {one.width}×{one.height}" for one in self._thumbnails)

    def _fetch(self, announced: dict[str, Any]) -> FetchedThumbnail:
        """Downloads and decodes one thumbnail; what it is must be what was announced."""
        variant, content = announced["variant"], self._api.download(announced["url"])
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.load()
                size = image.size
        except (OSError, SyntaxError) as error:
            raise UnexpectedResponseError(f"thumbnail {variant} cannot be decoded: {error}") from error
        seen = (*size, len(content))
        if seen != (announced["width"], announced["height"], announced["bytes"]):
            raise UnexpectedResponseError(
                f"thumbnail {variant} is {seen[0]}×{seen[1]} in {seen[2]} bytes, but was announced as "
                f"{announced['width']}×{announced['height']} in {announced['bytes']} bytes"
            )
        return FetchedThumbnail(
            variant=variant,
            width=size[0],
            height=size[1],
            byte_count=len(content),
            url=announced["url"],
            content=content,
        )

    def _find_by_word(self) -> str:
        """An index may follow the database by a moment, so the word is looked for a few times."""
        deadline = time.monotonic() + SEARCH_SECONDS
        while True:
            ids = [one["episode_id"] for one in self._list("/api/v1/search", q=self._word)]
            if ids == [self._episode_id]:
                return f"the word {self._word} finds this episode and no other"
            if time.monotonic() > deadline:
                raise UnexpectedResponseError(f"the word {self._word} finds {ids or 'nothing'}, not {self._episode_id}")
            time.sleep(POLL_SECONDS)

    def _read_as_viewer(self) -> str:
        return repr(self._get(f"/api/v1/episodes/{self._episode_id}")["title"])

    def _refuse_viewer(self) -> str:
        body = {"name": f"Journey {self._word} by a viewer"}
        refused = self._api.post("/api/v1/shows", body, token=self._tokens[Role.VIEWER], expect=403)
        return f"403 {refused['errors'][0]['code']}"

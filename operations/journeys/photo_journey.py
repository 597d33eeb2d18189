"""The photo journey: a photo from upload to search, sent by an admin, an editor and a viewer."""

import io
import secrets
import string
import time
from collections.abc import Callable
from typing import Any

from PIL import Image

from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.journeys.journey import FetchedThumbnail, Journey, Steps
from operations.journeys.photo import Photo
from runtime.roles import Role

JOB_SECONDS = 60.0
SEARCH_SECONDS = 10.0
POLL_SECONDS = 0.1


class PhotoJourney(Journey):
    """A run with unique names, so that a platform can have any number of them."""

    def __init__(self, api: PlatformApi, photo: Photo, sign_in: Callable[[Role], str]) -> None:
        super().__init__(api, sign_in)
        self._photo = photo
        # Letters only, because every full-text engine treats them as a single word.
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
            ("reject viewer", self._reject_viewer),
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
            "description": f"Only the word {self._word} finds this episode.",
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
        return f"upload form {self._upload['upload_id']}"

    def _send_photo(self) -> str:
        photo = self._photo
        status = self._api.upload(
            self._upload["uploadUrl"], self._upload["fields"], photo.path.name, photo.content, photo.media_type
        )
        return f"{len(photo.content):,} bytes of {photo.path.name} ({photo.width}×{photo.height}), status {status}"

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
                raise UnexpectedResponseError(f"the job failed: {job.get('error_message') or 'no error message'}")
            if time.monotonic() > deadline:
                raise UnexpectedResponseError(f"the job is still {job['status']} after {JOB_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _fetch_thumbnails(self) -> str:
        listed = self._list(f"/api/v1/episodes/{self._episode_id}/thumbnails")
        if not listed:
            raise UnexpectedResponseError("the episode has no thumbnails")
        self._thumbnails = [self._fetch(expected) for expected in listed]
        return ", ".join(f"{item.variant} {item.width}×{item.height}" for item in self._thumbnails)

    def _fetch(self, expected: dict[str, Any]) -> FetchedThumbnail:
        """Download and decode a thumbnail, and compare it with its description."""
        variant, content = expected["variant"], self._api.download(expected["url"])
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.load()
                size = image.size
        except (OSError, SyntaxError) as error:
            raise UnexpectedResponseError(f"thumbnail {variant} cannot be decoded: {error}") from error
        found = (*size, len(content))
        if found != (expected["width"], expected["height"], expected["bytes"]):
            raise UnexpectedResponseError(
                f"thumbnail {variant} is {found[0]}×{found[1]} in {found[2]} bytes instead of "
                f"{expected['width']}×{expected['height']} in {expected['bytes']} bytes"
            )
        return FetchedThumbnail(
            variant=variant,
            width=size[0],
            height=size[1],
            byte_count=len(content),
            url=expected["url"],
            content=content,
        )

    def _find_by_word(self) -> str:
        """Search for the unique word, repeatedly, because the search index is updated asynchronously."""
        deadline = time.monotonic() + SEARCH_SECONDS
        while True:
            ids = [item["episode_id"] for item in self._list("/api/v1/search", q=self._word)]
            if ids == [self._episode_id]:
                return f"the word {self._word} finds only this episode"
            if time.monotonic() > deadline:
                raise UnexpectedResponseError(
                    f"the word {self._word} finds {ids or 'nothing'} instead of {self._episode_id}"
                )
            time.sleep(POLL_SECONDS)

    def _read_as_viewer(self) -> str:
        return repr(self._get(f"/api/v1/episodes/{self._episode_id}")["title"])

    def _reject_viewer(self) -> str:
        body = {"name": f"Journey {self._word} by a viewer"}
        response = self._api.post("/api/v1/shows", body, token=self._tokens[Role.VIEWER], expect=403)
        return f"403 {response['errors'][0]['code']}"

"""Uploads: how long a photo takes from the client to the recorded thumbnails."""

import hashlib
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from PIL import Image, ImageOps
from psycopg.rows import DictRow

from benchmarks import platforms
from benchmarks.report import ResultTable, Section
from benchmarks.rounds import Measurement, measure_rounds, percentile
from lambda_src.thumbnails.profiles import PROFILES
from operations.client import access_tokens
from operations.client.platform_api import PlatformApi
from operations.project import checkout
from runtime.roles import Role

NAME = "uploads"
VISIBLE_SECONDS = 60
# Polls the database, because polling the API would take CPU time from the worker.
POLL_SECONDS = 0.003

STEPS = {
    "sent": "object put → form answered",
    "completed": "object put → completion answered",
    "visible": "**object put → thumbnail rows**",
    "waited": "of that: job made → taken by the worker",
    "worked": "of that: taken → done",
}

_JOB = """
SELECT extract(epoch FROM started_at - created_at)::float8 * 1000 AS waited,
       extract(epoch FROM completed_at - started_at)::float8 * 1000 AS worked
FROM processing_queue WHERE episode_id = %s AND status = 'completed'
"""


@dataclass
class Uploader:
    """Uploads photos as an editor, each to an episode of its own."""

    api: PlatformApi
    editor: str
    admin: str
    database: psycopg.Connection[DictRow]
    _show_id: str = ""
    _numbers: list[int] = field(default_factory=list)

    def measure_upload(self, content: bytes) -> Measurement:
        """Upload a file; return milliseconds since the client began to send it."""
        episode_id = self._episode()
        form = self._announce(episode_id, content)
        started_at = time.perf_counter()
        self.api.upload(form["uploadUrl"], form["fields"], "photo.jpg", content, "image/jpeg")
        sent = time.perf_counter()
        self.api.post(f"/api/v1/upload/{form['upload_id']}/complete", {}, token=self.editor, expect=200)
        completed = time.perf_counter()
        self._wait_for_rows(episode_id)
        visible = time.perf_counter()
        return {
            "sent": (sent - started_at) * 1000,
            "completed": (completed - started_at) * 1000,
            "visible": (visible - started_at) * 1000,
            **self._job(episode_id),
        }

    def _episode(self) -> str:
        if not self._show_id:
            created = self.api.post("/api/v1/shows", {"name": "Uploads"}, token=self.admin)
            self._show_id = created["data"]["show_id"]
        self._numbers.append(len(self._numbers) + 1)
        body = {"show_id": self._show_id, "title": "An episode", "episode_number": self._numbers[-1]}
        return str(self.api.post("/api/v1/episodes", body, token=self.admin)["data"]["episode_id"])

    def _announce(self, episode_id: str, content: bytes) -> dict[str, Any]:
        body = {
            "file_name": "photo.jpg",
            "file_type": "image/jpeg",
            "entity_type": "episode",
            "entity_id": episode_id,
            "byte_count": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        form: dict[str, Any] = self.api.post("/api/v1/upload/generate-url", body, token=self.editor)["data"]
        return form

    def _job(self, episode_id: str) -> dict[str, float]:
        """Return the job's durations, all by the database's clock."""
        row = self.database.execute(_JOB, [episode_id]).fetchone()
        if row is None:
            raise LookupError(f"episode {episode_id} has thumbnails and no completed job")
        return dict(row)

    def _wait_for_rows(self, episode_id: str) -> None:
        """Wait until all thumbnails of the episode are recorded.

        Raises:
            TimeoutError: They are not in time.
        """
        deadline = time.monotonic() + VISIBLE_SECONDS
        expected = len(PROFILES["episode"])
        statement = "SELECT count(*) AS made FROM thumbnails WHERE episode_id = %s AND status = 'ready'"
        while True:
            row = self.database.execute(statement, [episode_id]).fetchone()
            if row and row["made"] == expected:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"episode {episode_id} has no thumbnails after {VISIBLE_SECONDS} s")
            time.sleep(POLL_SECONDS)


def measure(*, quick: bool) -> Section:
    """Measure uploads of a small and a large photo in turn."""
    photographs, uploads, warm_ups = _photographs(), *((2, 0) if quick else (60, 3))
    with platforms.running_platform() as platform:
        assert platform.state.endpoints is not None, "a platform that is up has endpoints"  # noqa: S101
        with PlatformApi(platform.state.endpoints.api) as api, platforms.connect(platform.database()) as database:
            editor, admin = (access_tokens.issue(platform.state, role).token for role in (Role.EDITOR, Role.ADMIN))
            uploader = Uploader(api, editor, admin, database)
            candidates = {
                name: (lambda content=content: uploader.measure_upload(content))
                for name, content in photographs.items()
            }
            measurements = measure_rounds(candidates, rounds=uploads, warm_ups=warm_ups)
    return Section(
        name=NAME,
        tables=[_figures(name, measured) for name, measured in measurements.items()],
        notes=[
            f"{uploads} uploads of each, one at a time, small and large in turn, after {warm_ups} that do not count."
        ],
    )


def _figures(name: str, measurements: Sequence[Measurement]) -> ResultTable:
    rows = []
    for step, label in STEPS.items():
        values = [measure_upload[step] for measure_upload in measurements]
        rows.append([label, *(f"{percentile(values, percent):.0f}" for percent in (50, 95)), f"{max(values):.0f}"])
    return ResultTable(title=name, columns=("", "p50 ms", "p95 ms", "longest ms"), rows=rows)


def _photographs() -> dict[str, bytes]:
    with Image.open(checkout.BUNDLED_PHOTO) as photo:
        created = {}
        for size in ((640, 480), (4000, 3000)):
            ImageOps.fit(photo, size).save(file := io.BytesIO(), "JPEG", quality=90)
            created[f"{size[0]}×{size[1]} JPEG, {len(file.getvalue()):,} bytes"] = file.getvalue()
    return created

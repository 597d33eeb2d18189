"""From an upload to its thumbnails: how long a photograph is on its way through the whole platform."""

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
from benchmarks.report import Figures, Section
from benchmarks.rounds import Turn, percentile, take_turns
from lambda_src.thumbnails.profiles import PROFILES
from operations.client import access_tokens
from operations.client.platform_api import PlatformApi
from operations.project import checkout
from runtime.roles import Role

NAME = "uploads"
VISIBLE_SECONDS = 60
# The row is looked for in the database: asking the API for it would take the worker's processor away.
LOOK_SECONDS = 0.003

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
    """Sends photographs as an editor does, each to an episode of its own."""

    api: PlatformApi
    editor: str
    admin: str
    database: psycopg.Connection[DictRow]
    _show_id: str = ""
    _numbers: list[int] = field(default_factory=list)

    def turn(self, content: bytes) -> Turn:
        """One upload: milliseconds from the moment in which the client begins to send the file."""
        episode_id = self._episode()
        form = self._announce(episode_id, content)
        began = time.perf_counter()
        self.api.upload(form["uploadUrl"], form["fields"], "photo.jpg", content, "image/jpeg")
        sent = time.perf_counter()
        self.api.post(f"/api/v1/upload/{form['upload_id']}/complete", {}, token=self.editor, expect=200)
        completed = time.perf_counter()
        self._wait_for_rows(episode_id)
        visible = time.perf_counter()
        return {
            "sent": (sent - began) * 1000,
            "completed": (completed - began) * 1000,
            "visible": (visible - began) * 1000,
            **self._job(episode_id),
        }

    def _episode(self) -> str:
        if not self._show_id:
            made = self.api.post("/api/v1/shows", {"name": "Uploads"}, token=self.admin)
            self._show_id = made["data"]["show_id"]
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
        """What the job's own times tell, all of them by the database's clock."""
        row = self.database.execute(_JOB, [episode_id]).fetchone()
        if row is None:
            raise LookupError(f"episode {episode_id} has thumbnails and no completed job")
        return dict(row)

    def _wait_for_rows(self, episode_id: str) -> None:
        """Returns when all thumbnails of the episode are recorded; TimeoutError when they are not in time."""
        deadline = time.monotonic() + VISIBLE_SECONDS
        expected = len(PROFILES["episode"])
        statement = "SELECT count(*) AS made FROM thumbnails WHERE episode_id = %s AND status = 'ready'"
        while True:
            row = self.database.execute(statement, [episode_id]).fetchone()
            if row and row["made"] == expected:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"episode {episode_id} has no thumbnails after {VISIBLE_SECONDS} s")
            time.sleep(LOOK_SECONDS)


def measure(*, quick: bool) -> Section:
    """One photograph after the other, small and large in turn."""
    photographs, uploads, warm_ups = _photographs(), *((2, 0) if quick else (60, 3))
    with platforms.running() as start:
        assert start.state.endpoints is not None, "a platform that is up has endpoints"  # noqa: S101
        with PlatformApi(start.state.endpoints.api) as api, platforms.connect(start.database()) as database:
            editor, admin = (access_tokens.issue(start.state, role).token for role in (Role.EDITOR, Role.ADMIN))
            uploader = Uploader(api, editor, admin, database)
            contestants = {
                name: (lambda content=content: uploader.turn(content)) for name, content in photographs.items()
            }
            turns = take_turns(contestants, rounds=uploads, warm_ups=warm_ups)
    return Section(
        name=NAME,
        tables=[_figures(name, own) for name, own in turns.items()],
        notes=[
            f"{uploads} uploads of each, one at a time, small and large in turn, after {warm_ups} that do not count."
        ],
    )


def _figures(name: str, turns: Sequence[Turn]) -> Figures:
    rows = []
    for step, words in STEPS.items():
        values = [turn[step] for turn in turns]
        rows.append([words, *(f"{percentile(values, percent):.0f}" for percent in (50, 95)), f"{max(values):.0f}"])
    return Figures(title=name, columns=("", "p50 ms", "p95 ms", "longest ms"), rows=rows)


def _photographs() -> dict[str, bytes]:
    with Image.open(checkout.BUNDLED_PHOTO) as photo:
        made = {}
        for size in ((640, 480), (4000, 3000)):
            ImageOps.fit(photo, size).save(file := io.BytesIO(), "JPEG", quality=90)
            made[f"{size[0]}×{size[1]} JPEG, {len(file.getvalue()):,} bytes"] = file.getvalue()
    return made

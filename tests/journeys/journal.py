"""A client that trusts nobody: it writes down what it was told was done, and repeats what it was not told about."""

import hashlib
import io
import json
import os
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

# What a client repeats: the server says so, or there was no answer. 500 and 502 are the gateway's, for a function that died.
PASSING_STATUSES = frozenset({429, 500, 502, 503, 504})


class GivenUpError(Exception):
    """The platform did not serve the request within the client's patience."""


class Journal:
    """One line for each acknowledged action, on disk before the client goes on."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self.length = 0

    def write(self, action: str, **fields: str) -> None:
        line = json.dumps({"action": action, **fields}) + "\n"
        with self._lock, self._path.open("a") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
            self.length += 1

    def read(self, action: str) -> list[dict[str, str]]:
        """The fields of every acknowledged action of this kind."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [entry for entry in map(json.loads, lines) if entry["action"] == action]


@dataclass
class Editor:
    """Makes shows, episodes and pictures, as the API allows it. `patience` is how long one request is repeated, in seconds."""

    api_url: str
    token: str
    journal: Journal
    patience: float = 60.0
    statuses: Counter[str] = field(default_factory=Counter)

    def journey(self) -> None:
        """A show, its episode, a changed title, and a picture that becomes thumbnails. GivenUpError."""
        with httpx.Client(base_url=self.api_url, timeout=30, trust_env=False) as http:
            episode_id = self._episode(http, self._show(http))
            title = f"Title {secrets.token_hex(6)}"
            self._request(http, "PATCH", f"/api/v1/episodes/{episode_id}", {"title": title})
            self.journal.write("titled", episode_id=episode_id, title=title)
            job_id = self._picture(http, episode_id)
            self.journal.write(self._outcome(http, job_id), episode_id=episode_id, job_id=job_id)

    def show(self) -> None:
        """A show alone: what the API does without any other part of AWS. GivenUpError."""
        with httpx.Client(base_url=self.api_url, timeout=30, trust_env=False) as http:
            self._show(http)

    def _show(self, http: httpx.Client) -> str:
        name = f"Show {secrets.token_hex(8)}"
        show_id: str = self._request(http, "POST", "/api/v1/shows", {"name": name})["show_id"]
        self.journal.write("show", show_id=show_id, name=name)
        return show_id

    def _episode(self, http: httpx.Client, show_id: str) -> str:
        body = {"show_id": show_id, "title": "An episode", "season_number": 1, "episode_number": 1}
        episode_id: str = self._request(http, "POST", "/api/v1/episodes", body)["episode_id"]
        self.journal.write("episode", episode_id=episode_id, show_id=show_id)
        return episode_id

    def _picture(self, http: httpx.Client, episode_id: str) -> str:
        content = picture()
        body = {
            "file_name": "picture.jpg",
            "file_type": "image/jpeg",
            "entity_type": "episode",
            "entity_id": episode_id,
            "byte_count": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        form = self._request(http, "POST", "/api/v1/upload/generate-url", body)
        self.journal.write("announced", upload_id=form["upload_id"])
        self._until(
            lambda: http.post(
                form["uploadUrl"], data=form["fields"], files={"file": ("picture.jpg", content, "image/jpeg")}
            )
        )
        completed = self._request(http, "POST", f"/api/v1/upload/{form['upload_id']}/complete", None)
        self.journal.write("completed", upload_id=form["upload_id"], job_id=completed["job_id"], episode_id=episode_id)
        job_id: str = completed["job_id"]
        return job_id

    def _outcome(self, http: httpx.Client, job_id: str) -> str:
        deadline = time.monotonic() + 3 * self.patience
        while (job := self._request(http, "GET", f"/api/v1/jobs/{job_id}", None))["status"] in {
            "pending",
            "processing",
        }:
            if time.monotonic() > deadline:
                raise GivenUpError(f"the job {job_id} did not end")
            time.sleep(0.2)
        return "rendered" if job["status"] == "completed" else "exhausted"

    def _request(self, http: httpx.Client, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        return self._until(lambda: http.request(method, path, json=body, headers=headers)).json()["data"]

    def _until(self, ask: Any) -> httpx.Response:
        deadline = time.monotonic() + self.patience
        while True:
            try:
                answer: httpx.Response = ask()
            except httpx.TransportError as error:
                self.statuses[type(error).__name__] += 1
                last = repr(error)
            else:
                self.statuses[str(answer.status_code)] += 1
                last = f"{answer.status_code} {answer.text[:300]}"
                if answer.is_success:
                    return answer
                # A conflict about the key says that the first attempt is not over.
                busy = answer.status_code == 409 and "is in progress" in answer.text
                if answer.status_code not in PASSING_STATUSES and not busy:
                    raise AssertionError(f"refused for good: {last}")
            if time.monotonic() > deadline:
                raise GivenUpError(last)
            time.sleep(0.1)


def picture() -> bytes:
    """A small image of its own."""
    buffer = io.BytesIO()
    Image.frombytes("RGB", (64, 36), os.urandom(64 * 36 * 3)).save(buffer, "JPEG")
    return buffer.getvalue()

"""Seeding of the catalogue: each record is looked up first, created if it is missing, and updated if it differs.

So a run can be repeated, and an interrupted one is completed by the next. Other users' work is not overwritten:
existing statuses, assignments, scripts and pictures stay as they are.
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from operations.client.platform_api import PlatformApi
from operations.client.retry_policy import RetryPolicy
from operations.seed.catalogue import TAG, Body, Catalogue, Clip, Episode
from operations.seed.outcome_counts import Outcome, OutcomeCounts
from operations.seed.picture_uploads import PictureUploads
from runtime.roles import Role

T = TypeVar("T")
R = TypeVar("R")

PARALLEL_REQUESTS = 8
PAGE_SIZE = "100"
CLIP = "clip"
# The URL path segment of each kind of record.
PLURALS = {
    "show": "shows",
    "outfit": "outfits",
    "ui_element": "ui-elements",
    "background": "backgrounds",
    "component": "components",
    "guest": "guests",
    "episode": "episodes",
    CLIP: "clips",
}
# Kinds that only admins may create.
ADMIN_KINDS = {"show", "episode"}


class CatalogueSeeder:
    """One run; it raises UnexpectedResponseError at the first response that it cannot handle."""

    def __init__(self, api: PlatformApi, tokens: Mapping[Role, str], counts: OutcomeCounts, retry: RetryPolicy) -> None:
        self._api, self._tokens, self._counts, self._retry = api, tokens, counts, retry
        self._pictures = PictureUploads(api, tokens[Role.EDITOR], counts, retry)
        self._ids: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def run(self, catalogue: Catalogue) -> None:
        """Seed the whole catalogue; pictures and their thumbnails come last."""
        with ThreadPoolExecutor(PARALLEL_REQUESTS, thread_name_prefix="seed") as pool:
            self._put_named(pool, "show", catalogue.shows)
            for kind, bodies in catalogue.assets.items():
                self._put_named(pool, kind, bodies)
            known_clips = {clip["file_hash"]: clip for clip in self._list("clips", {"tag": TAG})}
            records = self._run_all(
                pool, lambda clip: self._clip(clip, known_clips.get(clip.file_hash)), catalogue.clips
            )
            clips = {clip["file_hash"]: clip for clip in records}
            known = {
                (episode["show_id"], episode["season_number"], episode["episode_number"]): episode
                for show_id in self._ids["show"].values()
                for episode in self._list("episodes", {"show_id": show_id})
            }
            jobs = self._run_all(pool, lambda episode: self._episode(episode, known, clips), catalogue.episodes)
            self._pictures.wait_for_jobs([job for job in jobs if job])

    def _run_all(self, pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Return the results in order. After a failure or an interruption no further item is started."""
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            self._retry.stop()
            for future in futures:
                future.cancel()
            raise

    def _put_named(self, pool: ThreadPoolExecutor, kind: str, bodies: Iterable[Body]) -> None:
        """Seed records that are identified by name. Of several with one name, the oldest that is not deleted is used."""
        known: dict[str, Body] = {}
        # Later entries replace earlier ones: the list is newest first, and deleted records are sorted to the front.
        found = self._list(PLURALS[kind], {})
        for record in sorted(found, key=lambda record: record["deleted_at"] is None):
            known[record["name"]] = record
        records = self._run_all(pool, lambda body: self._put(kind, body, known.get(body["name"])), bodies)
        self._ids[kind] = {record["name"]: record[f"{kind}_id"] for record in records}

    def _put(
        self, kind: str, body: Body, found: Body | None, *, initial_values: Mapping[str, Any] | None = None
    ) -> Body:
        """Create or update a record. `initial_values` apply to a new record only."""
        if found is None:
            created: Body = self._post(
                PLURALS[kind], {**body, **(initial_values or {})}, role=self._role(kind), expect=201
            )
            self._counts.count(kind, Outcome.MADE)
            return created
        path = f"{PLURALS[kind]}/{found[f'{kind}_id']}"
        outcome = Outcome.FOUND
        if found["deleted_at"]:
            found = self._post(f"{path}/restore", None, role=Role.ADMIN)
            outcome = Outcome.CHANGED
        different = {name: value for name, value in body.items() if found[name] != value}
        if different:
            found = self._retry(
                lambda: self._api.patch(f"/api/v1/{path}", different, token=self._tokens[self._role(kind)])
            )["data"]
            outcome = Outcome.CHANGED
        self._counts.count(kind, outcome)
        return found

    def _clip(self, clip: Clip, found: Body | None) -> Body:
        body = {name: value for name, value in clip.body.items() if name != "status"}
        if clip.guest:
            body["guest_id"] = self._ids["guest"][clip.guest]
        if found is None:
            # A clip without the tag can still be found by its file.
            found = next(iter(self._list("clips", {"file_hash": clip.file_hash})), None)
        initial_values = {"status": clip.body["status"]} if "status" in clip.body else {}
        return self._put(CLIP, body, found, initial_values=initial_values)

    def _episode(
        self, episode: Episode, known: Mapping[tuple[str, int, int], Body], clips: Mapping[str, Body]
    ) -> str | None:
        """Seed an episode with everything it uses, and return the id of its thumbnail job, if there is one."""
        body = episode.body
        key = (self._ids["show"][body["show_name"]], body["season_number"], body["episode_number"])
        record = self._put("episode", body, known.get(key), initial_values={"status": episode.status})
        path = f"episodes/{record['episode_id']}"
        self._scripts(path, episode.scripts)
        for kind, wanted in episode.uses.items():
            self._links(path, kind, {self._ids[kind][name]: context for name, context in wanted.items()})
        self._assignments(record["episode_id"], [clips[clip.file_hash] for clip in episode.clips if clip.is_used])
        name = f"{body['show_name']}: {body['title']}"
        return self._pictures.upload(record["episode_id"], name, episode.palette)

    def _scripts(self, path: str, texts: tuple[str, ...]) -> None:
        existing = len(self._list(f"{path}/script-versions", {}))
        self._counts.count("script", Outcome.FOUND, min(existing, len(texts)))
        for draft, text in enumerate(texts[existing:], start=existing + 1):
            body = {"script_text": text, "change_notes": "The first draft." if draft == 1 else "After the table read."}
            self._post(f"{path}/script-versions", body, role=Role.EDITOR, expect=201)
            self._counts.count("script", Outcome.MADE)

    def _links(self, path: str, kind: str, wanted: Mapping[str, str]) -> None:
        row_id = f"{kind}_id"
        existing = {link[row_id]: link["usage_context"] for link in self._list(f"{path}/{PLURALS[kind]}", {})}
        links = [
            {row_id: record_id, "usage_context": context}
            for record_id, context in wanted.items()
            if existing.get(record_id) != context
        ]
        if links:
            self._post(f"{path}/{PLURALS[kind]}", {"links": links}, role=Role.EDITOR)
        for record_id, context in wanted.items():
            is_new = record_id not in existing
            outcome = Outcome.MADE if is_new else Outcome.FOUND if existing[record_id] == context else Outcome.CHANGED
            self._counts.count("link", outcome)

    def _assignments(self, episode_id: str, clips: list[Body]) -> None:
        free = [clip["clip_id"] for clip in clips if clip["episode_id"] is None and clip["status"] != "rejected"]
        if free:
            self._post("clips/assign", {"episode_id": episode_id, "clip_ids": free}, role=Role.EDITOR)
            self._counts.count("assignment", Outcome.MADE, len(free))
        if len(free) < len(clips):
            self._counts.count("assignment", Outcome.FOUND, len(clips) - len(free))

    def _list(self, path: str, query: Mapping[str, str]) -> list[Body]:
        """Return all records, newest first, including deleted ones."""
        parameters = {"limit": PAGE_SIZE, **query}
        if path in PLURALS.values():
            parameters["include_deleted"] = "true"
        found: list[Body] = []
        while True:
            response = self._retry(
                lambda: self._api.get(f"/api/v1/{path}", token=self._tokens[Role.ADMIN], query=parameters)
            )
            found += response["data"]
            if not response["page"]["next"]:
                return found
            parameters["cursor"] = response["page"]["next"]

    def _post(self, path: str, body: Body | None, *, role: Role, expect: int = 200) -> Any:
        """Return the data of a POST response. An idempotency key makes repeated requests safe."""
        key = str(uuid.uuid4())
        return self._retry(
            lambda: self._api.post(
                f"/api/v1/{path}", body, token=self._tokens[role], expect=expect, idempotency_key=key
            )
        )["data"]

    def _role(self, kind: str) -> Role:
        return Role.ADMIN if kind in ADMIN_KINDS else Role.EDITOR

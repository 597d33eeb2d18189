"""How the catalogue comes onto a platform: each thing is looked for first, made where it is not, and changed where it differs.

So a run can be repeated, and one that was interrupted goes on where it stopped. Nobody's other work is touched: a status, an
assignment, a script or a picture that is there stays.
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from operations.client.access_tokens import Role
from operations.client.platform_api import PlatformApi
from operations.client.retry_policy import RetryPolicy
from operations.seed.catalogue import TAG, Body, Catalogue, Clip, Episode
from operations.seed.outcome_counts import Outcome, OutcomeCounts
from operations.seed.picture_uploads import PictureUploads

T = TypeVar("T")
R = TypeVar("R")

CONNECTIONS = 8
PAGE = "100"
CLIP = "clip"
# How addresses name what is linked to episodes, and the rest of what has a name.
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
# What editors may not make.
ADMINISTRATORS = {"show", "episode"}


class CatalogueSeeder:
    """One run. Raises UnexpectedAnswerError at the first answer that it cannot go on with."""

    def __init__(
        self, api: PlatformApi, tokens: Mapping[Role, str], ledger: OutcomeCounts, patience: RetryPolicy
    ) -> None:
        self._api, self._tokens, self._ledger, self._patience = api, tokens, ledger, patience
        self._pictures = PictureUploads(api, tokens[Role.EDITOR], ledger, patience)
        self._ids: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def run(self, catalogue: Catalogue) -> None:
        """Brings all of it there, pictures and their thumbnails last."""
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="seed") as pool:
            self._named(pool, "show", catalogue.shows)
            for kind, bodies in catalogue.assets.items():
                self._named(pool, kind, bodies)
            known_clips = {clip["file_hash"]: clip for clip in self._list("clips", {"tag": TAG})}
            made = self._each(pool, lambda clip: self._clip(clip, known_clips.get(clip.file_hash)), catalogue.clips)
            clips = {clip["file_hash"]: clip for clip in made}
            known = {
                (episode["show_id"], episode["season_number"], episode["episode_number"]): episode
                for show_id in self._ids["show"].values()
                for episode in self._list("episodes", {"show_id": show_id})
            }
            jobs = self._each(pool, lambda episode: self._episode(episode, known, clips), catalogue.episodes)
            self._pictures.wait([job for job in jobs if job])

    def _each(self, pool: ThreadPoolExecutor, work: Callable[[T], R], things: Iterable[T]) -> list[R]:
        """The results in order. After a failure or an interruption nothing more is begun."""
        futures = [pool.submit(work, thing) for thing in things]
        try:
            return [future.result() for future in futures]
        except BaseException:
            self._patience.stop()
            for future in futures:
                future.cancel()
            raise

    def _named(self, pool: ThreadPoolExecutor, kind: str, bodies: Iterable[Body]) -> None:
        """Things that are known by their names. Of several with one name the oldest that is not deleted is meant."""
        known: dict[str, Body] = {}
        # Newest first, so that older ones take their places; deleted ones before all others.
        found = self._list(PLURALS[kind], {})
        for record in sorted(found, key=lambda record: record["deleted_at"] is None):
            known[record["name"]] = record
        made = self._each(pool, lambda body: self._put(kind, body, known.get(body["name"])), bodies)
        self._ids[kind] = {record["name"]: record[f"{kind}_id"] for record in made}

    def _put(self, kind: str, body: Body, found: Body | None, *, at_first: Mapping[str, Any] | None = None) -> Body:
        """The record with these values. `at_first` is said of a new one alone."""
        if found is None:
            made: Body = self._post(PLURALS[kind], {**body, **(at_first or {})}, role=self._role(kind), expect=201)
            self._ledger.count(kind, Outcome.MADE)
            return made
        path = f"{PLURALS[kind]}/{found[f'{kind}_id']}"
        outcome = Outcome.FOUND
        if found["deleted_at"]:
            found = self._post(f"{path}/restore", None, role=Role.ADMIN)
            outcome = Outcome.CHANGED
        different = {name: value for name, value in body.items() if found[name] != value}
        if different:
            found = self._patience(
                lambda: self._api.patch(f"/api/v1/{path}", different, token=self._tokens[self._role(kind)])
            )["data"]
            outcome = Outcome.CHANGED
        self._ledger.count(kind, outcome)
        return found

    def _clip(self, clip: Clip, found: Body | None) -> Body:
        body = {name: value for name, value in clip.body.items() if name != "status"}
        if clip.guest:
            body["guest_id"] = self._ids["guest"][clip.guest]
        if found is None:
            # One that lost the tag is still known by its file.
            found = next(iter(self._list("clips", {"file_hash": clip.file_hash})), None)
        at_first = {"status": clip.body["status"]} if "status" in clip.body else {}
        return self._put(CLIP, body, found, at_first=at_first)

    def _episode(
        self, episode: Episode, known: Mapping[tuple[str, int, int], Body], clips: Mapping[str, Body]
    ) -> str | None:
        """Brings one episode there with all that it uses; returns the job that makes its thumbnails, if one has to."""
        body = episode.body
        key = (self._ids["show"][body["show_name"]], body["season_number"], body["episode_number"])
        record = self._put("episode", body, known.get(key), at_first={"status": episode.status})
        path = f"episodes/{record['episode_id']}"
        self._scripts(path, episode.scripts)
        for kind, wanted in episode.uses.items():
            self._links(path, kind, {self._ids[kind][name]: context for name, context in wanted.items()})
        self._assignments(record["episode_id"], [clips[clip.file_hash] for clip in episode.clips if clip.is_used])
        name = f"{body['show_name']}: {body['title']}"
        return self._pictures.send(record["episode_id"], name, episode.palette)

    def _scripts(self, path: str, texts: tuple[str, ...]) -> None:
        there = len(self._list(f"{path}/script-versions", {}))
        self._ledger.count("script", Outcome.FOUND, min(there, len(texts)))
        for draft, text in enumerate(texts[there:], start=there + 1):
            body = {"script_text": text, "change_notes": "The first draft." if draft == 1 else "After the table read."}
            self._post(f"{path}/script-versions", body, role=Role.EDITOR, expect=201)
            self._ledger.count("script", Outcome.MADE)

    def _links(self, path: str, kind: str, wanted: Mapping[str, str]) -> None:
        row_id = f"{kind}_id"
        there = {one[row_id]: one["usage_context"] for one in self._list(f"{path}/{PLURALS[kind]}", {})}
        links = [
            {row_id: one, "usage_context": context} for one, context in wanted.items() if there.get(one) != context
        ]
        if links:
            self._post(f"{path}/{PLURALS[kind]}", {"links": links}, role=Role.EDITOR)
        for one, context in wanted.items():
            is_made = one not in there
            outcome = Outcome.MADE if is_made else Outcome.FOUND if there[one] == context else Outcome.CHANGED
            self._ledger.count("link", outcome)

    def _assignments(self, episode_id: str, clips: list[Body]) -> None:
        free = [clip["clip_id"] for clip in clips if clip["episode_id"] is None and clip["status"] != "rejected"]
        if free:
            self._post("clips/assign", {"episode_id": episode_id, "clip_ids": free}, role=Role.EDITOR)
            self._ledger.count("assignment", Outcome.MADE, len(free))
        if len(free) < len(clips):
            self._ledger.count("assignment", Outcome.FOUND, len(clips) - len(free))

    def _list(self, path: str, query: Mapping[str, str]) -> list[Body]:
        """All there are, newest first; of what can be deleted also what is."""
        asked = {"limit": PAGE, **query}
        if path in PLURALS.values():
            asked["include_deleted"] = "true"
        found: list[Body] = []
        while True:
            answer = self._patience(
                lambda: self._api.get(f"/api/v1/{path}", token=self._tokens[Role.ADMIN], query=asked)
            )
            found += answer["data"]
            if not answer["page"]["next"]:
                return found
            asked["cursor"] = answer["page"]["next"]

    def _post(self, path: str, body: Body | None, *, role: Role, expect: int = 200) -> Any:
        """The data that a POST answers. It is done once, however often it has to be sent."""
        key = str(uuid.uuid4())
        return self._patience(
            lambda: self._api.post(
                f"/api/v1/{path}", body, token=self._tokens[role], expect=expect, idempotency_key=key
            )
        )["data"]

    def _role(self, kind: str) -> Role:
        return Role.ADMIN if kind in ADMINISTRATORS else Role.EDITOR

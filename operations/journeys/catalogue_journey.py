"""The catalogue journey: an editor's work on one episode and everything that belongs to it.

Each step compares the result with the platform's response to another request where possible.
"""

import csv
import hashlib
import io
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.journeys.expected_activity import ExpectedActivity
from operations.journeys.journey import Journey, Steps
from operations.journeys.machine_metadata import add_machine_metadata
from runtime.roles import Role

SCRIPTS = ("FADE IN: a meadow at dawn.", "FADE IN: a meadow at dusk, the lamps already lit.")
CONTEXTS = ("The opening scene", "At the market", "The last dance")
ADMIN, EDITOR, VIEWER = Role.ADMIN, Role.EDITOR, Role.VIEWER


class CatalogueJourney(Journey):
    """A run with unique names and file hashes, so that a platform can have any number of them."""

    roles = tuple(Role)

    def __init__(self, api: PlatformApi, sign_in: Callable[[Role], str]) -> None:
        super().__init__(api, sign_in)
        self._activity = ExpectedActivity()
        self._word = secrets.token_hex(7)
        self._show = f"Journey {self._word}"
        self._show_id = self._episode_id = self._episode = ""
        self._outfits: dict[str, str] = {}
        self._clip_id = self._duplicate_id = ""

    def _steps(self) -> Steps:
        return (
            ("create show", self._create_show),
            ("create episode", self._create_episode),
            ("write scripts", self._write_scripts),
            ("reactivate script", self._reactivate_first_script),
            ("link outfits", self._link_outfits),
            ("link overlays", lambda: self._link("ui-elements", "ui_element", {"element_type": "lower_third"})),
            ("link backgrounds", lambda: self._link("backgrounds", "background", {"background_type": "interior"})),
            ("create clips", self._create_clips),
            ("reject duplicate", self._reject_duplicate),
            ("create duplicate", self._create_duplicate),
            ("assign clip", self._assign_clip),
            ("rate clip", self._rate_clip),
            (
                "machine adds metadata",
                lambda: add_machine_metadata(self._api, self._episode, self._tokens, self._activity),
            ),
            ("reject early publishing", self._reject_publishing),
            ("publish", self._publish),
            ("viewer reads", self._read_as_viewer),
            ("reject viewer", self._reject_viewer),
            ("delete outfit", self._delete_outfit),
            ("restore outfit", self._restore_outfit),
            ("import", self._import),
            ("export", self._export),
            ("audit trail", lambda: self._activity.verify(self._api, self._tokens)),
        )

    def _create_show(self) -> str:
        body = {"name": self._show, "description": "Created by `platform journey catalogue`."}
        self._show_id = self._create(ADMIN, "shows", "show", body)
        return f"show {self._show_id}"

    def _create_episode(self) -> str:
        body = {"show_id": self._show_id, "title": "A day in the meadow", "season_number": 1, "episode_number": 1}
        self._episode_id = self._create(ADMIN, "episodes", "episode", body)
        self._episode = f"/api/v1/episodes/{self._episode_id}"
        _check("the new episode's status", self._get(self._episode)["status"], "draft")
        return f"episode {self._episode_id}, a draft"

    def _write_scripts(self) -> str:
        for text in SCRIPTS:
            path, body = f"{self._episode}/script-versions", {"script_text": text, "change_notes": "Shorter."}
            created = self._api.post(path, body, token=self._tokens[EDITOR])["data"]
            self._activity.record(EDITOR, "create", "script_version", created["script_version_id"])
            self._activity.record(EDITOR, "edit", "episode", self._episode_id)
        return self._check_script(active=2)

    def _reactivate_first_script(self) -> str:
        path = f"{self._episode}/script-versions"
        first = next(item["script_version_id"] for item in self._list(path) if item["version_number"] == 1)
        self._api.post(f"{path}/{first}/activate", None, token=self._tokens[EDITOR], expect=200)
        self._activity.record(EDITOR, "activate", "script_version", first)
        self._activity.record(EDITOR, "edit", "episode", self._episode_id)
        return self._check_script(active=1)

    def _check_script(self, *, active: int) -> str:
        versions = self._list(f"{self._episode}/script-versions")
        found = [(item["version_number"], item["is_active"]) for item in versions]
        _check("the script's history", found, [(number, number == active) for number in (2, 1)])
        text = self._get(self._episode)["script_text"]
        _check("the episode's script", text, SCRIPTS[active - 1])
        return f"version {active} of {len(versions)} is the episode's script: {text!r}"

    def _link_outfits(self) -> str:
        bodies: list[dict[str, Any]] = [
            {"name": f"Linen {self._word}", "top": {"kind": "shirt", "colour": "white"}},
            {"name": f"Denim {self._word}", "shoes": {"kind": "boots", "colour": "brown"}},
            {"name": f"Velvet {self._word}", "accessories": [{"kind": "scarf", "pattern": "dots"}]},
        ]
        ids = [self._create(EDITOR, "outfits", "outfit", body) for body in bodies]
        self._outfits = dict(zip(ids, CONTEXTS, strict=True))
        self._put_links("outfits", "outfit", self._outfits)
        return f"3 outfits in one request, for {', '.join(CONTEXTS)}"

    def _link(self, plural: str, noun: str, values: dict[str, Any]) -> str:
        names = [f"{noun} {number} {self._word}" for number in (1, 2)]
        ids = [self._create(EDITOR, plural, noun, {"name": name, **values}) for name in names]
        self._put_links(plural, noun, dict.fromkeys(ids, "Throughout"))
        counts = [self._get(f"/api/v1/{plural}/{item}")["usage_count"] for item in ids]
        _check("the usage counts", counts, [1, 1])
        return f"2 records, each used by one episode: {', '.join(names)}"

    def _put_links(self, plural: str, noun: str, contexts: dict[str, str]) -> None:
        links = [{f"{noun}_id": item, "usage_context": context} for item, context in contexts.items()]
        self._api.post(f"{self._episode}/{plural}", {"links": links}, token=self._tokens[EDITOR], expect=200)
        self._activity.record(EDITOR, "link", noun, *contexts)
        _check("the episode's links", self._linked(plural, noun), contexts)

    def _linked(self, plural: str, noun: str) -> dict[str, str]:
        return {item[f"{noun}_id"]: item["usage_context"] for item in self._list(f"{self._episode}/{plural}")}

    def _create_clips(self) -> str:
        guest = self._create(EDITOR, "guests", "guest", {"name": f"Guest {self._word}", "role": "gardener"})
        body = self._clip("Dandelions, take 1", "dawn")
        self._clip_id = self._create(EDITOR, "clips", "clip", body)
        talk = self._clip("A talk at the fence", "fence") | {"talent_source": "Guest", "guest_id": guest}
        self._create(EDITOR, "clips", "clip", talk)
        (found,) = self._list("/api/v1/clips", file_hash=body["file_hash"])
        _check("the clip with the file", found["clip_id"], self._clip_id)
        return f"2 clips, one with a guest; found by file hash: {found['title']!r}, {found['status']}"

    def _reject_duplicate(self) -> str:
        body = self._clip("Dandelions, sent again", "dawn")
        response = self._api.post("/api/v1/clips", body, token=self._tokens[EDITOR], expect=409)
        return f"409 {_error_code(response, 'CONFLICT')}"

    def _create_duplicate(self) -> str:
        body = self._clip("Dandelions, wanted twice", "dawn")
        created = self._api.post("/api/v1/clips", body, token=self._tokens[EDITOR], query={"allow_duplicate": "true"})[
            "data"
        ]
        self._duplicate_id = created["clip_id"]
        self._activity.record(EDITOR, "create", "clip", self._duplicate_id)
        for item, other in ((self._clip_id, self._duplicate_id), (self._duplicate_id, self._clip_id)):
            found = [clip["clip_id"] for clip in self._list(f"/api/v1/clips/{item}/duplicates")]
            _check(f"the duplicates of clip {item}", found, [other])
        return "created with allow_duplicate; each of the two clips lists the other"

    def _assign_clip(self) -> str:
        path, body = f"/api/v1/clips/{self._clip_id}/assign", {"episode_id": self._episode_id}
        self._api.post(path, body, token=self._tokens[EDITOR], expect=200)
        self._activity.record(EDITOR, "link", "clip", self._clip_id)
        found = [(clip["clip_id"], clip["status"]) for clip in self._list(f"{self._episode}/clips")]
        _check("the episode's clips", found, [(self._clip_id, "used")])
        return "the episode's only clip; its status is used"

    def _rate_clip(self) -> str:
        path = f"/api/v1/clips/{self._clip_id}"
        self._api.post(f"{path}/rate", {"quality": "hero"}, token=self._tokens[EDITOR], expect=200)
        self._activity.record(EDITOR, "edit", "clip", self._clip_id)
        found = [self._get(f"/api/v1/clips/{item}")["quality"] for item in (self._clip_id, self._duplicate_id)]
        _check("the quality of the clip and of its duplicate", found, ["hero", None])
        return "hero; the duplicate has no rating"

    def _reject_publishing(self) -> str:
        response = self._api.post(f"{self._episode}/publish", None, token=self._tokens[EDITOR], expect=409)
        _check("the episode's status", self._get(self._episode)["status"], "draft")
        return f"409 {_error_code(response, 'CONFLICT')}, still a draft"

    def _publish(self) -> str:
        for status in ("in_production", "ready_for_publish"):
            self._api.patch(self._episode, {"status": status}, token=self._tokens[EDITOR])
            self._activity.record(EDITOR, "edit", "episode", self._episode_id)
        self._decide("reject")
        self._api.post(f"{self._episode}/publish", None, token=self._tokens[EDITOR], expect=409)
        self._decide("approve")
        self._api.post(f"{self._episode}/publish", None, token=self._tokens[EDITOR], expect=200)
        self._activity.record(EDITOR, "edit", "episode", self._episode_id)
        episode = self._get(self._episode)
        _check("the episode's status", episode["status"], "published")
        if not episode["publish_date"]:
            raise UnexpectedResponseError("the published episode has no publish_date")
        return f"409 while rejected; published on {episode['publish_date']} once approved"

    def _decide(self, decision: str) -> None:
        self._api.post(f"{self._episode}/{decision}", None, token=self._tokens[ADMIN], expect=200)
        self._activity.record(ADMIN, "edit", "episode", self._episode_id)

    def _read_as_viewer(self) -> str:
        counts = [
            len(self._list(f"{self._episode}/{subject}"))
            for subject in ("outfits", "ui-elements", "backgrounds", "clips")
        ]
        _check("the numbers of outfits, UI elements, backgrounds and clips", counts, [3, 2, 2, 1])
        return f"{self._get(self._episode)['title']!r} with 3 outfits, 2 UI elements, 2 backgrounds, 1 clip"

    def _reject_viewer(self) -> str:
        before = self._get(self._episode)["etag"]
        token = self._tokens[VIEWER]
        codes = [
            _error_code(self._api.patch(self._episode, {"title": "Mine"}, token=token, expect=403), "FORBIDDEN"),
            _error_code(self._api.delete(self._episode, token=token, expect=403), "FORBIDDEN"),
            _error_code(
                self._api.post("/api/v1/clips", self._clip("Mine", "mine"), token=token, expect=403), "FORBIDDEN"
            ),
        ]
        _check("the episode's version", self._get(self._episode)["etag"], before)
        return f"edit, delete and create a clip: 403 {', '.join(codes)}; the episode is unchanged"

    def _delete_outfit(self) -> str:
        outfit = next(iter(self._outfits))
        path = f"/api/v1/outfits/{outfit}"
        self._api.delete(path, token=self._tokens[EDITOR], expect=403)
        self._api.delete(path, token=self._tokens[ADMIN], query={"reason": "Torn at the shoulder"})
        self._activity.record(ADMIN, "delete", "outfit", outfit)
        self._api.get(path, token=self._tokens[VIEWER], expect=404)
        remaining = {item: context for item, context in self._outfits.items() if item != outfit}
        _check("the episode's outfits", self._linked("outfits", "outfit"), remaining)
        return "deleted by an admin after 403 for the editor; the episode has the other 2 outfits"

    def _restore_outfit(self) -> str:
        outfit = next(iter(self._outfits))
        self._api.post(f"/api/v1/outfits/{outfit}/restore", None, token=self._tokens[ADMIN], expect=200)
        self._activity.record(ADMIN, "restore", "outfit", outfit)
        _check("the episode's outfits", self._linked("outfits", "outfit"), self._outfits)
        return f"restored with its link: {self._outfits[outfit]!r}"

    def _import(self) -> str:
        lines = ["show_name,title,episode_number,status", f"{self._show},Hay,2,draft", f"{self._show},Rain,3,finished"]
        lines.append(f"{self._show},Snow,4,draft")
        report = self._send_file("\n".join(lines) + "\n")
        _check("the import results", [item["status"] for item in report], ["created", "refused", "created"])
        rejected = report[1]
        _check("the rejected line and field", (rejected["line"], rejected["errors"][0]["field"]), (3, "status"))
        self._activity.record(ADMIN, "create", "episode", report[0]["id"], report[2]["id"])
        return f"2 episodes; line 3 was rejected: status: {rejected['errors'][0]['message']}"

    def _export(self) -> str:
        address = f"/api/v1/episodes/export?format=csv&show_id={self._show_id}"
        content, _ = self._api.fetch_file(address, token=self._tokens[VIEWER])
        text = content.decode(errors="replace")
        rows = {row["episode_number"]: (row["title"], row["status"]) for row in csv.DictReader(io.StringIO(text))}
        expected = {"1": ("A day in the meadow", "published"), "2": ("Hay", "draft"), "4": ("Snow", "draft")}
        _check("the exported file", rows, expected)
        report = self._send_file(text)
        _check("the results of importing the same file", [item["status"] for item in report], ["unchanged"] * len(rows))
        return f"{len(rows)} episodes; importing them again changes nothing"

    def _send_file(self, text: str) -> list[dict[str, Any]]:
        content, token = text.encode(), self._tokens[ADMIN]
        report = self._api.send_file("/api/v1/episodes/import", content, "text/csv", token=token)["data"]
        lines: list[dict[str, Any]] = report["lines"]
        return lines

    def _clip(self, title: str, scene: str) -> dict[str, Any]:
        digest = hashlib.sha256(f"{scene} {self._word}".encode()).hexdigest()
        return {"title": title, "talent_source": "Lala", "file_hash": digest, "duration_seconds": 94}

    def _create(self, role: Role, plural: str, noun: str, body: Mapping[str, Any]) -> str:
        created = super()._create(role, plural, noun, body)
        self._activity.record(role, "create", noun, created)
        return created


def _check(subject: str, found: Any, expected: Any) -> None:
    """Compare a value with the expected one.

    Raises:
        UnexpectedResponseError: They differ.
    """
    if found != expected:
        raise UnexpectedResponseError(f"{subject}: {found!r} instead of {expected!r}")


def _error_code(response: dict[str, Any], code: str) -> str:
    """Check the error code of an error response, and return it."""
    _check("the error code", response["errors"][0]["code"], code)
    return code

"""The steps of the catalogue's journey: an editor's day with one episode and all that it is made of.

What each step expects is compared with what the platform answers afterwards, to another request where there is one.
"""

import csv
import hashlib
import io
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from operations.client.access_tokens import Role
from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.journeys import machine_metadata
from operations.journeys.expected_activity import ExpectedActivity
from operations.journeys.journey import Journey, Steps

SCRIPTS = ("FADE IN: a meadow at dawn.", "FADE IN: a meadow at dusk, the lamps already lit.")
CONTEXTS = ("The opening scene", "At the market", "The last dance")
ADMIN, EDITOR, VIEWER = Role.ADMIN, Role.EDITOR, Role.VIEWER


class CatalogueJourney(Journey):
    """One run. Names and file hashes are unique to it, so that any number can be made on one platform."""

    roles = tuple(Role)

    def __init__(self, api: PlatformApi, sign_in: Callable[[Role], str]) -> None:
        super().__init__(api, sign_in)
        self._trail = ExpectedActivity()
        self._word = secrets.token_hex(7)
        self._show = f"Journey {self._word}"
        self._show_id = self._episode_id = self._episode = ""
        self._outfits: dict[str, str] = {}
        self._clip_id = self._duplicate_id = ""

    def _steps(self) -> Steps:
        return (
            ("create show", self._create_show),
            ("create episode", self._create_episode),
            ("two scripts", self._write_scripts),
            ("first script again", self._activate_first_script),
            ("link outfits", self._link_outfits),
            ("link overlays", lambda: self._link("ui-elements", "ui_element", {"element_type": "lower_third"})),
            ("link backgrounds", lambda: self._link("backgrounds", "background", {"background_type": "interior"})),
            ("create clips", self._create_clips),
            ("duplicate is refused", self._refuse_duplicate),
            ("duplicate is seen", self._see_duplicate),
            ("assign clip", self._assign_clip),
            ("rate clip", self._rate_clip),
            (
                "machine adds metadata",
                lambda: machine_metadata.add(self._api, self._episode, self._tokens, self._trail),
            ),
            ("early publishing is refused", self._refuse_publishing),
            ("publish", self._publish),
            ("viewer reads", self._read_as_viewer),
            ("viewer is refused", self._refuse_viewer),
            ("delete outfit", self._delete_outfit),
            ("restore outfit", self._restore_outfit),
            ("import", self._import),
            ("export", self._export),
            ("audit trail", lambda: self._trail.compare(self._api, self._tokens)),
        )

    def _create_show(self) -> str:
        body = {"name": self._show, "description": "Made by `platform journey catalogue`."}
        self._show_id = self._create(ADMIN, "shows", "show", body)
        return f"show {self._show_id}"

    def _create_episode(self) -> str:
        body = {"show_id": self._show_id, "title": "A day in the meadow", "season_number": 1, "episode_number": 1}
        self._episode_id = self._create(ADMIN, "episodes", "episode", body)
        self._episode = f"/api/v1/episodes/{self._episode_id}"
        _require("the new episode's status", self._get(self._episode)["status"], "draft")
        return f"episode {self._episode_id}, a draft"

    def _write_scripts(self) -> str:
        for text in SCRIPTS:
            path, body = f"{self._episode}/script-versions", {"script_text": text, "change_notes": "Shorter."}
            made = self._api.post(path, body, token=self._tokens[EDITOR])["data"]
            self._trail.note(EDITOR, "create", "script_version", made["script_version_id"])
            self._trail.note(EDITOR, "edit", "episode", self._episode_id)
        return self._require_script(active=2)

    def _activate_first_script(self) -> str:
        path = f"{self._episode}/script-versions"
        first = next(one["script_version_id"] for one in self._list(path) if one["version_number"] == 1)
        self._api.post(f"{path}/{first}/activate", None, token=self._tokens[EDITOR], expect=200)
        self._trail.note(EDITOR, "activate", "script_version", first)
        self._trail.note(EDITOR, "edit", "episode", self._episode_id)
        return self._require_script(active=1)

    def _require_script(self, *, active: int) -> str:
        versions = self._list(f"{self._episode}/script-versions")
        seen = [(one["version_number"], one["is_active"]) for one in versions]
        _require("the script's history", seen, [(number, number == active) for number in (2, 1)])
        text = self._get(self._episode)["script_text"]
        _require("the episode's script", text, SCRIPTS[active - 1])
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
        return f"three at once, for {', '.join(CONTEXTS)}"

    def _link(self, plural: str, noun: str, values: dict[str, Any]) -> str:
        names = [f"{noun} {number} {self._word}" for number in (1, 2)]
        ids = [self._create(EDITOR, plural, noun, {"name": name, **values}) for name in names]
        self._put_links(plural, noun, dict.fromkeys(ids, "Throughout"))
        counts = [self._get(f"/api/v1/{plural}/{one}")["usage_count"] for one in ids]
        _require("how many episodes use each", counts, [1, 1])
        return f"two, each used by one episode: {', '.join(names)}"

    def _put_links(self, plural: str, noun: str, wanted: dict[str, str]) -> None:
        links = [{f"{noun}_id": one, "usage_context": context} for one, context in wanted.items()]
        self._api.post(f"{self._episode}/{plural}", {"links": links}, token=self._tokens[EDITOR], expect=200)
        self._trail.note(EDITOR, "link", noun, *wanted)
        _require("what the episode uses", self._used(plural, noun), wanted)

    def _used(self, plural: str, noun: str) -> dict[str, str]:
        return {one[f"{noun}_id"]: one["usage_context"] for one in self._list(f"{self._episode}/{plural}")}

    def _create_clips(self) -> str:
        guest = self._create(EDITOR, "guests", "guest", {"name": f"Guest {self._word}", "role": "gardener"})
        body = self._clip("Dandelions, take 1", "dawn")
        self._clip_id = self._create(EDITOR, "clips", "clip", body)
        talk = self._clip("A talk at the fence", "fence") | {"talent_source": "Guest", "guest_id": guest}
        self._create(EDITOR, "clips", "clip", talk)
        (found,) = self._list("/api/v1/clips", file_hash=body["file_hash"])
        _require("the clip that has the file", found["clip_id"], self._clip_id)
        return f"two, one with a guest; found by its file: {found['title']!r}, {found['status']}"

    def _refuse_duplicate(self) -> str:
        body = self._clip("Dandelions, sent again", "dawn")
        refused = self._api.post("/api/v1/clips", body, token=self._tokens[EDITOR], expect=409)
        return f"409 {_refusal(refused, 'CONFLICT')}"

    def _see_duplicate(self) -> str:
        body = self._clip("Dandelions, wanted twice", "dawn")
        made = self._api.post("/api/v1/clips", body, token=self._tokens[EDITOR], query={"allow_duplicate": "true"})[
            "data"
        ]
        self._duplicate_id = made["clip_id"]
        self._trail.note(EDITOR, "create", "clip", self._duplicate_id)
        for one, other in ((self._clip_id, self._duplicate_id), (self._duplicate_id, self._clip_id)):
            seen = [clip["clip_id"] for clip in self._list(f"/api/v1/clips/{one}/duplicates")]
            _require(f"the duplicates of clip {one}", seen, [other])
        return "taken when it was asked for, and each of the two names the other"

    def _assign_clip(self) -> str:
        path, body = f"/api/v1/clips/{self._clip_id}/assign", {"episode_id": self._episode_id}
        self._api.post(path, body, token=self._tokens[EDITOR], expect=200)
        self._trail.note(EDITOR, "link", "clip", self._clip_id)
        seen = [(clip["clip_id"], clip["status"]) for clip in self._list(f"{self._episode}/clips")]
        _require("the episode's clips", seen, [(self._clip_id, "used")])
        return "the episode's only clip, used"

    def _rate_clip(self) -> str:
        path = f"/api/v1/clips/{self._clip_id}"
        self._api.post(f"{path}/rate", {"quality": "hero"}, token=self._tokens[EDITOR], expect=200)
        self._trail.note(EDITOR, "edit", "clip", self._clip_id)
        seen = [self._get(f"/api/v1/clips/{one}")["quality"] for one in (self._clip_id, self._duplicate_id)]
        _require("the quality of the clip and of its duplicate", seen, ["hero", None])
        return "hero; its duplicate is not rated"

    def _refuse_publishing(self) -> str:
        refused = self._api.post(f"{self._episode}/publish", None, token=self._tokens[EDITOR], expect=409)
        _require("the episode's status", self._get(self._episode)["status"], "draft")
        return f"409 {_refusal(refused, 'CONFLICT')}, still a draft"

    def _publish(self) -> str:
        for status in ("in_production", "ready_for_publish"):
            self._api.patch(self._episode, {"status": status}, token=self._tokens[EDITOR])
            self._trail.note(EDITOR, "edit", "episode", self._episode_id)
        self._decide("reject")
        self._api.post(f"{self._episode}/publish", None, token=self._tokens[EDITOR], expect=409)
        self._decide("approve")
        self._api.post(f"{self._episode}/publish", None, token=self._tokens[EDITOR], expect=200)
        self._trail.note(EDITOR, "edit", "episode", self._episode_id)
        episode = self._get(self._episode)
        _require("the episode's status", episode["status"], "published")
        if not episode["publish_date"]:
            raise UnexpectedResponseError("the episode is published and has no day of publication")
        return f"refused while rejected; published on {episode['publish_date']} once approved"

    def _decide(self, decision: str) -> None:
        self._api.post(f"{self._episode}/{decision}", None, token=self._tokens[ADMIN], expect=200)
        self._trail.note(ADMIN, "edit", "episode", self._episode_id)

    def _read_as_viewer(self) -> str:
        used = [
            len(self._list(f"{self._episode}/{what}")) for what in ("outfits", "ui-elements", "backgrounds", "clips")
        ]
        _require("how much the episode uses", used, [3, 2, 2, 1])
        return f"{self._get(self._episode)['title']!r} with 3 outfits, 2 UI elements, 2 backgrounds, 1 clip"

    def _refuse_viewer(self) -> str:
        before = self._get(self._episode)["etag"]
        token = self._tokens[VIEWER]
        codes = [
            _refusal(self._api.patch(self._episode, {"title": "Mine"}, token=token, expect=403), "FORBIDDEN"),
            _refusal(self._api.delete(self._episode, token=token, expect=403), "FORBIDDEN"),
            _refusal(self._api.post("/api/v1/clips", self._clip("Mine", "mine"), token=token, expect=403), "FORBIDDEN"),
        ]
        _require("the episode's version", self._get(self._episode)["etag"], before)
        return f"change, deletion and clip: 403 {', '.join(codes)}; the episode is as it was"

    def _delete_outfit(self) -> str:
        outfit = next(iter(self._outfits))
        path = f"/api/v1/outfits/{outfit}"
        self._api.delete(path, token=self._tokens[EDITOR], expect=403)
        self._api.delete(path, token=self._tokens[ADMIN], query={"reason": "Torn at the shoulder"})
        self._trail.note(ADMIN, "delete", "outfit", outfit)
        self._api.get(path, token=self._tokens[VIEWER], expect=404)
        left = {one: context for one, context in self._outfits.items() if one != outfit}
        _require("the episode's outfits", self._used("outfits", "outfit"), left)
        return "by an admin, not by an editor; the episode shows the other two"

    def _restore_outfit(self) -> str:
        outfit = next(iter(self._outfits))
        self._api.post(f"/api/v1/outfits/{outfit}/restore", None, token=self._tokens[ADMIN], expect=200)
        self._trail.note(ADMIN, "restore", "outfit", outfit)
        _require("the episode's outfits", self._used("outfits", "outfit"), self._outfits)
        return f"with its link: {self._outfits[outfit]!r}"

    def _import(self) -> str:
        lines = ["show_name,title,episode_number,status", f"{self._show},Hay,2,draft", f"{self._show},Rain,3,finished"]
        lines.append(f"{self._show},Snow,4,draft")
        report = self._send_file("\n".join(lines) + "\n")
        _require("the report", [one["status"] for one in report], ["created", "refused", "created"])
        bad = report[1]
        _require("where the file is wrong", (bad["line"], bad["errors"][0]["field"]), (3, "status"))
        self._trail.note(ADMIN, "create", "episode", report[0]["id"], report[2]["id"])
        return f"two episodes; line 3 was refused: status: {bad['errors'][0]['message']}"

    def _export(self) -> str:
        address = f"/api/v1/episodes/export?format=csv&show_id={self._show_id}"
        content, _ = self._api.fetch_file(address, token=self._tokens[VIEWER])
        text = content.decode(errors="replace")
        rows = {row["episode_number"]: (row["title"], row["status"]) for row in csv.DictReader(io.StringIO(text))}
        expected = {"1": ("A day in the meadow", "published"), "2": ("Hay", "draft"), "4": ("Snow", "draft")}
        _require("the exported file", rows, expected)
        report = self._send_file(text)
        _require("the report of the same file", [one["status"] for one in report], ["unchanged"] * len(rows))
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
        made = super()._create(role, plural, noun, body)
        self._trail.note(role, "create", noun, made)
        return made


def _require(what: str, seen: Any, expected: Any) -> None:
    """Raises UnexpectedAnswerError unless the two are the same."""
    if seen != expected:
        raise UnexpectedResponseError(f"{what}: {seen!r} instead of {expected!r}")


def _refusal(answer: dict[str, Any], code: str) -> str:
    """The code of a refusal, which must be this one."""
    _require("the refusal's code", answer["errors"][0]["code"], code)
    return code

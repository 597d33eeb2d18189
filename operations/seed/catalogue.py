"""The curated catalogue as requests: which records there shall be, what each says, and what belongs to what.

Everything follows from `catalogue.yaml` alone, so that two runs want exactly the same.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("catalogue.yaml")
DEFAULT_SET = "dev"
# Everything that is made here has it, among its own tags.
TAG = "seed"
FIRST_WEEK = date(2026, 1, 8)
STATUSES = (
    "published", "published", "published", "ready_for_publish", "in_production", "draft", "on_hold", "published",
    "draft", "archived",
)  # fmt: skip
TALENT = ("Lala", "JustAWomanInHerPrime", "Lala", "Guest", "JustAWomanInHerPrime")
QUALITIES = ("hero", "good", "maybe")
# Of an episode's clips these many are in it; the next one is approved, and the rest waits for review.
USED_CLIPS, APPROVED_CLIPS = 3, 4
OUTFITS_OF_AN_EPISODE = 3
OUTFIT_CONTEXTS = ("The opening", "In the middle of things", "The last scene")

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip; `guest` is the name of who is in it. One that is used is assigned to its episode."""

    body: Body
    guest: str | None
    is_used: bool

    @property
    def file_hash(self) -> str:
        return str(self.body["file_hash"])


@dataclass(frozen=True, kw_only=True)
class Episode:
    """An episode and what it is made of. `uses` has, by kind of record, the context for each name."""

    body: Body
    status: str
    scripts: tuple[str, ...]
    clips: tuple[Clip, ...]
    uses: Mapping[str, Mapping[str, str]]
    palette: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What one environment gets. `assets` are bodies by kind of record, whose names are unique in their kind."""

    name: str
    shows: tuple[Body, ...]
    assets: Mapping[str, tuple[Body, ...]]
    episodes: tuple[Episode, ...]
    library: tuple[Clip, ...]

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Every clip, those of episodes first."""
        return (*(clip for episode in self.episodes for clip in episode.clips), *self.library)


def of(environment: str) -> Catalogue:
    """The catalogue of an environment: its own set, or that of dev."""
    data = _data()
    name = environment if environment in data["sets"] else DEFAULT_SET
    sizes = data["sets"][name]
    assets = {
        "outfit": _outfits(data["outfits"][: sizes["outfits"]]),
        "ui_element": _files("ui_element", data["ui_elements"][: sizes["ui_elements"]], "png"),
        "background": _files("background", data["backgrounds"][: sizes["backgrounds"]], "jpg"),
        "component": _files("component", data["components"][: sizes["components"]], "mov"),
        "guest": tuple(_guest(*guest) for guest in data["guests"][: sizes["guests"]]),
    }
    shows = data["shows"][: sizes["shows"]]
    places = count()
    return Catalogue(
        name=name,
        shows=tuple(
            {"name": show["name"], "description": show["description"], "metadata": {"palette": show["palette"]}}
            for show in shows
        ),
        assets=assets,
        episodes=tuple(
            _episode(show, number, next(places), assets)
            for show in shows
            for number in range(1, min(sizes["episodes"], len(show["episodes"])) + 1)
        ),
        library=tuple(_clip("library", title, place, None, []) for place, title in enumerate(data["library"])),
    )


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return data


def _episode(show: Mapping[str, Any], number: int, place: int, assets: Mapping[str, Sequence[Body]]) -> Episode:
    told = show["episodes"][number - 1]
    filmed = FIRST_WEEK + timedelta(weeks=place)
    guest = assets["guest"][place % len(assets["guest"])]["name"]
    status = STATUSES[(number - 1) % len(STATUSES)]
    body = {
        "show_name": show["name"],
        "title": told["title"],
        "season_number": 1,
        "episode_number": number,
        "description": told["about"],
        "duration_seconds": 1_260 + 37 * (place % 11),
        "filming_date": filmed.isoformat(),
        "edit_deadline": (filmed + timedelta(days=10)).isoformat(),
        "tags": [*told["tags"], TAG],
        "category": show["category"],
        "genre": show["genre"],
        "director": "Marlow Esterby",
        "writer": "Petra Vandenholt",
        "copyright": f"© {filmed.year} The makers of {show['name']}",
    }
    if status == "published":
        body["publish_date"] = (filmed + timedelta(days=21)).isoformat()
    return Episode(
        body=body,
        status=status,
        # Every third script was written a second time.
        scripts=tuple(_script(show["name"], told, draft) for draft in range(1, 3 if number % 3 == 0 else 2)),
        clips=tuple(
            _clip(f"{show['name']}/{told['title']}", title, scene, guest, told["tags"])
            for scene, title in enumerate(told["scenes"])
        ),
        uses=_uses(place, assets),
        palette=tuple(show["palette"]),
    )


def _uses(place: int, assets: Mapping[str, Sequence[Body]]) -> dict[str, dict[str, str]]:
    def named(kind: str, index: int) -> str:
        return str(assets[kind][index % len(assets[kind])]["name"])

    return {
        "outfit": {
            named("outfit", place * 2 + index): OUTFIT_CONTEXTS[index] for index in range(OUTFITS_OF_AN_EPISODE)
        },
        "ui_element": {named("ui_element", place): "Throughout", named("ui_element", place + 3): "The titles"},
        "background": {named("background", place): "The opening", named("background", place + 1): "The last scene"},
    }


def _script(show: str, told: Mapping[str, Any], draft: int) -> str:
    scenes = [f"{number}. {scene.upper()}" for number, scene in enumerate(told["scenes"], start=1)]
    # A second draft leaves out a scene and has more to say about the rest.
    kept = scenes if draft == 1 else [f"{scene}\nHOLD until nobody speaks." for scene in scenes[:-1]]
    return "\n\n".join([f"{show}: {told['title']} (draft {draft})", told["about"], "FADE IN:", *kept, "FADE OUT."])


def _clip(owner: str, title: str, place: int, guest: str | None, tags: Sequence[str]) -> Clip:
    digest = hashlib.sha256(f"{owner}/{title}".encode()).hexdigest()
    number = int(digest[:8], 16)
    talent = TALENT[place % len(TALENT)] if guest else TALENT[0]
    is_used = guest is not None and place < USED_CLIPS
    body = {
        "title": title,
        "talent_source": talent,
        "file_name": f"A{number % 100:03}_C{place + 1:03}.mov",
        "file_hash": digest,
        "byte_count": 200_000_000 + number % 400_000_000,
        "duration_seconds": 20 + number % 160,
        "recorded_on": (FIRST_WEEK + timedelta(days=number % 200)).isoformat(),
        "quality": QUALITIES[number % len(QUALITIES)],
        "tags": [*tags, TAG],
    }
    if is_used or place < APPROVED_CLIPS:
        body["status"] = "approved"
    return Clip(body=body, guest=guest if talent == "Guest" else None, is_used=is_used)


def _outfits(told: Sequence[Sequence[str]]) -> tuple[Body, ...]:
    return tuple(
        {
            "name": f"{colour.capitalize()} {kind}, {shoe_colour} {shoes}",
            "description": f"With {accessory}.",
            "top": {"kind": kind, "colour": colour},
            "shoes": {"kind": shoes, "colour": shoe_colour},
            "accessories": [{"kind": accessory}],
            "tags": [colour, TAG],
        }
        for colour, kind, shoe_colour, shoes, accessory in told
    )


def _files(kind: str, told: Sequence[Sequence[str]], suffix: str) -> tuple[Body, ...]:
    field = "element_type" if kind == "ui_element" else f"{kind}_type"
    made = []
    for name, type_, *place in told:
        body = {
            "name": name,
            field: type_,
            "file_reference": f"s3://seed-{kind.replace('_', '-')}s/{name.lower().replace(' ', '-')}.{suffix}",
            "file_hash": hashlib.sha256(f"{kind}/{name}".encode()).hexdigest(),
            "tags": [type_, TAG],
        }
        made.append(body | ({"location": place[0]} if place else {}))
    return tuple(made)


def _guest(name: str, role: str) -> Body:
    return {
        "name": name,
        "role": role,
        "biography": f"A {role} who came to talk and stayed to help.",
        "tags": [role, TAG],
    }

"""The curated catalogue as request bodies, built from `catalogue.yaml` alone so that every run is the same."""

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
# Every seeded record has this tag.
TAG = "seed"
FIRST_WEEK = date(2026, 1, 8)
STATUSES = (
    "published", "published", "published", "ready_for_publish", "in_production", "draft", "on_hold", "published",
    "draft", "archived",
)  # fmt: skip
TALENT = ("Lala", "JustAWomanInHerPrime", "Lala", "Guest", "JustAWomanInHerPrime")
QUALITIES = ("hero", "good", "maybe")
# The first clips of an episode are assigned to it, the next one is approved, and the rest is pending review.
USED_CLIPS, APPROVED_CLIPS = 3, 4
OUTFITS_OF_AN_EPISODE = 3
OUTFIT_CONTEXTS = ("The opening", "In the middle of things", "The last scene")

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip.

    Attributes:
        guest: The name of the guest in it.
        is_used: Whether it is assigned to its episode.
    """

    body: Body
    guest: str | None
    is_used: bool

    @property
    def file_hash(self) -> str:
        """Return the SHA-256 by which the clip is found."""
        return str(self.body["file_hash"])


@dataclass(frozen=True, kw_only=True)
class Episode:
    """An episode and the records that it uses.

    Attributes:
        uses: By kind of record, the usage context for each record's name.
    """

    body: Body
    status: str
    scripts: tuple[str, ...]
    clips: tuple[Clip, ...]
    uses: Mapping[str, Mapping[str, str]]
    palette: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The records of one environment.

    Attributes:
        assets: Request bodies by kind of record. Names are unique within a kind.
    """

    name: str
    shows: tuple[Body, ...]
    assets: Mapping[str, tuple[Body, ...]]
    episodes: tuple[Episode, ...]
    library: tuple[Clip, ...]

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Return all clips, those of episodes first."""
        return (*(clip for episode in self.episodes for clip in episode.clips), *self.library)


def load(environment: str) -> Catalogue:
    """Return an environment's catalogue: its own set, or that of dev."""
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
    indices = count()
    return Catalogue(
        name=name,
        shows=tuple(
            {"name": show["name"], "description": show["description"], "metadata": {"palette": show["palette"]}}
            for show in shows
        ),
        assets=assets,
        episodes=tuple(
            _episode(show, number, next(indices), assets)
            for show in shows
            for number in range(1, min(sizes["episodes"], len(show["episodes"])) + 1)
        ),
        library=tuple(_clip("library", title, index, None, []) for index, title in enumerate(data["library"])),
    )


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return data


def _episode(show: Mapping[str, Any], number: int, index: int, assets: Mapping[str, Sequence[Body]]) -> Episode:
    entry = show["episodes"][number - 1]
    filming_date = FIRST_WEEK + timedelta(weeks=index)
    guest = assets["guest"][index % len(assets["guest"])]["name"]
    status = STATUSES[(number - 1) % len(STATUSES)]
    body = {
        "show_name": show["name"],
        "title": entry["title"],
        "season_number": 1,
        "episode_number": number,
        "description": entry["about"],
        "duration_seconds": 1_260 + 37 * (index % 11),
        "filming_date": filming_date.isoformat(),
        "edit_deadline": (filming_date + timedelta(days=10)).isoformat(),
        "tags": [*entry["tags"], TAG],
        "category": show["category"],
        "genre": show["genre"],
        "director": "Marlow Esterby",
        "writer": "Petra Vandenholt",
        "copyright": f"© {filming_date.year} The makers of {show['name']}",
    }
    if status == "published":
        body["publish_date"] = (filming_date + timedelta(days=21)).isoformat()
    return Episode(
        body=body,
        status=status,
        # Every third episode has a second draft.
        scripts=tuple(_script(show["name"], entry, draft) for draft in range(1, 3 if number % 3 == 0 else 2)),
        clips=tuple(
            _clip(f"{show['name']}/{entry['title']}", title, scene, guest, entry["tags"])
            for scene, title in enumerate(entry["scenes"])
        ),
        uses=_uses(index, assets),
        palette=tuple(show["palette"]),
    )


def _uses(position: int, assets: Mapping[str, Sequence[Body]]) -> dict[str, dict[str, str]]:
    def name_of(kind: str, index: int) -> str:
        return str(assets[kind][index % len(assets[kind])]["name"])

    return {
        "outfit": {
            name_of("outfit", position * 2 + index): OUTFIT_CONTEXTS[index] for index in range(OUTFITS_OF_AN_EPISODE)
        },
        "ui_element": {
            name_of("ui_element", position): "Throughout",
            name_of("ui_element", position + 3): "The titles",
        },
        "background": {
            name_of("background", position): "The opening",
            name_of("background", position + 1): "The last scene",
        },
    }


def _script(show: str, entry: Mapping[str, Any], draft: int) -> str:
    scenes = [f"{number}. {scene.upper()}" for number, scene in enumerate(entry["scenes"], start=1)]
    # The second draft omits the last scene and extends the others.
    body_scenes = scenes if draft == 1 else [f"{scene}\nHOLD until nobody speaks." for scene in scenes[:-1]]
    return "\n\n".join(
        [f"{show}: {entry['title']} (draft {draft})", entry["about"], "FADE IN:", *body_scenes, "FADE OUT."]
    )


def _clip(owner: str, title: str, index: int, guest: str | None, tags: Sequence[str]) -> Clip:
    digest = hashlib.sha256(f"{owner}/{title}".encode()).hexdigest()
    number = int(digest[:8], 16)
    talent = TALENT[index % len(TALENT)] if guest else TALENT[0]
    is_used = guest is not None and index < USED_CLIPS
    body = {
        "title": title,
        "talent_source": talent,
        "file_name": f"A{number % 100:03}_C{index + 1:03}.mov",
        "file_hash": digest,
        "byte_count": 200_000_000 + number % 400_000_000,
        "duration_seconds": 20 + number % 160,
        "recorded_on": (FIRST_WEEK + timedelta(days=number % 200)).isoformat(),
        "quality": QUALITIES[number % len(QUALITIES)],
        "tags": [*tags, TAG],
    }
    if is_used or index < APPROVED_CLIPS:
        body["status"] = "approved"
    return Clip(body=body, guest=guest if talent == "Guest" else None, is_used=is_used)


def _outfits(entries: Sequence[Sequence[str]]) -> tuple[Body, ...]:
    return tuple(
        {
            "name": f"{colour.capitalize()} {kind}, {shoe_colour} {shoes}",
            "description": f"With {accessory}.",
            "top": {"kind": kind, "colour": colour},
            "shoes": {"kind": shoes, "colour": shoe_colour},
            "accessories": [{"kind": accessory}],
            "tags": [colour, TAG],
        }
        for colour, kind, shoe_colour, shoes, accessory in entries
    )


def _files(kind: str, entries: Sequence[Sequence[str]], suffix: str) -> tuple[Body, ...]:
    field = "element_type" if kind == "ui_element" else f"{kind}_type"
    bodies = []
    for name, type_, *location in entries:
        body = {
            "name": name,
            field: type_,
            "file_reference": f"s3://seed-{kind.replace('_', '-')}s/{name.lower().replace(' ', '-')}.{suffix}",
            "file_hash": hashlib.sha256(f"{kind}/{name}".encode()).hexdigest(),
            "tags": [type_, TAG],
        }
        bodies.append(body | ({"location": location[0]} if location else {}))
    return tuple(bodies)


def _guest(name: str, role: str) -> Body:
    return {
        "name": name,
        "role": role,
        "biography": f"A {role} who came to talk and stayed to help.",
        "tags": [role, TAG],
    }

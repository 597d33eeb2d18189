"""Every kind of record with what its tests need to know. Whoever adds a kind adds its line here."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.runtime.features.api_platform import Api
from tests.runtime.features.user_pool import User

Body = dict[str, Any]
NUMBERS = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind. `new` makes the body of a valid new one, `change` is a change of every field that can be changed, `required`
    are the fields that it cannot be without, `creators` the roles that may make one."""

    path: str
    row_id: str
    resource_type: str
    new: Callable[[Api], Body]
    change: Body
    required: set[str]
    creators: set[str] = field(default_factory=lambda: {"editor", "admin"})
    cleared: Body = field(default_factory=dict)
    """What each field says after it was cleared with null, where that is not null itself."""
    orders: set[str] = field(default_factory=lambda: {"name", "updated_at"})

    @property
    def plural(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    def create(self, api: Api, **fields: Any) -> Body:
        """A new one, as it was answered."""
        return self.answer(api.client.post(self.path, self.new(api) | fields, api.admin), 201)

    def path_of(self, record: Body) -> str:
        return f"{self.path}/{record[self.row_id]}"

    def stored(self, api: Api, record: Body, user: User | None = None, query: str = "") -> Body:
        return self.answer(api.client.get(self.path_of(record) + query, user or api.viewer))

    @staticmethod
    def answer(answer: Any, status: int = 200) -> Body:
        assert answer.status_code == status, answer.text
        data: Body = answer.json()["data"]
        return data


def named(stem: str, **fields: Any) -> Callable[[Api], Body]:
    """A body with a name of its own."""
    return lambda _: {"name": f"{stem} {next(NUMBERS)}", **fields}


def episode(api: Api) -> Body:
    return {"show_id": api.create_show()["show_id"], "title": f"Episode {next(NUMBERS)}", "episode_number": 1}


TAGS_AND_METADATA: Body = {"tags": [], "metadata": {}}
# A change of every field that assets have that are files.
FILE_CHANGE: Body = {
    "name": "Renamed",
    "description": "New",
    "file_reference": "s3://bucket/new.png",
    "file_hash": "0123456789abcdef" * 4,
    "tags": ["winter"],
    "metadata": {"a": 1},
}

KINDS = {
    "shows": Kind(
        path="/api/v1/shows",
        row_id="show_id",
        resource_type="show",
        new=named("New show"),
        change={"name": "Renamed", "description": "New", "status": "archived", "metadata": {"a": [1]}},
        required={"name", "status"},
        creators={"admin"},
        cleared={"metadata": {}},
    ),
    "episodes": Kind(
        path="/api/v1/episodes",
        row_id="episode_id",
        resource_type="episode",
        new=episode,
        change={
            "title": "Retitled",
            "season_number": 2,
            "status": "archived",
            "script_text": "FADE IN.",
            "script_file_reference": "s3://scripts/one.pdf",
            "trailer_reference": "s3://trailers/one.mp4",
            "poster_url": "https://example.test/one.jpg",
            "video_url": "https://example.test/one",
            "tags": ["one"],
            "metadata": {"a": 1},
        },
        required={"title", "season_number", "status"},
        creators={"admin"},
        cleared=TAGS_AND_METADATA,
        orders={"title", "number", "updated_at", "publish_date", "air_date"},
    ),
    "outfits": Kind(
        path="/api/v1/outfits",
        row_id="outfit_id",
        resource_type="outfit",
        new=named("Outfit", top={"kind": "blazer"}),
        change={
            "name": "Renamed",
            "description": "New",
            "top": {"kind": "shirt", "colour": "blue"},
            "shoes": {"kind": "boots"},
            "accessories": [{"kind": "scarf"}],
            "tags": ["winter"],
            "metadata": {"a": 1},
        },
        required={"name"},
        cleared=TAGS_AND_METADATA | {"top": {}, "shoes": {}, "accessories": []},
    ),
    "ui_elements": Kind(
        path="/api/v1/ui-elements",
        row_id="ui_element_id",
        resource_type="ui_element",
        new=named("UI element", element_type="lower_third"),
        change=FILE_CHANGE | {"element_type": "end_card"},
        required={"name"},
        cleared=TAGS_AND_METADATA,
    ),
    "backgrounds": Kind(
        path="/api/v1/backgrounds",
        row_id="background_id",
        resource_type="background",
        new=named("Background", background_type="interior"),
        change=FILE_CHANGE | {"background_type": "exterior", "location": "Paris"},
        required={"name", "background_type"},
        cleared=TAGS_AND_METADATA,
    ),
    "components": Kind(
        path="/api/v1/components",
        row_id="component_id",
        resource_type="component",
        new=named("Component", component_type="intro"),
        change=FILE_CHANGE | {"component_type": "outro"},
        required={"name", "component_type"},
        cleared=TAGS_AND_METADATA,
    ),
    "guests": Kind(
        path="/api/v1/guests",
        row_id="guest_id",
        resource_type="guest",
        new=named("Guest", role="stylist"),
        change={
            "name": "Renamed",
            "biography": "New",
            "role": "designer",
            "social_links": {"instagram": "https://www.instagram.com/example"},
            "tags": ["winter"],
            "metadata": {"a": 1},
        },
        required={"name"},
        cleared=TAGS_AND_METADATA | {"social_links": {}},
    ),
    "clips": Kind(
        path="/api/v1/clips",
        row_id="clip_id",
        resource_type="clip",
        new=lambda _: {"title": f"Clip {next(NUMBERS)}", "talent_source": "Lala"},
        change={
            "title": "Retitled",
            "description": "New",
            "talent_source": "JustAWomanInHerPrime",
            "quality": "hero",
            "status": "approved",
            "file_name": "A001_C003.mov",
            "file_hash": "0123456789abcdef" * 4,
            "byte_count": 5 * 1024**3,
            "duration_seconds": 94,
            "recorded_on": "2026-04-12",
            "notes": "The light is perfect.",
            "tags": ["meadow"],
            "metadata": {"a": 1},
        },
        required={"title", "talent_source", "status"},
        cleared=TAGS_AND_METADATA,
        orders={"title", "updated_at", "duration_seconds"},
    ),
}

# The kinds that episodes are linked to.
LINKED = {name: KINDS[name] for name in ("outfits", "ui_elements", "backgrounds")}

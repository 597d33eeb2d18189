"""Every request that takes strings, as something that can be sent again and again with others in their places."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from runtime.features.search.query_parser import SearchText
from tests.runtime.features.api_platform import Api
from tests.runtime.features.thumbnails.test_uploads import IMAGE_DECLARATION
from tests.runtime.mechanisms.records.kinds import KINDS, NUMBERS
from tests.runtime.web import every_write
from tests.runtime.web.every_write import WRITES
from tests.runtime.web.string_places import Json, Path, Settled, Take, filled, leaves, settled

BODY, QUERY = "body", "query"
NUMBER = "episode_number"
SHOW_NAME: Path = ("show_name",)
SEARCHED: Path = ("q",)
# What a list needs in its address, and what it cannot be asked without.
NEEDED: dict[str, Json] = {"q": {"q": "dandelion"}, "file_name": IMAGE_DECLARATION | {"entity_type": "episode"}}


@dataclass(frozen=True)
class Attacked:
    """A request with places for strings, to an address where it works. `base` is what it is sent with otherwise."""

    name: str
    within: str
    send: Callable[[Any], httpx.Response]
    base: Json
    places: tuple[tuple[Path, Json], ...]
    schemas: Json = field(repr=False)

    def values(self, take: Take, turn: int) -> dict[Path, Any]:
        """Strings for every place."""
        return {path: filled(schema, self.schemas, take, turn) for path, schema in self.places}

    def settle(self, values: dict[Path, Any]) -> Settled:
        return settled(self.send, self.base, values, self.within)


def bodies(api: Api, description: Json) -> Iterator[Attacked]:
    """Every write that takes JSON."""
    schemas = description["components"]["schemas"]
    for write, make in WRITES.items():
        method, template = write
        operation = description["paths"].get(template)
        if operation is None:
            # Another address of what is described under /api/v1.
            assert f"/api/v1{template}" in description["paths"]
            continue
        schema = operation[method.lower()]["requestBody"]["content"]["application/json"]["schema"]
        path, body = make(api)
        base = body if method == "POST" else {}

        def send(body: Any, write: every_write.Write = write, path: str = path) -> httpx.Response:
            # A show has one episode of a number.
            new = {NUMBER: next(NUMBERS)} if write[0] == "POST" and isinstance(body.get(NUMBER), int) else {}
            return every_write.send(api, write, path, json=body | new)

        yield Attacked(f"{method} {template}", BODY, send, base, tuple(leaves(schema, schemas)), schemas)


def queries(api: Api, description: Json) -> Iterator[Attacked]:
    """Every read whose address has parameters."""
    there = ids(api)
    for template, operations in description["paths"].items():
        parameters = [one for one in operations.get("get", {}).get("parameters", ()) if one["in"] == "query"]
        if not parameters:
            continue
        base = next((needed for name, needed in NEEDED.items() if name in {one["name"] for one in parameters}), {})
        if "entity_type" in base:
            base = base | {"entity_id": there["episode_id"]}
        places = tuple(((one["name"],), one["schema"]) for one in parameters)
        types = operations["get"]["parameters"][0]["schema"].get("enum", [""]) if "{type}" in template else [""]
        for type_ in types:
            path = template.format_map(there | {"type": type_})

            def send(query: Any, path: str = path) -> httpx.Response:
                return api.client.get(path, api.admin, params=query)

            name = f"GET {template}".replace("{type}", type_)
            yield Attacked(name, QUERY, send, base, places, description["components"]["schemas"])


def deletions(api: Api, description: Json) -> Iterator[Attacked]:
    """Every deletion, which has a reason; what was deleted comes back for the next."""
    for kind in KINDS.values():
        path = kind.path_of(kind.create(api))

        def send(query: Any, path: str = path) -> httpx.Response:
            answer = api.client.delete(path, api.admin, params=query)
            api.client.post(f"{path}/restore", user=api.admin)
            return answer

        (operation,) = [
            one["delete"] for made, one in description["paths"].items() if re.fullmatch(f"{kind.path}/{{\\w+}}", made)
        ]
        places = tuple(((one["name"],), one["schema"]) for one in operation["parameters"] if one["in"] == "query")
        yield Attacked(f"DELETE {kind.path}", QUERY, send, {}, places, {})


def sorted_lists(api: Api, description: Json) -> Iterator[tuple[str, list[str]]]:
    """Every list that has orders, with all of them."""
    there = ids(api)
    for template, operations in description["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            if parameter["name"] == "sort":
                yield template.format_map(there), parameter["schema"]["enum"]


def ids(api: Api) -> dict[str, str]:
    """One thing of each kind, with an episode that has something of each."""
    there = {kind.row_id: kind.create(api)[kind.row_id] for kind in KINDS.values()}
    for name in ("thumbnail_id", "file_id", "job_id", "user_id", "activity_log_id", "metadata_id", "script_version_id"):
        there[name] = there["episode_id"]
    return there


def harmless_twin(values: dict[Path, Any], text: str, new_show: Callable[[], str]) -> None:
    """Makes harmless values find what the hostile ones found: a show that is there and has no episodes, a text of as many
    words."""
    if SHOW_NAME in values:
        values[SHOW_NAME] = new_show()
    if SEARCHED in values:
        values[SEARCHED] = in_harmless_words(text, (f"word{number}" for number in count()))


def shape_of(text: str) -> tuple[tuple[int, int], ...]:
    """How many words and phrases a search text wants and does not want, in each of its alternatives."""
    return tuple((len(one.required), len(one.excluded)) for one in SearchText(text).alternatives)


def in_harmless_words(text: str, words: Iterable[str]) -> str:
    """The same question of other words: a search statement has a part for each word, so a longer text makes a longer one."""
    give = iter(words)
    made = " or ".join(
        " ".join([next(give) for _ in range(wanted)] + [f"-{next(give)}" for _ in range(unwanted)])
        for wanted, unwanted in shape_of(text)
    )
    return made or "the"


def as_csv(rows: list[Json]) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, rows[0].keys())
    writer.writeheader()
    for row in rows:
        writer.writerow({name: value if isinstance(value, str) else json.dumps(value) for name, value in row.items()})
    return written.getvalue().encode()


def as_lines(rows: list[Json]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()

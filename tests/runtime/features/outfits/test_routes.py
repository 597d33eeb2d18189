"""Outfits: what is their own, the search by what they are made of."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.runtime.features.api_platform import Api, problems

OUTFITS = "/api/v1/outfits"


def create(api: Api, name: str, **fields: Any) -> None:
    answer = api.client.post(OUTFITS, {"name": name, **fields}, api.editor)
    assert answer.status_code == 201, answer.text


def found(api: Api, **parts: Any) -> list[str]:
    """The names of the outfits that have these parts, in their order."""
    query = {name: json.dumps(part) for name, part in parts.items()} | {"sort": "name"}
    answer = api.client.get(OUTFITS, api.viewer, params=query)
    assert answer.status_code == 200, answer.text
    return [outfit["name"] for outfit in answer.json()["data"]]


@pytest.mark.requirement("ROAD-79", "ROAD-108")
class TestSearchByParts:
    @pytest.fixture(autouse=True)
    def wardrobe(self, api: Api) -> None:
        red, white = {"kind": "blazer", "colour": "red", "size": 38}, {"kind": "trainers", "colour": "white"}
        scarf, ring = {"kind": "scarf", "pattern": "dots"}, {"kind": "ring", "stones": [{"kind": "ruby"}]}
        create(api, "A", top=red, shoes=white, accessories=[scarf, ring])
        create(api, "B", top=red | {"colour": "blue"}, accessories=[{"kind": "scarf", "pattern": "lines"}])
        create(api, "C", shoes=white | {"colour": None})

    def test_a_part_is_found_by_any_of_it(self, api: Api) -> None:
        assert found(api, top={"kind": "blazer"}) == ["A", "B"]
        assert found(api, top={"kind": "blazer", "colour": "red"}) == ["A"]
        assert found(api, top={"size": 38}) == ["A", "B"]
        assert found(api, shoes={"colour": None}) == ["C"]
        assert found(api, top={"colour": "green"}) == []

    def test_one_accessory_has_it_all(self, api: Api) -> None:
        assert found(api, accessories={"kind": "scarf"}) == ["A", "B"]
        assert found(api, accessories={"kind": "scarf", "pattern": "dots"}) == ["A"]
        # Not one piece from the one and one from the other.
        assert found(api, accessories={"kind": "ring", "pattern": "dots"}) == []
        assert found(api, accessories={"stones": [{"kind": "ruby"}]}) == ["A"]

    def test_parts_narrow_each_other(self, api: Api) -> None:
        assert found(api, top={"kind": "blazer"}, shoes={"kind": "trainers"}) == ["A"]

    def test_nothing_in_particular_is_in_all(self, api: Api) -> None:
        assert found(api, top={}) == ["A", "B", "C"]

    def test_numbers_and_texts_are_not_the_same(self, api: Api) -> None:
        assert found(api, top={"size": "38"}) == []

    @pytest.mark.parametrize(
        "part",
        ["", "red", "[]", "1", "null", '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": "\\u0000"}', '{"a": "\\ud800"}',
         '{"a":' * 40 + "1" + "}" * 40, '{"a": ' + "9" * 30 + "}", '{"a": "' + "x" * 2_000 + '"}', "'; DROP TABLE outfits; --"],
        ids=lambda part: part[:20],
    )  # fmt: skip
    def test_what_is_no_small_object_is_refused(self, api: Api, part: str) -> None:
        for name in ("top", "shoes", "accessories"):
            answer = api.client.get(f"{OUTFITS}?{name}={quote(part)}", api.viewer)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


class TestParts:
    @pytest.mark.parametrize(
        ("field", "value"),
        [("top", []), ("top", "red"), ("shoes", 1), ("accessories", {}), ("accessories", ["scarf"]), ("accessories", [{}] * 51),
         ("top", {"a": "x" * 17_000}), ("accessories", [{"a": "x" * 17_000}])],
        ids=str,
    )  # fmt: skip
    def test_wrong_ones_are_named(self, api: Api, field: str, value: Any) -> None:
        answer = api.client.post(OUTFITS, {"name": "Wrong", field: value}, api.editor)
        (named,) = problems(answer, 400, "VALIDATION_ERROR")
        assert named is not None
        assert named.startswith(f"body.{field}")

"""Outfits: filters by parts. What all records have in common is tested in mechanisms/records."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.runtime.features.api_platform import Api, problems

OUTFITS = "/api/v1/outfits"


def create(api: Api, name: str, **fields: Any) -> None:
    response = api.client.post(OUTFITS, {"name": name, **fields}, api.editor)
    assert response.status_code == 201, response.text


def found(api: Api, **parts: Any) -> list[str]:
    """List the names of outfits with these parts, sorted."""
    query = {name: json.dumps(part) for name, part in parts.items()} | {"sort": "name"}
    response = api.client.get(OUTFITS, api.viewer, params=query)
    assert response.status_code == 200, response.text
    return [outfit["name"] for outfit in response.json()["data"]]


@pytest.mark.requirement("ROAD-79", "ROAD-108")
class TestSearchByParts:
    @pytest.fixture(autouse=True)
    def wardrobe(self, api: Api) -> None:
        red, white = {"kind": "blazer", "colour": "red", "size": 38}, {"kind": "trainers", "colour": "white"}
        scarf, ring = {"kind": "scarf", "pattern": "dots"}, {"kind": "ring", "stones": [{"kind": "ruby"}]}
        create(api, "A", top=red, shoes=white, accessories=[scarf, ring])
        create(api, "B", top=red | {"colour": "blue"}, accessories=[{"kind": "scarf", "pattern": "lines"}])
        create(api, "C", shoes=white | {"colour": None})

    def test_part_matches_by_any_of_its_values(self, api: Api) -> None:
        assert found(api, top={"kind": "blazer"}) == ["A", "B"]
        assert found(api, top={"kind": "blazer", "colour": "red"}) == ["A"]
        assert found(api, top={"size": 38}) == ["A", "B"]
        assert found(api, shoes={"colour": None}) == ["C"]
        assert found(api, top={"colour": "green"}) == []

    def test_filter_must_match_a_single_accessory(self, api: Api) -> None:
        assert found(api, accessories={"kind": "scarf"}) == ["A", "B"]
        assert found(api, accessories={"kind": "scarf", "pattern": "dots"}) == ["A"]
        # A single accessory must match both values.
        assert found(api, accessories={"kind": "ring", "pattern": "dots"}) == []
        assert found(api, accessories={"stones": [{"kind": "ruby"}]}) == ["A"]

    def test_part_filters_combine(self, api: Api) -> None:
        assert found(api, top={"kind": "blazer"}, shoes={"kind": "trainers"}) == ["A"]

    def test_empty_object_matches_all(self, api: Api) -> None:
        assert found(api, top={}) == ["A", "B", "C"]

    def test_numbers_and_texts_differ(self, api: Api) -> None:
        assert found(api, top={"size": "38"}) == []

    @pytest.mark.parametrize(
        "part",
        ["", "red", "[]", "1", "null", '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": "\\u0000"}', '{"a": "\\ud800"}',
         '{"a":' * 40 + "1" + "}" * 40, '{"a": ' + "9" * 30 + "}", '{"a": "' + "x" * 2_000 + '"}', "'; DROP TABLE outfits; --"],
        ids=lambda part: part[:20],
    )  # fmt: skip
    def test_invalid_part_filters_are_rejected(self, api: Api, part: str) -> None:
        for name in ("top", "shoes", "accessories"):
            response = api.client.get(f"{OUTFITS}?{name}={quote(part)}", api.viewer)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


class TestParts:
    @pytest.mark.parametrize(
        ("field", "value"),
        [("top", []), ("top", "red"), ("shoes", 1), ("accessories", {}), ("accessories", ["scarf"]), ("accessories", [{}] * 51),
         ("top", {"a": "x" * 17_000}), ("accessories", [{"a": "x" * 17_000}])],
        ids=str,
    )  # fmt: skip
    def test_invalid_parts_are_rejected_with_their_fields(self, api: Api, field: str, value: Any) -> None:
        response = api.client.post(OUTFITS, {"name": "Wrong", field: value}, api.editor)
        (named,) = problems(response, 400, "VALIDATION_ERROR")
        assert named is not None
        assert named.startswith(f"body.{field}")

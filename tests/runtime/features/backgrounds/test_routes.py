"""Backgrounds: filters, type, location. What all records have in common is tested in mechanisms/records."""

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS

backgrounds = KINDS["backgrounds"]


class TestListBackgrounds:
    @pytest.mark.requirement("ROAD-110", "ROAD-81")
    def test_filters_combine(self, api: Api) -> None:
        created = {
            (value, tag): backgrounds.create(api, background_type=value, tags=[tag, "both"])
            for value in ("interior", "exterior")
            for tag in ("rose", "gold")
        }

        def found(**query: str) -> set[tuple[str, str]]:
            rows = api.client.get(backgrounds.path, api.viewer, params=query).json()["data"]
            ids = [row["background_id"] for row in rows]
            return {key for key, each in created.items() if each["background_id"] in ids}

        assert found() == set(created)
        assert found(background_type="interior") == {("interior", "rose"), ("interior", "gold")}
        assert found(background_type="interior", tag="rose") == {("interior", "rose")}
        assert found(tag="both", background_type="exterior") == {("exterior", "rose"), ("exterior", "gold")}
        assert found(background_type="interio") == found(tag="ros") == set()

    def test_invalid_filters_are_rejected(self, api: Api) -> None:
        for name in ("background_type", "tag"):
            for value in ("", "x" * 101, "a\0"):
                response = api.client.get(backgrounds.path, api.viewer, params={name: value})
                assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


class TestCreateBackground:
    def test_missing_type_is_rejected(self, api: Api) -> None:
        response = api.client.post(backgrounds.path, {"name": "Atelier"}, api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.background_type"}

    def test_invalid_location_is_rejected(self, api: Api) -> None:
        created = backgrounds.create(api, location=" Paris ")
        assert created["location"] == "Paris"
        for value in ("", "x" * 256, ["Paris"]):
            response = api.client.patch(backgrounds.path_of(created), {"location": value}, api.editor)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.location"}

"""Backgrounds: what is their own. The rest holds for every kind of record."""

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS

backgrounds = KINDS["backgrounds"]


class TestListBackgrounds:
    @pytest.mark.requirement("ROAD-110", "ROAD-81")
    def test_filters_narrow_alone_and_together(self, api: Api) -> None:
        made = {
            (value, tag): backgrounds.create(api, background_type=value, tags=[tag, "both"])
            for value in ("interior", "exterior")
            for tag in ("rose", "gold")
        }

        def found(**query: str) -> set[tuple[str, str]]:
            ids = [
                each["background_id"]
                for each in backgrounds.answer(api.client.get(backgrounds.path, api.viewer, params=query))
            ]
            return {key for key, each in made.items() if each["background_id"] in ids}

        assert found() == set(made)
        assert found(background_type="interior") == {("interior", "rose"), ("interior", "gold")}
        assert found(background_type="interior", tag="rose") == {("interior", "rose")}
        assert found(tag="both", background_type="exterior") == {("exterior", "rose"), ("exterior", "gold")}
        assert found(background_type="interio") == found(tag="ros") == set()

    def test_filters_that_cannot_be_are_refused(self, api: Api) -> None:
        for name in ("background_type", "tag"):
            for value in ("", "x" * 101, "a\0"):
                answer = api.client.get(backgrounds.path, api.viewer, params={name: value})
                assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


class TestCreateBackground:
    def test_needs_a_type(self, api: Api) -> None:
        answer = api.client.post(backgrounds.path, {"name": "Atelier"}, api.editor)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.background_type"}

    def test_location_is_one_short_text(self, api: Api) -> None:
        made = backgrounds.create(api, location=" Paris ")
        assert made["location"] == "Paris"
        for value in ("", "x" * 256, ["Paris"]):
            answer = api.client.patch(backgrounds.path_of(made), {"location": value}, api.editor)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.location"}

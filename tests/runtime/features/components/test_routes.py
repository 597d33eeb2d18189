"""Components: what is their own. The rest holds for every kind of record."""

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS

components = KINDS["components"]


class TestListComponents:
    @pytest.mark.requirement("ROAD-112", "ROAD-82")
    def test_filters_narrow_alone_and_together(self, api: Api) -> None:
        made = {
            (value, tag): components.create(api, component_type=value, tags=[tag, "both"])
            for value in ("intro", "outro")
            for tag in ("rose", "gold")
        }

        def found(**query: str) -> set[tuple[str, str]]:
            ids = [
                each["component_id"]
                for each in components.answer(api.client.get(components.path, api.viewer, params=query))
            ]
            return {key for key, each in made.items() if each["component_id"] in ids}

        assert found() == set(made)
        assert found(component_type="intro") == {("intro", "rose"), ("intro", "gold")}
        assert found(component_type="intro", tag="rose") == {("intro", "rose")}
        assert found(tag="both", component_type="outro") == {("outro", "rose"), ("outro", "gold")}
        assert found(component_type="intr") == found(tag="ros") == set()

    def test_filters_that_cannot_be_are_refused(self, api: Api) -> None:
        for name in ("component_type", "tag"):
            for value in ("", "x" * 101, "a\0"):
                answer = api.client.get(components.path, api.viewer, params={name: value})
                assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


class TestCreateComponent:
    def test_needs_a_type(self, api: Api) -> None:
        answer = api.client.post(components.path, {"name": "Titles"}, api.editor)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.component_type"}

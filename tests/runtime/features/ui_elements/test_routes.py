"""UI elements: what is their own. The rest holds for every kind of record."""

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS

ui_elements = KINDS["ui_elements"]


class TestListUiElements:
    @pytest.mark.requirement("ROAD-109", "ROAD-80")
    def test_filters_narrow_alone_and_together(self, api: Api) -> None:
        made = {
            (value, tag): ui_elements.create(api, element_type=value, tags=[tag, "both"])
            for value in ("lower_third", "end_card")
            for tag in ("rose", "gold")
        }

        def found(**query: str) -> set[tuple[str, str]]:
            ids = [
                each["ui_element_id"]
                for each in ui_elements.answer(api.client.get(ui_elements.path, api.viewer, params=query))
            ]
            return {key for key, each in made.items() if each["ui_element_id"] in ids}

        assert found() == set(made)
        assert found(element_type="lower_third") == {("lower_third", "rose"), ("lower_third", "gold")}
        assert found(element_type="lower_third", tag="rose") == {("lower_third", "rose")}
        assert found(tag="both", element_type="end_card") == {("end_card", "rose"), ("end_card", "gold")}
        assert found(element_type="lower_thir") == found(tag="ros") == set()

    def test_filters_that_cannot_be_are_refused(self, api: Api) -> None:
        for name in ("element_type", "tag"):
            for value in ("", "x" * 101, "a\0"):
                answer = api.client.get(ui_elements.path, api.viewer, params={name: value})
                assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


class TestElementType:
    def test_may_be_missing_and_cleared(self, api: Api) -> None:
        untyped = ui_elements.answer(api.client.post(ui_elements.path, {"name": "Plain"}, api.editor), 201)
        assert untyped["element_type"] is None
        typed = ui_elements.create(api)
        cleared = ui_elements.answer(api.client.patch(ui_elements.path_of(typed), {"element_type": None}, api.editor))
        assert cleared["element_type"] is None

    def test_is_a_short_word(self, api: Api) -> None:
        for value in ("", " ", "x" * 101, 5):
            answer = api.client.post(ui_elements.path, {"name": "Bad", "element_type": value}, api.editor)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.element_type"}

"""UI elements: filters and type. What all records have in common is tested in mechanisms/records."""

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS

ui_elements = KINDS["ui_elements"]


class TestListUiElements:
    @pytest.mark.requirement("ROAD-109", "ROAD-80")
    def test_filters_combine(self, api: Api) -> None:
        created = {
            (value, tag): ui_elements.create(api, element_type=value, tags=[tag, "both"])
            for value in ("lower_third", "end_card")
            for tag in ("rose", "gold")
        }

        def found(**query: str) -> set[tuple[str, str]]:
            rows = api.client.get(ui_elements.path, api.viewer, params=query).json()["data"]
            ids = [row["ui_element_id"] for row in rows]
            return {key for key, each in created.items() if each["ui_element_id"] in ids}

        assert found() == set(created)
        assert found(element_type="lower_third") == {("lower_third", "rose"), ("lower_third", "gold")}
        assert found(element_type="lower_third", tag="rose") == {("lower_third", "rose")}
        assert found(tag="both", element_type="end_card") == {("end_card", "rose"), ("end_card", "gold")}
        assert found(element_type="lower_thir") == found(tag="ros") == set()

    def test_invalid_filters_are_rejected(self, api: Api) -> None:
        for name in ("element_type", "tag"):
            for value in ("", "x" * 101, "a\0"):
                response = api.client.get(ui_elements.path, api.viewer, params={name: value})
                assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


class TestElementType:
    def test_optional_and_clearable(self, api: Api) -> None:
        untyped = ui_elements.answer(api.client.post(ui_elements.path, {"name": "Plain"}, api.editor), 201)
        assert untyped["element_type"] is None
        typed = ui_elements.create(api)
        cleared = ui_elements.answer(api.client.patch(ui_elements.path_of(typed), {"element_type": None}, api.editor))
        assert cleared["element_type"] is None

    def test_invalid_label_is_rejected(self, api: Api) -> None:
        for value in ("", " ", "x" * 101, 5):
            response = api.client.post(ui_elements.path, {"name": "Bad", "element_type": value}, api.editor)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.element_type"}

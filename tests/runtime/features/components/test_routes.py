"""Components: filters and type. What all records have in common is tested in mechanisms/records."""

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS

components = KINDS["components"]


class TestListComponents:
    @pytest.mark.requirement("ROAD-112", "ROAD-82")
    def test_filters_combine(self, api: Api) -> None:
        created = {
            (value, tag): components.create(api, component_type=value, tags=[tag, "both"])
            for value in ("intro", "outro")
            for tag in ("rose", "gold")
        }

        def found(**query: str) -> set[tuple[str, str]]:
            rows = api.client.get(components.path, api.viewer, params=query).json()["data"]
            ids = [row["component_id"] for row in rows]
            return {key for key, each in created.items() if each["component_id"] in ids}

        assert found() == set(created)
        assert found(component_type="intro") == {("intro", "rose"), ("intro", "gold")}
        assert found(component_type="intro", tag="rose") == {("intro", "rose")}
        assert found(tag="both", component_type="outro") == {("outro", "rose"), ("outro", "gold")}
        assert found(component_type="intr") == found(tag="ros") == set()

    def test_invalid_filters_are_rejected(self, api: Api) -> None:
        for name in ("component_type", "tag"):
            for value in ("", "x" * 101, "a\0"):
                response = api.client.get(components.path, api.viewer, params={name: value})
                assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


class TestCreateComponent:
    def test_missing_type_is_rejected(self, api: Api) -> None:
        response = api.client.post(components.path, {"name": "Titles"}, api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.component_type"}

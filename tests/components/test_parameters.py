from typing import Any

import pytest

from components.parameters import Parameters, ParametersArgs


class TestRegister:
    @pytest.mark.requirement("P2-10")
    def test_each_value_is_found_below_one_path(self, register: Any, naming: Any) -> None:
        graph = register(
            lambda: Parameters("outputs", ParametersArgs(naming=naming, values={"api_url": "http://x", "vpc_id": "v"}))
        )
        assert graph.counts == {"Parameter": 2}
        assert graph.named("outputs-api-url").inputs == {
            "name": "/episode-metadata/dev/api_url",
            "type": "String",
            "value": "http://x",
        }

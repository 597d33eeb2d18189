"""How large a value is as JSON, as Postgres sends it."""

import json
from typing import Any

from runtime.web.schemas import MAX_METADATA_BYTES, json_bytes
from tests.runtime.features.api_platform import Api, problems

VALUES: list[Any] = [
    None,
    'ü"\\\n\x01\x7f',
    5,
    10**18,
    1e300,
    1.5,
    -1e-300,
    1e16,
    0.1,
    True,
    {},
    [1e22, {"a": [1e-7, "x"]}],
]


class TestJsonBytes:
    def test_is_what_postgres_sends(self, api: Api) -> None:
        with api.client.app.state.resources.database.reading() as connection:
            for value in VALUES:
                statement = "SELECT octet_length(%(value)s::jsonb::text) AS bytes"
                row = connection.execute(statement, {"value": json.dumps(value)}).fetchone()
                assert row == {"bytes": json_bytes(value)}, value

    def test_small_objects_are_measured_so(self, api: Api) -> None:
        numbers = [1e300] * (MAX_METADATA_BYTES // 300 + 1)
        answer = api.client.post("/api/v1/shows", {"name": "Numbers", "metadata": {"a": numbers}}, api.admin)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.metadata"}
        answer = api.client.post("/api/v1/shows", {"name": "Numbers", "metadata": {"a": numbers[1:]}}, api.admin)
        assert answer.status_code == 201

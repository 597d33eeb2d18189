"""How large a value is as JSON, as Postgres sends it; and that the description of a kind of value is what is checked."""

import json
import re
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from runtime.contract.values import MAX_METADATA_BYTES, HttpsUrl, Label, json_byte_count
from runtime.features.guests.schemas import SocialLinks
from runtime.features.jobs.schemas import JobsRetry
from runtime.mechanisms.records.schemas import FileReference
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
        with api.client.app.state.resources.database.autocommit() as connection:
            for value in VALUES:
                statement = "SELECT octet_length(%(value)s::jsonb::text) AS bytes"
                row = connection.execute(statement, {"value": json.dumps(value)}).fetchone()
                assert row == {"bytes": json_byte_count(value)}, value

    def test_small_objects_are_measured_so(self, api: Api) -> None:
        numbers = [1e300] * (MAX_METADATA_BYTES // 300 + 1)
        answer = api.client.post("/api/v1/shows", {"name": "Numbers", "metadata": {"a": numbers}}, api.admin)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.metadata"}
        answer = api.client.post("/api/v1/shows", {"name": "Numbers", "metadata": {"a": numbers[1:]}}, api.admin)
        assert answer.status_code == 201


class TestDescribedKinds:
    """Who reads the description alone sends nothing that is refused for its form."""

    @pytest.mark.requirement("P1-40")
    @pytest.mark.parametrize(
        ("kind", "taken", "refused"),
        [
            (Label, [" spring ", "x\ny"], [" ", "\n\t", "\u2003", ""]),
            (
                HttpsUrl,
                ["https://example.test", "https://example.test/ü?q=1#x"],
                ["http://x.test", "https://a@b.test/"],
            ),
            (
                FileReference,
                ["s3://bucket/a b.jpg", "s3://a.b-c/ü"],
                ["s3://x/y", "s3://10.0.0.1/k", "s3://bucket/a\nb"],
            ),
        ],
    )
    def test_pattern_tells_what_is_taken(self, kind: Any, taken: list[str], refused: list[str]) -> None:
        adapter = TypeAdapter(kind)
        pattern = re.compile(adapter.json_schema()["pattern"])
        for text in taken:
            adapter.validate_python(text)
            assert pattern.search(text), text
        for text in refused:
            with pytest.raises(ValidationError):
                adapter.validate_python(text)
            assert not pattern.search(text), text

    @pytest.mark.requirement("P1-40")
    def test_names_and_repetitions_that_are_refused_are_described(self) -> None:
        links = TypeAdapter(SocialLinks).json_schema()
        assert (list(links["patternProperties"]), links["additionalProperties"]) == ([r"^\S(.*\S)?$"], False)
        assert JobsRetry.model_json_schema()["properties"]["job_ids"]["uniqueItems"] is True

"""Bodies that are no JSON in the narrow sense."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.contract.strict_json import MAX_DEPTH, MAX_VALUES, parse
from tests.runtime.features.api_platform import Api, problems

CANARY = "canary-7f3a"


def nested(depth: int) -> bytes:
    return b'{"name": ' + b"[" * depth + b"]" * depth + b"}"


REFUSED = {
    "depth 100,000": nested(100_000),
    "depth 900": nested(900),
    "depth 33": nested(MAX_DEPTH),
    "an object in depth": b'{"a":' * 33 + b"1" + b"}" * 33,
    "5,000 digits": b'{"name": ' + b"9" * 5000 + b"}",
    "20 digits": b'{"name": -12345678901234567890}',
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": -Infinity}',
    "1e999": b'{"name": 1e999}',
    "duplicate keys": b'{"name": "a", "name": "b"}',
    "duplicate keys in depth": b'{"metadata": {"x": [{"a": 1, "a": 2}]}}',
    "NUL": b'{"name": "a\\u0000b"}',
    "NUL in a key": b'{"metadata": {"a\\u0000b": 1}}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "lone surrogate in depth": b'{"metadata": {"x": ["\\udfff"]}}',
    "surrogate key": b'{"metadata": {"\\ud83d": 1}}',
    "invalid UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + b'{"name": "a"}',
    "truncated": b'{"name": "' + CANARY.encode(),
    "trailing": b'{"name": "a"} x',
    "single quotes": b"{'name': 'a'}",
    "raw control character": b'{"name": "a\nb"}',
    "very many values": b'{"name": [' + b"1," * MAX_VALUES + b"1]}",
    "compressed": gzip.compress(b'{"name": "a"}'),
    "not JSON": CANARY.encode(),
}


@pytest.mark.requirement("P1-30")
class TestParse:
    @pytest.mark.parametrize("name", REFUSED)
    def test_refuses_without_quoting(self, name: str) -> None:
        with pytest.raises(json.JSONDecodeError) as refused:
            parse(REFUSED[name])
        assert refused.value.doc == ""
        assert CANARY not in str(refused.value)

    def test_takes_what_just_fits(self) -> None:
        parse(nested(MAX_DEPTH - 1))
        assert parse(b"[9223372036854775807, -9223372036854775807]") == [2**63 - 1, 1 - 2**63]
        assert parse('"é😀 \\ud83d\\ude00"'.encode()) == "é😀 😀"

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(10**18), 10**18)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=1)), inner)
            ),
            max_leaves=20,
        )
    )
    def test_every_storable_value_comes_through(self, value: Any) -> None:
        assert parse(json.dumps(value).encode()) == value


class TestBodies:
    def send(self, api: Api, body: bytes, content_type: str = "application/json") -> Any:
        return api.client.post("/api/v1/shows", user=api.admin, content=body, headers={"Content-Type": content_type})

    @pytest.mark.requirement("P1-29", "ROAD-95")
    def test_none_of_them_is_accepted_or_an_error_of_ours(self, api: Api) -> None:
        for name, body in REFUSED.items():
            answer = self.send(api, body)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body"}, name
            assert CANARY not in answer.text
        assert api.client.get("/api/v1/shows", api.viewer).json()["data"] == []

    def test_empty_and_wrong_shapes_are_refused(self, api: Api) -> None:
        for body in (b"", b"null", b"[]", b'"text"', b"5"):
            problems(self.send(api, body), 400, "VALIDATION_ERROR")

    def test_wrong_content_type_is_refused(self, api: Api) -> None:
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
            answer = self.send(api, b'{"name": "a"}', content_type)
            found = problems(answer, 400, "VALIDATION_ERROR")
            assert found == {"body": "Send a JSON object, with content-type application/json"}, content_type

    def test_many_wrong_fields_are_told_in_part(self, api: Api) -> None:
        answer = self.send(api, json.dumps({f"x{number}": 1 for number in range(5000)}).encode())
        assert len(problems(answer, 400, "VALIDATION_ERROR")) == 50

    def test_name_of_a_field_is_repeated_only_if_it_looks_like_one(self, api: Api) -> None:
        for name in ("<script>", "x" * 65, "a b", "é"):
            answer = self.send(api, json.dumps({"name": "a", name: 1}).encode())
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.…"}


class TestSize:
    @pytest.mark.requirement("A-14", "ROAD-98")
    @pytest.mark.parametrize("size", [1024 * 1024 + 1, 6_500_000, 10 * 1024 * 1024])
    def test_declared_beyond_the_limit_is_413_and_says_where_files_go(self, api: Api, size: int) -> None:
        answer = api.client.post("/api/v1/shows", user=api.admin, content=b" " * size)
        assert "upload/generate-url" in str(problems(answer, 413, "PAYLOAD_TOO_LARGE"))

    def test_undeclared_beyond_the_limit_is_413(self, api: Api) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b" " * 65_536

        headers = {"Content-Type": "application/json"}
        answer = api.client.post("/api/v1/shows", user=api.admin, content=chunks(), headers=headers)
        problems(answer, 413, "PAYLOAD_TOO_LARGE")

    def test_exactly_the_limit_is_read(self, api: Api) -> None:
        body = b'{"name": "a"}'
        answer = api.client.post(
            "/api/v1/shows",
            user=api.admin,
            content=body + b" " * (1024 * 1024 - len(body)),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 201

    def test_absurd_lengths_are_refused(self, api: Api) -> None:
        for length in ("9" * 5000, "1048577"):
            answer = api.client.post("/api/v1/shows", user=api.admin, content=b"{}", headers={"Content-Length": length})
            problems(answer, 413, "PAYLOAD_TOO_LARGE")

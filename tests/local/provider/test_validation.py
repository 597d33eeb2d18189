"""Request validation, on shapes written for these tests and on real patterns."""

from typing import Any

import pytest
from botocore.model import DenormalizedStructureBuilder, Shape

from local.provider.requests.validation import compile_pattern, find_problems

MEMBERS: dict[str, Any] = {
    "Name": {"type": "string", "pattern": "[a-z]+"},
    "Mode": {"type": "string", "enum": ["on", "off"]},
    "Size": {"type": "integer", "min": 1, "max": 10},
    "Password": {"type": "string", "min": 8, "sensitive": True},
    "Tags": {"type": "list", "max": 2, "member": {"type": "string", "pattern": "[a-z]+"}},
    "Inner": {"type": "structure", "required": ["Id"], "members": {"Id": {"type": "string"}}},
    "Attributes": {"type": "map", "key": {"type": "string", "enum": ["Colour"]}, "value": {"type": "string", "max": 3}},
    "Flag": {"type": "boolean"},
}


@pytest.fixture
def shape() -> Shape:
    return DenormalizedStructureBuilder().with_members(MEMBERS).build_model()


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"Name": "Upper"}, ("Name", "'Upper' does not match [a-z]+")),
        ({"Name": "lower and more"}, ("Name", "'lower and more' does not match [a-z]+")),
        ({"Mode": "loud"}, ("Mode", "'loud' must be one of on, off")),
        ({"Size": 0}, ("Size", "0 is below the minimum 1")),
        ({"Size": 11}, ("Size", "11 is above the maximum 10")),
        ({"Size": True}, ("Size", "must be a integer")),
        ({"Password": "short"}, ("Password", "is below the minimum length 8")),
        ({"Tags": ["a", "b", "c"]}, ("Tags", "is above the maximum length 2")),
        ({"Tags": ["a", "B"]}, ("Tags[1]", "'B' does not match [a-z]+")),
        ({"Inner": {}}, ("Inner.Id", "is required")),
        ({"Inner": {"Id": "x", "Other": 1}}, ("Inner.Other", "is not known to AWS")),
        ({"Attributes": {"Taste": "x"}}, ("Attributes[Taste]", "'Taste' must be one of Colour")),
        ({"Attributes": {"Colour": "blue"}}, ("Attributes[Colour]", "'blue' is above the maximum length 3")),
        ({"Flag": "yes"}, ("Flag", "must be a boolean")),
    ],
)
def test_violation_is_reported(shape: Shape, parameters: dict[str, Any], problem: tuple[str, str]) -> None:
    assert list(find_problems(parameters, shape)) == [problem]


def test_valid_request_has_no_problem(shape: Shape) -> None:
    good = {"Name": "name", "Mode": "on", "Size": 10, "Password": "long enough", "Attributes": {"Colour": "red"}}
    assert list(find_problems(good, shape)) == []


def test_long_values_are_shortened(shape: Shape) -> None:
    ((_, problem),) = find_problems({"Name": "X" * 5000}, shape)
    assert len(problem) < 120


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Größe 3"),
        (r"\p{ASCII}+", "plain"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "smile \U0001f600"),
    ],
)
def test_java_patterns_are_converted(pattern: str, text: str) -> None:
    compiled = compile_pattern(pattern)
    assert compiled is not None
    assert compiled.fullmatch(text)


def test_pattern_that_python_cannot_compile_is_skipped() -> None:
    assert compile_pattern("[") is None

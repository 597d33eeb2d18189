"""Mapping of inputs to members, on shapes written for these tests."""

from typing import Any

import pytest
from botocore.model import DenormalizedStructureBuilder, StructureShape

from local.provider.requests.input_mapper import InputMapper
from local.provider.resource_types.errors import ResourceError

TEXT = {"type": "string"}
PAIR = {"type": "structure", "members": {"Key": TEXT, "Value": TEXT}}
FILTER = {
    "type": "structure",
    "members": {"Rules": {"type": "list", "member": {"type": "structure", "members": {"Name": TEXT, "Value": TEXT}}}},
}
MEMBERS: dict[str, Any] = {
    "RoleName": TEXT,
    "PolicyDocument": TEXT,
    "SubnetIds": {"type": "list", "member": TEXT},
    "Tags": {"type": "list", "member": PAIR},
    "Wrapped": {"type": "structure", "members": {"Value": {"type": "boolean"}}},
    "Enable": {"type": "boolean"},
    "EnableLogging": {"type": "boolean"},
    "State": {"type": "string", "enum": ["Enabled", "Disabled"]},
    "Attributes": {"type": "map", "key": {"type": "string", "enum": ["DelaySeconds"]}, "value": TEXT},
    "Outer": {"type": "structure", "members": {"Deep": TEXT, "Both": TEXT}},
    "Other": {"type": "structure", "members": {"Both": TEXT}},
    "Filter": FILTER,
    "Count": {"type": "integer"},
    "Rate": {"type": "double"},
}


@pytest.fixture
def shape() -> StructureShape:
    return DenormalizedStructureBuilder().with_members(MEMBERS).build_model()


def map_inputs(shape: StructureShape, rename: dict[str, str] | None = None, **inputs: Any) -> dict[str, Any]:
    return InputMapper(rename or {}, noun="role").map_inputs(inputs, shape).parameters


@pytest.mark.parametrize(
    ("inputs", "parameters"),
    [
        ({"name": "a"}, {"RoleName": "a"}),
        ({"policy": {"a": 1}}, {"PolicyDocument": '{"a": 1}'}),
        ({"subnetId": "a"}, {"SubnetIds": ["a"]}),
        ({"tags": {"a": "b"}}, {"Tags": [{"Key": "a", "Value": "b"}]}),
        ({"wrapped": True}, {"Wrapped": {"Value": True}}),
        ({"loggingEnabled": True}, {"EnableLogging": True}),
        ({"state": False}, {"State": "Disabled"}),
        ({"delaySeconds": 5}, {"Attributes": {"DelaySeconds": "5"}}),
        ({"deep": "a"}, {"Outer": {"Deep": "a"}}),
        ({"outer": [{"deep": "a"}]}, {"Outer": {"Deep": "a"}}),
        ({"count": "5"}, {"Count": 5}),
        ({"rate": 2}, {"Rate": 2.0}),
        ({"enable": "true"}, {"Enable": True}),
        ({"outer": None, "strange": 1, "both": "a"}, {}),
    ],
)
def test_input_is_mapped_to_its_member(
    shape: StructureShape, inputs: dict[str, Any], parameters: dict[str, Any]
) -> None:
    assert map_inputs(shape, **inputs) == parameters


def test_input_without_member_is_skipped(shape: StructureShape) -> None:
    assert InputMapper({}).map_inputs({"strange": 1, "deep": "a"}, shape).targets == {"deep": "Outer.Deep"}


def test_renames_reach_nested_members_and_pairs(shape: StructureShape) -> None:
    rename = {"prefix": "Filter.Rules[prefix]", "suffix": "Filter.Rules[suffix]", "outer.colour": "Deep"}
    parameters = map_inputs(shape, rename, prefix="raw/", suffix=".jpg", outer={"colour": "blue"})
    assert parameters == {
        "Filter": {"Rules": [{"Name": "prefix", "Value": "raw/"}, {"Name": "suffix", "Value": ".jpg"}]},
        "Outer": {"Deep": "blue"},
    }


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"count": 1.5}, "count must be a whole number"),
        ({"count": True}, "count must be a whole number"),
        ({"count": [1]}, "count must be a integer"),
        ({"rate": "fast"}, "rate must be a number"),
        ({"enable": "yes"}, "enable must be true or false"),
        ({"outer": "text"}, "outer must be an object"),
        ({"outer": {"strange": 1}}, "outer.strange: AWS's .* has no such member"),
        ({"attributes": "text"}, "attributes must be an object"),
        ({"outer": [{"deep": "a"}, {"deep": "b"}]}, "outer must be an object"),
    ],
)
def test_value_of_wrong_type_is_reported(shape: StructureShape, inputs: dict[str, Any], problem: str) -> None:
    with pytest.raises(ResourceError, match=problem):
        map_inputs(shape, **inputs)


def test_ambiguous_member_needs_a_rename() -> None:
    members = {"Policies": TEXT, "Policy_s": TEXT, "PolicyS": TEXT}
    shape = DenormalizedStructureBuilder().with_members({**members, "policy": TEXT}).build_model()
    assert map_inputs(shape, policy="a") == {"policy": "a"}
    shape = DenormalizedStructureBuilder().with_members(members).build_model()
    with pytest.raises(ResourceError, match="add a rename to the table"):
        map_inputs(shape, policy="a")

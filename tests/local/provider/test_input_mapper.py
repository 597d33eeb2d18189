"""How inputs find their members, on shapes written for the purpose."""

from typing import Any, cast

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
    return cast(StructureShape, DenormalizedStructureBuilder().with_members(MEMBERS).build_model())


def fit(shape: StructureShape, rename: dict[str, str] | None = None, **inputs: Any) -> dict[str, Any]:
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
def test_input_finds_its_member(shape: StructureShape, inputs: dict[str, Any], parameters: dict[str, Any]) -> None:
    assert fit(shape, **inputs) == parameters


def test_what_has_no_place_is_not_taken(shape: StructureShape) -> None:
    assert InputMapper({}).map_inputs({"strange": 1, "deep": "a"}, shape).targets == {"deep": "Outer.Deep"}


def test_renames_go_down_and_into_pairs(shape: StructureShape) -> None:
    rename = {"prefix": "Filter.Rules[prefix]", "suffix": "Filter.Rules[suffix]", "outer.colour": "Deep"}
    parameters = fit(shape, rename, prefix="raw/", suffix=".jpg", outer={"colour": "blue"})
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
def test_value_that_does_not_fit_is_named(shape: StructureShape, inputs: dict[str, Any], problem: str) -> None:
    with pytest.raises(ResourceError, match=problem):
        fit(shape, **inputs)


def test_two_members_of_one_name_are_for_the_table_to_tell_apart() -> None:
    members = {"Policies": TEXT, "Policy_s": TEXT, "PolicyS": TEXT}
    shape = cast(StructureShape, DenormalizedStructureBuilder().with_members({**members, "policy": TEXT}).build_model())
    assert fit(shape, policy="a") == {"policy": "a"}
    shape = cast(StructureShape, DenormalizedStructureBuilder().with_members(members).build_model())
    with pytest.raises(ResourceError, match="add a rename to the table"):
        fit(shape, policy="a")

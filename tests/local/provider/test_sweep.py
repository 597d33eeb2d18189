"""Every input that a Pulumi class declares is mapped by name, renamed, or listed as ignored or unsupported.

An update of pulumi-aws or boto3 that adds an input or moves a member fails here before a program uses it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast, get_args

import pytest
from botocore.model import ListShape, Shape, StructureShape
from pulumi import _types

from local.account import LocalAccount
from local.provider.requests.api import Api
from local.provider.requests.input_mapper import InputMapper
from local.provider.requests.validation import compile_pattern
from local.provider.resource_types.pulumi_classes import declared_inputs, declared_outputs, resource_class
from local.provider.resource_types.table import Call, ResourceType
from local.provider.services import TABLE

APPLIED = [kind for kind in TABLE.values() if kind.operation]
# Output-only members of types that are shared by inputs and outputs, and structures that `prepare` converts.
UNMAPPED = {
    "aws:lambda/function:Function": {"snapStart.optimizationStatus", "vpcConfig.vpcId"},
    "aws:secretsmanager/secret:Secret": {"replicas.lastAccessedDate", "replicas.status", "replicas.statusMessage"},
}
PREPARED_ITEMS = {"ingress", "egress", "routeSettings"}


@pytest.fixture(scope="module")
def api() -> Api:
    nowhere = "http://127.0.0.1:1"
    return Api(
        LocalAccount(
            endpoint=nowhere, s3_endpoint=nowhere, region="us-east-1", access_key_id="a", secret_access_key="b"
        )
    )


def input_shape(kind: ResourceType, call: Call, api: Api) -> StructureShape:
    return cast(StructureShape, api.operation(kind.service, call.operation).input_shape)


def place(kind: ResourceType, name: str, api: Api) -> tuple[Call, str] | None:
    """The call that takes the input and the member it goes to."""
    for number, call in enumerate((kind.first_call, *kind.then)):
        if name in (call.when, call.for_each):
            return call, ""
        if call.for_each or (number == 0 and name in kind.deferred):
            continue
        mapper = InputMapper(call.rename, kind.noun)
        if target := mapper.find_target(name, input_shape(kind, call, api)):
            return call, target
    return None


def how(kind: ResourceType, name: str, api: Api) -> str:
    if name in ("region", f"{kind.naming.input_name}Prefix"):
        return "by the provider"
    for way in ("ignore", "unsupported", "prepared"):
        if name in getattr(kind, way):
            return way
    found = place(kind, name, api)
    if found is None:
        return "nowhere"
    return "renamed" if name in found[0].rename else "by name"


def test_every_declared_input_is_mapped(api: Api) -> None:
    counts: Counter[str] = Counter()
    nowhere = []
    for kind in APPLIED:
        for name in declared_inputs(kind.token):
            way = how(kind, name, api)
            counts[way] += 1
            if way == "nowhere":
                nowhere.append(f"{kind.token} {name}")
    total = sum(counts.values())
    ways = ", ".join(f"{way} {number}" for way, number in counts.most_common())
    print(f"{total} inputs of {len(APPLIED)} types: {ways}")  # shown with -s: how far names alone carry
    assert nowhere == []
    assert counts["by name"] / total > 0.6


@pytest.mark.parametrize("kind", TABLE.values(), ids=lambda kind: kind.token)
def test_table_names_only_declared_inputs_and_outputs(kind: ResourceType) -> None:
    assert resource_class(kind.token) is not None
    inputs = declared_inputs(kind.token)
    assert {*kind.ignore, *kind.unsupported, *kind.prepared, *kind.deferred, *kind.defaults} <= inputs
    assert {name.partition(".")[0] for name in kind.rename} <= inputs
    assert set(kind.outputs) <= declared_outputs(kind.token).keys()
    assert {name for call in kind.then for name in (call.for_each, call.when) if name} <= inputs


@pytest.mark.parametrize("kind", APPLIED, ids=lambda kind: kind.token)
def test_every_nested_input_is_mapped(kind: ResourceType, api: Api) -> None:
    skipped = {*kind.ignore, *kind.unsupported, *kind.prepared, *PREPARED_ITEMS, "tags"}
    strange = set()
    for name in declared_inputs(kind.token) - skipped:
        found = place(kind, name, api)
        declared = declared_outputs(kind.token).get(name)
        if not found or not (found[1] or found[0].for_each) or declared is None:
            continue
        call, target = found
        shape = input_shape(kind, call, api)
        mapper = InputMapper(call.rename, kind.noun)
        inner = shape if call.for_each else follow(shape, target)
        strange |= set(without_place(mapper, inner, declared, name if not call.for_each else ""))
    assert strange - UNMAPPED.get(kind.token, set()) == set()


def follow(shape: Shape, target: str) -> Shape | None:
    for step in target.split("."):
        if "[" in step or step == "TagSpecifications":
            return None
        shape = cast(ListShape, shape).member if shape.type_name == "list" else shape
        shape = cast(StructureShape, shape).members[step]
    return shape


def without_place(mapper: InputMapper, shape: Shape | None, declared: Any, path: str) -> Iterator[str]:
    declared = _types.unwrap_optional_type(declared)
    if len(get_args(declared)) == 1:
        declared = get_args(declared)[0]
    while isinstance(shape, ListShape):
        shape = shape.member
    if not _types.is_output_type(declared) or shape is None:
        return
    if not isinstance(shape, StructureShape):
        yield path
        return
    for name, type_ in _types.output_type_types(declared).items():
        where = f"{path}.{name}" if path else name
        target = mapper.find_target(name, shape, path)
        if target is None:
            yield where
        else:
            yield from without_place(mapper, follow(shape, target), type_, where)


def test_every_pattern_of_these_services_compiles(api: Api) -> None:
    unreadable = set()
    for service in {kind.service for kind in APPLIED}:
        model = api.operation(
            service, next(k for k in APPLIED if k.service == service).first_call.operation
        ).service_model
        for name in model.shape_names:
            pattern = model.shape_for(name).metadata.get("pattern")
            if pattern and compile_pattern(pattern) is None:
                unreadable.add(f"{service} {name} {pattern}")
    assert unreadable == set()

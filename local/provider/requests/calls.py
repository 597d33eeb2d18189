"""Makes a resource's calls in the table's order. Every input must be accepted by one of them."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from botocore.model import StructureShape

from local.provider.requests.api import Api
from local.provider.requests.input_mapper import InputMapper, MappedRequest
from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Call, FromResponse, Inputs, ResourceType


def make_calls(resource_type: ResourceType, inputs: Inputs, known: KnownValues, api: Api) -> None:
    """Make every call that the type and these inputs require, and add requests and responses to `known`.

    Raises:
        ResourceError: A call cannot be made or fails, or no call accepts one of the inputs.
    """
    remaining = {name: value for name, value in inputs.items() if value is not None}
    for number, call in enumerate((resource_type.first_call, *resource_type.then)):
        input_shape, output_shape = _shapes(resource_type, call, api)
        tag_type = resource_type.tag_type or resource_type.noun.replace("_", "-")
        mapper = InputMapper(call.rename, resource_type.noun, tag_type)
        first = number == 0
        offered = {name: value for name, value in remaining.items() if not (first and name in resource_type.deferred)}
        for request in map_requests(call, offered, mapper, input_shape, first=first):
            if not _fill_parameters(request.parameters, call, input_shape, known):
                continue
            response = api.call(resource_type.service, call.operation, request.parameters, request.targets)
            if not call.for_each:  # the items of a list are separate objects whose values are not this resource's
                known.add_call(request.parameters, response, output_shape, first=first)
            remaining = {name: value for name, value in remaining.items() if name not in request.targets}
        remaining.pop(call.when or call.for_each, None)
    if remaining:
        raise ResourceError(f"no call accepts {', '.join(sorted(remaining))}")


def _shapes(resource_type: ResourceType, call: Call, api: Api) -> tuple[StructureShape, StructureShape]:
    model = api.operation(resource_type.service, call.operation)
    empty = StructureShape("Empty", {"type": "structure", "members": {}})
    return (
        cast(StructureShape, model.input_shape) or empty,
        cast(StructureShape, model.output_shape) or empty,
    )


def map_requests(
    call: Call, inputs: Mapping[str, Any], mapper: InputMapper, shape: StructureShape, *, first: bool
) -> Iterator[MappedRequest]:
    """Yield the requests of one call: one per item or input, or at most one, as the table says.

    Raises:
        ResourceError: An input does not have the type of its member, or an item has an unknown member.
    """
    if call.for_each:
        for item in inputs.get(call.for_each) or ():
            yield _map_item(call, item, mapper, shape)
    elif call.when:
        if inputs.get(call.when) is True:
            yield mapper.map_inputs({name: value for name, value in inputs.items() if name != call.when}, shape)
    elif call.one_call_per_input:
        for name, value in inputs.items():
            request = mapper.map_inputs({name: value}, shape)
            if request.targets:
                yield request
    else:
        request = mapper.map_inputs(inputs, shape)
        if first or call.always or request.targets:
            yield request


def _map_item(call: Call, item: Any, mapper: InputMapper, shape: StructureShape) -> MappedRequest:
    members = item if isinstance(item, Mapping) else {call.for_each: item}
    request = mapper.map_inputs(members, shape)
    unknown = sorted(name for name, value in members.items() if value is not None and name not in request.targets)
    if unknown:
        raise ResourceError(f"{call.for_each}: {call.operation} does not accept {', '.join(unknown)}")
    request.targets = {call.for_each: ""}
    return request


def _fill_parameters(parameters: dict[str, Any], call: Call, shape: StructureShape, known: KnownValues) -> bool:
    """Add the table's own parameters and required members known from earlier calls.

    Returns False if a FromResponse of the table matches nothing: the call is then skipped.
    """
    for member, value in call.parameters.items():
        resolved = known.resolve(value)
        if isinstance(value, FromResponse) and not resolved:
            return False
        parameters.setdefault(member, resolved)
    for member in shape.required_members:
        value = known.get(member)
        if member not in parameters and value is not None:
            parameters[member] = value
    return True

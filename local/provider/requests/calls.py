"""Makes a resource's calls in the table's order. Calls take inputs; what none of them takes is a mistake."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from botocore.model import StructureShape

from local.provider.requests.api import Api
from local.provider.requests.fitter import Fitted, Fitter
from local.provider.resource_types.facts import Facts
from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.table import Call, FromResponse, Inputs, ResourceType


def make_calls(kind: ResourceType, inputs: Inputs, facts: Facts, api: Api) -> None:
    """Makes every call that the type and these inputs ask for, and adds what was learnt to `facts`.

    Raises ProblemError for the first call that cannot be made or fails, and when an input is left over.
    """
    left = {name: value for name, value in inputs.items() if value is not None}
    for number, call in enumerate((kind.first_call, *kind.then)):
        shape, output = _shapes(kind, call, api)
        fitter = Fitter(call.rename, kind.noun, kind.tag_type or kind.noun.replace("_", "-"))
        first = number == 0
        offered = {name: value for name, value in left.items() if not (first and name in kind.later)}
        for fitted in _requests(call, offered, fitter, shape, first=first):
            if not _complete(fitted.parameters, call, shape, facts):
                continue
            answer = api.call(kind.service, call.operation, fitted.parameters, fitted.taken)
            if not call.for_each:  # the items of a list are things of their own and say nothing of this resource
                facts.learn(fitted.parameters, answer, output, first=first)
            left = {name: value for name, value in left.items() if name not in fitted.taken}
        left.pop(call.when or call.for_each, None)
    if left:
        raise ProblemError(f"no call takes {', '.join(sorted(left))}")


def _shapes(kind: ResourceType, call: Call, api: Api) -> tuple[StructureShape, StructureShape]:
    model = api.operation(kind.service, call.operation)
    empty = StructureShape("Empty", {"type": "structure", "members": {}})
    return (
        cast(StructureShape, model.input_shape) or empty,
        cast(StructureShape, model.output_shape) or empty,
    )


def _requests(
    call: Call, inputs: Mapping[str, Any], fitter: Fitter, shape: StructureShape, *, first: bool
) -> Iterator[Fitted]:
    """The requests of one call, by its kind."""
    if call.for_each:
        for item in inputs.get(call.for_each) or ():
            yield _fit_item(call, item, fitter, shape)
    elif call.when:
        if inputs.get(call.when) is True:
            yield fitter.fit({name: value for name, value in inputs.items() if name != call.when}, shape)
    elif call.one_by_one:
        for name, value in inputs.items():
            fitted = fitter.fit({name: value}, shape)
            if fitted.taken:
                yield fitted
    else:
        fitted = fitter.fit(inputs, shape)
        if first or call.always or fitted.taken:
            yield fitted


def _fit_item(call: Call, item: Any, fitter: Fitter, shape: StructureShape) -> Fitted:
    members = item if isinstance(item, Mapping) else {call.for_each: item}
    fitted = fitter.fit(members, shape)
    strange = sorted(name for name, value in members.items() if value is not None and name not in fitted.taken)
    if strange:
        raise ProblemError(f"{call.for_each}: {call.operation} takes no {', '.join(strange)}")
    fitted.taken = {call.for_each: ""}
    return fitted


def _complete(parameters: dict[str, Any], call: Call, shape: StructureShape, facts: Facts) -> bool:
    """Adds what the table gives and what earlier calls know; False when the table's own value turned out to be nothing."""
    for member, value in call.given.items():
        resolved = facts.resolve(value)
        if isinstance(value, FromResponse) and not resolved:
            return False
        parameters.setdefault(member, resolved)
    for member in shape.required_members:
        known = facts.get(member)
        if member not in parameters and known is not None:
            parameters[member] = known
    return True

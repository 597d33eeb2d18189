"""A resource's outputs: what the program gave, what AWS answered, and what the table says of the rest."""

from collections.abc import Mapping
from typing import Any

from local.provider.resource_types.facts import Facts, squash
from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.pulumi_classes import declared_outputs, suits
from local.provider.resource_types.table import ResourceType


def make_outputs(kind: ResourceType, inputs: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """Every declared output that is known, by its camelCase name. What nobody knows is left out, which Pulumi reads as None.

    The table's own entries win, then the inputs as the program gave them, then what AWS said under that name.
    """
    declared = declared_outputs(kind.token)
    outputs = {name: value for name, value in inputs.items() if name in declared}
    noun = squash(kind.noun)
    for name, type_ in declared.items():
        for known in (facts.get(name), facts.get(noun + name)):
            if name not in outputs and known is not None and suits(known, type_):
                outputs[name] = known
    outputs |= {name: evaluated(value, inputs, facts) for name, value in kind.outputs.items()}
    return checked(kind.token, {name: value for name, value in outputs.items() if value is not None})


def evaluated(value: Any, inputs: Mapping[str, Any], facts: Facts) -> Any:
    """What one of the table's values says for this resource."""
    return value(inputs, facts) if callable(value) else facts.resolve(value)


def checked(token: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs, if the SDK can take them: it would fail later, in words that do not name the resource."""
    declared = declared_outputs(token)
    for name, value in outputs.items():
        if name in declared and not suits(value, declared[name]):
            raise ProblemError(f"the output {name} cannot be a {type(value).__name__}")
    return dict(outputs)

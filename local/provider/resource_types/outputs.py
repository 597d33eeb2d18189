"""A resource's outputs: its inputs, the values AWS returned, and what the table of types computes from both."""

from collections.abc import Mapping
from typing import Any

from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.known_values import KnownValues, normalize_name
from local.provider.resource_types.pulumi_classes import declared_outputs, is_assignable
from local.provider.resource_types.table import ResourceType


def make_outputs(resource_type: ResourceType, inputs: Mapping[str, Any], known: KnownValues) -> dict[str, Any]:
    """Return every declared output that is known, by its camelCase name. Unknown ones are absent, which Pulumi reads as None.

    The table's own entries take precedence, then the program's inputs, then the values AWS returned under that name.
    """
    declared = declared_outputs(resource_type.token)
    outputs = {name: value for name, value in inputs.items() if name in declared}
    noun = normalize_name(resource_type.noun)
    for name, type_ in declared.items():
        for value in (known.get(name), known.get(noun + name)):
            if name not in outputs and value is not None and is_assignable(value, type_):
                outputs[name] = value
    outputs |= {name: evaluate_value(value, inputs, known) for name, value in resource_type.outputs.items()}
    return check_outputs(resource_type.token, {name: value for name, value in outputs.items() if value is not None})


def evaluate_value(value: Any, inputs: Mapping[str, Any], known: KnownValues) -> Any:
    """Return the result of one of the table's values (template, JMESPath or function) for this resource."""
    return value(inputs, known) if callable(value) else known.resolve(value)


def check_outputs(token: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs if the SDK accepts their types: its own error comes later and does not name the resource.

    Raises:
        ResourceError: An output has a type other than the declared one.
    """
    declared = declared_outputs(token)
    for name, value in outputs.items():
        if name in declared and not is_assignable(value, declared[name]):
            raise ResourceError(f"the output {name} cannot be a {type(value).__name__}")
    return dict(outputs)

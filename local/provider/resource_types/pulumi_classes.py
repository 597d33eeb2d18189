"""Inputs and outputs that the Pulumi class of a type token declares."""

import importlib
import inspect
from collections import abc
from collections.abc import Mapping
from functools import cache
from typing import Any, cast, get_args, get_origin

from pulumi import _types

# The one module whose name is a Python keyword.
_RENAMED_MODULES = {"lambda": "lambda_"}


@cache
def resource_class(token: str) -> type | None:
    """Return the class of e.g. `aws:ec2/vpc:Vpc`; None for a type that pulumi-aws does not have."""
    package, _, rest = token.partition(":")
    module, _, class_name = rest.partition(":")
    if package != "aws":
        return None
    module = module.partition("/")[0]
    try:
        found = importlib.import_module(f"pulumi_aws.{_RENAMED_MODULES.get(module, module)}")
    except ModuleNotFoundError:
        return None
    return getattr(found, class_name, None)


@cache
def declared_outputs(token: str) -> Mapping[str, Any]:
    """Return the declared type of each output by its camelCase name; empty for an unknown type."""
    cls = resource_class(token)
    return _types.resource_types(cls) if cls else {}


@cache
def declared_inputs(token: str) -> frozenset[str]:
    """Return the camelCase names of all inputs; empty for an unknown type."""
    cls = resource_class(token)
    if cls is None:
        return frozenset()
    # The constructor's signature, not the Args class: BucketVersioningArgs, for one, belongs to another resource.
    signature = inspect.signature(cast(Any, cls)._internal_init)
    parameters = signature.parameters.keys() - {"__self__", "resource_name", "opts", "__props__"}
    names = _types.resource_py_to_pulumi_names(cls)
    return frozenset(names.get(parameter, parameter) for parameter in parameters)


def is_assignable(value: Any, declared: Any) -> bool:
    """Return whether the SDK accepts this value for an output of the declared type."""
    declared = _types.unwrap_optional_type(declared)
    container = get_origin(declared)
    if isinstance(value, dict):
        return declared is Any or _types.is_output_type(declared) or container in (abc.Mapping, dict)
    if isinstance(value, list):
        items = get_args(declared)[:1]
        return declared is Any or (
            container in (abc.Sequence, list) and all(is_assignable(item, *items) for item in value)
        )
    if declared is float or declared is int:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if declared is bool or declared is str:
        return isinstance(value, declared)
    # Enumerations, assets and archives remain; the SDK does not convert those.
    return container is None and not _types.is_output_type(declared)

"""The inputs of a resource before its calls: automatic name, default tags, and what the calls accept."""

import hashlib
from collections.abc import Mapping
from typing import Any

from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.pulumi_classes import declared_inputs, declared_outputs
from local.provider.resource_types.table import ResourceType

Tags = Mapping[str, str]


def automatic_name(
    resource_type: ResourceType, logical_name: str, urn: str, inputs: Mapping[str, Any]
) -> dict[str, str]:
    """Return the physical name that Pulumi's provider would generate: the logical name (or a prefix) and seven hex digits.

    The digits are derived from the URN, so the same program gets the same names. The result is empty if the program gives a
    name or the type has no such input.
    """
    naming = resource_type.naming
    if inputs.get(naming.input_name) is not None or naming.input_name not in declared_inputs(resource_type.token):
        return {}
    # A prefix is `bucketPrefix` for `bucket`. The name of a FIFO queue or topic must end in `.fifo`.
    prefix = inputs.get(f"{naming.input_name}Prefix") or f"{naming.prefix}{logical_name}-"
    suffix = ".fifo" if inputs.get("fifoQueue") or inputs.get("fifoTopic") else ""
    name = f"{prefix}{hashlib.sha256(urn.encode()).hexdigest()[:7]}{suffix}"
    return {naming.input_name: name.lower() if naming.lowercase else name}


def merge_tags(resource_type: ResourceType, inputs: Mapping[str, Any], default_tags: Tags) -> dict[str, Any]:
    """Return the inputs with the provider's default tags added to the resource's own, if the type has tags."""
    if "tagsAll" not in declared_outputs(resource_type.token):
        return dict(inputs)
    tags = {**default_tags, **(inputs.get("tags") or {})}
    return {**inputs, "tags": tags} if tags else {key: value for key, value in inputs.items() if key != "tags"}


def prepare_inputs(resource_type: ResourceType, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs for the calls: transformed by the type's `prepare`, without those that only Pulumi's provider reads.

    Raises:
        ResourceError: An input belongs to a feature that the local account does not support.
    """
    unsupported = sorted(set(resource_type.unsupported) & inputs.keys())
    if unsupported:
        raise ResourceError(f"{', '.join(unsupported)}: not supported by the local account")
    prepared = resource_type.prepare(dict(inputs)) if resource_type.prepare else inputs
    provider_only = {"region", f"{resource_type.naming.input_name}Prefix", *resource_type.ignore}
    return {key: value for key, value in prepared.items() if key not in provider_only}

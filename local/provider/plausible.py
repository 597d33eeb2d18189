"""Outputs that look like AWS's, for programs that are recorded and not applied."""

import hashlib
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pulumi import _types

from local.account import ACCOUNT_ID
from local.provider.provider import automatic_name, with_tags
from local.provider.resource_types.facts import Facts
from local.provider.resource_types.outputs import evaluated
from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.pulumi_classes import declared_inputs, declared_outputs
from local.provider.resource_types.table import ResourceType
from local.provider.services import TABLE

# Outputs that are inputs too, where AWS chooses when the program does not.
_CHOSEN = {"port": 5432, "availabilityZone": "us-east-1a"}


def plausible_resource(
    token: str,
    name: str,
    urn: str,
    inputs: Mapping[str, Any],
    *,
    region: str,
    default_tags: Mapping[str, str],
) -> tuple[str, dict[str, Any]]:
    """An id, and as outputs the inputs, the automatic name, all tags, and something of the right type for what only AWS knows.

    What follows from the inputs is as AWS has it: a bucket's id is its name, and its ARN is made of it.
    """
    kind = TABLE.get(token) or ResourceType(token, None)
    given = {**kind.defaults, **inputs}
    given |= automatic_name(kind, name, urn, given)
    facts = Facts(region=region, account_id=ACCOUNT_ID, name=name)
    for key, value in given.items():
        facts.set(key, value)
        facts.set(kind.rename.get(key, key), value)
    resource_id = _known(kind.id, given, facts) or f"{name}-{hashlib.sha256(urn.encode()).hexdigest()[:17]}"
    facts.set("id", resource_id)
    declared = declared_outputs(token)
    outputs = {key: value for key, value in given.items() if key in declared or not declared}
    outputs |= {key: made for key, value in kind.outputs.items() if (made := _known(value, given, facts)) is not None}
    for key in declared.keys() - outputs.keys():
        if key in _CHOSEN:
            outputs[key] = _CHOSEN[key]
        elif key not in declared_inputs(token):
            outputs[key] = _value(declared[key], f"{name}-{key}", token, region)
    if "tagsAll" in declared:
        outputs["tagsAll"] = with_tags(kind, given, default_tags).get("tags", {})
    return str(resource_id), outputs


def _known(value: Any, given: Mapping[str, Any], facts: Facts) -> Any:
    """What one of the table's values says when nobody asked AWS; None when it needs the answer."""
    try:
        return evaluated(value, given, facts)
    except (ProblemError, KeyError):
        return None


def _value(declared: Any, text: str, token: str, region: str) -> Any:
    declared = _types.unwrap_optional_type(declared)
    if _types.is_output_type(declared):
        members = _types.output_type_types(declared)
        return {member: _value(type_, f"{text}-{member}", token, region) for member, type_ in members.items()}
    arguments = get_args(declared)
    if get_origin(declared) is not None and len(arguments) == 1:
        return [_value(arguments[0], text, token, region)]
    if get_origin(declared) is not None:
        return {}
    if declared in (int, float, bool):
        return declared(1)
    service = token.split(":")[1].partition("/")[0]
    # Invoke ARNs, secret ARNs and the like are ARNs too.
    return f"arn:aws:{service}:{region}:{ACCOUNT_ID}:{text}" if text.lower().endswith("arn") else text

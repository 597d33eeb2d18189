"""Ids and outputs in AWS's formats, for programs that are recorded and not applied."""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pulumi import _types

from local.account import ACCOUNT_ID
from local.provider.placeholder_formats import RESPONSE_MEMBERS, SERVICES, ZONE_ID
from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.inputs import automatic_name, merge_tags
from local.provider.resource_types.known_values import KnownValues, normalize_name
from local.provider.resource_types.outputs import evaluate_value
from local.provider.resource_types.pulumi_classes import declared_inputs, declared_outputs, is_assignable
from local.provider.resource_types.table import ResourceType
from local.provider.services import TABLE

# Optional inputs that are also outputs: AWS chooses a value if the program gives none.
_DEFAULTS = {"port": 5432, "availabilityZone": "us-east-1a"}


def placeholder_resource(
    token: str,
    name: str,
    urn: str,
    inputs: Mapping[str, Any],
    *,
    region: str,
    default_tags: Mapping[str, str],
) -> tuple[str, dict[str, Any]]:
    """Return an id and outputs: the inputs, the automatic name, all tags, and placeholders for what AWS would generate.

    Values that depend only on the inputs are as in AWS: a bucket's id is its name, and its ARN contains it. The others have
    AWS's formats and are derived from the URN, so that the same program gets the same values.
    """
    resource_type = TABLE.get(token) or ResourceType(token, None)
    given = {**resource_type.defaults, **inputs}
    given |= automatic_name(resource_type, name, urn, given)
    known = _known_values(resource_type, given, name, urn, region)
    digest = hashlib.sha256(urn.encode()).hexdigest()
    resource_id = _try_evaluate(resource_type.id, given, known) or known.get("id") or f"{name}-{digest[:17]}"
    known.set("id", resource_id)
    declared = declared_outputs(token)
    outputs = {key: value for key, value in given.items() if key in declared or not declared}
    computed = {key: _try_evaluate(value, given, known) for key, value in resource_type.outputs.items()}
    outputs |= {key: value for key, value in computed.items() if value is not None}
    noun = normalize_name(resource_type.noun)
    for key in declared.keys() - outputs.keys():
        if key in _DEFAULTS:
            outputs[key] = _DEFAULTS[key]
        elif key not in declared_inputs(token):
            response = [known.get(key), known.get(noun + key)]
            suitable = [value for value in response if value is not None and is_assignable(value, declared[key])]
            outputs[key] = suitable[0] if suitable else _placeholder(declared[key], f"{name}-{key}", token, region)
    if "tagsAll" in declared:
        outputs["tagsAll"] = merge_tags(resource_type, given, default_tags).get("tags", {})
    return str(resource_id), outputs


def _known_values(resource_type: ResourceType, inputs: dict[str, Any], name: str, urn: str, region: str) -> KnownValues:
    """Return the values of the request, and of a response in AWS's formats."""
    known = KnownValues(region=region, account_id=ACCOUNT_ID, name=name)
    digest = hashlib.sha256(urn.encode()).hexdigest()
    for key, value in (("hex", digest), ("hexUpper", digest.upper()), ("uuid", str(uuid.UUID(digest[:32])))):
        known.set(key, value)
    for key, value in inputs.items():
        known.set(key, value)
        known.set(resource_type.rename.get(key, key), value)
    for member, format_ in RESPONSE_MEMBERS.get(resource_type.token, {}).items():
        if (made := _try_evaluate(format_, inputs, known)) is not None:
            known.set(member, made)
    return known


def _try_evaluate(value: Any, inputs: Mapping[str, Any], known: KnownValues) -> Any:
    """Return the result of a table value, or None if it needs a response of AWS."""
    try:
        return evaluate_value(value, inputs, known)
    except (ResourceError, KeyError):
        return None


def _placeholder(declared: Any, text: str, token: str, region: str) -> Any:
    """Return a value of the declared type; ARNs and hosted zone ids are recognized by the ends of their names."""
    declared = _types.unwrap_optional_type(declared)
    if _types.is_output_type(declared):
        members = _types.output_type_types(declared)
        return {member: _placeholder(type_, f"{text}-{member}", token, region) for member, type_ in members.items()}
    arguments = get_args(declared)
    if get_origin(declared) is not None and len(arguments) == 1:
        return [_placeholder(arguments[0], text, token, region)]
    if get_origin(declared) is not None:
        return {}
    if declared in (int, float, bool):
        return declared(1)
    return _placeholder_text(text, token, region)


def _placeholder_text(text: str, token: str, region: str) -> str:
    name = text.lower()
    if name.endswith("zoneid") and not name.endswith("availabilityzoneid"):
        return ZONE_ID.format_map({"HexUpper": hashlib.sha256(text.encode()).hexdigest().upper()})
    if name.endswith("secretarn"):
        return f"arn:aws:secretsmanager:{region}:{ACCOUNT_ID}:secret:{text}"
    if name.endswith(("arn", "arns")):
        service = token.split(":")[1].partition("/")[0]
        return f"arn:aws:{SERVICES.get(service, service)}:{region}:{ACCOUNT_ID}:{text}"
    return text

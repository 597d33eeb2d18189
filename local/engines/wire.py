"""The wire format of the SDK's property values, in which secrets, resource references, archives and unknowns are marked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import struct_pb2  # type: ignore[import-untyped]  # the SDK's dependency has no stubs here
from pulumi.runtime import rpc

# The marker of a value that is not known yet, also inside lists and objects.
UNKNOWN = rpc.UNKNOWN


@dataclass
class Properties:
    """Plain values (numbers without a fraction are int, references are ids), and their secret and unknown markers."""

    values: dict[str, Any] = field(repr=False)
    secret_keys: set[str] = field(default_factory=set)  # the top-level keys whose values contain a secret
    secret_texts: set[str] = field(default_factory=set, repr=False)
    has_unknown: bool = False


def deserialize(struct: struct_pb2.Struct) -> Properties:
    """Convert properties that the SDK sent. Null values are omitted, as Pulumi treats them as absent."""
    properties = Properties({})
    for key, value in struct.fields.items():
        plain = _to_plain(value, properties, key, secret=False)
        if plain is not None:
            properties.values[key] = plain
    return properties


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret replaced."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


def serialize(values: Mapping[str, Any], secret_keys: Iterable[str] = ()) -> struct_pb2.Struct:
    """Convert outputs for the SDK, with secrets marked. Assets and archives are omitted: the SDK then keeps the program's own."""
    secret = set(secret_keys)
    included = {key: value for key, value in values.items() if not isinstance(value, (pulumi.Asset, pulumi.Archive))}
    struct = struct_pb2.Struct()
    struct.update({key: rpc.wrap_rpc_secret(value) if key in secret else value for key, value in included.items()})
    return struct


def _to_plain(value: struct_pb2.Value, properties: Properties, key: str, *, secret: bool) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _object(value.struct_value, properties, key, secret=secret)
        case "list_value":
            return [_to_plain(item, properties, key, secret=secret) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "string_value":
            text = value.string_value
            if text == UNKNOWN:
                properties.has_unknown = True
            elif secret and text:
                properties.secret_texts.add(text)
            return text
        case _:
            return None


def _object(struct: struct_pb2.Struct, properties: Properties, key: str, *, secret: bool) -> Any:
    signature = struct.fields[rpc._special_sig_key].string_value if rpc._special_sig_key in struct.fields else None
    if signature == rpc._special_secret_sig:
        properties.secret_keys.add(key)
        return _to_plain(struct.fields["value"], properties, key, secret=True)
    if signature == rpc._special_resource_sig:
        # A resource as an input means its id; a component has none, so its URN is used.
        return _to_plain(struct.fields["id" if "id" in struct.fields else "urn"], properties, key, secret=secret)
    if signature is not None:
        return rpc.deserialize_properties(struct)
    items = {name: _to_plain(item, properties, key, secret=secret) for name, item in struct.fields.items()}
    return {name: item for name, item in items.items() if item is not None}

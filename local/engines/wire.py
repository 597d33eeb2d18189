"""Values as the SDK sends them to an engine, and back: secrets, resource references, archives and unknown values are marked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import struct_pb2  # type: ignore[import-untyped]  # the SDK's dependency has no stubs here
from pulumi.runtime import rpc

# Stands for a value that is not known yet, also inside lists and objects.
UNKNOWN = rpc.UNKNOWN


@dataclass
class Received:
    """Plain values (numbers without a fraction are int, references are ids), and what was marked about them."""

    values: dict[str, Any] = field(repr=False)
    secret_keys: set[str] = field(default_factory=set)  # the top-level keys that hold a secret anywhere below
    secret_texts: set[str] = field(default_factory=set, repr=False)
    has_unknown: bool = False


def receive(struct: struct_pb2.Struct) -> Received:
    """Reads what the SDK sent. Empty values are left out, as Pulumi treats them."""
    received = Received({})
    for key, value in struct.fields.items():
        plain = _plain(value, received, key, secret=False)
        if plain is not None:
            received.values[key] = plain
    return received


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret taken out."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


def send(values: Mapping[str, Any], secret_keys: Iterable[str] = ()) -> struct_pb2.Struct:
    """Writes outputs for the SDK, secrets marked. Assets and archives are left out: the SDK then keeps the program's own."""
    secret = set(secret_keys)
    sent = {key: value for key, value in values.items() if not isinstance(value, (pulumi.Asset, pulumi.Archive))}
    struct = struct_pb2.Struct()
    struct.update({key: rpc.wrap_rpc_secret(value) if key in secret else value for key, value in sent.items()})
    return struct


def _plain(value: struct_pb2.Value, received: Received, key: str, *, secret: bool) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _object(value.struct_value, received, key, secret=secret)
        case "list_value":
            return [_plain(item, received, key, secret=secret) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "string_value":
            text = value.string_value
            if text == UNKNOWN:
                received.has_unknown = True
            elif secret and text:
                received.secret_texts.add(text)
            return text
        case _:
            return None


def _object(struct: struct_pb2.Struct, received: Received, key: str, *, secret: bool) -> Any:
    signature = struct.fields[rpc._special_sig_key].string_value if rpc._special_sig_key in struct.fields else None
    if signature == rpc._special_secret_sig:
        received.secret_keys.add(key)
        return _plain(struct.fields["value"], received, key, secret=True)
    if signature == rpc._special_resource_sig:
        # A resource as an input stands for its id; a component, which has none, for its URN.
        return _plain(struct.fields["id" if "id" in struct.fields else "urn"], received, key, secret=secret)
    if signature is not None:
        return rpc.deserialize_properties(struct)
    items = {name: _plain(item, received, key, secret=secret) for name, item in struct.fields.items()}
    return {name: item for name, item in items.items() if item is not None}

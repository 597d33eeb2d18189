"""Conversion of the SDK's property values."""

import pulumi
from google.protobuf import struct_pb2  # type: ignore[import-untyped]  # the SDK's dependency has no stubs here
from pulumi.runtime import rpc

from local.engines.wire import UNKNOWN, deserialize, redact, serialize


def struct(values: dict[str, object]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def test_nested_secrets_are_unwrapped() -> None:
    secret = rpc.wrap_rpc_secret({"user": "me", "list": ["a-secret"]})
    properties = deserialize(struct({"plain": 1, "deep": {"inner": [secret]}}))
    assert properties.values == {"plain": 1, "deep": {"inner": [{"user": "me", "list": ["a-secret"]}]}}
    assert properties.secret_keys == {"deep"}
    assert redact("a-secret of me", properties.secret_texts) == "[secret] of [secret]"
    assert "a-secret" not in repr(properties)


def test_numbers_without_fraction_are_integers() -> None:
    values = deserialize(struct({"whole": 5, "part": 0.5, "yes": True})).values
    assert values == {"whole": 5, "part": 0.5, "yes": True}
    assert isinstance(values["whole"], int)


def test_null_values_are_omitted() -> None:
    assert deserialize(struct({"none": None, "inner": {"none": None}})).values == {"inner": {}}


def test_nested_unknown_values_are_detected() -> None:
    assert deserialize(struct({"a": [{"b": UNKNOWN}]})).has_unknown
    assert not deserialize(struct({"a": [{"b": "known"}]})).has_unknown


def test_secret_outputs_are_marked_and_archives_omitted() -> None:
    sent = serialize({"password": "a", "plain": ["b"], "code": pulumi.FileArchive(".")}, {"password"})
    properties = deserialize(sent)
    assert properties.values == {"password": "a", "plain": ["b"]}
    assert properties.secret_keys == {"password"}

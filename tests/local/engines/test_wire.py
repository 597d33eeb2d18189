"""What the SDK sends, read and written."""

import pulumi
from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from local.engines.wire import UNKNOWN, deserialize, redact, serialize


def struct(values: dict[str, object]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def test_secrets_are_unwrapped_wherever_they_are() -> None:
    secret = rpc.wrap_rpc_secret({"user": "me", "list": ["a-secret"]})
    received = deserialize(struct({"plain": 1, "deep": {"inner": [secret]}}))
    assert received.values == {"plain": 1, "deep": {"inner": [{"user": "me", "list": ["a-secret"]}]}}
    assert received.secret_keys == {"deep"}
    assert redact("a-secret of me", received.secret_texts) == "[secret] of [secret]"
    assert "a-secret" not in repr(received)


def test_numbers_without_a_fraction_are_whole() -> None:
    values = deserialize(struct({"whole": 5, "part": 0.5, "yes": True})).values
    assert values == {"whole": 5, "part": 0.5, "yes": True}
    assert isinstance(values["whole"], int)


def test_empty_values_are_left_out() -> None:
    assert deserialize(struct({"none": None, "inner": {"none": None}})).values == {"inner": {}}


def test_unknown_values_are_seen_in_depth() -> None:
    assert deserialize(struct({"a": [{"b": UNKNOWN}]})).has_unknown
    assert not deserialize(struct({"a": [{"b": "known"}]})).has_unknown


def test_secret_outputs_are_marked_and_archives_are_left_to_the_program() -> None:
    sent = serialize({"password": "a", "plain": ["b"], "code": pulumi.FileArchive(".")}, {"password"})
    received = deserialize(sent)
    assert received.values == {"password": "a", "plain": ["b"]}
    assert received.secret_keys == {"password"}

"""POST policies: malformed documents, conditions, expiration and length ranges."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.compute.s3_gate.protocol.errors import S3Error
from local.compute.s3_gate.protocol.post_policy import PostPolicy

EXPIRATION = "2026-11-21T12:00:00.000Z"
BEFORE = datetime(2026, 11, 21, 11, 59, 59, tzinfo=UTC)


def encoded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def rejected(policy: str) -> tuple[int, str, str]:
    with pytest.raises(S3Error) as caught:
        PostPolicy.parse(policy)
    return caught.value.status, caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ("none", "Invalid 'conditions' value: must be a List."),
        ([{}], "Simple-Conditions must have exactly one property specified."),
        ([{"acl": "private", "key": "k"}], "Simple-Conditions must have exactly one property specified."),
        ([{"Content-Length": 7}], "Invalid Simple-Condition: value must be a string."),
        ([7], "Invalid condition test: must be a List or Object."),
        ([[]], "Invalid Condition: missing operation identifier."),
        ([["ends-with", "$key", "x"]], "Invalid Condition: unknown operation 'ends-with'."),
        ([["starts-with", "$key"]], "Invalid starts-with: wrong number of arguments."),
        ([["content-length-range", 1]], "Invalid content-length-range: wrong number of arguments."),
        ([["content-length-range", 0, 5.0]], "Invalid JSON."),
        ([["eq", "$key", 7]], "Invalid JSON."),
    ],
)
def test_malformed_condition_is_rejected(conditions: Any, message: str) -> None:
    status, code, given = rejected(encoded({"expiration": EXPIRATION, "conditions": conditions}))
    assert (status, code) == (400, "InvalidPolicyDocument")
    assert given.startswith("Invalid Policy: ")
    assert given.endswith(message)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("%%%", "invalid Base64 encoding."),
        (base64.b64encode(b"{").decode(), "Invalid JSON."),
        (base64.b64encode(b"\xff").decode(), "Invalid JSON."),
        (base64.b64encode(b"[" * 100_000).decode(), "Invalid JSON."),
        (encoded([]), "Invalid JSON."),
        (encoded({"conditions": []}), "Policy missing expiration."),
        (encoded({"expiration": EXPIRATION}), "Policy missing conditions."),
        (encoded({"Statement": []}), "Unexpected: 'statement'"),
        (encoded({"expiration": "soon", "conditions": []}), "Invalid 'expiration' value: 'soon'"),
        (encoded({"expiration": "2026-11-21T12:00:00+01:00", "conditions": []}), "12:00:00+01:00'"),
    ],
)
def test_malformed_document_is_rejected(policy: str, message: str) -> None:
    status, code, given = rejected(policy)
    assert (status, code) == (400, "InvalidPolicyDocument")
    assert given.endswith(message)


def test_length_range_that_is_not_numeric_fails_as_a_condition() -> None:
    policy = encoded({"expiration": EXPIRATION, "conditions": [["content-length-range", "test", "10"]]})
    message = 'Invalid according to Policy: Policy Condition failed: ["content-length-range", "test", "10"]'
    assert rejected(policy) == (403, "AccessDenied", message)


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        (["eq", "$acl", "private"], "private", True),
        (["eq", "$acl", "private"], "Private", False),
        (["EQ", "$ACL", "private"], "private", True),
        (["eq", "acl", "private"], "private", False),
        (["starts-with", "$acl", ""], "anything", True),
        (["starts-with", "$acl", ""], None, False),
        (["starts-with", "$acl", "p"], "private", True),
        (["starts-with", "$acl", "p"], "xp", False),
        (["starts-with", "$acl", "p"], "p,x", True),
    ],
)
def test_condition_is_evaluated(condition: Any, value: str | None, holds: bool) -> None:
    policy = PostPolicy.parse(encoded({"expiration": EXPIRATION, "conditions": [condition]}))
    fields = {} if value is None else {"acl": value}
    if holds:
        policy.require_fields(fields, bucket="b", now=BEFORE)
        return
    with pytest.raises(S3Error) as caught:
        policy.require_fields(fields, bucket="b", now=BEFORE)
    assert (caught.value.status, caught.value.code) == (403, "AccessDenied")
    assert json.dumps(condition) in caught.value.message


def test_policy_expires_at_its_expiration() -> None:
    policy = PostPolicy.parse(encoded({"expiration": EXPIRATION, "conditions": []}))
    policy.require_fields({}, bucket="b", now=BEFORE)
    with pytest.raises(S3Error) as caught:
        policy.require_fields({}, bucket="b", now=policy.expiration)
    assert caught.value.message == "Invalid according to Policy: Policy expired."


def test_all_length_ranges_apply() -> None:
    conditions = [["content-length-range", 1, 10], ["content-length-range", 5, 20]]
    policy = PostPolicy.parse(encoded({"expiration": EXPIRATION, "conditions": conditions}))
    assert policy.maximum_length == 10
    for size, code in ((4, "EntityTooSmall"), (11, "EntityTooLarge")):
        with pytest.raises(S3Error) as caught:
            policy.require_length(size)
        assert caught.value.code == code
    policy.require_length(5)
    policy.require_length(10)

"""Evaluation of bucket policies, by IAM's documentation."""

from typing import Any

import pytest

from local.compute.cloudfront.bucket_policy import ServicePrincipal, matches_wildcard

CLOUDFRONT = ServicePrincipal(
    service="cloudfront.amazonaws.com",
    context={"aws:SourceArn": "arn:aws:cloudfront::1:distribution/E1", "aws:SecureTransport": "true"},
)
KEY = "arn:aws:s3:::media/thumbnails/one.jpg"
ALLOW: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudfront.amazonaws.com"},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::media/thumbnails/*",
}


def is_allowed(*statements: dict[str, Any], **context: str) -> bool:
    return CLOUDFRONT.is_allowed({"Statement": list(statements)}, "s3:GetObject", KEY, **context)


class TestAllow:
    def test_matching_statement_allows(self) -> None:
        assert is_allowed(ALLOW)
        assert CLOUDFRONT.is_allowed({"Statement": ALLOW}, "s3:GetObject", KEY)

    def test_empty_policy_denies(self) -> None:
        assert not is_allowed()
        assert not CLOUDFRONT.is_allowed({}, "s3:GetObject", KEY)

    @pytest.mark.parametrize(
        ("changes", "allowed"),
        [
            ({"Principal": "*"}, True),
            ({"Principal": {"AWS": "*"}}, True),
            ({"Principal": {"Service": ["s3.amazonaws.com", "cloudfront.amazonaws.com"]}}, True),
            ({"Principal": {"Service": "s3.amazonaws.com"}}, False),
            ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, False),
            ({"Action": ["s3:PutObject", "s3:getobject"]}, True),
            ({"Action": "s3:Get*"}, True),
            ({"Action": "s3:PutObject"}, False),
            ({"Resource": ["arn:aws:s3:::media", KEY]}, True),
            ({"Resource": "arn:aws:s3:::media/originals/*"}, False),
            ({"Resource": "arn:aws:s3:::Media/*"}, False),
            ({"NotPrincipal": {"AWS": "arn:aws:iam::1:root"}}, False),
            ({"NotAction": "s3:PutObject"}, False),
        ],
    )
    def test_principal_action_and_resource_must_match(self, changes: dict[str, Any], allowed: bool) -> None:
        assert is_allowed({**ALLOW, **changes}) is allowed

    @pytest.mark.parametrize(
        ("condition", "allowed"),
        [
            ({"StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::1:distribution/E1"}}, True),
            ({"StringEquals": {"aws:SourceArn": ["x", "arn:aws:cloudfront::1:distribution/E1"]}}, True),
            ({"StringEquals": {"aws:SourceArn": "arn:aws:cloudfront::1:distribution/E2"}}, False),
            ({"StringEquals": {"aws:SourceArn": "arn:aws:cloudfront::1:distribution/*"}}, False),
            ({"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::1:distribution/*"}}, True),
            ({"StringLike": {"aws:SourceArn": "*/E?"}}, True),
            ({"StringNotEquals": {"aws:SourceArn": "x"}}, True),
            ({"StringEquals": {"s3:ExistingObjectTag/Scan": "CLEAN"}}, False),
            ({"StringEqualsIfExists": {"s3:ExistingObjectTag/Scan": "CLEAN"}}, True),
            ({"Null": {"s3:ExistingObjectTag/Scan": "true"}}, True),
            ({"Null": {"aws:SourceArn": "true"}}, False),
            ({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceArn": "x"}}, False),
            ({"DateLessThan": {"aws:CurrentTime": "2040-01-01T00:00:00Z"}}, False),
        ],
    )
    def test_condition(self, condition: dict[str, Any], allowed: bool) -> None:
        assert is_allowed({**ALLOW, "Condition": condition}) is allowed

    def test_condition_on_a_request_key(self) -> None:
        tagged = {**ALLOW, "Condition": {"StringEquals": {"s3:ExistingObjectTag/Scan": "CLEAN"}}}
        assert is_allowed(tagged, **{"s3:ExistingObjectTag/Scan": "CLEAN"})
        assert not is_allowed(tagged, **{"s3:ExistingObjectTag/Scan": "FOUND"})


class TestDeny:
    @pytest.mark.parametrize(
        ("changes", "allowed"),
        [
            ({}, False),
            ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, True),
            ({"Condition": {"StringNotEquals": {"s3:ExistingObjectTag/Scan": "CLEAN"}}}, False),
            ({"Resource": "arn:aws:s3:::media/originals/*"}, True),
            ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, True),
            # Unsupported elements deny.
            ({"Condition": {"NumericLessThan": {"s3:max-keys": "1"}}}, False),
            ({"NotAction": "s3:GetObject"}, False),
        ],
    )
    def test_matching_deny_statement_overrides_allow(self, changes: dict[str, Any], allowed: bool) -> None:
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", **changes}
        assert is_allowed(ALLOW, deny) is allowed
        assert is_allowed(deny, ALLOW) is allowed


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("a*c", "abbc", True),
        ("a?c", "abbc", False),
        ("a.c", "abc", False),
        ("[a-z]", "b", False),
        ("a*", "a\nb", True),
        ("a", "ab", False),
    ],
)
def test_only_asterisk_and_question_mark_are_wildcards(pattern: str, text: str, matches: bool) -> None:
    assert matches_wildcard(pattern, text) is matches

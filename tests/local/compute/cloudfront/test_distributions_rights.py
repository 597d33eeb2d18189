"""What a bucket's policy lets CloudFront do, by the rules that IAM documents."""

from typing import Any

import pytest

from local.compute.cloudfront.bucket_policy import ServicePrincipal, matches_wildcard

CLOUDFRONT = ServicePrincipal(
    service="cloudfront.amazonaws.com",
    context={"aws:SourceArn": "arn:aws:cloudfront::1:distribution/E1", "aws:SecureTransport": "true"},
)
KEY = "arn:aws:s3:::media/thumbnails/one.jpg"
GRANT: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudfront.amazonaws.com"},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::media/thumbnails/*",
}


def may(*statements: dict[str, Any], **more: str) -> bool:
    return CLOUDFRONT.is_allowed({"Statement": list(statements)}, "s3:GetObject", KEY, **more)


class TestAllow:
    def test_grant_holds(self) -> None:
        assert may(GRANT)
        assert CLOUDFRONT.is_allowed({"Statement": GRANT}, "s3:GetObject", KEY)

    def test_nothing_is_granted_by_itself(self) -> None:
        assert not may()
        assert not CLOUDFRONT.is_allowed({}, "s3:GetObject", KEY)

    @pytest.mark.parametrize(
        ("changes", "granted"),
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
    def test_who_may_do_what_with_what(self, changes: dict[str, Any], granted: bool) -> None:
        assert may({**GRANT, **changes}) is granted

    @pytest.mark.parametrize(
        ("condition", "granted"),
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
    def test_condition(self, condition: dict[str, Any], granted: bool) -> None:
        assert may({**GRANT, "Condition": condition}) is granted

    def test_condition_on_the_request_itself(self) -> None:
        tagged = {**GRANT, "Condition": {"StringEquals": {"s3:ExistingObjectTag/Scan": "CLEAN"}}}
        assert may(tagged, **{"s3:ExistingObjectTag/Scan": "CLEAN"})
        assert not may(tagged, **{"s3:ExistingObjectTag/Scan": "FOUND"})


class TestDeny:
    @pytest.mark.parametrize(
        ("changes", "granted"),
        [
            ({}, False),
            ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, True),
            ({"Condition": {"StringNotEquals": {"s3:ExistingObjectTag/Scan": "CLEAN"}}}, False),
            ({"Resource": "arn:aws:s3:::media/originals/*"}, True),
            ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, True),
            # What is not read denies.
            ({"Condition": {"NumericLessThan": {"s3:max-keys": "1"}}}, False),
            ({"NotAction": "s3:GetObject"}, False),
        ],
    )
    def test_denial_wins_where_it_holds(self, changes: dict[str, Any], granted: bool) -> None:
        denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", **changes}
        assert may(GRANT, denial) is granted
        assert may(denial, GRANT) is granted


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
def test_pattern_means_itself_but_for_two_signs(pattern: str, text: str, matches: bool) -> None:
    assert matches_wildcard(pattern, text) is matches

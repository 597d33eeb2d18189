"""What a response headers policy makes of an answer's headers."""

from typing import Any

import pytest

from local.compute.cloudfront.response_headers_policy import apply_policy


class TestHeadersPolicy:
    def test_what_the_origin_says_stands_unless_it_is_overridden(self) -> None:
        policy = {
            "securityHeadersConfig": {
                "frameOptions": {"frameOption": "DENY", "override": False},
                "referrerPolicy": {"referrerPolicy": "no-referrer", "override": True},
                "xssProtection": {"protection": True, "modeBlock": True, "override": True},
                "strictTransportSecurity": {"accessControlMaxAgeSec": 60.0, "preload": True, "override": True},
            },
            "customHeadersConfig": {"items": [{"header": "X-Team", "value": "films", "override": False}]},
            "removeHeadersConfig": {"items": [{"header": "X-Secret"}]},
        }
        headers = {"x-frame-options": "SAMEORIGIN", "referrer-policy": "origin", "x-secret": "1", "x-team": "other"}
        assert apply_policy(headers, policy, None) == {
            "x-frame-options": "SAMEORIGIN",
            "referrer-policy": "no-referrer",
            "x-xss-protection": "1; mode=block",
            "strict-transport-security": "max-age=60; preload",
            "x-team": "other",
        }

    @pytest.mark.parametrize(
        ("rules", "origin", "added"),
        [
            ({"accessControlAllowOrigins": {"items": ["*"]}}, None, {"access-control-allow-origin": "*"}),
            (
                {"accessControlAllowOrigins": {"items": ["https://*.a.com"]}}, "https://x.a.com",
                {"access-control-allow-origin": "https://x.a.com", "vary": "Origin"},
            ),
            ({"accessControlAllowOrigins": {"items": ["https://a.com"]}}, "https://b.com", {"vary": "Origin"}),
            (
                {"accessControlAllowOrigins": {"items": ["https://a.com"]}, "accessControlAllowCredentials": True},
                "https://a.com",
                {
                    "access-control-allow-origin": "https://a.com", "access-control-allow-credentials": "true",
                    "vary": "Origin",
                },
            ),
        ],
    )  # fmt: skip
    def test_pages_that_may_read(self, rules: dict[str, Any], origin: str | None, added: dict[str, str]) -> None:
        assert apply_policy({}, {"corsConfig": rules}, origin) == added

    def test_what_the_origin_says_of_pages_is_replaced_only_when_asked(self) -> None:
        headers = {"access-control-allow-origin": "https://b.com"}
        for override, kept in ((False, headers), (True, {"access-control-allow-origin": "*"})):
            rules = {"accessControlAllowOrigins": {"items": ["*"]}, "originOverride": override}
            assert apply_policy(headers, {"corsConfig": rules}, None) == kept

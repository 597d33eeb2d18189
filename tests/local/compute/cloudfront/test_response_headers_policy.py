"""Response headers policies."""

from typing import Any

import pytest

from local.compute.cloudfront.response_headers_policy import apply_policy


class TestApplyPolicy:
    def test_headers_of_the_origin_are_kept_unless_overridden(self) -> None:
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
    def test_cors_headers_for_allowed_origins(
        self, rules: dict[str, Any], origin: str | None, added: dict[str, str]
    ) -> None:
        assert apply_policy({}, {"corsConfig": rules}, origin) == added

    def test_cors_headers_of_the_origin_are_replaced_only_with_override(self) -> None:
        headers = {"access-control-allow-origin": "https://b.com"}
        for override, expected in ((False, headers), (True, {"access-control-allow-origin": "*"})):
            rules = {"accessControlAllowOrigins": {"items": ["*"]}, "originOverride": override}
            assert apply_policy(headers, {"corsConfig": rules}, None) == expected

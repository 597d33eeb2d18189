import json
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import bucket_policies
from components.content_delivery import ContentDelivery
from tests.components.examples.content_delivery import BUCKET, CERTIFICATE, PEM, args

EVERYTHING = {
    "private_prefixes": ["originals/"],
    "signing_public_keys": {"one": PEM, "two": PEM.replace("MIIBC", "MIIBD")},
    "aliases": ["media.example.com"],
    "certificate_arn": CERTIFICATE,
    "cors_origins": ["https://www.example.com"],
    "geo_restriction": "blacklist",
    "geo_locations": ["AQ"],
    "access_log_bucket_arn": "arn:aws:s3:::logs",
}
COUNTS = {"OriginAccessControl": 1, "CachePolicy": 1, "ResponseHeadersPolicy": 1, "Function": 1, "Distribution": 1}
ALL_COUNTS = COUNTS | {
    "PublicKey": 2,
    "KeyGroup": 1,
    "LogDeliverySource": 1,
    "LogDeliveryDestination": 1,
    "LogDelivery": 1,
}


def distribution(register: Any, **changes: Any) -> Any:
    return register(lambda: ContentDelivery("media", args(**changes))).one("Distribution").inputs


class TestDistribution:
    @pytest.mark.requirement("NOVA-39", "NOVA-42", "LX-08")
    def test_bucket_is_reached_signed_over_https_and_below_its_prefixes(self, register: Any) -> None:
        graph = register(lambda: ContentDelivery("media", args()))
        assert graph.counts == COUNTS
        made = dict(graph.one("Distribution").inputs)
        default, ordered = made.pop("defaultCacheBehavior"), made.pop("orderedCacheBehaviors")
        (origin,) = made.pop("origins")
        assert made == {
            "comment": "episode-metadata-media-dev",
            "enabled": True,
            "isIpv6Enabled": True,
            "httpVersion": "http2and3",
            "priceClass": "PriceClass_100",
            "aliases": [],
            "viewerCertificate": {"cloudfrontDefaultCertificate": True},
            "restrictions": {"geoRestriction": {"restrictionType": "none", "locations": []}},
        }
        assert origin.pop("originAccessControlId")
        assert origin == {"originId": "bucket", "domainName": args().bucket_regional_domain_name}
        (association,) = default.pop("functionAssociations")
        assert association["eventType"] == "viewer-request"
        assert [each.pop("pathPattern") for each in ordered] == ["/thumbnails/*"]
        for behaviour in (default, *ordered):
            assert behaviour.pop("cachePolicyId") and behaviour.pop("responseHeadersPolicyId")
            assert behaviour == {
                "targetOriginId": "bucket",
                "viewerProtocolPolicy": "redirect-to-https",
                "allowedMethods": ["GET", "HEAD"],
                "cachedMethods": ["GET", "HEAD"],
                "compress": True,
            }
        access = dict(graph.one("OriginAccessControl").inputs)
        assert access.pop("description")
        assert access == {
            "name": "episode-metadata-media-dev",
            "originAccessControlOriginType": "s3",
            "signingBehavior": "always",
            "signingProtocol": "sigv4",
        }

    def test_every_other_path_is_refused_by_a_function(self, register: Any) -> None:
        graph = register(lambda: ContentDelivery("media", args()))
        function = graph.one("Function").inputs
        assert (function["runtime"], function["publish"]) == ("cloudfront-js-2.0", True)
        assert "return { statusCode: 403, statusDescription: 'Forbidden' };" in function["code"]
        made = graph.one("Distribution")
        needed = {graph.named(f"media-{each}").urn for each in ("cache-policy", "headers-policy", "refusal")}
        assert set(made.property_dependencies["defaultCacheBehavior"]) == needed

    @pytest.mark.requirement("LX-60")
    def test_private_prefixes_need_a_signature_and_others_do_not(self, register: Any) -> None:
        graph = register(lambda: ContentDelivery("media", args(**EVERYTHING)))
        assert graph.counts == ALL_COUNTS
        behaviours = graph.one("Distribution").inputs["orderedCacheBehaviors"]
        groups = {each["pathPattern"]: each.get("trustedKeyGroups") for each in behaviours}
        (group,) = groups.pop("/originals/*")
        assert groups == {"/thumbnails/*": None}
        assert group
        keys = [key.inputs["encodedKey"] for key in graph.of("PublicKey")]
        assert keys == [f"{PEM}\n", f"{PEM}\n".replace("MIIBC", "MIIBD")]
        assert len(graph.one("KeyGroup").inputs["items"]) == 2

    def test_another_key_is_another_resource_in_aws(self, register: Any) -> None:
        names = {
            register(lambda pem=pem: ContentDelivery("media", args(signing_public_keys={"one": pem})))
            .one("PublicKey")
            .inputs["name"]
            for pem in (PEM, f"{PEM}\n", PEM.replace("MIIBC", "MIIBD"))
        }
        assert len(names) == 2

    @pytest.mark.requirement("LX-08", "LX-14")
    def test_own_domain_and_countries(self, register: Any) -> None:
        made = distribution(register, **EVERYTHING, price_class="PriceClass_All")
        assert made["aliases"] == ["media.example.com"]
        assert made["viewerCertificate"] == {
            "acmCertificateArn": CERTIFICATE,
            "minimumProtocolVersion": "TLSv1.2_2021",
            "sslSupportMethod": "sni-only",
        }
        assert made["restrictions"] == {"geoRestriction": {"restrictionType": "blacklist", "locations": ["AQ"]}}
        assert made["priceClass"] == "PriceClass_All"

    @given(
        names=st.lists(st.from_regex(r"[a-z]{3}", fullmatch=True), min_size=2, max_size=8, unique=True),
        signed=st.integers(0, 8),
    )
    def test_exactly_the_private_prefixes_need_a_signature(self, register: Any, names: Any, signed: Any) -> None:
        prefixes = [f"{name}/" for name in names]
        chosen = args(
            public_prefixes=prefixes[signed:],
            private_prefixes=prefixes[:signed],
            signing_public_keys={"one": PEM},
        )
        graph = register(lambda: ContentDelivery("media", chosen))
        behaviors = graph.one("Distribution").inputs["orderedCacheBehaviors"]
        signed_paths = {each["pathPattern"] for each in behaviors if each.get("trustedKeyGroups")}
        assert signed_paths == {f"/{prefix}*" for prefix in prefixes[:signed]}
        assert len(behaviors) == len(prefixes)


class TestPolicies:
    @pytest.mark.requirement("NOVA-39", "LX-08")
    def test_answers_are_kept_for_up_to_a_year_one_for_each_path(self, register: Any) -> None:
        made = dict(register(lambda: ContentDelivery("media", args())).one("CachePolicy").inputs)
        assert made.pop("comment")
        assert made == {
            "name": "episode-metadata-media-dev",
            "minTtl": 0,
            "defaultTtl": 86_400,
            "maxTtl": 31_536_000,
            "parametersInCacheKeyAndForwardedToOrigin": {
                "cookiesConfig": {"cookieBehavior": "none"},
                "headersConfig": {"headerBehavior": "none"},
                "queryStringsConfig": {"queryStringBehavior": "none"},
                "enableAcceptEncodingGzip": True,
                "enableAcceptEncodingBrotli": True,
            },
        }

    def test_every_answer_is_guarded(self, register: Any) -> None:
        made = register(lambda: ContentDelivery("media", args())).one("ResponseHeadersPolicy").inputs
        assert "corsConfig" not in made
        headers = made["securityHeadersConfig"]
        assert headers["strictTransportSecurity"] == {
            "accessControlMaxAgeSec": 31_536_000,
            "includeSubdomains": True,
            "override": True,
        }
        assert headers["contentTypeOptions"] == {"override": True}
        assert headers["frameOptions"] == {"frameOption": "DENY", "override": True}
        assert headers["referrerPolicy"] == {"referrerPolicy": "no-referrer", "override": True}
        security = headers["contentSecurityPolicy"]
        assert security["override"] is True
        assert {"default-src 'none'", "sandbox", "frame-ancestors 'none'"} <= set(
            security["contentSecurityPolicy"].split("; ")
        )

    def test_named_pages_may_read_without_cookies(self, register: Any) -> None:
        delivery = args(cors_origins=["https://a.example.com", "http://localhost:3000"])
        rules = register(lambda: ContentDelivery("media", delivery)).one("ResponseHeadersPolicy").inputs["corsConfig"]
        assert rules["accessControlAllowOrigins"] == {"items": ["https://a.example.com", "http://localhost:3000"]}
        assert rules["accessControlAllowMethods"] == {"items": ["GET", "HEAD"]}
        assert (rules["accessControlAllowCredentials"], rules["originOverride"]) == (False, True)

    def test_bucket_lets_in_this_distribution_alone_and_only_to_read(self, register: Any) -> None:
        found: dict[Any, Any] = {}

        def program() -> None:
            delivery = ContentDelivery("media", args(**EVERYTHING))
            statements = pulumi.Output.json_dumps(delivery.bucket_statements())
            pulumi.Output.all(statements, delivery.arn).apply(lambda known: found.update(made=known))

        register(program)
        statements, arn = found["made"]
        assert json.loads(statements) == [
            {
                "Sid": "ServeThroughDistribution",
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Action": ["s3:GetObject"],
                "Resource": [f"{BUCKET}/thumbnails/*", f"{BUCKET}/originals/*"],
                "Condition": {"StringEquals": {"aws:SourceArn": arn}},
            }
        ]

    def test_log_bucket_lets_in_the_deliveries_of_its_account(self, register: Any) -> None:
        found = []

        def program() -> None:
            statement = bucket_policies.accept_distribution_logs("arn:aws:s3:::logs", "123456789012")
            pulumi.Output.json_dumps(statement).apply(lambda text: found.append(json.loads(text)))

        register(program)
        assert found == [
            {
                "Sid": "ReceiveDistributionLogs",
                "Effect": "Allow",
                "Principal": {"Service": "delivery.logs.amazonaws.com"},
                "Action": ["s3:PutObject"],
                "Resource": ["arn:aws:s3:::logs/AWSLogs/123456789012/*"],
                "Condition": {
                    "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": "123456789012"},
                    "ArnLike": {"aws:SourceArn": "arn:aws:logs:us-east-1:123456789012:delivery-source:*"},
                },
            }
        ]


class TestLogs:
    def test_log_is_delivered_without_what_is_secret(self, register: Any) -> None:
        graph = register(lambda: ContentDelivery("media", args(**EVERYTHING)))
        source, destination = graph.one("LogDeliverySource").inputs, graph.one("LogDeliveryDestination").inputs
        delivery = graph.one("LogDelivery").inputs
        assert {each["region"] for each in (source, destination, delivery)} == {"us-east-1"}
        assert (source["name"], source["logType"]) == ("episode-metadata-media-access-dev", "ACCESS_LOGS")
        assert graph.depends("media-log-source", "media-distribution")
        assert destination["deliveryDestinationConfiguration"] == {"destinationResourceArn": "arn:aws:s3:::logs"}
        fields = set(delivery["recordFields"])
        assert {"cs-uri-stem", "sc-status", "x-edge-result-type"} <= fields
        assert fields & {"cs-uri-query", "cs(Cookie)", "cs(Referer)"} == set()


class TestOutputs:
    @pytest.mark.parametrize(
        ("changes", "url"), [({}, "https://{domain_name}"), (EVERYTHING, "https://media.example.com")]
    )
    def test_url_is_the_first_alias_or_the_distribution_s_name(self, register: Any, changes: Any, url: Any) -> None:
        found: list[Any] = []

        def program() -> None:
            delivery = ContentDelivery("media", args(**changes))
            delivery.url.apply(found.append)
            assert (delivery.key_group_id is None) == (not changes)
            assert delivery.public_key_ids.keys() == changes.get("signing_public_keys", {}).keys()

        graph = register(program)
        assert found == [url.format(domain_name=graph.output("media-distribution", "domainName"))]

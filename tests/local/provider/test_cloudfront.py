"""The content delivery component, read back from the emulator."""

import uuid
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from components.content_delivery import ContentDelivery, ContentDeliveryArgs
from components.naming import Naming
from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.errors import RegistrationError
from local.provider.protocol import AppliedResource
from local.provider.provider import Created, LocalProvider
from local.provider.services import TABLE
from tests.local.provider.programs.child_inputs import with_inputs

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
BEHAVIOR = {"targetOriginId": "b", "viewerProtocolPolicy": "https-only", "cachePolicyId": "c"}
INPUTS: dict[str, Any] = {
    "enabled": True,
    "origins": [{"originId": "b", "domainName": "b.s3.us-east-1.amazonaws.com"}],
    "defaultCacheBehavior": BEHAVIOR,
    "restrictions": {"geoRestriction": {"restrictionType": "none"}},
    "viewerCertificate": {"cloudfrontDefaultCertificate": True},
}
FIREWALL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/one/id"
Create = Callable[..., Created]


@pytest.fixture(scope="module")
def pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="module")
def deployment(account: LocalAccount, pem: str) -> Deployment:
    def program() -> None:
        delivery = ContentDelivery(
            "media",
            ContentDeliveryArgs(
                naming=Naming("films", "table"),
                resource_name="media",
                bucket_arn="arn:aws:s3:::films-media",
                bucket_regional_domain_name="films-media.s3.us-east-1.amazonaws.com",
                public_prefixes=["thumbnails/"],
                private_prefixes=["originals/"],
                signing_public_keys={"first": pem},
                aliases=["media.example.com"],
                certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/one",
                geo_restriction="whitelist",
                geo_locations=["DE", "FR"],
                cors_origins=["https://www.example.com"],
                access_log_bucket_arn="arn:aws:s3:::films-logs",
            ),
            with_inputs({"media-distribution": {"web_acl_id": FIREWALL}}),
        )
        pulumi.export("id", delivery.distribution_id)
        pulumi.export("arn", delivery.arn)
        pulumi.export("url", delivery.url)
        pulumi.export("zone", delivery.hosted_zone_id)
        pulumi.export("group", delivery.key_group_id)
        pulumi.export("keys", dict(delivery.public_key_ids))

    config = {"aws:defaultTags": '{"tags": {"Project": "films"}}'}
    return deploy(program, project="films", stack="table", config=config, provider=LocalProvider(account, {}))


@pytest.fixture(scope="module")
def config(account: LocalAccount, deployment: Deployment) -> Any:
    answer = account.client("cloudfront").get_distribution(Id=deployment.outputs["id"])
    return answer["Distribution"]["DistributionConfig"]


def resource(deployment: Deployment, name: str) -> AppliedResource:
    (found,) = [each for each in deployment.resources if each.name == name]
    return found


class TestDistribution:
    def test_resource_is_stored_as_registered(self, config: Any, deployment: Deployment) -> None:
        assert (config["Enabled"], config["Comment"]) == (True, "films-media-table")
        assert (config["PriceClass"], config["HttpVersion"]) == ("PriceClass_100", "http2and3")
        assert config["Aliases"]["Items"] == ["media.example.com"]
        assert config["ViewerCertificate"]["ACMCertificateArn"] == "arn:aws:acm:us-east-1:123456789012:certificate/one"
        assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
        restriction = config["Restrictions"]["GeoRestriction"]
        assert restriction == {"RestrictionType": "whitelist", "Quantity": 2, "Items": ["DE", "FR"]}
        assert config["WebACLId"].endswith("/webacl/one/id")
        (origin,) = config["Origins"]["Items"]
        assert (origin["Id"], origin["DomainName"]) == ("bucket", "films-media.s3.us-east-1.amazonaws.com")

    def test_behaviors_keep_order_and_key_groups(self, config: Any, deployment: Deployment) -> None:
        behaviors = config["CacheBehaviors"]["Items"]
        assert [each["PathPattern"] for each in behaviors] == ["/thumbnails/*", "/originals/*"]
        groups = [each["TrustedKeyGroups"].get("Items", []) for each in behaviors]
        assert groups == [[], [deployment.outputs["group"]]]
        assert [each["TrustedKeyGroups"]["Enabled"] for each in behaviors] == [False, True]
        for behavior in (config["DefaultCacheBehavior"], *behaviors):
            assert behavior["AllowedMethods"]["Items"] == ["GET", "HEAD"]
            assert behavior["AllowedMethods"]["CachedMethods"]["Items"] == ["GET", "HEAD"]
            assert behavior["ViewerProtocolPolicy"] == "redirect-to-https"
            assert behavior["CachePolicyId"] == resource(deployment, "media-cache-policy").id
            assert behavior["ResponseHeadersPolicyId"] == resource(deployment, "media-headers-policy").id

    def test_outputs_match_pulumi_provider(self, account: LocalAccount, deployment: Deployment) -> None:
        outputs = deployment.outputs
        assert outputs["arn"] == f"arn:aws:cloudfront::123456789012:distribution/{outputs['id']}"
        assert (outputs["url"], outputs["zone"]) == ("https://media.example.com", "Z2FDTNDATAQYW2")
        tags = account.client("cloudfront").list_tags_for_resource(Resource=outputs["arn"])["Tags"]["Items"]
        assert tags == [{"Key": "Project", "Value": "films"}]

    def test_equal_distributions_are_separate(self, create: Create, account: LocalAccount) -> None:
        first, second = create(DISTRIBUTION, "plain", **INPUTS), create(DISTRIBUTION, "plain", **INPUTS)
        assert first.id != second.id
        assert first.outputs["domainName"].endswith(".cloudfront.net")

    def test_cached_methods_are_nested(self, create: Create, account: LocalAccount) -> None:
        methods = ["GET", "HEAD", "OPTIONS"]
        behavior = {**BEHAVIOR, "allowedMethods": methods, "cachedMethods": methods}
        made = create(DISTRIBUTION, "options", **{**INPUTS, "defaultCacheBehavior": behavior})
        read = account.client("cloudfront").get_distribution_config(Id=made.id)["DistributionConfig"]
        assert read["DefaultCacheBehavior"]["AllowedMethods"]["CachedMethods"]["Items"] == methods

    def test_key_groups_are_enabled(self) -> None:
        # The emulator switches them on by itself; AWS does not.
        prepare = TABLE[DISTRIBUTION].prepare
        assert prepare is not None
        for groups, enabled in ((["one"], True), ([], False)):
            sent = prepare({**INPUTS, "defaultCacheBehavior": {**BEHAVIOR, "trustedKeyGroups": groups}})
            trusted = {"quantity": len(groups), "items": groups, "enabled": enabled}
            assert sent["defaultCacheBehavior"]["trustedKeyGroups"] == trusted

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"loggingConfig": {"bucket": "b"}}, "loggingConfig: not supported by the local account"),
            ({"httpVersion": "http9"}, "httpVersion: .*'http9' must be one of"),
            ({"defaultCacheBehavior": {**BEHAVIOR, "colour": "blue"}}, "has no such member"),
            ({"origins": [{"originId": "b", "domainName": "example.com"}]}, "DomainName does not refer to a valid S3"),
            ({"origins": [{**INPUTS["origins"][0], "originId": "c"}]}, "NoSuchOrigin"),
        ],
    )
    def test_invalid_inputs_are_rejected(self, create: Create, changes: dict[str, Any], problem: str) -> None:
        with pytest.raises(RegistrationError, match=problem):
            create(DISTRIBUTION, "bad", **{**INPUTS, **changes})


class TestRelatedResources:
    def test_public_keys_and_key_group(self, account: LocalAccount, deployment: Deployment, pem: str) -> None:
        client = account.client("cloudfront")
        (key,) = deployment.outputs["keys"].values()
        stored = client.get_public_key(Id=key)["PublicKey"]["PublicKeyConfig"]
        assert stored["EncodedKey"] == pem
        assert stored["Name"].startswith("films-media-key-first-table-")
        group = client.get_key_group(Id=deployment.outputs["group"])["KeyGroup"]["KeyGroupConfig"]
        assert (group["Name"], group["Items"]) == ("films-media-table", [key])

    def test_origin_access_control(self, account: LocalAccount, deployment: Deployment) -> None:
        control = resource(deployment, "media-origin-access")
        assert control.outputs["arn"] == f"arn:aws:cloudfront::123456789012:origin-access-control/{control.id}"
        stored = account.client("cloudfront").get_origin_access_control(Id=control.id)
        read = stored["OriginAccessControl"]["OriginAccessControlConfig"]
        assert (read["Name"], read["OriginAccessControlOriginType"]) == ("films-media-table", "s3")
        assert (read["SigningProtocol"], read["SigningBehavior"]) == ("sigv4", "always")

    def test_function_code_is_stored(self, account: LocalAccount, deployment: Deployment, config: Any) -> None:
        client = account.client("cloudfront")
        function = resource(deployment, "media-refusal")
        summary = client.describe_function(Name=function.id)["FunctionSummary"]
        assert function.outputs["arn"] == summary["FunctionMetadata"]["FunctionARN"]
        assert summary["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"
        code = client.get_function(Name=function.id)["FunctionCode"].read()
        assert b"statusCode: 403" in code

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("cachePolicy:CachePolicy", "no cache policies"),
            ("responseHeadersPolicy:ResponseHeadersPolicy", "no response headers"),
        ],
    )
    def test_policies_without_runner_are_recorded(self, create: Create, kind: str, reason: str) -> None:
        created = create(f"aws:cloudfront/{kind}", "policy", name="policy")
        assert created.state == "recorded-only"
        assert reason in created.reason

    def test_policies_with_runner_are_applied(self, account: LocalAccount) -> None:
        token = "aws:cloudfront/cachePolicy:CachePolicy"
        provider = LocalProvider(account, {token: lambda _: {}})
        first, again, other = (
            provider.create(urn=f"u{number}", type=token, name="p", inputs={"name": name})
            for number, name in enumerate(("one", "one", "two"))
        )
        assert (first.state, first.id) == ("applied", again.id)
        assert uuid.UUID(first.id) != uuid.UUID(other.id)
        assert first.outputs["arn"] == f"arn:aws:cloudfront::123456789012:cache-policy/{first.id}"

    def test_log_delivery_is_stored(self, account: LocalAccount, deployment: Deployment) -> None:
        logs = account.client("logs")
        source = logs.get_delivery_source(name="films-media-access-table")["deliverySource"]
        assert (source["logType"], source["resourceArns"]) == ("ACCESS_LOGS", [deployment.outputs["arn"]])
        destination = logs.get_delivery_destination(name="films-media-access-table")["deliveryDestination"]
        assert destination["outputFormat"] == "json"
        wanted = {"destinationResourceArn": "arn:aws:s3:::films-logs"}
        assert destination["deliveryDestinationConfiguration"] == wanted
        delivery = logs.get_delivery(id=resource(deployment, "media-log-delivery").id)["delivery"]
        assert delivery["deliverySourceName"] == "films-media-access-table"
        assert delivery["deliveryDestinationArn"] == destination["arn"]
        assert "cs-uri-stem" in delivery["recordFields"]

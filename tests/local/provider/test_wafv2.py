"""The web firewall component, read back from the emulator."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.naming import Naming
from components.web_firewall import CORE, WebFirewall, WebFirewallArgs
from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider
from tests.local.provider.programs.child_inputs import with_inputs

WEB_ACL = "aws:wafv2/webAcl:WebAcl"
GUARDED = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/films/1"
VISIBILITY = {"cloudwatchMetricsEnabled": True, "sampledRequestsEnabled": False, "metricName": "m"}
INPUTS = {"scope": "REGIONAL", "defaultAction": {"allow": {}}, "visibilityConfig": VISIBILITY}
Create = Callable[..., Created]


@pytest.fixture(scope="module")
def deployment(account: LocalAccount) -> Deployment:
    def program() -> None:
        naming = Naming("films", "waf")
        regional = WebFirewall(
            "api",
            WebFirewallArgs(
                naming=naming,
                resource_name="api",
                rate_per_five_minutes=700,
                counted_rules={CORE: ["SizeRestrictions_BODY"]},
                log_retention_days=90,
                resource_arns={"balancer": GUARDED},
            ),
        )
        pulumi.export("regional", regional.arn)
        there = {"region": "us-east-1"}
        edge = WebFirewall(
            "media",
            WebFirewallArgs(naming=naming, resource_name="media"),
            with_inputs(
                {
                    "media-web-acl": {**there, "scope": "CLOUDFRONT"},
                    "media-log-group": there,
                    "media-logging": there,
                }
            ),
        )
        pulumi.export("edge", edge.arn)

    return deploy(
        program,
        project="films",
        stack="waf",
        config={"aws:region": "eu-west-1", "aws:defaultTags": '{"tags": {"Project": "films"}}'},
        provider=LocalProvider(account, {}),
    )


@pytest.fixture
def waf(other_region: LocalAccount) -> Any:
    return other_region.client("wafv2")


def web_acl(client: Any, arn: str, scope: str) -> dict[str, Any]:
    _, name, identity = arn.rpartition(":")[2].split("/webacl/")[-1].rpartition("/")[0], *arn.split("/")[-2:]
    found: dict[str, Any] = client.get_web_acl(Name=name, Scope=scope, Id=identity)["WebACL"]
    return found


class TestWebAcl:
    def test_resource_is_stored_as_registered(self, deployment: Deployment, waf: Any) -> None:
        acl = web_acl(waf, deployment.outputs["regional"], "REGIONAL")
        assert (acl["Name"], acl["ARN"]) == ("films-api-firewall-waf", deployment.outputs["regional"])
        assert acl["DefaultAction"] == {"Allow": {}}
        assert acl["VisibilityConfig"] == {
            "SampledRequestsEnabled": False,
            "CloudWatchMetricsEnabled": True,
            "MetricName": "films-api-firewall-waf",
        }
        tags = waf.list_tags_for_resource(ResourceARN=acl["ARN"])["TagInfoForResource"]["TagList"]
        assert tags == [{"Key": "Project", "Value": "films"}]

    def test_rules_keep_order_and_overrides(self, deployment: Deployment, waf: Any) -> None:
        rules = web_acl(waf, deployment.outputs["regional"], "REGIONAL")["Rules"]
        assert [(rule["Priority"], rule["Name"]) for rule in rules] == [
            (0, "rate"),
            (1, "AWSManagedRulesAmazonIpReputationList"),
            (2, "AWSManagedRulesCommonRuleSet"),
            (3, "AWSManagedRulesKnownBadInputsRuleSet"),
        ]
        rate = rules[0]["Statement"]["RateBasedStatement"]
        assert rate == {"Limit": 700, "AggregateKeyType": "IP", "EvaluationWindowSec": 300}
        assert rules[0]["Action"]["Block"]["CustomResponse"]["ResponseCode"] == 429
        overrides = [rule["Statement"]["ManagedRuleGroupStatement"].get("RuleActionOverrides") for rule in rules[1:]]
        assert overrides == [[], [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}], []]
        assert [rule["OverrideAction"] for rule in rules[1:]] == [{"None": {}}] * 3

    def test_logging_redacts_secrets(self, deployment: Deployment, waf: Any, other_region: LocalAccount) -> None:
        arn = deployment.outputs["regional"]
        logging = waf.get_logging_configuration(ResourceArn=arn)["LoggingConfiguration"]
        (group,) = other_region.client("logs").describe_log_groups(logGroupNamePrefix="aws-waf-logs-films-api")[
            "logGroups"
        ]
        assert logging["LogDestinationConfigs"] == [group["arn"].removesuffix(":*")]
        assert (group["logGroupName"], group["retentionInDays"]) == ("aws-waf-logs-films-api-firewall-waf", 90)
        assert logging["RedactedFields"] == [
            {"SingleHeader": {"Name": "authorization"}},
            {"SingleHeader": {"Name": "cookie"}},
            {"QueryString": {}},
        ]
        (kept,) = logging["LoggingFilter"]["Filters"]
        assert (logging["LoggingFilter"]["DefaultBehavior"], kept["Behavior"]) == ("DROP", "KEEP")
        assert [each["ActionCondition"]["Action"] for each in kept["Conditions"]] == ["BLOCK", "COUNT"]

    def test_web_acl_is_associated_with_load_balancer(self, deployment: Deployment, waf: Any) -> None:
        assert waf.get_web_acl_for_resource(ResourceArn=GUARDED)["WebACL"]["ARN"] == deployment.outputs["regional"]

    def test_cloudfront_web_acl_is_in_us_east_1(self, deployment: Deployment, account: LocalAccount) -> None:
        arn = deployment.outputs["edge"]
        assert ":us-east-1:" in arn and ":global/webacl/" in arn
        assert web_acl(account.client("wafv2"), arn, "CLOUDFRONT")["Name"] == "films-media-firewall-waf"
        groups = account.client("logs").describe_log_groups(logGroupNamePrefix="aws-waf-logs-films-media")["logGroups"]
        assert [group["logGroupName"] for group in groups] == ["aws-waf-logs-films-media-firewall-waf"]

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"scope": "PLANET"}, "'PLANET' must be one of"),
            ({"ruleJson": "[]"}, "ruleJson: not supported by the local account"),
            ({"visibilityConfig": None}, "VisibilityConfig is required"),
            (
                {"rules": [{"name": "r", "priority": 0, "statement": {"notStatement": {"statements": []}}}]},
                "rules: r: notStatement: not supported by the local account",
            ),
            (
                {
                    "rules": [
                        {"name": "r", "priority": 0, "statement": {}, "colour": "blue", "visibilityConfig": VISIBILITY}
                    ]
                },
                "rules.colour: AWS's Rule has no such member",
            ),
        ],
    )
    def test_invalid_inputs_are_rejected(self, create: Create, changes: dict[str, Any], problem: str) -> None:
        with pytest.raises(RegistrationError, match=problem):
            create(WEB_ACL, "bad", **{**INPUTS, **changes})

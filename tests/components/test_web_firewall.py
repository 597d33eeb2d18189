from typing import Any

from components.naming import Naming
from components.web_firewall import CORE, IP_REPUTATION, KNOWN_BAD_INPUTS, WebFirewall, WebFirewallArgs

NAMING = Naming("episode-metadata", "dev")
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/api/one"


def args(**changes: Any) -> Any:
    return WebFirewallArgs(**dict[str, Any]({"naming": NAMING, "resource_name": "api"}) | changes)


def visibility(metric: Any) -> Any:
    return {"cloudwatchMetricsEnabled": True, "sampledRequestsEnabled": False, "metricName": metric}


COUNTS = {"WebAcl": 1, "LogGroup": 1, "WebAclLoggingConfiguration": 1}


class TestRegister:
    def test_rate_and_managed_groups_block_and_the_rest_passes(self, register: Any) -> None:
        graph = register(lambda: WebFirewall("waf", args()))
        assert graph.counts == COUNTS
        acl = dict(graph.one("WebAcl").inputs)
        rate, *groups = acl.pop("rules")
        assert acl == {
            "name": "episode-metadata-api-firewall-dev",
            "description": "What reaches api",
            "scope": "REGIONAL",
            "defaultAction": {"allow": {}},
            "visibilityConfig": visibility("episode-metadata-api-firewall-dev"),
        }
        assert rate == {
            "name": "rate",
            "priority": 0,
            "statement": {"rateBasedStatement": {"aggregateKeyType": "IP", "limit": 2_000, "evaluationWindowSec": 300}},
            "action": {
                "block": {
                    "customResponse": {"responseCode": 429, "responseHeaders": [{"name": "Retry-After", "value": "60"}]}
                }
            },
            "visibilityConfig": visibility("rate"),
        }
        assert groups == [
            {
                "name": group,
                "priority": priority,
                "statement": {
                    "managedRuleGroupStatement": {"vendorName": "AWS", "name": group, "ruleActionOverrides": []}
                },
                "overrideAction": {"none": {}},
                "visibilityConfig": visibility(group),
            }
            for priority, group in enumerate((IP_REPUTATION, CORE, KNOWN_BAD_INPUTS), start=1)
        ]

    def test_rules_that_hurt_only_count(self, register: Any) -> None:
        chosen = args(counted_rules={CORE: ["SizeRestrictions_BODY", "CrossSiteScripting_BODY"]})
        rules = register(lambda: WebFirewall("waf", chosen)).one("WebAcl").inputs["rules"]
        overrides: dict[str, Any] = {
            rule["name"]: rule["statement"]["managedRuleGroupStatement"]["ruleActionOverrides"] for rule in rules[1:]
        }
        assert overrides == {
            IP_REPUTATION: [],
            CORE: [
                {"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}},
                {"name": "CrossSiteScripting_BODY", "actionToUse": {"count": {}}},
            ],
            KNOWN_BAD_INPUTS: [],
        }

    def test_log_keeps_what_was_marked_without_secrets(self, register: Any) -> None:
        graph = register(lambda: WebFirewall("waf", args(log_retention_days=365)))
        assert graph.one("LogGroup").inputs == {
            "name": "aws-waf-logs-episode-metadata-api-firewall-dev",
            "retentionInDays": 365,
        }
        logging = graph.one("WebAclLoggingConfiguration").inputs
        assert logging["redactedFields"] == [
            {"singleHeader": {"name": "authorization"}},
            {"singleHeader": {"name": "cookie"}},
            {"queryString": {}},
        ]
        assert logging["loggingFilter"] == {
            "defaultBehavior": "DROP",
            "filters": [
                {
                    "behavior": "KEEP",
                    "requirement": "MEETS_ANY",
                    "conditions": [{"actionCondition": {"action": "BLOCK"}}, {"actionCondition": {"action": "COUNT"}}],
                }
            ],
        }
        assert graph.depends("waf-logging", "waf-log-group")

    def test_it_stands_in_front_of_what_is_named_once_it_logs(self, register: Any) -> None:
        graph = register(lambda: WebFirewall("waf", args(resource_arns={"balancer": BALANCER})))
        assert graph.counts == COUNTS | {"WebAclAssociation": 1}
        association = graph.named("waf-on-balancer").inputs
        assert association["resourceArn"] == BALANCER
        assert graph.depends("waf-on-balancer", "waf-web-acl")
        assert graph.depends("waf-on-balancer", "waf-logging")

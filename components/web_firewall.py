"""A WAFv2 web ACL: AWS managed rules and a rate limit per address; other requests are allowed. Its log contains no secrets."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import LOG_RETENTION_DAYS, check, check_choice, check_range, check_unique
from components.naming import Naming

IP_REPUTATION = "AWSManagedRulesAmazonIpReputationList"
CORE = "AWSManagedRulesCommonRuleSet"
# Among them Log4JRCE, the lookups of CVE-2021-44228.
KNOWN_BAD_INPUTS = "AWSManagedRulesKnownBadInputsRuleSet"
# The managed rule groups, in the order of their evaluation.
MANAGED_GROUPS = (IP_REPUTATION, CORE, KNOWN_BAD_INPUTS)
VENDOR = "AWS"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CHILD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

# WAF counts in sliding windows: a blocked address is allowed again soon after it slows down.
RETRY_AFTER_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class WebFirewallArgs:
    """A firewall and the resources it protects."""

    naming: Naming
    resource_name: str
    """`api` names it `{project}-api-firewall-{environment}`."""
    rate_per_five_minutes: int = 2_000
    """The requests of one address before it gets 429."""
    counted_rules: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By rule group, rules that count instead of block: SizeRestrictions_BODY of CORE blocks bodies of more than 8 KB."""
    log_retention_days: int = 30
    resource_arns: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """By name, the load balancers and user pools of this region that it protects. HTTP APIs support no firewall."""

    def __post_init__(self) -> None:
        check(self, "resource_name", bool(self.resource_name), "must not be empty")
        check_range(self, "rate_per_five_minutes", 10, 2_000_000_000)
        for group, rules in self.counted_rules.items():
            known = group in MANAGED_GROUPS
            check(
                self, "counted_rules", known, f"must be of one of the groups {', '.join(MANAGED_GROUPS)}, not {group!r}"
            )
            check(self, "counted_rules", bool(rules), f"must name rules of {group}")
            check_unique(self, "counted_rules", rules)
            for rule in rules:
                check(self, "counted_rules", bool(NAME.fullmatch(rule)), f"must be names of rules, not {rule!r}")
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)
        for name in self.resource_arns:
            check(
                self,
                "resource_arns",
                bool(CHILD.fullmatch(name)),
                f"must be named with lower-case words and hyphens, not {name!r}",
            )


class WebFirewall(pulumi.ComponentResource):
    """The web ACL, its log group and its associations."""

    arn: pulumi.Output[str]
    """Known once it logs: protected resources are logged from the first request."""
    name: pulumi.Output[str]
    """The WebACL dimension of its metrics; the Rule dimension is `rate`, or the name of a rule group."""

    def __init__(self, name: str, args: WebFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:WebFirewall", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._physical = args.naming.physical(f"{args.resource_name}-firewall")

        self._create_web_acl()
        self._create_logging()
        self._create_associations()

        self.arn = pulumi.Output.all(self._web_acl.arn, self._logging.id).apply(lambda values: str(values[0]))
        self.name = self._web_acl.name
        self.register_outputs({"arn": self.arn, "name": self.name})

    def _create_web_acl(self) -> None:
        args = self._args
        groups = [self._managed_group(priority, group) for priority, group in enumerate(MANAGED_GROUPS, start=1)]
        self._web_acl = aws.wafv2.WebAcl(
            f"{self._name}-web-acl",
            name=self._physical,
            description=f"What reaches {args.resource_name}",
            scope="REGIONAL",
            default_action={"allow": {}},
            rules=[self._rate_limit(), *groups],
            visibility_config=_visibility(self._physical),
            opts=self._child,
        )

    def _rate_limit(self) -> aws.wafv2.WebAclRuleArgsDict:
        return {
            "name": "rate",
            "priority": 0,
            "statement": {
                "rate_based_statement": {
                    "aggregate_key_type": "IP",
                    "limit": self._args.rate_per_five_minutes,
                    "evaluation_window_sec": 300,
                }
            },
            "action": {
                "block": {
                    "custom_response": {
                        "response_code": 429,
                        "response_headers": [{"name": "Retry-After", "value": str(RETRY_AFTER_SECONDS)}],
                    }
                }
            },
            "visibility_config": _visibility("rate"),
        }

    def _managed_group(self, priority: int, group: str) -> aws.wafv2.WebAclRuleArgsDict:
        return {
            "name": group,
            "priority": priority,
            "statement": {
                "managed_rule_group_statement": {
                    "vendor_name": VENDOR,
                    "name": group,
                    "rule_action_overrides": [
                        {"name": rule, "action_to_use": {"count": {}}}
                        for rule in self._args.counted_rules.get(group, ())
                    ],
                }
            },
            # The actions of the group's own rules apply.
            "override_action": {"none": {}},
            "visibility_config": _visibility(group),
        }

    def _create_logging(self) -> None:
        logs = aws.cloudwatch.LogGroup(
            f"{self._name}-log-group",
            # WAF only delivers to log groups with this prefix.
            name=f"aws-waf-logs-{self._physical}",
            retention_in_days=self._args.log_retention_days,
            opts=self._child,
        )
        redacted: list[aws.wafv2.WebAclLoggingConfigurationRedactedFieldArgsDict] = [
            {"single_header": {"name": "authorization"}},
            {"single_header": {"name": "cookie"}},
            # Signed URLs carry their signature in the query.
            {"query_string": {}},
        ]
        self._logging = aws.wafv2.WebAclLoggingConfiguration(
            f"{self._name}-logging",
            resource_arn=self._web_acl.arn,
            log_destination_configs=[logs.arn],
            redacted_fields=redacted,
            # Requests that are allowed without a match are in the logs of the protected resource.
            logging_filter=aws.wafv2.WebAclLoggingConfigurationLoggingFilterArgs(
                default_behavior="DROP",
                filters=[
                    aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterArgs(
                        behavior="KEEP",
                        requirement="MEETS_ANY",
                        conditions=[_action_condition("BLOCK"), _action_condition("COUNT")],
                    )
                ],
            ),
            opts=self._child,
        )

    def _create_associations(self) -> None:
        for name, arn in self._args.resource_arns.items():
            aws.wafv2.WebAclAssociation(
                f"{self._name}-on-{name}",
                resource_arn=arn,
                web_acl_arn=self._web_acl.arn,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self._logging]),
            )


def _visibility(metric: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgsDict:
    # Sampled requests contain all headers, among them the token, and cannot be redacted.
    return {"cloudwatch_metrics_enabled": True, "sampled_requests_enabled": False, "metric_name": metric}


def _action_condition(action: str) -> aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionArgs:
    return aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionArgs(
        action_condition=aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionActionConditionArgs(
            action=action
        )
    )

"""A web ACL of WAFv2: Amazon's managed rules and a rate for each address; the rest passes. Its log holds no secret."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import LOG_RETENTION_DAYS, check, check_choice, check_range, check_unique
from components.naming import Naming

IP_REPUTATION = "AWSManagedRulesAmazonIpReputationList"
CORE = "AWSManagedRulesCommonRuleSet"
# Among them Log4JRCE, the look-ups of CVE-2021-44228.
KNOWN_BAD_INPUTS = "AWSManagedRulesKnownBadInputsRuleSet"
# Amazon's groups of rules, in their order.
MANAGED_GROUPS = (IP_REPUTATION, CORE, KNOWN_BAD_INPUTS)
VENDOR = "AWS"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CHILD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

# WAF counts in windows that it moves on every few seconds; a blocked address is let in again soon after it slows down.
RETRY_AFTER_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class WebFirewallArgs:
    """A firewall and what it guards."""

    naming: Naming
    thing: str
    """What it guards: `api` makes it `{project}-api-firewall-{environment}`."""
    rate_per_five_minutes: int = 2_000
    """Requests of one address before it is refused with 429."""
    counted_rules: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By group, rules that shall count and not block: CORE's SizeRestrictions_BODY refuses bodies beyond 8 KB."""
    log_retention_days: int = 30
    guarded_arns: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """By name, the load balancers and user pools of this region that it stands in front of. An HTTP API takes no firewall."""

    def __post_init__(self) -> None:
        check(self, "thing", bool(self.thing), "must not be empty")
        check_range(self, "rate_per_five_minutes", 10, 2_000_000_000)
        for group, rules in self.counted_rules.items():
            known = group in MANAGED_GROUPS
            check(self, "counted_rules", known, f"must be of the groups {', '.join(MANAGED_GROUPS)}, not {group!r}")
            check(self, "counted_rules", bool(rules), f"must name rules of {group}")
            check_unique(self, "counted_rules", rules)
            for rule in rules:
                check(self, "counted_rules", bool(NAME.fullmatch(rule)), f"must be names of rules, not {rule!r}")
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)
        for name in self.guarded_arns:
            check(self, "guarded_arns", bool(CHILD.fullmatch(name)), f"must be named by lower-case words, not {name!r}")


class WebFirewall(pulumi.ComponentResource):
    """The web ACL, its log group and its associations."""

    arn: pulumi.Output[str]
    """Known once it logs: whatever is guarded by it is logged from the first request."""
    name: pulumi.Output[str]
    """The WebACL dimension of its metrics; the Rule dimension is `rate`, or the name of a group."""

    def __init__(self, name: str, args: WebFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:WebFirewall", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._physical = args.naming.physical(f"{args.thing}-firewall")

        self._create_web_acl()
        self._create_logging()
        self._create_associations()

        self.arn = pulumi.Output.all(self._web_acl.arn, self._logging.id).apply(lambda values: str(values[0]))
        self.name = self._web_acl.name
        self.register_outputs({"arn": self.arn, "name": self.name})

    def _create_web_acl(self) -> None:
        args = self._args
        groups = [self._managed(priority, group) for priority, group in enumerate(MANAGED_GROUPS, start=1)]
        self._web_acl = aws.wafv2.WebAcl(
            f"{self._name}-web-acl",
            name=self._physical,
            description=f"What reaches {args.thing}",
            scope="REGIONAL",
            default_action={"allow": {}},
            rules=[self._rate(), *groups],
            visibility_config=_visibility(self._physical),
            opts=self._child,
        )

    def _rate(self) -> aws.wafv2.WebAclRuleArgsDict:
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

    def _managed(self, priority: int, group: str) -> aws.wafv2.WebAclRuleArgsDict:
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
            # What the group's own rules say.
            "override_action": {"none": {}},
            "visibility_config": _visibility(group),
        }

    def _create_logging(self) -> None:
        logs = aws.cloudwatch.LogGroup(
            f"{self._name}-log-group",
            # WAF delivers to no group whose name begins otherwise.
            name=f"aws-waf-logs-{self._physical}",
            retention_in_days=self._args.log_retention_days,
            opts=self._child,
        )
        secrets: list[aws.wafv2.WebAclLoggingConfigurationRedactedFieldArgsDict] = [
            {"single_header": {"name": "authorization"}},
            {"single_header": {"name": "cookie"}},
            # Signed and presigned addresses carry their signature in the query.
            {"query_string": {}},
        ]
        self._logging = aws.wafv2.WebAclLoggingConfiguration(
            f"{self._name}-logging",
            resource_arn=self._web_acl.arn,
            log_destination_configs=[logs.arn],
            redacted_fields=secrets,
            # What was let through without a mark is in the logs of what is guarded.
            logging_filter=aws.wafv2.WebAclLoggingConfigurationLoggingFilterArgs(
                default_behavior="DROP",
                filters=[
                    aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterArgs(
                        behavior="KEEP",
                        requirement="MEETS_ANY",
                        conditions=[_of_action("BLOCK"), _of_action("COUNT")],
                    )
                ],
            ),
            opts=self._child,
        )

    def _create_associations(self) -> None:
        for name, arn in self._args.guarded_arns.items():
            aws.wafv2.WebAclAssociation(
                f"{self._name}-on-{name}",
                resource_arn=arn,
                web_acl_arn=self._web_acl.arn,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self._logging]),
            )


def _visibility(metric: str) -> aws.wafv2.WebAclRuleVisibilityConfigArgsDict:
    # Sampled requests show every header as it was sent, the token among them; the log knows what to leave out.
    return {"cloudwatch_metrics_enabled": True, "sampled_requests_enabled": False, "metric_name": metric}


def _of_action(action: str) -> aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionArgs:
    return aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionArgs(
        action_condition=aws.wafv2.WebAclLoggingConfigurationLoggingFilterFilterConditionActionConditionArgs(
            action=action
        )
    )

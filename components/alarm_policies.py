"""The services that publish to an alarm topic, and the statements of the topic and of its key that let them."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from components import policies


def _alarm_arns(topic_arn: str) -> str:
    _, partition, _, region, account, _ = topic_arn.split(":", 5)
    return f"arn:{partition}:cloudwatch:{region}:{account}:alarm:*"


def _budget_arns(topic_arn: str) -> str:
    _, partition, _, _, account, _ = topic_arn.split(":", 5)
    return f"arn:{partition}:budgets::{account}:*"


# The services that publish to a topic, with the source ARNs they may publish for: alarms and budgets of the same account.
# For cost anomalies AWS documents a condition on the account alone.
PUBLISHERS: Mapping[str, Callable[[str], str] | None] = {
    "cloudwatch.amazonaws.com": _alarm_arns,
    "budgets.amazonaws.com": _budget_arns,
    "costalerts.amazonaws.com": None,
}


def topic_statements(topic_arn: pulumi.Input[str]) -> list[policies.Statement]:
    """Return the policy of an alarm topic: the publishers may publish for the topic's own account, and only over TLS."""
    statements = [
        policies.deny(
            "RefusePlainTransport",
            ["sns:Publish"],
            [topic_arn],
            principal="*",
            condition={"Bool": {"aws:SecureTransport": "false"}},
        )
    ]
    for service, source in PUBLISHERS.items():
        condition: dict[str, Any] = {"StringEquals": {"aws:SourceAccount": policies.account_id_of(topic_arn)}}
        if source is not None:
            condition["ArnLike"] = {"aws:SourceArn": pulumi.Output.from_input(topic_arn).apply(source)}
        statements.append(
            policies.allow(
                f"Accept{service.partition('.')[0].capitalize()}",
                ["sns:Publish"],
                [topic_arn],
                principal={"Service": service},
                condition=condition,
            )
        )
    return statements


def key_statement(account_id: pulumi.Input[str]) -> policies.Statement:
    """Return a key policy statement that lets the publishers use the key for their own account."""
    return policies.allow(
        "AlarmPublishersUseKey",
        ["kms:GenerateDataKey*", "kms:Decrypt"],
        ["*"],
        principal={"Service": list(PUBLISHERS)},
        condition={"StringEquals": {"aws:SourceAccount": account_id}},
    )

"""Policy documents as plain data: functions without resources, whose values may be outputs.

A document becomes a resource's input through `pulumi.Output.json_dumps`, which waits for the outputs inside.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

Document = dict[str, Any]
Statement = dict[str, Any]

POLICY_VERSION = "2012-10-17"

# A function in a VPC cannot start without these, and AWS defines most of them for no narrower resource than "*".
NETWORK_INTERFACE_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
PULL_ACTIONS = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def document(*statements: Statement) -> Document:
    """A policy of these statements."""
    return {"Version": POLICY_VERSION, "Statement": list(statements)}


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]],
    *,
    condition: Mapping[str, Any] | None = None,
    principal: Any = None,
) -> Statement:
    """A statement that allows. `principal` is for policies of resources; a role's policy has none."""
    return _statement("Allow", sid, actions, resources, condition=condition, principal=principal)


def deny(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]],
    *,
    condition: Mapping[str, Any] | None = None,
    principal: Any = None,
) -> Statement:
    """A statement that denies, whatever others allow."""
    return _statement("Deny", sid, actions, resources, condition=condition, principal=principal)


def trust(service: str, *, condition: Mapping[str, Any] | None = None) -> Document:
    """A role's trust policy: this AWS service alone may take the role on."""
    statement: Statement = {
        "Sid": "ServiceAssumesRole",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if condition:
        statement["Condition"] = dict(condition)
    return document(statement)


def queue_transport(queue_arn: pulumi.Input[str]) -> Statement:
    """A statement of a queue's policy that refuses plain HTTP."""
    return deny(
        "RefusePlainTransport",
        ["sqs:*"],
        [queue_arn],
        principal="*",
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )


def queue_accepts_bucket(
    queue_arn: pulumi.Input[str], bucket_arn: pulumi.Input[str], account_id: pulumi.Input[str]
) -> Statement:
    """A statement of a queue's policy: S3 may send, for this bucket of this account and no other."""
    return allow(
        "AcceptBucketEvents",
        ["sqs:SendMessage"],
        [queue_arn],
        principal={"Service": "s3.amazonaws.com"},
        condition={"ArnEquals": {"aws:SourceArn": bucket_arn}, "StringEquals": {"aws:SourceAccount": account_id}},
    )


def write_logs(log_group_arn: pulumi.Input[str]) -> Statement:
    """Streams and events of this one log group. The group itself is made beforehand, with its retention."""
    return allow(
        "WriteOwnLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [pulumi.Output.concat(log_group_arn, ":*")]
    )


def deliver_flow_logs(log_group_arn: pulumi.Input[str]) -> list[Statement]:
    """What VPC flow logs need of the log group that they are delivered to."""
    return [
        write_logs(log_group_arn),
        allow("FindLogStreams", ["logs:DescribeLogStreams"], [pulumi.Output.concat(log_group_arn, ":*")]),
    ]


def network_interfaces(function_arn: pulumi.Input[str]) -> list[Statement]:
    """Lets the Lambda service attach a function to a VPC, and denies the same calls to the function's own code."""
    return [
        allow("AttachToNetwork", NETWORK_INTERFACE_ACTIONS, ["*"]),
        deny(
            "KeepNetworkCallsFromCode",
            NETWORK_INTERFACE_ACTIONS,
            ["*"],
            condition={"ArnEquals": {"lambda:SourceFunctionArn": function_arn}},
        ),
    ]


def consume_queue(queue_arn: pulumi.Input[str]) -> Statement:
    """What an event source mapping does with a queue, through the role of the function that it feeds."""
    return allow(
        "ConsumeQueue",
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
        [queue_arn],
    )


def pull_image(repository_arn: pulumi.Input[str]) -> list[Statement]:
    """What pulling an image from this one repository takes. ECR defines the login for no narrower resource than "*"."""
    return [
        allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
        allow("PullImage", PULL_ACTIONS, [repository_arn]),
    ]


def pull_by_accounts(account_ids: Sequence[str]) -> Statement:
    """A statement of a repository's policy, which names no resource: ECR refuses one that does."""
    return {
        "Sid": "PullFromOtherAccounts",
        "Effect": "Allow",
        "Principal": {"AWS": list(account_ids)},
        "Action": list(PULL_ACTIONS),
    }


def decrypt_secrets(key_arns: Sequence[pulumi.Input[str]]) -> Statement:
    """The use of these keys for nothing but the secrets that Secrets Manager encrypts with them."""
    return allow(
        "DecryptSecrets",
        ["kms:Decrypt"],
        key_arns,
        condition={"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
    )


def shift_traffic(rule_arn: pulumi.Input[str], target_group_arns: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """What ECS needs to move a service's traffic between its target groups. ELB describes for no narrower resource than "*"."""
    return [
        allow(
            "DescribeTraffic",
            [
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeRules",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
            ],
            ["*"],
        ),
        allow("ShiftTraffic", ["elasticloadbalancing:ModifyRule"], [rule_arn]),
        allow(
            "MoveTargets",
            ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
            target_group_arns,
        ),
    ]


def account_of(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The account that an ARN names. It saves a call for the caller's identity, which an unknown account would delay."""
    return pulumi.Output.from_input(arn).apply(lambda known: known.split(":")[4])


def sibling_arn(arn: pulumi.Input[str], service: str, resource: str) -> pulumi.Output[str]:
    """The ARN of another resource in the partition, region and account of this one."""

    def build(known: str) -> str:
        _, partition, _, region, account, _ = known.split(":", 5)
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    return pulumi.Output.from_input(arn).apply(build)


def _statement(
    effect: str,
    sid: str,
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]],
    *,
    condition: Mapping[str, Any] | None,
    principal: Any,
) -> Statement:
    statement: Statement = {"Sid": sid, "Effect": effect}
    if principal is not None:
        statement["Principal"] = principal
    statement |= {"Action": list(actions), "Resource": list(resources)}
    if condition:
        statement["Condition"] = dict(condition)
    return statement

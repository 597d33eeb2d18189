"""IAM policy documents as plain data: functions without resources, whose values may be outputs.

`pulumi.Output.json_dumps` makes a document a resource's input, and waits for its outputs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

Document = dict[str, Any]
Statement = dict[str, Any]

POLICY_VERSION = "2012-10-17"

# A function in a VPC needs these to start, and most of them support no resource but "*".
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
    """Return a policy document of these statements."""
    return {"Version": POLICY_VERSION, "Statement": list(statements)}


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]],
    *,
    condition: Mapping[str, Any] | None = None,
    principal: Any = None,
) -> Statement:
    """Return an Allow statement. Only resource policies have a principal."""
    return _statement("Allow", sid, actions, resources, condition=condition, principal=principal)


def deny(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[pulumi.Input[str]],
    *,
    condition: Mapping[str, Any] | None = None,
    principal: Any = None,
) -> Statement:
    """Return a Deny statement."""
    return _statement("Deny", sid, actions, resources, condition=condition, principal=principal)


def trust_policy(service: str, *, condition: Mapping[str, Any] | None = None) -> Document:
    """Return a trust policy that lets only this AWS service assume a role."""
    statement: Statement = {
        "Sid": "ServiceAssumesRole",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if condition:
        statement["Condition"] = dict(condition)
    return document(statement)


def require_secure_transport(queue_arn: pulumi.Input[str]) -> Statement:
    """Return a queue policy statement that denies plain HTTP."""
    return deny(
        "RefusePlainTransport",
        ["sqs:*"],
        [queue_arn],
        principal="*",
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )


def allow_bucket_notifications(
    queue_arn: pulumi.Input[str], bucket_arn: pulumi.Input[str], account_id: pulumi.Input[str]
) -> Statement:
    """Return a queue policy statement that lets S3 send notifications of one bucket of this account."""
    return allow(
        "AcceptBucketEvents",
        ["sqs:SendMessage"],
        [queue_arn],
        principal={"Service": "s3.amazonaws.com"},
        condition={"ArnEquals": {"aws:SourceArn": bucket_arn}, "StringEquals": {"aws:SourceAccount": account_id}},
    )


def write_logs(log_group_arn: pulumi.Input[str]) -> Statement:
    """Return the permission to write to one log group, which is created beforehand with its retention."""
    return allow(
        "WriteOwnLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [pulumi.Output.concat(log_group_arn, ":*")]
    )


def deliver_flow_logs(log_group_arn: pulumi.Input[str]) -> list[Statement]:
    """Return the permissions to deliver VPC flow logs to a log group."""
    return [
        write_logs(log_group_arn),
        allow("FindLogStreams", ["logs:DescribeLogStreams"], [pulumi.Output.concat(log_group_arn, ":*")]),
    ]


def manage_network_interfaces(function_arn: pulumi.Input[str]) -> list[Statement]:
    """Return statements that let Lambda attach a function to a VPC, and deny the same actions to the function's code."""
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
    """Return the permission of an event source mapping to consume a queue, for the role of its function."""
    return allow(
        "ConsumeQueue",
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
        [queue_arn],
    )


def pull_image(repository_arn: pulumi.Input[str]) -> list[Statement]:
    """Return the permissions to pull images of one repository. The ECR login supports no resource but "*"."""
    return [
        allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
        allow("PullImage", PULL_ACTIONS, [repository_arn]),
    ]


def allow_pull_by_accounts(account_ids: Sequence[str]) -> Statement:
    """Return a repository policy statement that lets accounts pull. It names no resource: ECR rejects one that does."""
    return {
        "Sid": "PullFromOtherAccounts",
        "Effect": "Allow",
        "Principal": {"AWS": list(account_ids)},
        "Action": list(PULL_ACTIONS),
    }


def decrypt_secrets(key_arns: Sequence[pulumi.Input[str]]) -> Statement:
    """Return the permission to decrypt with these keys, only through Secrets Manager."""
    return allow(
        "DecryptSecrets",
        ["kms:Decrypt"],
        key_arns,
        condition={"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
    )


def shift_traffic(rule_arn: pulumi.Input[str], target_group_arns: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """Return the permissions of ECS to shift traffic between target groups. ELB describes no resource but "*"."""
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


def account_id_of(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the account id in an ARN, which saves a call for the caller identity."""
    return pulumi.Output.from_input(arn).apply(lambda known: known.split(":")[4])


def sibling_arn(arn: pulumi.Input[str], service: str, resource: str) -> pulumi.Output[str]:
    """Return the ARN of another resource in the partition, region and account of this one."""

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

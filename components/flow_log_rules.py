"""The flow log of a VPC: all its traffic, in a log group that only the flow log service of this account writes."""

import pulumi
import pulumi_aws as aws

from components import policies
from components.naming import Naming


def create_flow_log(
    name: str,
    naming: Naming,
    *,
    vpc_id: pulumi.Input[str],
    retention_days: int,
    key_arn: pulumi.Input[str] | None,
    child: pulumi.ResourceOptions,
) -> None:
    """Create the log group, the role that writes it, and the flow log, as children of the component called `name`."""
    group = aws.cloudwatch.LogGroup(
        f"{name}-flow-log-group",
        name=f"/aws/vpc/{naming.physical('flow-log')}",
        retention_in_days=retention_days,
        kms_key_id=key_arn,
        opts=child,
    )
    role = aws.iam.Role(
        f"{name}-flow-log-role",
        name=naming.physical("flow-log-role"),
        assume_role_policy=pulumi.Output.json_dumps(
            policies.trust_policy(
                "vpc-flow-logs.amazonaws.com",
                condition={
                    "StringEquals": {"aws:SourceAccount": policies.account_id_of(group.arn)},
                    "ArnLike": {"aws:SourceArn": policies.sibling_arn(group.arn, "ec2", "vpc-flow-log/*")},
                },
            )
        ),
        opts=child,
    )
    aws.iam.RolePolicy(
        f"{name}-flow-log-policy",
        name="write-flow-log",
        role=role.id,
        policy=pulumi.Output.json_dumps(policies.document(*policies.deliver_flow_logs(group.arn))),
        opts=child,
    )
    aws.ec2.FlowLog(
        f"{name}-flow-log",
        vpc_id=vpc_id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        tags={"Name": naming.physical("flow-log")},
        opts=child,
    )

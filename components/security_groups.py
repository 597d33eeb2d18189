"""Security groups without inline rules, and their ingress and egress rules: TCP, one port each."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pulumi
import pulumi_aws as aws

from components.naming import Naming
from components.placement import Egress

NO_EGRESS: Mapping[str, Egress] = MappingProxyType({})


def create_security_group(
    name: str,
    naming: Naming,
    resource_name: str,
    *,
    description: str,
    vpc_id: pulumi.Input[str],
    egress: Mapping[str, Egress] = NO_EGRESS,
    opts: pulumi.ResourceOptions,
) -> tuple[aws.ec2.SecurityGroup, Sequence[pulumi.Resource]]:
    """Create a security group without ingress, as a child of the component called `name`, and its egress rules."""
    physical = naming.replaceable(f"{resource_name}-sg", description)
    group = aws.ec2.SecurityGroup(
        f"{name}-security-group",
        name=physical,
        description=description,
        vpc_id=vpc_id,
        tags={"Name": physical},
        opts=opts,
    )
    return group, [allow_egress(name, target, group.id, rule, opts) for target, rule in egress.items()]


def allow_egress(
    name: str, target: str, security_group_id: pulumi.Input[str], rule: Egress, opts: pulumi.ResourceOptions
) -> aws.vpc.SecurityGroupEgressRule:
    """Let a group connect to a target. `name` is that of the group's component."""
    return aws.vpc.SecurityGroupEgressRule(
        f"{name}-to-{target}",
        security_group_id=security_group_id,
        referenced_security_group_id=rule.security_group_id,
        prefix_list_id=rule.prefix_list_id,
        cidr_ipv4=rule.cidr,
        ip_protocol="tcp",
        from_port=rule.port,
        to_port=rule.port,
        description=rule.description,
        opts=opts,
    )


def allow_ingress(
    name: str,
    security_group_id: pulumi.Input[str],
    port: int,
    description: str,
    *,
    caller_group_id: pulumi.Input[str] | None = None,
    cidr: str | None = None,
    opts: pulumi.ResourceOptions,
) -> aws.vpc.SecurityGroupIngressRule:
    """Let a group or an address range connect to a port. `name` is that of the rule."""
    return aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=security_group_id,
        referenced_security_group_id=caller_group_id,
        cidr_ipv4=cidr,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        description=description,
        opts=opts,
    )

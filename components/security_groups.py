"""Security groups that nobody enters and nothing leaves but by the ways that are made here: TCP, one port each."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pulumi
import pulumi_aws as aws

from components.naming import Naming
from components.placement import Egress

NO_WAYS: Mapping[str, Egress] = MappingProxyType({})


def create_security_group(
    name: str,
    naming: Naming,
    thing: str,
    *,
    description: str,
    vpc_id: pulumi.Input[str],
    egress: Mapping[str, Egress] = NO_WAYS,
    opts: pulumi.ResourceOptions,
) -> tuple[aws.ec2.SecurityGroup, Sequence[pulumi.Resource]]:
    """A group that nobody may enter, as a child of the component called `name`, and the rules of its ways out."""
    physical = naming.replaceable(f"{thing}-sg", description)
    group = aws.ec2.SecurityGroup(
        f"{name}-security-group",
        name=physical,
        description=description,
        vpc_id=vpc_id,
        tags={"Name": physical},
        opts=opts,
    )
    return group, [create_way_out(name, target, group.id, way, opts) for target, way in egress.items()]


def create_way_out(
    name: str, target: str, security_group_id: pulumi.Input[str], way: Egress, opts: pulumi.ResourceOptions
) -> aws.vpc.SecurityGroupEgressRule:
    """Lets a group connect to a target. `name` is whose group it is."""
    return aws.vpc.SecurityGroupEgressRule(
        f"{name}-to-{target}",
        security_group_id=security_group_id,
        referenced_security_group_id=way.security_group_id,
        prefix_list_id=way.prefix_list_id,
        cidr_ipv4=way.cidr,
        ip_protocol="tcp",
        from_port=way.port,
        to_port=way.port,
        description=way.description,
        opts=opts,
    )


def create_way_in(
    name: str,
    security_group_id: pulumi.Input[str],
    port: int,
    description: str,
    *,
    caller_group_id: pulumi.Input[str] | None = None,
    cidr: str | None = None,
    opts: pulumi.ResourceOptions,
) -> aws.vpc.SecurityGroupIngressRule:
    """Lets one group, or one range of addresses, connect to a port. `name` is the rule's own."""
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

"""Where code that runs stands in a VPC, and the only ways out that its security group leaves it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import check, check_range
from components.naming import Naming


@dataclass(frozen=True, kw_only=True)
class Egress:
    """A way out of a security group: a TCP port of one group, one prefix list or one address range."""

    description: str
    port: int = 443
    security_group_id: pulumi.Input[str] | None = None
    prefix_list_id: pulumi.Input[str] | None = None
    cidr: str | None = None

    def __post_init__(self) -> None:
        check_range(self, "port", 1, 65_535)
        given = [self.security_group_id, self.prefix_list_id, self.cidr]
        one = sum(value is not None for value in given) == 1
        check(self, "security_group_id", one, "must be given, or prefix_list_id, or cidr: exactly one of the three")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The subnets of a function or a service, and where its connections may go: one `Egress` by name for each."""

    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    egress: Mapping[str, Egress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self, "subnet_ids", bool(self.subnet_ids), "must name at least one subnet")


def create_security_group(
    name: str, naming: Naming, thing: str, *, description: str, placement: Placement, child: pulumi.ResourceOptions
) -> tuple[aws.ec2.SecurityGroup, Sequence[pulumi.Resource]]:
    """A group that nobody may enter, as a child of the component called `name`, and the rules of its ways out."""
    physical = naming.replaceable(f"{thing}-sg", description)
    group = aws.ec2.SecurityGroup(
        f"{name}-security-group",
        name=physical,
        description=description,
        vpc_id=placement.vpc_id,
        tags={"Name": physical},
        opts=child,
    )
    return group, [create_way_out(name, target, group.id, way, child) for target, way in placement.egress.items()]


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

"""The place of a function or a service in a VPC, with its egress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.arguments import check, check_range


@dataclass(frozen=True, kw_only=True)
class Egress:
    """An egress rule of a security group: a TCP port of one group, one prefix list or one address range."""

    description: str
    port: int = 443
    security_group_id: pulumi.Input[str] | None = None
    prefix_list_id: pulumi.Input[str] | None = None
    cidr: str | None = None

    def __post_init__(self) -> None:
        check_range(self, "port", 1, 65_535)
        given = [self.security_group_id, self.prefix_list_id, self.cidr]
        one = sum(value is not None for value in given) == 1
        check(self, "security_group_id", one, "must be given, or prefix_list_id, or cidr: exactly one of them")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The subnets of a function or a service, and its egress rules by name."""

    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    egress: Mapping[str, Egress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self, "subnet_ids", bool(self.subnet_ids), "must name at least one subnet")

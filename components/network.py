"""A VPC over two availability zones: two public and two private subnets, optional NAT, and private endpoints of AWS services."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import pulumi
import pulumi_aws as aws

from components import endpoint_policies, policies
from components.arguments import LOG_RETENTION_DAYS, check, check_choice, check_unique
from components.choices import Nat
from components.flow_log_rules import create_flow_log
from components.naming import Naming
from components.security_groups import allow_ingress

HTTPS = 443
ANYWHERE = "0.0.0.0/0"

# The index of each subnet's /24 in the VPC's /16, in the order of the zones: x.y.1.0, x.y.2.0 and x.y.10.0, x.y.20.0.
PUBLIC_SUBNETS = (1, 2)
PRIVATE_SUBNETS = (10, 20)


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """A network. NAT gateways and interface endpoints cost by the hour."""

    naming: Naming
    region: str
    cidr: str
    """A private /16 range, which is divided into the subnets."""
    availability_zones: Sequence[str]
    """Two zones of the region."""
    nat: Nat = "none"
    """How private subnets reach the internet: not at all, through one gateway, or each through its own zone's."""
    interface_endpoints: Sequence[str] = ()
    """AWS services to reach without leaving the VPC, by their endpoint names, such as `secretsmanager`."""
    flow_log_retention_days: int | None = None
    """Retention of the flow log of all traffic; None for no flow log."""
    log_key_arn: pulumi.Input[str] | None = None
    """A KMS key for the flow log; None for an AWS owned key."""

    def __post_init__(self) -> None:
        check(self, "cidr", _is_private_16(self.cidr), f"must be a private /16 such as 10.0.0.0/16, not {self.cidr!r}")
        zones = list(self.availability_zones)
        check(self, "availability_zones", len(zones) == len(PUBLIC_SUBNETS), f"must be two zones, not {len(zones)}")
        check_unique(self, "availability_zones", zones)
        foreign = [zone for zone in zones if not zone.startswith(self.region) or zone == self.region]
        check(self, "availability_zones", not foreign, f"must be zones of {self.region}, not {', '.join(foreign)}")
        check_choice(self, "nat", get_args(Nat))
        check_unique(self, "interface_endpoints", self.interface_endpoints)
        check(self, "interface_endpoints", "s3" not in self.interface_endpoints, "must not list s3: it has a gateway")
        check_choice(self, "flow_log_retention_days", LOG_RETENTION_DAYS)


class Network(pulumi.ComponentResource):
    """The VPC with its subnets, routes and endpoints. The default security group has no rules."""

    vpc_id: pulumi.Output[str]
    public_subnet_ids: list[pulumi.Output[str]]
    private_subnet_ids: list[pulumi.Output[str]]
    s3_prefix_list_id: pulumi.Output[str]
    """The prefix list of S3's addresses, which the gateway endpoint routes, for egress rules."""
    endpoints_security_group_id: pulumi.Output[str] | None
    """The group of all interface endpoints, or None without any. `allow_endpoints_from` opens it."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:Network", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        # us-east-1a is 1a in resource names: a stack has only one region.
        self._zones = [zone.rsplit("-", 1)[-1] for zone in args.availability_zones]

        self._create_vpc()
        public = self._create_subnets("public", PUBLIC_SUBNETS)
        private = self._create_subnets("private", PRIVATE_SUBNETS)
        self._create_public_routes(public)
        private_tables = self._create_private_routes(private, self._create_nat_gateways(public))
        self._create_gateway_endpoint(private_tables)
        self._create_interface_endpoints(private)
        if args.flow_log_retention_days is not None:
            create_flow_log(
                name,
                args.naming,
                vpc_id=self._vpc.id,
                retention_days=args.flow_log_retention_days,
                key_arn=args.log_key_arn,
                child=self._child,
            )

        self.vpc_id = self._vpc.id
        self.public_subnet_ids = [subnet.id for subnet in public]
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.register_outputs({"vpc_id": self.vpc_id})

    def allow_endpoints_from(
        self, caller: str, security_group_id: pulumi.Input[str]
    ) -> aws.vpc.SecurityGroupIngressRule | None:
        """Let a security group call the interface endpoints. The rule exists once all endpoints do.

        Returns:
            The rule; None without interface endpoints.
        """
        if self.endpoints_security_group_id is None:
            return None
        return allow_ingress(
            f"{self._name}-endpoints-from-{caller}",
            self.endpoints_security_group_id,
            HTTPS,
            f"AWS services for {caller}",
            caller_group_id=security_group_id,
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._interface_endpoints),
        )

    def _create_vpc(self) -> None:
        self._vpc = aws.ec2.Vpc(
            f"{self._name}-vpc",
            cidr_block=self._args.cidr,
            # Interface endpoints use the services' public names only if the VPC resolves and assigns DNS names.
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tags("vpc"),
            opts=self._child,
        )
        self._account_id = policies.account_id_of(self._vpc.arn)
        aws.ec2.DefaultSecurityGroup(
            f"{self._name}-default-security-group",
            vpc_id=self._vpc.id,
            ingress=[],
            egress=[],
            tags=self._tags("default-sg"),
            opts=self._child,
        )

    def _create_subnets(self, kind: str, numbers: Sequence[int]) -> list[aws.ec2.Subnet]:
        slices = list(ipaddress.IPv4Network(self._args.cidr).subnets(new_prefix=24))
        return [
            aws.ec2.Subnet(
                f"{self._name}-{kind}-{label}",
                vpc_id=self._vpc.id,
                cidr_block=str(slices[number]),
                availability_zone=zone,
                # Resources in a public subnet get their public addresses explicitly (NAT gateways, load balancers).
                map_public_ip_on_launch=False,
                tags=self._tags(f"{kind}-{label}"),
                opts=self._child,
            )
            for zone, label, number in zip(self._args.availability_zones, self._zones, numbers, strict=True)
        ]

    def _create_public_routes(self, subnets: Sequence[aws.ec2.Subnet]) -> None:
        self._internet_gateway = aws.ec2.InternetGateway(
            f"{self._name}-internet-gateway", vpc_id=self._vpc.id, tags=self._tags("igw"), opts=self._child
        )
        table = aws.ec2.RouteTable(
            f"{self._name}-public-routes", vpc_id=self._vpc.id, tags=self._tags("public-rt"), opts=self._child
        )
        aws.ec2.Route(
            f"{self._name}-public-to-internet",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=self._internet_gateway.id,
            opts=self._child,
        )
        for label, subnet in zip(self._zones, subnets, strict=True):
            self._associate(f"public-{label}", table, subnet)

    def _create_nat_gateways(self, public: Sequence[aws.ec2.Subnet]) -> list[aws.ec2.NatGateway]:
        wanted = {"none": 0, "single": 1, "one_per_zone": len(public)}[self._args.nat]
        gateways = []
        for label, subnet in list(zip(self._zones, public, strict=True))[:wanted]:
            address = aws.ec2.Eip(
                f"{self._name}-nat-address-{label}",
                domain="vpc",
                tags=self._tags(f"nat-eip-{label}"),
                opts=self._child,
            )
            gateways.append(
                aws.ec2.NatGateway(
                    f"{self._name}-nat-{label}",
                    subnet_id=subnet.id,
                    allocation_id=address.id,
                    tags=self._tags(f"nat-{label}"),
                    # AWS rejects a public NAT gateway in a VPC without an internet gateway.
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[self._internet_gateway]),
                )
            )
        return gateways

    def _create_private_routes(
        self, subnets: Sequence[aws.ec2.Subnet], gateways: Sequence[aws.ec2.NatGateway]
    ) -> list[aws.ec2.RouteTable]:
        # One table per zone even with a single gateway: changing the NAT mode then only changes routes.
        tables = []
        for index, (label, subnet) in enumerate(zip(self._zones, subnets, strict=True)):
            table = aws.ec2.RouteTable(
                f"{self._name}-private-routes-{label}",
                vpc_id=self._vpc.id,
                tags=self._tags(f"private-rt-{label}"),
                opts=self._child,
            )
            self._associate(f"private-{label}", table, subnet)
            if gateways:
                aws.ec2.Route(
                    f"{self._name}-private-to-nat-{label}",
                    route_table_id=table.id,
                    destination_cidr_block=ANYWHERE,
                    nat_gateway_id=gateways[min(index, len(gateways) - 1)].id,
                    opts=self._child,
                )
            tables.append(table)
        return tables

    def _create_gateway_endpoint(self, tables: Sequence[aws.ec2.RouteTable]) -> None:
        endpoint = aws.ec2.VpcEndpoint(
            f"{self._name}-endpoint-s3",
            vpc_id=self._vpc.id,
            service_name=f"com.amazonaws.{self._args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            policy=pulumi.Output.json_dumps(endpoint_policies.own_buckets_only(self._account_id, self._args.region)),
            tags=self._tags("endpoint-s3"),
            opts=self._child,
        )
        self.s3_prefix_list_id = endpoint.prefix_list_id

    def _create_interface_endpoints(self, subnets: Sequence[aws.ec2.Subnet]) -> None:
        self.endpoints_security_group_id = None
        self._interface_endpoints: list[pulumi.Resource] = []
        if not self._args.interface_endpoints:
            return
        description = "Interface endpoints of AWS services"
        group = aws.ec2.SecurityGroup(
            f"{self._name}-endpoints-security-group",
            name=self._args.naming.replaceable("endpoints-sg", description),
            description=description,
            vpc_id=self._vpc.id,
            tags=self._tags("endpoints-sg"),
            opts=self._child,
        )
        self.endpoints_security_group_id = group.id
        self._interface_endpoints = [
            aws.ec2.VpcEndpoint(
                f"{self._name}-endpoint-{service}",
                vpc_id=self._vpc.id,
                service_name=f"com.amazonaws.{self._args.region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[group.id],
                private_dns_enabled=True,
                policy=None
                if service in endpoint_policies.UNSIGNED_SERVICES
                else pulumi.Output.json_dumps(endpoint_policies.own_account_only(self._account_id)),
                tags=self._tags(f"endpoint-{service}"),
                opts=self._child,
            )
            for service in self._args.interface_endpoints
        ]

    def _associate(self, role: str, table: aws.ec2.RouteTable, subnet: aws.ec2.Subnet) -> None:
        aws.ec2.RouteTableAssociation(
            f"{self._name}-routes-of-{role}", route_table_id=table.id, subnet_id=subnet.id, opts=self._child
        )

    def _tags(self, resource_name: str) -> dict[str, str]:
        return {"Name": self._args.naming.physical(resource_name)}


def _is_private_16(cidr: str) -> bool:
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError:
        return False
    return network.prefixlen == 16 and network.is_private

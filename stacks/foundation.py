"""What everything else stands on: the network."""

from dataclasses import dataclass

import pulumi

from components.naming import Naming
from components.network import ANYWHERE, Network, NetworkArgs
from components.placement import Egress, Placement
from stacks.environment import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The network, and whether its private subnets reach the internet."""

    network: Network
    reaches_internet: bool

    def placement(self, egress: dict[str, Egress], *, internet: bool = False) -> Placement:
        """Private subnets with ways out to S3, to the interface endpoints and to what is asked for.

        `internet` is for a function that calls what has no endpoint here. Without a NAT gateway there is no such way, and
        the settings then demand the endpoint.
        """
        network = self.network
        ways = {"s3": Egress(description="S3 through its gateway endpoint", prefix_list_id=network.s3_prefix_list_id)}
        if network.endpoints_security_group_id is not None:
            ways["endpoints"] = Egress(
                description="AWS services through interface endpoints",
                security_group_id=network.endpoints_security_group_id,
            )
        if internet and self.reaches_internet:
            ways["internet"] = Egress(description="HTTPS through the NAT gateway", cidr=ANYWHERE)
        return Placement(vpc_id=network.vpc_id, subnet_ids=network.private_subnet_ids, egress=ways | egress)


def create_foundation(settings: EnvironmentSettings, naming: Naming, opts: pulumi.ResourceOptions) -> Foundation:
    """Makes the network."""
    section = settings.network
    network = Network(
        "network",
        NetworkArgs(
            naming=naming,
            region=settings.region,
            cidr=section.cidr,
            availability_zones=section.availability_zones,
            nat=section.nat,
            interface_endpoints=section.interface_endpoints,
            flow_log_retention_days=section.flow_log_retention_days,
        ),
        opts,
    )
    return Foundation(network=network, reaches_internet=section.nat != "none")

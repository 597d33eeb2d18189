"""The table of environments, compared with the graph: the network."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph
from tests.stacks.environment_table import Row, cells, count, everywhere, named, value

ZONES = ("1a", "1b")
ANYWHERE = "0.0.0.0/0"


def subnets(kind: Any) -> Any:
    def read(graph: Graph) -> Any:
        found = [graph.named(f"network-{kind}-{zone}").inputs for zone in ZONES]
        return [(each["cidrBlock"], each["availabilityZone"]) for each in found]

    return read


def tags(*names: Any) -> Any:
    return lambda graph: [graph.named(name).inputs["tags"]["Name"] for name in names]


def way_out(kind: Any) -> Any:
    """By subnet: the address range that its table routes elsewhere, and to what."""

    def read(graph: Graph) -> Any:
        tables = {
            graph.source(each, "subnetId")[0]: graph.source(each, "routeTableId")[0]
            for each in graph.of("RouteTableAssociation")
        }
        routes = {
            graph.source(each, "routeTableId")[0]: each
            for each in graph.of("Route")
            if each.type.startswith("aws:ec2/")
        }
        found = {}
        for zone in ZONES:
            route = routes[tables[f"network-{kind}-{zone}"]]
            (target,) = graph.source(route, "gatewayId") + graph.source(route, "natGatewayId")
            found[zone] = (route.inputs["destinationCidrBlock"], target.removeprefix("network-"))
        return found

    return read


def gateways(graph: Graph) -> Any:
    """Where the NAT gateways stand, each with an address of its own."""
    found = graph.of("NatGateway")
    addresses = [name for each in found for name in graph.source(each, "allocationId")]
    assert len(set(addresses)) == len(found) == len(graph.of("Eip"))
    return sorted(name.removeprefix("network-") for each in found for name in graph.source(each, "subnetId"))


def addresses(network: Any) -> Any:
    return [f"10.{network}.{number}.0/24" for number in (1, 2)], [f"10.{network}.{number}.0/24" for number in (10, 20)]


def subnet_cells(which: Any) -> Any:
    zones = ("us-east-1a", "us-east-1b")
    return cells(*(list(zip(addresses(network)[which], zones, strict=True)) for network in (0, 1, 2)))


ROWS = [
    pytest.param(
        Row(what="region", read=value("aws", "region"), cells=everywhere("us-east-1")),
        marks=pytest.mark.requirement("ROAD-18"),
    ),
    pytest.param(
        Row(what="VPCs", read=count("Vpc"), cells=everywhere(1)),
        marks=pytest.mark.requirement("ROAD-46"),
    ),
    pytest.param(
        Row(
            what="VPC's addresses",
            read=value("network-vpc", "cidrBlock"),
            cells=cells("10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"),
        ),
        marks=pytest.mark.requirement("ROAD-19", "ROAD-50"),
    ),
    pytest.param(
        Row(what="VPC's name", read=value("network-vpc", "tags", "Name"), cells=named("episode-metadata-vpc-{}")),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-24"),
    ),
    pytest.param(
        Row(
            what="one routine builds the VPC",
            read=lambda graph: [each.name for each in graph.resources if each.type.endswith(":Network")],
            cells=everywhere(["network"]),
        ),
        marks=pytest.mark.requirement("ROAD-25"),
    ),
    pytest.param(
        Row(what="public subnets", read=subnets("public"), cells=subnet_cells(0)),
        marks=pytest.mark.requirement("ROAD-20", "ROAD-50"),
    ),
    pytest.param(
        Row(what="private subnets", read=subnets("private"), cells=subnet_cells(1)),
        marks=pytest.mark.requirement("ROAD-20", "ROAD-50"),
    ),
    pytest.param(
        Row(
            what="subnets' names",
            read=tags(*(f"network-{kind}-{zone}" for kind in ("public", "private") for zone in ZONES)),
            cells={
                environment: [
                    f"episode-metadata-{part}-{environment}"
                    for part in ("public-1a", "public-1b", "private-1a", "private-1b")
                ]
                for environment in ("dev", "staging", "production")
            },
        ),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-20", "ROAD-24"),
    ),
    pytest.param(
        Row(
            what="internet gateway",
            read=lambda graph: [
                (each.inputs["tags"]["Name"], *graph.source(each, "vpcId")) for each in graph.of("InternetGateway")
            ],
            cells={
                environment: [(name, "network-vpc")] for environment, name in named("episode-metadata-igw-{}").items()
            },
        ),
        marks=pytest.mark.requirement("ROAD-21", "ROAD-24"),
    ),
    pytest.param(
        Row(
            what="NAT gateways, each with its address, by subnet",
            read=gateways,
            cells=cells(["public-1a"], ["public-1a"], ["public-1a", "public-1b"]),
        ),
        marks=pytest.mark.requirement("ROAD-22", "ROAD-46", "ROAD-139"),
    ),
    pytest.param(
        Row(
            what="first NAT gateway's name",
            read=value("network-nat-1a", "tags", "Name"),
            cells=named("episode-metadata-nat-1a-{}"),
        ),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-22"),
    ),
    pytest.param(
        Row(
            what="first NAT gateway's address's name",
            read=value("network-nat-address-1a", "tags", "Name"),
            cells=named("episode-metadata-nat-eip-1a-{}"),
            documents=named("episode-metadata-nat-eip-{}"),
            because="Production has two: each says its zone, as the gateways do.",
        ),
        marks=pytest.mark.requirement("ROAD-22", "ROAD-24"),
    ),
    pytest.param(
        Row(
            what="way out of public subnets",
            read=way_out("public"),
            cells=everywhere(dict.fromkeys(ZONES, (ANYWHERE, "internet-gateway"))),
        ),
        marks=pytest.mark.requirement("ROAD-23", "ROAD-50"),
    ),
    pytest.param(
        Row(
            what="way out of private subnets",
            read=way_out("private"),
            cells=cells(
                dict.fromkeys(ZONES, (ANYWHERE, "nat-1a")),
                dict.fromkeys(ZONES, (ANYWHERE, "nat-1a")),
                {zone: (ANYWHERE, f"nat-{zone}") for zone in ZONES},
            ),
        ),
        marks=pytest.mark.requirement("ROAD-23", "ROAD-50", "ROAD-139"),
    ),
    pytest.param(
        Row(
            what="public route table's name",
            read=tags("network-public-routes"),
            cells=cells(*([name] for name in named("episode-metadata-public-rt-{}").values())),
        ),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-23"),
    ),
    pytest.param(
        Row(
            what="private route tables' names",
            read=tags("network-private-routes-1a", "network-private-routes-1b"),
            cells=cells(
                *(
                    [f"episode-metadata-private-rt-{zone}-{environment}" for zone in ZONES]
                    for environment in ("dev", "staging", "production")
                )
            ),
            documents=cells(*([name] for name in named("episode-metadata-private-rt-{}").values())),
            because="A table for each zone: a second NAT gateway then changes a route and moves no subnet.",
        ),
        marks=pytest.mark.requirement("ROAD-23", "ROAD-24"),
    ),
]


class TestNetwork:
    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_every_cell(self, row: Any, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert row.read(graph_of(environment)) == row.cells[environment]

from typing import Any

import pytest

from components.naming import Naming
from components.network import Network, NetworkArgs

NAMING = Naming("episode-metadata", "dev")
ZONES = ("us-east-1a", "us-east-1b")


def args(**changes: Any) -> Any:
    return NetworkArgs(
        **dict[str, Any]({"naming": NAMING, "region": "us-east-1", "cidr": "10.1.0.0/16", "availability_zones": ZONES})
        | changes
    )


CHEAPEST = {
    "Vpc": 1,
    "DefaultSecurityGroup": 1,
    "Subnet": 4,
    "InternetGateway": 1,
    "RouteTable": 3,
    "RouteTableAssociation": 4,
    "Route": 1,
    "VpcEndpoint": 1,
}


class TestRegister:
    @pytest.mark.requirement("ROAD-21", "ROAD-23")
    def test_cheapest_network_has_exactly_these(self, register: Any) -> None:
        assert register(lambda: Network("net", args())).counts == CHEAPEST

    @pytest.mark.requirement("ROAD-22", "ROAD-46")
    @pytest.mark.parametrize(("nat", "gateways"), [("none", 0), ("single", 1), ("one_per_zone", 2)])
    def test_nat_gateways_by_mode(self, register: Any, nat: Any, gateways: Any) -> None:
        graph = register(lambda: Network("net", args(nat=nat)))
        assert len(graph.of("NatGateway")) == len(graph.of("Eip")) == gateways
        private = [route for route in graph.of("Route") if "natGatewayId" in route.inputs]
        assert len(private) == (2 if gateways else 0)
        assert len({route.inputs["natGatewayId"] for route in private}) == gateways
        assert all(graph.depends(gateway.name, "net-internet-gateway") for gateway in graph.of("NatGateway"))

    @pytest.mark.requirement("ROAD-19", "ROAD-20", "ROAD-25")
    def test_subnets_have_the_documented_addresses(self, register: Any) -> None:
        graph = register(lambda: Network("net", args(cidr="10.2.0.0/16")))
        placed: dict[str, Any] = {
            subnet.name: (
                subnet.inputs["cidrBlock"], subnet.inputs["availabilityZone"], subnet.inputs["mapPublicIpOnLaunch"]
            )
            for subnet in graph.of("Subnet")
        }  # fmt: skip
        assert placed == {
            "net-public-1a": ("10.2.1.0/24", "us-east-1a", False),
            "net-public-1b": ("10.2.2.0/24", "us-east-1b", False),
            "net-private-1a": ("10.2.10.0/24", "us-east-1a", False),
            "net-private-1b": ("10.2.20.0/24", "us-east-1b", False),
        }

    def test_default_group_admits_nothing(self, register: Any) -> None:
        group = register(lambda: Network("net", args())).one("DefaultSecurityGroup").inputs
        assert (group["ingress"], group["egress"]) == ([], [])

    def test_s3_is_reached_through_the_gateway_from_both_private_tables(self, register: Any) -> None:
        graph = register(lambda: Network("net", args()))
        endpoint = graph.one("VpcEndpoint").inputs
        assert endpoint["serviceName"] == "com.amazonaws.us-east-1.s3"
        assert endpoint["vpcEndpointType"] == "Gateway"
        tables = [graph.output(f"net-private-routes-{zone}", "id") for zone in ("1a", "1b")]
        assert sorted(endpoint["routeTableIds"]) == sorted(tables)

    def test_interface_endpoints_are_private_and_admit_by_reference(self, register: Any) -> None:
        def make() -> None:
            network = Network("net", args(interface_endpoints=("secretsmanager", "sqs")))
            network.allow_endpoints_from("api", "sg-caller")

        graph = register(make)
        assert graph.counts == CHEAPEST | {"VpcEndpoint": 3, "SecurityGroup": 1, "SecurityGroupIngressRule": 1}
        for service in ("secretsmanager", "sqs"):
            endpoint = graph.named(f"net-endpoint-{service}").inputs
            assert endpoint["serviceName"] == f"com.amazonaws.us-east-1.{service}"
            assert (endpoint["vpcEndpointType"], endpoint["privateDnsEnabled"]) == ("Interface", True)
            assert len(endpoint["subnetIds"]) == 2
            assert graph.depends("net-endpoints-from-api", f"net-endpoint-{service}")
        rule = graph.one("SecurityGroupIngressRule").inputs
        assert (rule["referencedSecurityGroupId"], rule["fromPort"], rule["toPort"]) == ("sg-caller", 443, 443)
        assert "cidrIpv4" not in rule
        assert "ingress" not in graph.one("SecurityGroup").inputs

    def test_nothing_to_admit_to_without_endpoints(self, register: Any) -> None:
        def make() -> None:
            assert Network("net", args()).allow_endpoints_from("api", "sg-caller") is None

        assert register(make).counts == CHEAPEST

    def test_flow_log_takes_all_traffic_and_its_role_is_narrow(self, register: Any) -> None:
        graph = register(lambda: Network("net", args(flow_log_retention_days=14)))
        assert graph.counts == CHEAPEST | {"FlowLog": 1, "LogGroup": 1, "Role": 1, "RolePolicy": 1}
        assert graph.one("FlowLog").inputs["trafficType"] == "ALL"
        assert graph.one("LogGroup").inputs["retentionInDays"] == 14
        trust = graph.statements("net-flow-log-role", "assumeRolePolicy")["ServiceAssumesRole"]
        assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
        assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
        written = graph.statements("net-flow-log-policy")["WriteOwnLogs"]["Resource"]
        assert written == ["arn:aws:logs:us-east-1:123456789012:log-group:/aws/vpc/episode-metadata-flow-log-dev:*"]

    @pytest.mark.requirement("ROAD-24")
    def test_everything_without_a_name_of_its_own_has_a_name_tag(self, register: Any) -> None:
        graph = register(lambda: Network("net", args(nat="one_per_zone", interface_endpoints=("sqs",))))
        unnamed = {"Vpc", "Subnet", "InternetGateway", "RouteTable", "NatGateway", "Eip", "VpcEndpoint"}
        for kind in unnamed:
            for resource in graph.of(kind):
                assert resource.inputs["tags"]["Name"].startswith("episode-metadata-")
        names = [each.inputs["tags"]["Name"] for kind in unnamed for each in graph.of(kind)]
        assert len(names) == len(set(names))


class TestEndpointPolicies:
    ACCOUNT = "123456789012"

    def test_objects_stay_in_the_account(self, register: Any) -> None:
        statements = register(lambda: Network("net", args())).statements("net-endpoint-s3")
        assert statements == {
            "OwnCallersToOwnBuckets": {
                "Sid": "OwnCallersToOwnBuckets",
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["s3:*"],
                "Resource": ["*"],
                "Condition": {
                    "StringEquals": {"aws:PrincipalAccount": self.ACCOUNT, "aws:ResourceAccount": self.ACCOUNT}
                },
            },
            "LayersOfImages": {
                "Sid": "LayersOfImages",
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["s3:GetObject"],
                "Resource": ["arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"],
            },
        }

    def test_services_are_called_by_the_account_alone(self, register: Any) -> None:
        graph = register(lambda: Network("net", args(interface_endpoints=["secretsmanager", "sqs"])))
        for service in ("secretsmanager", "sqs"):
            (statement,) = graph.statements(f"net-endpoint-{service}").values()
            assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": self.ACCOUNT}}

    def test_service_that_is_called_unsigned_stays_open(self, register: Any) -> None:
        graph = register(lambda: Network("net", args(interface_endpoints=["cognito-idp"])))
        assert "policy" not in graph.named("net-endpoint-cognito-idp").inputs

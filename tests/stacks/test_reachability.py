"""Who can connect to whom: the edges that the security groups leave, exactly."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph

# Everything that runs code of ours, and the load balancer where the API is a service.
WORKERS = ("maintenance", "migrate", "thumbnail-generator")
CALLERS = ("api", *WORKERS)
WORLD = "0.0.0.0/0"
# The load balancer's way in, and its one way on.
TO_BALANCER = {(WORLD, "load-balancer", 443), (WORLD, "load-balancer", 80)}
TO_SERVICE = {("load-balancer", "api", 3000)}
# Who searches, who keeps the index, and who prepares the domain; what makes thumbnails has no business there.
TO_SEARCH = {(caller, "search", 443) for caller in ("api", "maintenance", "migrate")}


def edges(environment: str, *, internet: Any = True) -> Any:
    """What may connect, as (from, to, port)."""
    found = {(caller, "database", 5432) for caller in CALLERS}
    found |= {(caller, "network-endpoints", 443) for caller in CALLERS}
    found |= {(caller, "network-endpoint-s3", 443) for caller in CALLERS}
    # The user pool's keys.
    found |= {("api", WORLD, 443)} if internet else set()
    return found | (set() if environment == "dev" else TO_BALANCER | TO_SERVICE | TO_SEARCH)


def end(graph: Graph, rule: Any, field: Any) -> Any:
    """A side of a rule: a group or a prefix list by its component's name, or a range of addresses."""
    for named in ("referencedSecurityGroupId", "prefixListId") if field == "other" else (field,):
        if rule.inputs.get(named):
            (name,) = graph.source(rule, named)
            return name.removesuffix("-security-group")
    return rule.inputs["cidrIpv4"]


def ways_out(graph: Graph) -> Any:
    rules = graph.of("SecurityGroupEgressRule")
    return {(end(graph, each, "securityGroupId"), end(graph, each, "other"), port(each)) for each in rules}


def ways_in(graph: Graph) -> Any:
    rules = graph.of("SecurityGroupIngressRule")
    return {(end(graph, each, "other"), end(graph, each, "securityGroupId"), port(each)) for each in rules}


def port(rule: Any) -> Any:
    assert rule.inputs["ipProtocol"] == "tcp"
    assert rule.inputs["fromPort"] == rule.inputs["toPort"]
    return rule.inputs["fromPort"]


class TestEdges:
    @pytest.mark.requirement("ROAD-32", "A-09", "P2-09")
    def test_there_are_these_and_no_others(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        assert ways_out(graph) | ways_in(graph) == edges(environment)

    def test_both_sides_of_each_edge_agree(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        groups = {each.name.removesuffix("-security-group") for each in graph.of("SecurityGroup")}
        inside = {edge for edge in edges(environment) if {edge[0], edge[1]} <= groups}
        assert {edge for edge in ways_out(graph) if edge[1] in groups} == inside
        assert {edge for edge in ways_in(graph) if edge[0] in groups} == inside

    def test_no_rule_opens_more_than_its_edge(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        common = {"securityGroupId", "ipProtocol", "fromPort", "toPort", "description"}
        for rule in [*graph.of("SecurityGroupEgressRule"), *graph.of("SecurityGroupIngressRule")]:
            assert len(rule.inputs.keys() - common) == 1, rule.name
            assert rule.inputs.keys() - common <= {"referencedSecurityGroupId", "prefixListId", "cidrIpv4"}, rule.name

    def test_no_group_has_rules_beside_these(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        for group in graph.of("SecurityGroup"):
            assert not {"ingress", "egress"} & set(group.inputs), group.name
        assert graph.of("SecurityGroupRule") == []
        (default,) = graph.of("DefaultSecurityGroup")
        assert (default.inputs["ingress"], default.inputs["egress"]) == ([], [])

    def test_without_nat_nothing_reaches_the_internet(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]]
    ) -> None:
        endpoints = ["secretsmanager", "cognito-idp"]
        graph = evaluated(settings_of("dev", network__nat="none", network__interface_endpoints=endpoints))
        assert ways_out(graph) | ways_in(graph) == edges("dev", internet=False)
        assert graph.of("NatGateway") == []
        private = {f"network-private-routes-{zone}" for zone in ("1a", "1b")}
        tables = {name for each in graph.of("Route") for name in graph.source(each, "routeTableId")}
        assert not tables & private


class TestPlaces:
    def test_what_runs_stands_in_private_subnets_with_a_group_of_its_own(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        for function in graph.functions:
            own = function.name.removesuffix("-function")
            assert graph.source(function, "vpcConfig") == sorted(
                [f"{own}-security-group", "network-private-1a", "network-private-1b"]
            )
        for service in graph.of("Service"):
            places = ["api-security-group", "network-private-1a", "network-private-1b"]
            assert graph.source(service, "networkConfiguration") == places
            assert service.inputs["networkConfiguration"]["assignPublicIp"] is False

    def test_what_keeps_data_stands_there_too(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        private = ["network-private-1a", "network-private-1b"]
        assert graph.source(graph.named("database-subnets"), "subnetIds") == private
        database = graph.named("database-instance")
        assert graph.source(database, "dbSubnetGroupName") == ["database-subnets"]
        assert graph.source(database, "vpcSecurityGroupIds") == ["database-security-group"]
        assert database.inputs["publiclyAccessible"] is False
        for domain in graph.of("Domain"):
            # One node stands in one zone.
            assert graph.source(domain, "vpcOptions") == ["network-private-1a", "search-security-group"]

    def test_only_gateways_and_the_load_balancer_stand_in_public_subnets(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        public = {"network-public-1a", "network-public-1b"}
        there = {
            each.name
            for each in graph.custom
            if public & {graph.by_urn[urn].name for urn in each.dependencies if urn in graph.by_urn}
        }
        gateways = {"network-nat-1a"} | ({"network-nat-1b"} if environment == "production" else set())
        routes = {f"network-routes-of-public-{zone}" for zone in ("1a", "1b")}
        assert there == gateways | routes | (set() if environment == "dev" else {"load-balancer-load-balancer"})
        for subnet in graph.of("Subnet"):
            assert subnet.inputs["mapPublicIpOnLaunch"] is False

    def test_endpoints_stand_in_both_private_subnets(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        endpoints = [each for each in graph.of("VpcEndpoint") if each.inputs["vpcEndpointType"] == "Interface"]
        services = ["secretsmanager"] if environment == "dev" else ["secretsmanager", "ssm"]
        assert [each.name for each in endpoints] == [f"network-endpoint-{service}" for service in services]
        for each in endpoints:
            assert graph.source(each, "subnetIds") == ["network-private-1a", "network-private-1b"]
            assert graph.source(each, "securityGroupIds") == ["network-endpoints-security-group"]
            assert each.inputs["privateDnsEnabled"] is True
        tables = ["network-private-routes-1a", "network-private-routes-1b"]
        assert graph.source(graph.named("network-endpoint-s3"), "routeTableIds") == tables


class TestFrontDoor:
    @pytest.mark.requirement("ROAD-07", "ROAD-134", "ROAD-139")
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_clear_text_is_only_ever_redirected(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        listeners = {each.inputs["port"]: each.inputs for each in graph_of(environment).of("Listener")}
        assert listeners.keys() == {80, 443}
        (action,) = listeners[80]["defaultActions"]
        assert (action["type"], action["redirect"]["protocol"]) == ("redirect", "HTTPS")
        assert listeners[443]["protocol"] == "HTTPS"
        assert graph_of(environment).source(graph_of(environment).named("load-balancer-https"), "certificateArn") == [
            "certificate-validation"
        ]

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_firewall_stands_in_front_of_the_load_balancer(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        (association,) = graph.of("WebAclAssociation")
        assert graph.source(association, "resourceArn") == ["load-balancer-load-balancer"]
        assert graph.source(association, "webAclArn") == ["firewall-web-acl"]

    @pytest.mark.requirement("ROAD-06")
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_names_lead_to_what_serves_them(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        host = {"staging": "api-staging.example.com", "production": "api.example.com"}[environment]
        led = {(each.inputs["name"], each.inputs["type"]): graph.source(each, "aliases") for each in graph.of("Record")}
        assert {where: to for where, to in led.items() if to} == {
            (host, "A"): ["load-balancer-load-balancer"],
            (host, "AAAA"): ["load-balancer-load-balancer"],
            (f"media.{host}", "A"): ["media-distribution"],
            (f"media.{host}", "AAAA"): ["media-distribution"],
        }

"""Registration of load balancers: ports, rules, actions and unsupported inputs."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.compute.elbv2.load_balancers import LoadBalancers
from local.errors import LocalPlatformError, PortTakenError, RegistrationError
from tests.local.compute.ecs.container_fixtures import (
    Targets,
    balancers,
    forward,
    listener,
    load_balancer,
    rule,
    serve,
    target_group,
    targets,
)

__all__ = ["balancers", "serve", "targets"]

Serve = Callable[..., httpx.Client]

TO_HTTPS = {"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}


def fixed(text: str, status: str = "200") -> dict[str, Any]:
    response = {"contentType": "text/plain", "messageBody": text, "statusCode": status}
    return {"type": "fixed-response", "fixedResponse": response}


class TestAddLoadBalancer:
    def test_taken_port_raises_port_taken_error(self, tmp_path: Path) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            balancers = LoadBalancers(port=port, logs=tmp_path)
            with pytest.raises(PortTakenError, match=f"port {port}: another program listens there"):
                balancers.add_load_balancer(load_balancer())
            balancers.close()

    def test_first_gets_the_port_and_second_a_free_one(self, tmp_path: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        balancers = LoadBalancers(port=port, logs=tmp_path)
        first = balancers.add_load_balancer(load_balancer("first"))["dnsName"]
        second = balancers.add_load_balancer(load_balancer("second"))["dnsName"]
        balancers.close()
        assert first == f"127.0.0.1:{port}"
        assert second.startswith("127.0.0.1:") and second != first

    def test_port_is_free_after_close(self, tmp_path: Path) -> None:
        port = 0
        for _ in range(2):
            balancers = LoadBalancers(port=port, logs=tmp_path)
            address = balancers.add_load_balancer(load_balancer())["dnsName"]
            balancers.serve_listener(listener(defaultActions=[fixed("here")]))
            with httpx.Client(base_url=f"http://{address}", trust_env=False) as client:
                assert client.get("/").text == "here"
                balancers.close()
                with pytest.raises(httpx.ConnectError):
                    client.get("/")
            balancers.close()
            port = int(address.rpartition(":")[2])


class TestListener:
    def test_dns_name_is_that_of_the_listener_that_does_not_redirect(self, balancers: LoadBalancers) -> None:
        address = balancers.add_load_balancer(load_balancer())["dnsName"]
        balancers.serve_listener(listener("http", defaultActions=[TO_HTTPS]))
        balancers.serve_listener(listener("https", port=443, protocol="HTTPS", defaultActions=[fixed("served")]))
        assert balancers.address(listener("https").id) == address
        assert httpx.get(f"http://{address}/", trust_env=False).text == "served"
        response = httpx.get(
            f"http://{balancers.address(listener('http').id)}/shows/a%2Fb?x=1&y=",
            headers={"host": "api.example.test"},
            trust_env=False,
        )
        assert response.status_code == 301
        assert response.headers["location"] == "https://api.example.test:443/shows/a%2Fb?x=1&y="
        assert response.headers["server"] == "awselb/2.0"

    def test_redirect_without_a_host_keeps_the_requested_host(self, serve: Serve, balancers: LoadBalancers) -> None:
        moved = {"path": "/new/#{path}", "query": "from=old", "statusCode": "HTTP_302"}
        serve(defaultActions=[{"type": "redirect", "redirect": moved}])
        address = balancers.address(listener().id)
        response = httpx.get(f"http://{address}/shows", trust_env=False)
        assert (response.status_code, response.headers["location"]) == (302, f"http://{address}/new/shows?from=old")

    def test_fixed_response_is_sent(self, serve: Serve) -> None:
        response = serve(defaultActions=[fixed("closed", "503")]).get("/")
        assert (response.status_code, response.text, response.headers["content-type"]) == (503, "closed", "text/plain")


class TestRules:
    def test_first_matching_rule_by_priority_applies(self, serve: Serve, balancers: LoadBalancers) -> None:
        client = serve(defaultActions=[fixed("default")])
        conditions = {
            "images": (30, [{"pathPattern": {"values": ["/images/*", "/icon.???"]}}]),
            "host": (20, [{"hostHeader": {"values": ["*.Example.test"]}}]),
            "both": (10, [{"hostHeader": {"values": ["a.example.test"]}}, {"pathPattern": {"values": ["/Images/*"]}}]),
        }
        for name, (priority, given) in conditions.items():
            balancers.add_rule(rule(name, priority=priority, conditions=given, actions=[fixed(name)]))
        asked = {
            ("other.test", "/images/1"): "images",
            ("other.test", "/images"): "default",
            ("other.test", "/Images/1"): "default",
            ("other.test", "/icon.png"): "images",
            ("other.test", "/icon.jpeg"): "default",
            ("b.example.test", "/images/1"): "host",
            ("A.EXAMPLE.TEST:8080", "/Images/1"): "both",
            ("a.example.test", "/images/1"): "host",
            ("example.test", "/"): "default",
        }
        responses = {key: client.get(key[1], headers={"host": key[0]}).text for key in asked}
        assert responses == asked

    def test_rule_without_a_priority_is_last(self, serve: Serve, balancers: LoadBalancers) -> None:
        client = serve(defaultActions=[fixed("default")])
        everything = [{"pathPattern": {"values": ["*"]}}]
        balancers.add_rule(rule("first", priority=7, conditions=everything, actions=[fixed("first")]))
        balancers.add_rule(rule("second", conditions=everything, actions=[fixed("second")]))
        assert client.get("/").text == "first"

    def test_target_group_with_weight_zero_gets_no_requests(
        self, serve: Serve, balancers: LoadBalancers, targets: Targets
    ) -> None:
        for name in ("blue", "green"):
            balancers.add_target_group(target_group(name))
        weights = [{"arn": target_group("blue").id, "weight": 0}, {"arn": target_group("green").id, "weight": 100}]
        client = serve(defaultActions=[{"type": "forward", "forward": {"targetGroups": weights}}])
        targets.add(group="blue")
        green = targets.add(group="green")
        assert {client.get("/").json()["port"] for _ in range(20)} == {green.server_port}

    def test_target_group_has_a_listener_once_a_rule_forwards_to_it(
        self, serve: Serve, balancers: LoadBalancers
    ) -> None:
        serve(defaultActions=[fixed("default")])
        group = target_group().id
        assert not balancers.has_listener(group)
        balancers.add_rule(rule("all", conditions=[{"pathPattern": {"values": ["*"]}}], actions=[forward()]))
        assert balancers.has_listener(group)


class TestRegistration:
    @pytest.mark.parametrize(
        ("runner", "registration", "problem"),
        [
            ("add_load_balancer", load_balancer("x", loadBalancerType="network"), "loadBalancerType: network is not supported"),
            (
                "add_load_balancer", load_balancer("x", xffHeaderProcessingMode="drop"),
                "xffHeaderProcessingMode: must be one of append, preserve, remove, not 'drop'",
            ),
            ("add_target_group", target_group("x", targetType="instance"), "targetType: instance is not supported"),
            ("add_target_group", target_group("x", protocol="HTTPS"), "protocol: HTTPS is not supported"),
            ("add_target_group", target_group("x", protocolVersion="GRPC"), "protocolVersion: GRPC is not supported"),
            ("add_target_group", target_group("x", stickiness={"enabled": True}), "stickiness: not supported"),
            ("add_target_group", target_group("x", slowStart=30), "slowStart: not supported"),
            (
                "add_target_group", target_group("x", loadBalancingAlgorithmType="weighted_random"),
                "loadBalancingAlgorithmType: weighted_random",
            ),
            ("add_target_group", target_group("x", check={"port": "81"}), r"healthCheck\.port: 81"),
            ("add_target_group", target_group("x", check={"protocol": "HTTPS"}), r"healthCheck\.protocol: HTTPS"),
            ("add_target_group", target_group("x", check={"path": "health"}), r"healthCheck\.path: must begin .* not 'health'"),
            ("add_target_group", target_group("x", check={"matcher": "2xx"}), r"healthCheck\.matcher: must be .* not '2xx'"),
            ("serve_listener", listener("x", protocol="TCP"), "protocol: TCP is not supported"),
            ("serve_listener", listener("x", loadBalancerArn="nobody"), "loadBalancerArn: no load balancer .* 'nobody'"),
            ("serve_listener", listener("x", mutualAuthentication={"mode": "verify"}), "mutualAuthentication: not supported"),
            (
                "serve_listener", listener("x", routingHttpResponseXFrameOptionsHeaderValue="DENY"),
                "routingHttpResponseXFrameOptionsHeaderValue: not supported",
            ),
            ("serve_listener", listener("x", defaultActions=[]), "defaultActions: exactly one action"),
            (
                "serve_listener", listener("x", defaultActions=[{"type": "authenticate-oidc"}]),
                r"defaultActions\.type: authenticate-oidc is not supported",
            ),
            ("serve_listener", listener("x", defaultActions=[{"type": "forward"}]), "defaultActions: a target group"),
            (
                "serve_listener",
                listener("x", defaultActions=[{"type": "forward", "forward": {"stickiness": {"enabled": True}}}]),
                r"defaultActions\.forward\.stickiness",
            ),
            (
                "serve_listener", listener("x", defaultActions=[forward("nothing")]),
                "targetGroupArn: no target group is registered as .*TargetGroup/nothing",
            ),
            (
                "serve_listener", listener("x", defaultActions=[{"type": "redirect", "redirect": {}}]),
                r"defaultActions\.redirect\.statusCode",
            ),
            (
                "serve_listener", listener("x", defaultActions=[{"type": "fixed-response"}]),
                r"defaultActions\.fixedResponse: required",
            ),
            ("add_rule", rule("x", listenerArn="nobody"), "listenerArn: no listener is registered as 'nobody'"),
            ("add_rule", rule("x"), "conditions: required"),
            (
                "add_rule", rule("x", conditions=[{"httpHeader": {"values": ["a"]}}]),
                r"conditions\.httpHeader: not supported on this machine",
            ),
            (
                "add_rule", rule("x", conditions=[{"pathPattern": {"regexValues": ["a"]}}]),
                r"conditions\.pathPattern: values required",
            ),
            (
                "add_rule", rule("x", conditions=[{"pathPattern": {"values": ["/a"]}}, {"pathPattern": {"values": ["/b"]}}]),
                r"conditions\.pathPattern: only one condition",
            ),
            ("add_rule", rule("x", transforms=[{"type": "url-rewrite"}]), "transforms: not supported"),
            (
                "add_rule", rule("x", conditions=[{"pathPattern": {"values": ["/"]}}], actions=[forward("nothing")]),
                "targetGroupArn: no target group",
            ),
        ],
    )  # fmt: skip
    def test_unsupported_input_raises_registration_error(
        self, serve: Serve, balancers: LoadBalancers, runner: str, registration: Any, problem: str
    ) -> None:
        serve()
        with pytest.raises(RegistrationError, match=problem):
            getattr(balancers, runner)(registration)

    def test_target_of_an_unknown_group_raises_local_platform_error(self, balancers: LoadBalancers) -> None:
        with pytest.raises(LocalPlatformError, match="no target group is registered as nothing"):
            balancers.add_target("nothing", "127.0.0.1", 1)

from typing import Any

import pulumi
import pytest

from components.load_balancer import LoadBalancer, LoadBalancerArgs, target_group_name
from components.naming import Naming

NAMING = Naming("episode-metadata", "dev")
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
SECURE = {"certificate_arn": CERTIFICATE, "host_name": "api.example.com"}
COUNTS = {"LoadBalancer": 1, "TargetGroup": 1, "Listener": 1, "SecurityGroup": 1, "SecurityGroupIngressRule": 1}
SECURE_COUNTS = COUNTS | {"Listener": 2, "SecurityGroupIngressRule": 2}


def args(**changes: Any) -> Any:
    return LoadBalancerArgs(
        **dict[str, Any]({"naming": NAMING, "vpc_id": "vpc-1", "public_subnet_ids": ["subnet-1", "subnet-2"]}) | changes
    )


def ways_in(graph: Any) -> Any:
    return {
        (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"], rule.inputs["ipProtocol"])
        for rule in graph.of("SecurityGroupIngressRule")
    }


class TestRegister:
    @pytest.mark.requirement("ROAD-134")
    def test_load_balancer_is_public_and_passes_on_nothing_doubtful(self, register: Any) -> None:
        graph = register(lambda: LoadBalancer("alb", args()))
        assert graph.counts == COUNTS
        balancer = dict(graph.one("LoadBalancer").inputs)
        assert (
            graph.named("alb-security-group").urn in graph.one("LoadBalancer").property_dependencies["securityGroups"]
        )
        assert balancer.pop("securityGroups")
        assert balancer == {
            "name": "episode-metadata-alb-dev",
            "loadBalancerType": "application",
            "internal": False,
            "subnets": ["subnet-1", "subnet-2"],
            "dropInvalidHeaderFields": True,
            "desyncMitigationMode": "defensive",
            "idleTimeout": 60,
            "enableDeletionProtection": False,
        }

    @pytest.mark.requirement("ROAD-134")
    def test_target_group_takes_addresses_and_asks_for_their_health(self, register: Any) -> None:
        graph = register(lambda: LoadBalancer("alb", args(health_path="/ready")))
        group = dict(graph.one("TargetGroup").inputs)
        assert group.pop("name").startswith("episode-metadata-tg-dev-")
        assert group == {
            "vpcId": "vpc-1",
            "targetType": "ip",
            "protocol": "HTTP",
            "port": 3000,
            "deregistrationDelay": 30,
            "healthCheck": {
                "enabled": True,
                "protocol": "HTTP",
                "path": "/ready",
                "matcher": "200",
                "interval": 15,
                "timeout": 5,
                "healthyThreshold": 2,
                "unhealthyThreshold": 3,
            },
            "tags": {"Name": "episode-metadata-tg-dev"},
        }

    def test_without_a_certificate_http_serves(self, register: Any) -> None:
        graph = register(lambda: LoadBalancer("alb", args()))
        listener = graph.one("Listener").inputs
        (action,) = listener["defaultActions"]
        assert (listener["port"], listener["protocol"], action["type"]) == (80, "HTTP", "forward")
        assert action["targetGroupArn"] == graph.output("alb-target-group", "arn")
        assert not {"certificateArn", "sslPolicy"} & set(listener)
        assert ways_in(graph) == {("0.0.0.0/0", 80, 80, "tcp")}

    @pytest.mark.requirement("ROAD-134", "ROAD-139")
    def test_with_a_certificate_https_serves_and_http_redirects(self, register: Any) -> None:
        graph = register(lambda: LoadBalancer("alb", args(**SECURE)))
        assert graph.counts == SECURE_COUNTS
        plain, secure = graph.named("alb-http").inputs, graph.named("alb-https").inputs
        assert (plain["port"], plain["protocol"]) == (80, "HTTP")
        assert plain["defaultActions"] == [
            {"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}
        ]
        assert not {"certificateArn", "sslPolicy"} & set(plain)
        assert (secure["port"], secure["protocol"], secure["certificateArn"]) == (443, "HTTPS", CERTIFICATE)
        assert secure["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
        assert [action["type"] for action in secure["defaultActions"]] == ["forward"]
        assert ways_in(graph) == {("0.0.0.0/0", 80, 80, "tcp"), ("0.0.0.0/0", 443, 443, "tcp")}

    def test_it_reaches_nothing_but_the_service(self, register: Any) -> None:
        graph = register(lambda: LoadBalancer("alb", args(port=8080)).allow_egress_to("api", "sg-api"))
        assert graph.counts == COUNTS | {"SecurityGroupEgressRule": 1}
        assert not {"ingress", "egress"} & set(graph.one("SecurityGroup").inputs)
        rule = dict(graph.one("SecurityGroupEgressRule").inputs)
        assert (
            graph.named("alb-security-group").urn in graph.named("alb-to-api").property_dependencies["securityGroupId"]
        )
        assert rule.pop("securityGroupId")
        assert rule == {
            "referencedSecurityGroupId": "sg-api",
            "ipProtocol": "tcp",
            "fromPort": 8080,
            "toPort": 8080,
            "description": "Requests and health checks of api",
        }

    def test_shifted_traffic_has_a_second_group_and_a_rule_for_every_request(self, register: Any) -> None:
        graph = register(lambda: LoadBalancer("alb", args(shifts_traffic=True, **SECURE)))
        assert graph.counts == SECURE_COUNTS | {"TargetGroup": 2, "ListenerRule": 1}
        first, second = (graph.named(f"alb-{name}").inputs for name in ("target-group", "alternate-target-group"))
        assert first["name"] != second["name"]
        assert {**first, "name": ""} == {**second, "name": ""}
        rule = graph.one("ListenerRule").inputs
        assert rule["priority"] == 1
        assert rule["conditions"] == [{"pathPattern": {"values": ["/*"]}}]
        weights = [
            {"arn": graph.output("alb-target-group", "arn"), "weight": 100},
            {"arn": graph.output("alb-alternate-target-group", "arn"), "weight": 0},
        ]
        assert rule["actions"] == [{"type": "forward", "forward": {"targetGroups": weights}}]
        assert graph.named("alb-https").urn in graph.one("ListenerRule").property_dependencies["listenerArn"]
        (action,) = graph.named("alb-https").inputs["defaultActions"]
        assert (action["type"], action["fixedResponse"]["statusCode"]) == ("fixed-response", "404")

    def test_weights_that_a_deployment_moved_are_left_alone(self, register: Any) -> None:
        ignored: dict[str, Any] = {}
        spy = pulumi.ResourceOptions(
            transformations=[lambda made: ignored.update({made.name: made.opts.ignore_changes})]
        )
        register(lambda: LoadBalancer("alb", args(shifts_traffic=True), spy))
        assert ignored["alb-production-rule"] == ["actions"]

    def test_requests_are_logged_where_a_bucket_is_given(self, register: Any) -> None:
        inputs = register(lambda: LoadBalancer("alb", args(access_log_bucket="logs"))).one("LoadBalancer").inputs
        assert inputs["accessLogs"] == {"bucket": "logs", "enabled": True}

    @pytest.mark.parametrize(("changes", "url"), [({}, "http://{dns_name}"), (SECURE, "https://api.example.com")])
    def test_url_is_where_clients_come(self, register: Any, changes: Any, url: Any) -> None:
        found: list[Any] = []
        graph = register(lambda: LoadBalancer("alb", args(**changes)).url.apply(found.append))
        assert found == [url.format(dns_name=graph.output("alb-load-balancer", "dnsName"))]


class TestTargetGroupName:
    @pytest.mark.requirement("ROAD-134")
    @pytest.mark.parametrize(
        ("environment", "begins"),
        [
            ("dev", "episode-metadata-tg-dev-"),
            ("staging", "episode-metadata-tg-stagi-"),
            ("production", "episode-metadata-tg-produ-"),
        ],
    )
    def test_whole_suffix_stands_in_32_characters(self, environment: str, begins: Any) -> None:
        name = target_group_name(Naming("episode-metadata", environment), "3000")
        assert name.startswith(begins)
        assert len(name) == len(begins) + 6 <= 32

    def test_what_aws_replaces_gets_another_name(self) -> None:
        naming = Naming("episode-metadata", "production")
        assert len({target_group_name(naming, *forces) for forces in (["3000"], ["8080"], ["3000", "alternate"])}) == 3

    def test_environments_that_begin_alike_do_not_meet(self) -> None:
        names = {target_group_name(Naming("episode-metadata", each), "3000") for each in ("production", "produce")}
        assert len(names) == 2

    def test_cut_name_has_no_hyphen_before_its_suffix(self) -> None:
        assert "--" not in target_group_name(Naming("a-project-of-many-words1", "production"), "3000")

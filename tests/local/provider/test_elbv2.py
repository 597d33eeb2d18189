"""The load balancer component and single resources, read back from the emulator."""

from collections.abc import Callable
from typing import Any

import pytest

from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.naming import Naming
from components.network import Network, NetworkArgs
from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.errors import RegistrationError
from local.provider.protocol import AppliedResource
from local.provider.provider import Created, LocalProvider

BALANCER, GROUP, LISTENER, RULE = (
    f"aws:lb/{name[0].lower()}{name[1:]}:{name}" for name in ("LoadBalancer", "TargetGroup", "Listener", "ListenerRule")
)
CERTIFICATE = "arn:aws:iam::123456789012:server-certificate/films"
Create = Callable[..., Created]


def apply(provider: LocalProvider, project: str, **changes: Any) -> Deployment:
    def program() -> None:
        naming = Naming(project, "dev")
        network = Network(
            "network",
            NetworkArgs(
                naming=naming,
                region="us-east-1",
                cidr="10.0.0.0/16",
                availability_zones=["us-east-1a", "us-east-1b"],
            ),
        )
        public = network.public_subnet_ids
        LoadBalancer("alb", LoadBalancerArgs(naming=naming, vpc_id=network.vpc_id, public_subnet_ids=public, **changes))

    deployment = deploy(program, project=project, stack="dev", config={}, provider=provider)
    assert {each.state for each in deployment.resources} == {"applied"}
    return deployment


def named(deployment: Deployment, name: str) -> AppliedResource:
    (found,) = [each for each in deployment.resources if each.name == name]
    return found


def attributes(answer: dict[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in answer["Attributes"]}


class TestLoadBalancer:
    def test_it_is_kept_as_the_component_registers_it(self, provider: LocalProvider, account: LocalAccount) -> None:
        made = apply(provider, "balanced", access_log_bucket="logs", protected=True)
        elbv2 = account.client("elbv2")
        (read,) = elbv2.describe_load_balancers(Names=["balanced-alb-dev"])["LoadBalancers"]
        assert (read["Scheme"], read["Type"], len(read["AvailabilityZones"])) == ("internet-facing", "application", 2)
        assert read["SecurityGroups"] == [named(made, "alb-security-group").id]
        found = attributes(elbv2.describe_load_balancer_attributes(LoadBalancerArn=read["LoadBalancerArn"]))
        assert (
            found.items()
            >= {
                "access_logs.s3.bucket": "logs",
                "access_logs.s3.enabled": "true",
                "deletion_protection.enabled": "true",
                "idle_timeout.timeout_seconds": "60",
                "routing.http.desync_mitigation_mode": "defensive",
                "routing.http.drop_invalid_header_fields.enabled": "true",
            }.items()
        )
        balancer = named(made, "alb-load-balancer")
        assert (balancer.id, balancer.outputs["arn"]) == (read["LoadBalancerArn"], read["LoadBalancerArn"])
        assert balancer.outputs["dnsName"] == read["DNSName"]
        assert balancer.outputs["zoneId"] == read["CanonicalHostedZoneId"]
        assert balancer.outputs["vpcId"] == read["VpcId"]
        assert balancer.outputs["arnSuffix"].startswith("app/balanced-alb-dev/")
        assert read["LoadBalancerArn"].endswith(f":loadbalancer/{balancer.outputs['arnSuffix']}")

        (group,) = elbv2.describe_target_groups(LoadBalancerArn=read["LoadBalancerArn"])["TargetGroups"]
        check = {name: group[name] for name in group if name.startswith(("HealthCheck", "Healthy", "Unhealthy"))}
        assert check == {
            "HealthCheckEnabled": True,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPath": "/health",
            "HealthCheckPort": "traffic-port",
            "HealthCheckIntervalSeconds": 15,
            "HealthCheckTimeoutSeconds": 5,
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 3,
        }
        assert (group["TargetType"], group["Port"], group["Matcher"]) == ("ip", 3000, {"HttpCode": "200"})
        delay = attributes(elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"]))
        assert delay["deregistration_delay.timeout_seconds"] == "30"
        outputs = named(made, "alb-target-group").outputs
        assert outputs["arnSuffix"] == "targetgroup/" + group["TargetGroupArn"].partition(":targetgroup/")[2]

    def test_https_listener_redirect_and_traffic_shift_rules(
        self, provider: LocalProvider, account: LocalAccount
    ) -> None:
        made = apply(
            provider, "shifted", certificate_arn=CERTIFICATE, host_name="films.example.com", shifts_traffic=True
        )
        elbv2, arn = account.client("elbv2"), named(made, "alb-load-balancer").id
        listeners = {each["Port"]: each for each in elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]}
        assert listeners.keys() == {80, 443}
        (redirect,) = listeners[80]["DefaultActions"]
        assert (
            redirect["RedirectConfig"].items() >= {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}.items()
        )
        assert listeners[443]["Certificates"] == [{"CertificateArn": CERTIFICATE}]
        assert listeners[443]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
        (answer,) = listeners[443]["DefaultActions"]
        assert answer["FixedResponseConfig"]["StatusCode"] == "404"
        rules = elbv2.describe_rules(ListenerArn=named(made, "alb-https").id)["Rules"]
        (rule,) = [each for each in rules if not each["IsDefault"]]
        assert (rule["RuleArn"], rule["Priority"]) == (named(made, "alb-production-rule").outputs["arn"], "1")
        assert rule["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
        weights = {
            each["TargetGroupArn"]: each["Weight"] for each in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
        }
        groups = [named(made, f"alb-{name}").id for name in ("target-group", "alternate-target-group")]
        assert weights == {groups[0]: 100, groups[1]: 0}


class TestAttributes:
    def test_listener_attributes_are_stored(
        self, create: Create, provider: LocalProvider, account: LocalAccount
    ) -> None:
        balancer = named(apply(provider, "headers"), "alb-load-balancer").id
        listener = create(
            LISTENER,
            "more",
            loadBalancerArn=balancer,
            port=8080.0,
            protocol="HTTP",
            defaultActions=[
                {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
            ],
            routingHttpResponseServerEnabled=False,
            routingHttpResponseStrictTransportSecurityHeaderValue="max-age=60",
            routingHttpRequestXAmznTlsVersionHeaderName="X-Tls",
        )
        found = attributes(account.client("elbv2").describe_listener_attributes(ListenerArn=listener.id))
        assert (
            found.items()
            >= {
                "routing.http.response.server.enabled": "false",
                "routing.http.response.strict_transport_security.header_value": "max-age=60",
                "routing.http.request.x_amzn_tls_version.header_name": "X-Tls",
            }.items()
        )

    def test_numbers_are_written_without_decimal_point(self, create: Create, account: LocalAccount) -> None:
        vpc = create("aws:ec2/vpc:Vpc", "numbers", cidrBlock="10.9.0.0/16").id
        inputs = {"port": 80.0, "protocol": "HTTP", "vpcId": vpc, "targetType": "ip"}
        group = create(GROUP, "numbers", **inputs, deregistrationDelay=30.0, slowStart=45.0)
        found = attributes(account.client("elbv2").describe_target_group_attributes(TargetGroupArn=group.id))
        assert (found["deregistration_delay.timeout_seconds"], found["slow_start.duration_seconds"]) == ("30", "45")

    def test_unknown_attribute_is_rejected(self, create: Create) -> None:
        with pytest.raises(RegistrationError, match=r"accessLogs\.colour: AWS has no such attribute"):
            create(BALANCER, "bad", name="bad", accessLogs={"bucket": "logs", "colour": "blue"})


class TestRules:
    @pytest.mark.parametrize(
        ("condition", "read"),
        [
            ({"hostHeader": {"values": ["a.example.com"]}}, {"HostHeaderConfig": {"Values": ["a.example.com"]}}),
            (
                {"queryStrings": [{"key": "page", "value": "2"}]},
                {"QueryStringConfig": {"Values": [{"Key": "page", "Value": "2"}]}},
            ),
            (
                {"httpHeader": {"httpHeaderName": "X-Test", "values": ["1"]}, "sourceIp": None},
                {"HttpHeaderConfig": {"HttpHeaderName": "X-Test", "Values": ["1"]}},
            ),
        ],
    )
    def test_conditions_get_their_field(
        self,
        create: Create,
        provider: LocalProvider,
        account: LocalAccount,
        condition: dict[str, object],
        read: dict[str, object],
    ) -> None:
        project = "rules-" + next(iter(condition)).lower()
        made = apply(provider, project[:20])
        group = named(made, "alb-target-group").id
        rule = create(
            RULE,
            "one",
            listenerArn=named(made, "alb-http").id,
            priority=5.0,
            conditions=[condition],
            actions=[{"type": "forward", "targetGroupArn": group}],
        )
        (found,) = account.client("elbv2").describe_rules(RuleArns=[rule.id])["Rules"]
        (kept,) = found["Conditions"]
        assert kept.pop("Field") in {"host-header", "query-string", "http-header"}
        assert kept == read
        assert found["Actions"][0]["TargetGroupArn"] == group

    @pytest.mark.parametrize(
        "condition", [{}, {"moonPhase": {}}, {"sourceIp": {"values": ["a"]}, "hostHeader": {"values": ["b"]}}]
    )
    def test_condition_must_have_exactly_one_field(self, create: Create, condition: dict[str, object]) -> None:
        with pytest.raises(RegistrationError, match="conditions: each must be exactly one of hostHeader, "):
            create(RULE, "bad", listenerArn="arn", priority=1, conditions=[condition], actions=[{"type": "forward"}])


def test_grpc_target_group_has_grpc_codes(create: Create, account: LocalAccount) -> None:
    vpc = create("aws:ec2/vpc:Vpc", "grpc", cidrBlock="10.9.0.0/16").id
    inputs = {"port": 80, "protocol": "HTTP", "vpcId": vpc, "targetType": "ip"}
    group = create(GROUP, "grpc", **inputs, protocolVersion="GRPC", healthCheck={"matcher": "0-99"})
    (read,) = account.client("elbv2").describe_target_groups(TargetGroupArns=[group.id])["TargetGroups"]
    assert read["Matcher"] == {"GrpcCode": "0-99"}

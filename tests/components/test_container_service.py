from typing import Any

import pulumi
import pytest

from components.container_service import ContainerService, ContainerServiceArgs
from components.container_task import ContainerTask, ContainerTaskArgs
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.naming import Naming
from components.placement import Egress, Placement

NAMING = Naming("episode-metadata", "dev")
IMAGE = f"ghcr.io/example/api@sha256:{'0' * 64}"
OWN = {"Cluster": 1, "Service": 1, "SecurityGroup": 2, "SecurityGroupIngressRule": 2, "SecurityGroupEgressRule": 1}
COUNTS = OWN | {"LoadBalancer": 1, "TargetGroup": 1, "Listener": 1}
COUNTS |= {"LogGroup": 1, "Role": 2, "RolePolicy": 1, "TaskDefinition": 1}
SCALED = {"Target": 1, "Policy": 1}
SHIFTED = {"TargetGroup": 2, "ListenerRule": 1, "Role": 3, "RolePolicy": 2}


def arguments(*, shifts_traffic: Any = False, task_port: Any = 3000, ways: Any = None, **changes: Any) -> Any:
    balancer = LoadBalancer(
        "alb",
        LoadBalancerArgs(
            naming=NAMING, vpc_id="vpc-1", public_subnet_ids=["public-1", "public-2"], shifts_traffic=shifts_traffic
        ),
    )
    task = ContainerTask("task", ContainerTaskArgs(naming=NAMING, resource_name="api", image=IMAGE, port=task_port))
    placement = Placement(vpc_id="vpc-1", subnet_ids=["private-1", "private-2"], egress=ways or {})
    return ContainerServiceArgs(
        **dict[str, Any]({"naming": NAMING, "task": task, "load_balancer": balancer, "placement": placement}) | changes
    )


def service(**changes: Any) -> Any:
    return ContainerService("api", arguments(**changes))


class TestRegister:
    @pytest.mark.requirement("ROAD-132", "ROAD-135", "C-26")
    def test_service_is_private_steady_and_taken_back_when_it_fails(self, register: Any) -> None:
        graph = register(lambda: service(desired_count=2))
        assert graph.counts == COUNTS
        made = dict(graph.one("Service").inputs)
        made_of = graph.one("Service").property_dependencies
        assert made_of["cluster"] == (graph.named("api-cluster").urn,)
        assert made_of["taskDefinition"] == (graph.named("task-definition").urn,)
        assert graph.named("api-security-group").urn in made_of["networkConfiguration"]
        assert graph.named("alb-security-group").urn not in made_of["networkConfiguration"]
        for name in ("cluster", "taskDefinition"):
            assert made.pop(name)
        assert made["networkConfiguration"].pop("securityGroups")
        assert made == {
            "name": "episode-metadata-api-service",
            "launchType": "FARGATE",
            "platformVersion": "LATEST",
            "desiredCount": 2,
            "deploymentMinimumHealthyPercent": 100,
            "deploymentMaximumPercent": 200,
            "availabilityZoneRebalancing": "ENABLED",
            "deploymentConfiguration": {"strategy": "ROLLING"},
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "healthCheckGracePeriodSeconds": 60,
            "loadBalancers": [
                {
                    "containerName": "api",
                    "containerPort": 3000,
                    "targetGroupArn": graph.output("alb-target-group", "arn"),
                }
            ],
            "networkConfiguration": {"subnets": ["private-1", "private-2"], "assignPublicIp": False},
            "enableExecuteCommand": False,
            "enableEcsManagedTags": True,
            "propagateTags": "SERVICE",
            "waitForSteadyState": True,
            "sigintRollback": True,
        }

    @pytest.mark.requirement("ROAD-132")
    def test_cluster_is_the_environments_and_watched(self, register: Any) -> None:
        assert register(service).one("Cluster").inputs == {
            "name": "episode-metadata-cluster-dev",
            "settings": [{"name": "containerInsights", "value": "enabled"}],
        }

    @pytest.mark.requirement("ROAD-135")
    def test_only_the_load_balancer_may_enter_and_only_on_the_port(self, register: Any) -> None:
        database = Egress(description="PostgreSQL", port=5432, security_group_id="sg-db")
        graph = register(lambda: service(ways={"database": database}))
        tasks, balancer = graph.named("api-security-group").urn, graph.named("alb-security-group").urn
        edges = set()
        for kind in ("SecurityGroupIngressRule", "SecurityGroupEgressRule"):
            for rule in graph.of(kind):
                ends = rule.property_dependencies
                (group,) = ends["securityGroupId"]
                peer = ends.get("referencedSecurityGroupId") or rule.inputs.get("cidrIpv4") or "sg-db"
                ports = rule.inputs["fromPort"], rule.inputs["toPort"], rule.inputs["ipProtocol"]
                edges.add((kind, group, peer if isinstance(peer, str) else peer[0], *ports))
        assert edges == {
            ("SecurityGroupIngressRule", balancer, "0.0.0.0/0", 80, 80, "tcp"),
            ("SecurityGroupEgressRule", balancer, tasks, 3000, 3000, "tcp"),
            ("SecurityGroupIngressRule", tasks, balancer, 3000, 3000, "tcp"),
            ("SecurityGroupEgressRule", tasks, "sg-db", 5432, 5432, "tcp"),
        }

    def test_it_waits_for_its_rights_its_ways_and_its_listener(self, register: Any) -> None:
        def make() -> None:
            schema = pulumi.CustomResource("aws:lambda/invocation:Invocation", "migration", {})
            service(ways={"internet": Egress(description="HTTPS", cidr="0.0.0.0/0")}, depends_on=[schema])

        graph = register(make)
        before = (
            "task-execution-policy",
            "alb-http",
            "alb-to-api",
            "api-from-load-balancer",
            "api-to-internet",
            "migration",
        )
        assert [name for name in before if not graph.depends("api-service", name)] == []

    @pytest.mark.requirement("ROAD-03", "ROAD-139")
    def test_under_load_tasks_are_added_up_to_the_maximum(self, register: Any) -> None:
        graph = register(lambda: service(desired_count=2, maximum_count=4))
        assert graph.counts == COUNTS | SCALED
        scaled: dict[str, Any] = {
            "serviceNamespace": "ecs",
            "scalableDimension": "ecs:service:DesiredCount",
            "resourceId": "service/episode-metadata-cluster-dev/episode-metadata-api-service",
        }
        assert graph.one("Target").inputs == scaled | {"minCapacity": 2, "maxCapacity": 4}
        assert graph.one("Policy").inputs == scaled | {
            "name": "episode-metadata-api-by-cpu-dev",
            "policyType": "TargetTrackingScaling",
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": 60,
                "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
                "scaleOutCooldown": 60,
                "scaleInCooldown": 300,
            },
        }

    def test_canary_gets_a_share_of_the_traffic_and_is_watched(self, register: Any) -> None:
        graph = register(lambda: service(shifts_traffic=True, deployment="canary"))
        assert graph.counts == COUNTS | SHIFTED
        made = graph.one("Service").inputs
        assert made["deploymentConfiguration"] == {
            "strategy": "CANARY",
            "bakeTimeInMinutes": "10",
            "canaryConfiguration": {"canaryPercent": 10, "canaryBakeTimeInMinutes": "10"},
        }
        assert made["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
        (attached,) = made["loadBalancers"]
        role = attached["advancedConfiguration"].pop("roleArn")
        assert role == graph.output("api-deployment-role", "arn")
        assert attached["targetGroupArn"] == graph.output("alb-target-group", "arn")
        assert attached["advancedConfiguration"] == {
            "alternateTargetGroupArn": graph.output("alb-alternate-target-group", "arn"),
            "productionListenerRule": graph.output("alb-production-rule", "arn"),
        }
        assert graph.depends("api-service", "alb-production-rule")
        assert graph.depends("api-service", "api-deployment-policy")

    def test_blue_green_moves_all_traffic_at_once(self, register: Any) -> None:
        graph = register(lambda: service(shifts_traffic=True, deployment="blue_green"))
        assert graph.counts == COUNTS | SHIFTED
        made = graph.one("Service").inputs["deploymentConfiguration"]
        assert made == {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "10"}

    def test_deployments_may_move_this_traffic_and_no_other(self, register: Any) -> None:
        graph = register(lambda: service(shifts_traffic=True, deployment="blue_green"))
        (trust,) = graph.statements("api-deployment-role", "assumeRolePolicy").values()
        assert trust["Principal"] == {"Service": "ecs.amazonaws.com"}
        rights: dict[str, Any] = {
            sid: (each["Action"], each["Resource"]) for sid, each in graph.statements("api-deployment-policy").items()
        }
        described = ("Listeners", "Rules", "TargetGroups", "TargetHealth")
        assert rights == {
            "DescribeTraffic": ([f"elasticloadbalancing:Describe{what}" for what in described], ["*"]),
            "ShiftTraffic": (["elasticloadbalancing:ModifyRule"], [graph.output("alb-production-rule", "arn")]),
            "MoveTargets": (
                ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
                [graph.output("alb-target-group", "arn"), graph.output("alb-alternate-target-group", "arn")],
            ),
        }

    def test_rolling_service_stays_rolling_behind_a_load_balancer_that_shifts(self, register: Any) -> None:
        graph = register(lambda: service(shifts_traffic=True))
        assert graph.counts == COUNTS | {"TargetGroup": 2, "ListenerRule": 1}
        assert "advancedConfiguration" not in graph.one("Service").inputs["loadBalancers"][0]

    @pytest.mark.parametrize(
        ("changes", "ignored", "minutes"),
        [
            ({}, None, "30m"),
            ({"maximum_count": 3}, ["desired_count"], "30m"),
            ({"shifts_traffic": True, "deployment": "canary"}, None, "50m"),
        ],
    )
    def test_pulumi_waits_for_the_deployment_and_leaves_the_scaled_number_alone(
        self, register: Any, changes: Any, ignored: Any, minutes: Any
    ) -> None:
        found: dict[str, Any] = {}

        def spy(made: Any) -> None:
            found[made.name] = made.opts

        register(lambda: ContainerService("api", arguments(**changes), pulumi.ResourceOptions(transformations=[spy])))
        options = found["api-service"]
        assert options.ignore_changes == ignored
        assert (options.custom_timeouts.create, options.custom_timeouts.update) == (minutes, minutes)

    def test_url_is_known_once_the_service_is_steady(self, register: Any) -> None:
        graph = register(lambda: pulumi.CustomResource("aws:ssm/parameter:Parameter", "later", {"v": service().url}))
        assert graph.named("later").inputs["v"] == f"http://{graph.output('alb-load-balancer', 'dnsName')}"
        assert graph.depends("later", "api-service")


class TestArgs:
    def test_none_may_run(self, register: Any) -> None:
        assert register(lambda: service(desired_count=0)).one("Service").inputs["desiredCount"] == 0

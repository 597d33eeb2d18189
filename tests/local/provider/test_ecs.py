"""The container components and single ECS resources, read back from the emulator."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from components import policies
from components.container_service import ContainerService, ContainerServiceArgs
from components.container_task import ContainerTask, ContainerTaskArgs
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.naming import Naming
from components.network import Network, NetworkArgs
from components.placement import Egress, Placement
from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.errors import RegistrationError
from local.provider.protocol import AppliedResource
from local.provider.provider import Created, LocalProvider
from local.provider.requests.api import Api

CLUSTER, TASK, SERVICE = (
    f"aws:ecs/{name[0].lower()}{name[1:]}:{name}" for name in ("Cluster", "TaskDefinition", "Service")
)
TARGET = "aws:appautoscaling/target:Target"
IMAGE = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/films@sha256:{'0' * 64}"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:films-a1b2c3"
CONTAINERS = json.dumps([{"name": "films", "image": IMAGE, "memory": 512}])
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
        balancer = LoadBalancer(
            "alb",
            LoadBalancerArgs(
                naming=naming,
                vpc_id=network.vpc_id,
                public_subnet_ids=network.public_subnet_ids,
                shifts_traffic="deployment" in changes,
            ),
        )
        task = ContainerTask(
            "task",
            ContainerTaskArgs(
                naming=naming,
                resource_name="api",
                image=IMAGE,
                command=["serve"],
                variables={"COLOUR": "red"},
                statements=[policies.allow("Read", ["sqs:ReceiveMessage"], ["arn:aws:sqs:us-east-1:123456789012:q"])],
            ),
        )
        placement = Placement(
            vpc_id=network.vpc_id,
            subnet_ids=network.private_subnet_ids,
            egress={"internet": Egress(description="HTTPS", cidr="0.0.0.0/0")},
        )
        ContainerService(
            "api",
            ContainerServiceArgs(naming=naming, task=task, load_balancer=balancer, placement=placement, **changes),
        )

    deployment = deploy(program, project=project, stack="dev", config={}, provider=provider)
    assert {each.state for each in deployment.resources} == {"applied"}
    return deployment


def named(deployment: Deployment, name: str) -> AppliedResource:
    (found,) = [each for each in deployment.resources if each.name == name]
    return found


class TestService:
    def test_it_is_kept_as_the_component_registers_it(self, provider: LocalProvider, account: LocalAccount) -> None:
        made = apply(provider, "kept", desired_count=2)
        ecs = account.client("ecs")
        (cluster,) = ecs.describe_clusters(clusters=["kept-cluster-dev"], include=["SETTINGS"])["clusters"]
        assert cluster["settings"] == [{"name": "containerInsights", "value": "enabled"}]
        (read,) = ecs.describe_services(cluster="kept-cluster-dev", services=["kept-api-service"])["services"]
        assert (read["launchType"], read["desiredCount"], read["platformVersion"]) == ("FARGATE", 2, "LATEST")
        assert read["taskDefinition"] == named(made, "task-definition").outputs["arn"]
        group = named(made, "alb-target-group").id
        assert read["loadBalancers"] == [{"targetGroupArn": group, "containerName": "api", "containerPort": 3000}]
        network = read["networkConfiguration"]["awsvpcConfiguration"]
        assert network["assignPublicIp"] == "DISABLED"
        assert network["securityGroups"] == [named(made, "api-security-group").id]
        assert len(network["subnets"]) == 2
        service = named(made, "api-service")
        assert (service.id, service.outputs["arn"]) == (read["serviceArn"], read["serviceArn"])

    def test_task_definition_is_stored_as_registered(self, provider: LocalProvider, account: LocalAccount) -> None:
        outputs = named(apply(provider, "task"), "task-definition").outputs
        read = account.client("ecs").describe_task_definition(taskDefinition=outputs["arn"])["taskDefinition"]
        assert (read["family"], read["cpu"], read["memory"]) == ("task-api-dev", "512", "1024")
        assert (read["networkMode"], read["requiresCompatibilities"]) == ("awsvpc", ["FARGATE"])
        assert read["runtimePlatform"] == {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
        assert read["executionRoleArn"].endswith(":role/task-api-execution-role-dev")
        assert read["taskRoleArn"].endswith(":role/task-api-task-role-dev")
        assert [volume["name"] for volume in read["volumes"]] == ["scratch"]
        (container,) = read["containerDefinitions"]
        assert (container["image"], container["command"], container["user"]) == (IMAGE, ["serve"], "1001:1001")
        assert container["readonlyRootFilesystem"] is True
        assert container["environment"] == [{"name": "COLOUR", "value": "red"}]
        assert container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
        assert container["logConfiguration"]["options"]["awslogs-group"] == "/ecs/task-api-dev"
        assert outputs["revision"] == 1
        assert outputs["arn"] == f"{outputs['arnWithoutRevision']}:1"

    def test_secrets_of_a_container_are_kept(self, create: Create, account: LocalAccount) -> None:
        secrets = [{"name": "PASSWORD", "valueFrom": f"{SECRET}:password::"}]
        containers = json.dumps([{**json.loads(CONTAINERS)[0], "secrets": secrets}])
        arn = create(TASK, "secrets", family="secrets", containerDefinitions=containers).outputs["arn"]
        read = account.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        assert read["containerDefinitions"][0]["secrets"] == secrets

    def test_scaling_is_kept(self, provider: LocalProvider, create: Create, account: LocalAccount) -> None:
        made = apply(provider, "scaled", desired_count=2, maximum_count=4)
        scaling, resource = account.client("application-autoscaling"), "service/scaled-cluster-dev/scaled-api-service"
        (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]
        assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 4)
        assert named(made, "api-scaling").id == resource
        suffixes = [named(made, f"alb-{name}").outputs["arnSuffix"] for name in ("load-balancer", "target-group")]
        by_requests = {"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": "/".join(suffixes)}
        create(
            "aws:appautoscaling/policy:Policy",
            "scaled-by-requests",
            name="scaled-by-requests",
            policyType="TargetTrackingScaling",
            serviceNamespace="ecs",
            scalableDimension="ecs:service:DesiredCount",
            resourceId=resource,
            targetTrackingScalingPolicyConfiguration={"targetValue": 900, "predefinedMetricSpecification": by_requests},
        )
        found = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=resource)["ScalingPolicies"]
        tracking = {each["PolicyName"]: each["TargetTrackingScalingPolicyConfiguration"] for each in found}
        cpu, requests = tracking["scaled-api-by-cpu-dev"], tracking["scaled-by-requests"]
        assert (cpu["TargetValue"], cpu["ScaleOutCooldown"], cpu["ScaleInCooldown"]) == (60.0, 60, 300)
        assert requests["PredefinedMetricSpecification"]["ResourceLabel"] == "/".join(suffixes)

    @pytest.mark.parametrize("deployment", ["canary", "blue_green"])
    def test_traffic_shifting_deployments_are_valid_requests(
        self, provider: LocalProvider, account: LocalAccount, deployment: str
    ) -> None:
        made = apply(provider, f"shift-{deployment.replace('_', '-')}", deployment=deployment)
        service = named(made, "api-service")
        cluster = named(made, "api-cluster").id
        (read,) = account.client("ecs").describe_services(cluster=cluster, services=[service.id])["services"]
        assert read["loadBalancers"][0]["advancedConfiguration"] == {
            "alternateTargetGroupArn": named(made, "alb-alternate-target-group").id,
            "productionListenerRule": named(made, "alb-production-rule").id,
            "roleArn": named(made, "api-deployment-role").outputs["arn"],
        }

    @pytest.mark.parametrize("last", ["deploymentConfiguration", "alarms"])
    def test_deployment_configuration_is_nested_in_any_input_order(
        self, create: Create, monkeypatch: pytest.MonkeyPatch, last: str
    ) -> None:
        # The emulator forgets it, so the request is looked at.
        sent: dict[str, Any] = {}

        def call(api: Api, service: str, name: str, parameters: Any, origins: Any = None) -> dict[str, Any]:
            sent[name] = parameters
            return make(api, service, name, parameters, origins)

        make = Api.call
        monkeypatch.setattr(Api, "call", call)
        inputs = {
            "cluster": create(CLUSTER, "deployed", name=f"deployed-{last}").id,
            "taskDefinition": create(TASK, "films", family="films", containerDefinitions=CONTAINERS).outputs["arn"],
            "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True},
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "5"},
            "deploymentMaximumPercent": 200.0,
            "deploymentMinimumHealthyPercent": 100.0,
        }
        inputs[last] = inputs.pop(last)
        create(SERVICE, "deployed", **inputs)
        assert sent["create_service"]["deploymentConfiguration"] == {
            "strategy": "BLUE_GREEN",
            "bakeTimeInMinutes": 5,
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True},
        }


class TestRejections:
    def test_invalid_container_json_is_rejected(self, create: Create) -> None:
        with pytest.raises(RegistrationError, match="containerDefinitions must be a JSON string"):
            create(TASK, "bad", family="bad", containerDefinitions="[{")

    def test_unknown_container_member_is_rejected(self, create: Create) -> None:
        with pytest.raises(
            RegistrationError, match=r"containerDefinitions\.colour: AWS's ContainerDefinition has no such"
        ):
            create(TASK, "bad", family="bad", containerDefinitions='[{"name": "a", "image": "b", "colour": "blue"}]')

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"launchType": "SPACE"}, "launchType 'SPACE' must be one of"),
            ({"deploymentConfiguration": {"strategy": "YOLO"}}, "strategy 'YOLO' must be one of"),
            ({"deploymentConfiguration": {"bakeTimeInMinutes": "soon"}}, "bakeTimeInMinutes must be a whole number"),
            ({"deploymentCircuitBreaker": {"enable": True}}, r"deploymentCircuitBreaker.rollback is required"),
            ({"alarms": {"alarmNames": ["a"], "enable": True}}, r"alarms.rollback is required"),
            ({"colour": "blue"}, "no call accepts colour"),
        ],
    )
    def test_invalid_service_is_rejected(self, create: Create, changes: dict[str, object], problem: str) -> None:
        cluster = create(CLUSTER, "refusing", name="refusing").id
        task = create(TASK, "films", family="films", containerDefinitions=CONTAINERS).outputs["arn"]
        with pytest.raises(RegistrationError, match=problem):
            create(SERVICE, "bad", **{"name": "bad", "cluster": cluster, "taskDefinition": task, **changes})

    def test_unknown_scalable_service_is_rejected(self, create: Create) -> None:
        inputs = {"resourceId": "service/a/b", "scalableDimension": "ecs:service:DesiredCount", "maxCapacity": 2}
        with pytest.raises(RegistrationError, match="ServiceNamespace 'moon' must be one of"):
            create(TARGET, "bad", serviceNamespace="moon", minCapacity=1, **inputs)

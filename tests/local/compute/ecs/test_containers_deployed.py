"""The components' containers and load balancers, deployed to the emulator and served."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx
import pulumi
import pytest

from components.container_service import ContainerService, ContainerServiceArgs
from components.container_task import ContainerTask, ContainerTaskArgs
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.naming import Naming
from components.network import Network, NetworkArgs
from components.placement import Egress, Placement
from local.account import LocalAccount
from local.compute.ecs.containers import Containers
from local.compute.elbv2.load_balancers import LoadBalancers
from local.engines.in_process import deploy
from local.provider.protocol import Runner
from local.provider.provider import LocalProvider
from local.provider.resource_types.pulumi_classes import resource_class
from local.provider.services import TABLE
from local.supervisor import Supervisor
from tests.local.compute.ecs.container_fixtures import HANDLERS, balancers

__all__ = ["balancers"]

# pulumi-aws marks some of its own classes as deprecated while it defines them, which is not under our control.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    for token in TABLE:
        resource_class(token)

ZONES = ["us-east-1a", "us-east-1b"]


@pytest.fixture
def containers(account: LocalAccount, balancers: LoadBalancers, tmp_path: Path) -> Iterator[Containers]:
    supervisor = Supervisor(tmp_path / "state")
    running = Containers(account, supervisor, balancers, images={"server": HANDLERS})
    yield running
    running.close()
    supervisor.stop_all()


@pytest.fixture
def runners(containers: Containers, balancers: LoadBalancers) -> dict[str, Runner]:
    return {
        "aws:ecs/taskDefinition:TaskDefinition": containers.register_task,
        "aws:ecs/service:Service": containers.start_service,
        "aws:lb/loadBalancer:LoadBalancer": balancers.add_load_balancer,
        "aws:lb/targetGroup:TargetGroup": balancers.add_target_group,
        "aws:lb/listener:Listener": balancers.serve_listener,
        "aws:lb/listenerRule:ListenerRule": balancers.add_rule,
    }


@pytest.mark.parametrize("shifts_traffic", [False, True])
class TestContainerService:
    def test_url_is_served_by_the_desired_count(
        self, account: LocalAccount, runners: dict[str, Runner], tmp_path: Path, shifts_traffic: bool
    ) -> None:
        def program() -> None:
            naming = Naming("shifting" if shifts_traffic else "rolling", "dev")
            network = Network(
                "network",
                NetworkArgs(naming=naming, region="us-east-1", cidr="10.0.0.0/16", availability_zones=ZONES),
            )
            balancer = LoadBalancer(
                "alb",
                LoadBalancerArgs(
                    naming=naming,
                    vpc_id=network.vpc_id,
                    public_subnet_ids=network.public_subnet_ids,
                    shifts_traffic=shifts_traffic,
                ),
            )
            task = ContainerTask(
                "task",
                ContainerTaskArgs(
                    naming=naming,
                    resource_name="api",
                    image=f"123456789012.dkr.ecr.us-east-1.amazonaws.com/server@sha256:{'0' * 64}",
                    command=["python", "-m", "task_server"],
                    variables={"NOTES": str(tmp_path)},
                ),
            )
            service = ContainerService(
                "api",
                ContainerServiceArgs(
                    naming=naming,
                    task=task,
                    load_balancer=balancer,
                    placement=Placement(
                        vpc_id=network.vpc_id,
                        subnet_ids=network.private_subnet_ids,
                        egress={"internet": Egress(description="HTTPS", cidr="0.0.0.0/0")},
                    ),
                    desired_count=2,
                    deployment="canary" if shifts_traffic else "rolling",
                ),
            )
            pulumi.export("url", service.url)

        provider = LocalProvider(account, runners)
        deployment = deploy(program, project="containers", stack="dev", config={}, provider=provider)
        url = deployment.outputs["url"]
        assert url.startswith("http://127.0.0.1:")
        responses = [httpx.get(url, trust_env=False).json() for _ in range(6)]
        assert len({response["pid"] for response in responses}) == 2
        assert all(Path(response["environment"]["TMPDIR"]).is_dir() for response in responses)
        assert {each.state for each in deployment.resources if each.type in runners} == {"applied"}

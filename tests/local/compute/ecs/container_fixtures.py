"""Fixtures: registered load balancers, target groups and containers."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.account import LocalAccount
from local.compute.ecs.containers import Containers
from local.compute.elbv2 import target_groups
from local.compute.elbv2.load_balancers import LoadBalancers
from local.provider.protocol import Registration
from local.supervisor import Supervisor
from tests.local.compute.handlers.task_server import TaskServer

HANDLERS = Path(__file__).parents[1] / "handlers"
NUMBERS = itertools.count(1)
# The interval gives a target a long start time; tests of targets that fail from the start use SHORT_CHECK.
CHECK = {"path": "/health", "interval": 600, "timeout": 20, "healthyThreshold": 2, "unhealthyThreshold": 2}
SHORT_CHECK = {"interval": 0.05}


def resource(type_: str, name: str, **inputs: Any) -> Registration:
    """Create a registration whose id is its ARN, as for load balancers and task definitions."""
    arn = f"arn:aws:test:us-east-1:123456789012:{type_.rpartition(':')[2]}/{name}"
    return Registration(
        urn=f"urn:pulumi:test::test::{type_}::{name}",
        type=type_,
        name=name,
        id=arn,
        inputs=inputs,
        outputs={"arn": arn, "dnsName": f"{name}-1.us-east-1.elb.amazonaws.com"},
    )


def load_balancer(name: str = "web", **inputs: Any) -> Registration:
    return resource("aws:lb/loadBalancer:LoadBalancer", name, **inputs)


def target_group(name: str = "tasks", **inputs: Any) -> Registration:
    check = CHECK | inputs.pop("check", {})
    return resource("aws:lb/targetGroup:TargetGroup", name, **{"targetType": "ip", "healthCheck": check, **inputs})


def listener(name: str = "http", **inputs: Any) -> Registration:
    defaults = {"loadBalancerArn": load_balancer().id, "port": 80, "protocol": "HTTP", "defaultActions": [forward()]}
    return resource("aws:lb/listener:Listener", name, **{**defaults, **inputs})


def rule(name: str, **inputs: Any) -> Registration:
    defaults = {"listenerArn": listener().id, "actions": [forward()]}
    return resource("aws:lb/listenerRule:ListenerRule", name, **{**defaults, **inputs})


def forward(group: str = "tasks") -> dict[str, Any]:
    return {"type": "forward", "targetGroupArn": target_group(group).id}


def task_definition(name: str = "api:1", *, container: dict[str, Any] | None = None, **inputs: Any) -> Registration:
    described = {
        "name": "api",
        "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/server@sha256:" + "0" * 64,
        "command": ["python", "-m", "task_server"],
        "portMappings": [{"containerPort": 3000, "protocol": "tcp"}],
        **(container or {}),
    }
    return resource(
        "aws:ecs/taskDefinition:TaskDefinition", name, **{"containerDefinitions": json.dumps([described]), **inputs}
    )


def service(name: str = "", **inputs: Any) -> Registration:
    attachment = {"targetGroupArn": target_group().id, "containerName": "api", "containerPort": 3000}
    defaults = {
        "taskDefinition": task_definition().id,
        "desiredCount": 1,
        "loadBalancers": [attachment],
        "waitForSteadyState": True,
    }
    return resource("aws:ecs/service:Service", name or f"service-{next(NUMBERS)}", **{**defaults, **inputs})


@pytest.fixture
def balancers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoadBalancers]:
    monkeypatch.setattr(target_groups, "MAX_INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr(target_groups, "MIN_START_SECONDS", 0.0)
    running = LoadBalancers(port=0, logs=tmp_path)
    yield running
    running.close()


@pytest.fixture
def serve(balancers: LoadBalancers) -> Iterator[Callable[..., httpx.Client]]:
    """Serve the load balancer `web`, which forwards to the target group `tasks`; the client's base URL is its address."""
    clients: list[httpx.Client] = []

    def served(
        *, group: dict[str, Any] | None = None, balancer: dict[str, Any] | None = None, **inputs: Any
    ) -> httpx.Client:
        address = balancers.add_load_balancer(load_balancer(**(balancer or {})))["dnsName"]
        balancers.add_target_group(target_group(**(group or {})))
        balancers.serve_listener(listener(**inputs))
        # The timeout is longer than any wait of a test.
        clients.append(httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=60))
        return clients[-1]

    yield served
    for client in clients:
        client.close()


class Targets:
    """Servers in this process, as targets of the group `tasks`."""

    def __init__(self, balancers: LoadBalancers, notes: Path, wait_for: Callable[..., Any]) -> None:
        self._balancers, self.notes, self._wait_for = balancers, notes, wait_for
        self.servers: list[TaskServer] = []

    def start(self, health_status: int = 200) -> TaskServer:
        """Start a server without registering it."""
        server = TaskServer("127.0.0.1", 0, self.notes)
        server.health_status = health_status
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.servers.append(server)
        return server

    def add(self, *, group: str = "tasks", state: str = "healthy", health_status: int = 200) -> TaskServer:
        """Start a server, register it, and wait until it has a state."""
        server = self.start(health_status)
        self._balancers.add_target(target_group(group).id, "127.0.0.1", server.server_port)
        self.wait(server, state, group=group)
        return server

    def remove(self, server: TaskServer, group: str = "tasks") -> None:
        self._balancers.remove_target(target_group(group).id, "127.0.0.1", server.server_port)

    def state(self, server: TaskServer, group: str = "tasks") -> str | None:
        health = self._balancers.target_health(target_group(group).id, "127.0.0.1", server.server_port)
        return None if health is None else health.state

    def wait(self, server: TaskServer, state: str | None, group: str = "tasks") -> None:
        self._wait_for(lambda: self.state(server, group) == state)

    def close(self) -> None:
        (self.notes / "go").touch()
        for server in self.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def targets(balancers: LoadBalancers, tmp_path: Path, wait_for: Callable[..., Any]) -> Iterator[Targets]:
    running = Targets(balancers, tmp_path, wait_for)
    yield running
    running.close()


class Platform:
    """Containers of the image `server` behind the load balancer `web`."""

    def __init__(
        self,
        containers: Containers,
        balancers: LoadBalancers,
        supervisor: Supervisor,
        notes: Path,
        serve: Callable[..., httpx.Client],
    ) -> None:
        self.containers, self.balancers, self.supervisor = containers, balancers, supervisor
        self.notes, self._serve = notes, serve

    def log(self, number: int = 1) -> str:
        """Return the log of a task."""
        return (self.supervisor.logs / f"container-api-{number}.log").read_text()

    def start(
        self,
        *,
        container: dict[str, Any] | None = None,
        group: dict[str, Any] | None = None,
        variables: dict[str, str] | None = None,
        **inputs: Any,
    ) -> httpx.Client:
        """Start a service and return a client of its load balancer."""
        client = self._serve(group=group)
        environment = {"NOTES": str(self.notes), **(variables or {})}
        listed = [{"name": name, "value": value} for name, value in environment.items()]
        self.containers.register_task(task_definition(container={"environment": listed, **(container or {})}))
        self.containers.start_service(service("api", **inputs))
        return client

    def pids(self, client: httpx.Client) -> set[int]:
        """Return the ids of the processes that respond to eight requests; empty if one of the requests failed."""
        responses = [client.get("/") for _ in range(8)]
        is_served = all(response.status_code == 200 for response in responses)
        return {response.json()["pid"] for response in responses} if is_served else set()


@pytest.fixture
def platform(
    account: LocalAccount, balancers: LoadBalancers, serve: Callable[..., httpx.Client], tmp_path: Path
) -> Iterator[Platform]:
    # A supervisor for this test, because its logs are read.
    supervisor = Supervisor(tmp_path / "state")
    containers = Containers(account, supervisor, balancers, images={"server": HANDLERS})
    yield Platform(containers, balancers, supervisor, tmp_path, serve)
    (tmp_path / "go").touch()
    containers.close()
    supervisor.stop_all()

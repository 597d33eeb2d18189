"""The table of environments, compared with the graph: what answers requests."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph
from tests.stacks.environment_table import Row, cells, count, everywhere, where_made


def container(*path: Any) -> Any:
    """What stands at a place in the container's definition; None where no container runs."""

    def read(graph: Graph) -> Any:
        found = graph.container
        for step in path:
            found = found if found is None else found[step]
        return found

    return read


def tasks(graph: Graph) -> Any:
    """The least and the most that run, with CPU units and megabytes; None where none does."""
    for service in graph.of("Service"):
        task = graph.named("api-task-definition").inputs
        most = [each.inputs["maxCapacity"] for each in graph.of("Target")] or [service.inputs["desiredCount"]]
        return service.inputs["desiredCount"], most[0], int(task["cpu"]), int(task["memory"])
    return None


def service(*path: Any) -> Any:
    return where_made("api-service", *path)


BEYOND_DEV = (
    "The table gives development no service: one on AWS is a function, which costs nothing while nobody calls it."
)
ROWS = [
    pytest.param(
        Row(
            what="what answers requests",
            read=lambda graph: [
                each.type.rpartition(":")[2] for each in graph.resources if each.name == "api" and not each.custom
            ],
            cells=cells(["PythonFunction"], ["ContainerService"], ["ContainerService"]),
            documents={"dev": []},
            because=BEYOND_DEV,
        ),
        marks=pytest.mark.requirement("ROAD-03", "C-26", "C-22"),
    ),
    pytest.param(
        Row(
            what="tasks: least, most, CPU units, MB",
            read=tasks,
            cells=cells(None, (1, 1, 512, 1024), (2, 4, 512, 1024)),
        ),
        marks=pytest.mark.requirement("ROAD-03", "ROAD-133", "ROAD-139", "C-24"),
    ),
    pytest.param(
        Row(
            what="tasks to begin with",
            read=service("desiredCount"),
            cells=cells(None, 1, 2),
            documents={"staging": 2},
            because="The command says two of every service, the table one in staging; C-24 takes the table.",
        ),
        marks=pytest.mark.requirement("ROAD-135", "C-24"),
    ),
    pytest.param(
        Row(
            what="cluster",
            read=where_made("api-cluster", "name"),
            cells=cells(None, "episode-metadata-cluster-staging", "episode-metadata-cluster-production"),
        ),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-132"),
    ),
    pytest.param(
        Row(
            what="task's family",
            read=where_made("api-task-definition", "family"),
            cells=cells(None, "episode-metadata-api-staging", "episode-metadata-api-production"),
            documents={"staging": "episode-metadata-api", "production": "episode-metadata-api"},
            because="Two environments share an account: one family would give each the other's revisions (ROAD-17).",
        ),
        marks=pytest.mark.requirement("ROAD-133"),
    ),
    pytest.param(
        Row(
            what="task's network and kind",
            read=lambda graph: [
                (each.inputs["networkMode"], each.inputs["requiresCompatibilities"])
                for each in graph.of("TaskDefinition")
            ],
            cells=cells([], [("awsvpc", ["FARGATE"])], [("awsvpc", ["FARGATE"])]),
        ),
        marks=pytest.mark.requirement("ROAD-133"),
    ),
    pytest.param(
        Row(what="container", read=container("name"), cells=cells(None, "api", "api")),
        marks=pytest.mark.requirement("ROAD-133"),
    ),
    pytest.param(
        Row(
            what="container's port",
            read=container("portMappings", 0, "containerPort"),
            cells=cells(None, 3000, 3000),
        ),
        marks=pytest.mark.requirement("ROAD-133", "C-27"),
    ),
    pytest.param(
        Row(
            what="image",
            read=lambda graph: (
                graph.container and graph.container["image"].partition("amazonaws.com/")[2].partition(":")[0]
            ),
            cells=cells(None, "episode-metadata-api@sha256", "episode-metadata-api@sha256"),
            documents={"staging": "episode-metadata-api:latest", "production": "episode-metadata-api:latest"},
            because="What is promoted is a digest: a tag could be another image at the next start.",
        ),
        marks=pytest.mark.requirement("ROAD-69", "ROAD-133"),
    ),
    pytest.param(
        Row(
            what="secrets handed to the container",
            read=container("secrets"),
            cells=cells(None, [], []),
            documents={
                "staging": ["DATABASE_URL", "AWS_ACCESS_KEY_ID"],
                "production": ["DATABASE_URL", "AWS_ACCESS_KEY_ID"],
            },
            because="It reads the secret by its ARN, so that a new password needs no restart; its role has no key (C-41).",
        ),
        marks=pytest.mark.requirement("ROAD-133", "C-41", "A-10"),
    ),
    pytest.param(
        Row(
            what="container's log",
            read=container("logConfiguration"),
            cells=cells(
                None,
                *(
                    {
                        "logDriver": "awslogs",
                        "options": {
                            "awslogs-group": f"/ecs/episode-metadata-api-{environment}",
                            "awslogs-region": "us-east-1",
                            "awslogs-stream-prefix": "api",
                        },
                    }
                    for environment in ("staging", "production")
                ),
            ),
            documents={
                environment: {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": "/ecs/episode-metadata-api",
                        "awslogs-region": "us-east-1",
                        "awslogs-stream-prefix": "api",
                    },
                }
                for environment in ("staging", "production")
            },
            because="One group would mix what two environments of an account say, for as long as the longer keeps it.",
        ),
        marks=pytest.mark.requirement("ROAD-133"),
    ),
    pytest.param(
        Row(
            what="service's name",
            read=service("name"),
            cells=cells(None, "episode-metadata-api-service", "episode-metadata-api-service"),
        ),
        marks=pytest.mark.requirement("ROAD-135"),
    ),
    pytest.param(
        Row(what="service's kind", read=service("launchType"), cells=cells(None, "FARGATE", "FARGATE")),
        marks=pytest.mark.requirement("ROAD-135"),
    ),
    pytest.param(
        Row(
            what="service's public address",
            read=service("networkConfiguration", "assignPublicIp"),
            cells=cells(None, False, False),
        ),
        marks=pytest.mark.requirement("ROAD-135"),
    ),
    pytest.param(
        Row(
            what="service's place and group",
            read=lambda graph: [graph.source(each, "networkConfiguration") for each in graph.of("Service")],
            cells=cells([], *([["api-security-group", "network-private-1a", "network-private-1b"]] for _ in range(2))),
        ),
        marks=pytest.mark.requirement("ROAD-135"),
    ),
    pytest.param(
        Row(
            what="service's target group",
            read=lambda graph: [graph.source(each, "loadBalancers") for each in graph.of("Service")],
            cells=cells([], [["load-balancer-target-group"]], [["load-balancer-target-group"]]),
        ),
        marks=pytest.mark.requirement("ROAD-135"),
    ),
    pytest.param(
        Row(what="Redis", read=count("ReplicationGroup"), cells=everywhere(0)), marks=pytest.mark.requirement("C-30")
    ),
]


class TestApi:
    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_every_cell(self, row: Any, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert row.read(graph_of(environment)) == row.cells[environment]

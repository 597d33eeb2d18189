"""The table of environments, compared with the graph: the queues and the function that they feed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph
from tests.stacks.environment_table import Row, count, everywhere, named, value

TWO_WEEKS = 1_209_600
GENERATOR = "thumbnail-generator-function"


def redrive(graph: Graph) -> Any:
    """Where a message goes that nobody could work on, and after how many attempts."""
    queue = graph.named("thumbnail-queue-queue")
    (target,) = graph.source(queue, "redrivePolicy")
    return target, json.loads(queue.inputs["redrivePolicy"])["maxReceiveCount"]


def told(graph: Graph) -> Any:
    """How the function is told about buckets and the database."""
    about = ("BUCKET", "DATABASE_SECRET", "DATABASE_URL")
    return sorted(name for name in graph.variables("thumbnail-generator") if any(word in name for word in about))


ROWS = [
    pytest.param(
        Row(what="queues", read=count("Queue"), cells=everywhere(2)),
        marks=pytest.mark.requirement("ROAD-46", "P2-05", "P2-06"),
    ),
    pytest.param(
        Row(
            what="queue's name",
            read=value("thumbnail-queue-queue", "name"),
            cells=named("episode-metadata-thumbnail-queue-{}"),
        ),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-41", "P2-05"),
    ),
    pytest.param(
        Row(
            what="seconds that a message stays hidden",
            read=value("thumbnail-queue-queue", "visibilityTimeoutSeconds"),
            cells=everywhere(300),
        ),
        marks=pytest.mark.requirement("ROAD-41", "C-39", "A-04"),
    ),
    pytest.param(
        Row(
            what="seconds that a message is kept",
            read=value("thumbnail-queue-queue", "messageRetentionSeconds"),
            cells=everywhere(TWO_WEEKS),
        ),
        marks=pytest.mark.requirement("ROAD-41"),
    ),
    pytest.param(
        Row(
            what="dead letters' name",
            read=value("thumbnail-queue-dead-letters", "name"),
            cells=named("episode-metadata-thumbnail-dlq-{}"),
        ),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-42", "P2-06"),
    ),
    pytest.param(
        Row(
            what="seconds that a dead letter is kept",
            read=value("thumbnail-queue-dead-letters", "messageRetentionSeconds"),
            cells=everywhere(TWO_WEEKS),
        ),
        marks=pytest.mark.requirement("ROAD-42"),
    ),
    pytest.param(
        Row(what="where failures go, and when", read=redrive, cells=everywhere(("thumbnail-queue-dead-letters", 3))),
        marks=pytest.mark.requirement("ROAD-42", "ROAD-50", "C-32", "P2-06"),
    ),
    pytest.param(
        Row(
            what="function's name",
            read=value(GENERATOR, "name"),
            cells=named("episode-metadata-thumbnail-generator-{}"),
        ),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-120"),
    ),
    pytest.param(
        Row(
            what="function's timeout in seconds",
            read=value(GENERATOR, "timeout"),
            cells=everywhere(50),
            documents=everywhere(300),
            because="A sixth of the visibility, as AWS asks: with equal values a message comes back while it is worked on (A-04).",
        ),
        marks=pytest.mark.requirement("ROAD-120", "C-39", "A-04"),
    ),
    pytest.param(
        Row(what="function's memory in MB", read=value(GENERATOR, "memorySize"), cells=everywhere(1024)),
        marks=pytest.mark.requirement("ROAD-120"),
    ),
    pytest.param(
        Row(
            what="function's role",
            read=lambda graph: graph.source(graph.named(GENERATOR), "role"),
            cells=everywhere(["thumbnail-generator-role"]),
        ),
        marks=pytest.mark.requirement("ROAD-120"),
    ),
    pytest.param(
        Row(
            what="variables about buckets and the database",
            read=told,
            cells=everywhere(["PLATFORM_DATABASE_SECRET_ARN", "PLATFORM_STORAGE_BUCKET", "PLATFORM_THUMBNAILS_BUCKET"]),
            documents=everywhere(["DATABASE_URL", "S3_PRIMARY_BUCKET", "S3_THUMBNAIL_BUCKET"]),
            because="One prefix for all that the platform reads; an address with a password in it is plain text (A-10).",
        ),
        marks=pytest.mark.requirement("ROAD-120", "A-10"),
    ),
    pytest.param(
        Row(
            what="function's subnets",
            read=lambda graph: [
                name for name in graph.source(graph.named(GENERATOR), "vpcConfig") if "private" in name
            ],
            cells=everywhere(["network-private-1a", "network-private-1b"]),
            documents=everywhere([]),
            because="Outside the VPC it could not reach the database, which stands in private subnets (A-09).",
        ),
        marks=pytest.mark.requirement("ROAD-120", "A-09"),
    ),
    pytest.param(
        Row(
            what="what feeds the function",
            read=lambda graph: graph.source(graph.named("thumbnail-consumer-mapping"), "eventSourceArn"),
            cells=everywhere(["thumbnail-queue-queue"]),
        ),
        marks=pytest.mark.requirement("ROAD-121", "C-33", "P2-08"),
    ),
    pytest.param(
        Row(what="messages at once", read=value("thumbnail-consumer-mapping", "batchSize"), cells=everywhere(10)),
        marks=pytest.mark.requirement("ROAD-121", "P2-08"),
    ),
    pytest.param(
        Row(
            what="answers which messages failed",
            read=value("thumbnail-consumer-mapping", "functionResponseTypes"),
            cells=everywhere(["ReportBatchItemFailures"]),
        ),
        marks=pytest.mark.requirement("A-04"),
    ),
    pytest.param(
        Row(
            what="jobs that may wait or run",
            read=lambda graph: graph.variables("api")["PLATFORM_QUEUE_DEPTH_LIMIT"],
            cells=everywhere("100"),
        ),
        marks=pytest.mark.requirement("C-31"),
    ),
]


class TestWork:
    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_every_cell(self, row: Any, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert row.read(graph_of(environment)) == row.cells[environment]

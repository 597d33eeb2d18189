"""The table of environments, compared with the graph: under which names the world finds it, and what lets it in."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph
from tests.stacks.environment_table import Row, cells, everywhere, value, where_made


def name_and_suffix(graph: Graph) -> Any:
    """The target group's name without its suffix, which says what AWS replaces it for."""
    for group in graph.of("TargetGroup"):
        name, _, suffix = group.inputs["name"].rpartition("-")
        assert len(suffix) == 6
        return name
    return None


def target(*fields: Any) -> Any:
    return lambda graph: [tuple(each.inputs[field] for field in fields) for each in graph.of("TargetGroup")]


def listeners(graph: Graph) -> Any:
    """By port: what happens to a request."""
    return {each.inputs["port"]: each.inputs["defaultActions"][0]["type"] for each in graph.of("Listener")}


def certificate(graph: Graph) -> Any:
    """Whose certificate serves the API."""
    listening = [each for each in graph.of("Listener") if each.inputs["port"] == 443]
    validated = [graph.named(name) for each in listening for name in graph.source(each, "certificateArn")]
    made = [name for each in validated for name in graph.source(each, "certificateArn")]
    return [graph.named(name).inputs["domainName"] for name in made]


DOMAINS = cells("localhost", "api-staging.example.com", "api.example.com")
ROWS = [
    pytest.param(
        Row(
            what="name under which clients find it",
            read=lambda graph: json.loads(graph.variables("api")["PLATFORM_ALLOWED_HOSTS"])[0],
            cells=DOMAINS,
            documents={"dev": "localhost:3000"},
            because="A name is compared without its port, which is whatever the machine has free.",
        ),
        marks=pytest.mark.requirement("ROAD-06"),
    ),
    pytest.param(
        Row(
            what="certificate",
            read=certificate,
            cells=cells([], ["api-staging.example.com"], ["api.example.com"]),
        ),
        marks=pytest.mark.requirement("ROAD-07", "ROAD-134", "ROAD-139"),
    ),
    pytest.param(
        Row(
            what="load balancer",
            read=where_made("load-balancer-load-balancer", "name"),
            cells=cells(None, "episode-metadata-alb-staging", "episode-metadata-alb-production"),
        ),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-134"),
    ),
    pytest.param(
        Row(
            what="target group",
            read=name_and_suffix,
            cells=cells(None, "episode-metadata-tg-stagi", "episode-metadata-tg-produ"),
            documents={"staging": "episode-metadata-tg-staging", "production": "episode-metadata-tg-production"},
            because="A successor stands beside the old one, told apart by a suffix, and AWS allows 32 characters in all.",
        ),
        marks=pytest.mark.requirement("ROAD-134"),
    ),
    pytest.param(
        Row(
            what="target group's name in its tag",
            read=where_made("load-balancer-target-group", "tags", "Name"),
            cells=cells(None, "episode-metadata-tg-staging", "episode-metadata-tg-production"),
        ),
        marks=pytest.mark.requirement("ROAD-24", "ROAD-134"),
    ),
    pytest.param(
        Row(
            what="targets",
            read=target("protocol", "port", "targetType"),
            cells=cells([], [("HTTP", 3000, "ip")], [("HTTP", 3000, "ip")]),
        ),
        marks=pytest.mark.requirement("ROAD-134", "C-27"),
    ),
    pytest.param(
        Row(
            what="health check",
            read=where_made("load-balancer-target-group", "healthCheck", "path"),
            cells=cells(None, "/health", "/health"),
        ),
        marks=pytest.mark.requirement("ROAD-134", "C-26"),
    ),
    pytest.param(
        Row(
            what="listeners",
            read=listeners,
            cells=cells({}, {80: "redirect", 443: "forward"}, {80: "redirect", 443: "forward"}),
            documents={"staging": {80: "forward"}, "production": {80: "forward", 443: "forward"}},
            because="Staging has a certificate in the table (ROAD-07); where there is one, no token crosses in the clear.",
        ),
        marks=pytest.mark.requirement("ROAD-134", "ROAD-07"),
    ),
    pytest.param(
        Row(
            what="delivery's own name",
            read=value("media-distribution", "aliases"),
            cells=cells([], ["media.api-staging.example.com"], ["media.api.example.com"]),
            documents={"staging": ["cdn.localex.com"], "production": ["cdn.localex.com"]},
            because="One platform has one domain, and its media lie below it.",
        ),
        marks=pytest.mark.requirement("LX-08"),
    ),
    pytest.param(
        Row(
            what="how the delivery is let in",
            read=lambda graph: [
                each.type.rpartition(":")[2] for each in graph.custom if each.name == "media-origin-access"
            ],
            cells=everywhere(["OriginAccessControl"]),
            documents=everywhere(["OriginAccessIdentity"]),
            because="AWS calls the identity legacy; the control does the same, and signs with version 4 (C-35).",
        ),
        marks=pytest.mark.requirement("C-35", "NOVA-39"),
    ),
    pytest.param(
        Row(
            what="delivery in clear text",
            read=value("media-distribution", "defaultCacheBehavior", "viewerProtocolPolicy"),
            cells=everywhere("redirect-to-https"),
        ),
        marks=pytest.mark.requirement("LX-08"),
    ),
    pytest.param(
        Row(
            what="delivery's certificate",
            read=where_made("media-certificate-certificate", "domainName"),
            cells=cells(None, "media.api-staging.example.com", "media.api.example.com"),
        ),
        marks=pytest.mark.requirement("LX-08", "ROAD-07"),
    ),
]


class TestFrontDoor:
    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_every_cell(self, row: Any, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert row.read(graph_of(environment)) == row.cells[environment]

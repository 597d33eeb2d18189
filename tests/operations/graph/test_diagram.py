"""Mermaid diagram of an environment."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.engines.registrations import RegisteredResource
from operations.graph.diagram import component_dependencies, mermaid, transitive_reduction
from operations.graph.recorder import ResourceGraph, record_graph

if TYPE_CHECKING:
    from tests.operations.conftest import Command


def registered(
    name: str, *, parent: str = "", dependencies: tuple[str, ...] = (), type_: str = "aws:s3/bucket:Bucket"
) -> RegisteredResource:
    custom = type_.startswith("aws:")
    return RegisteredResource(
        urn=name, type=type_, name=name, path=name, parent=parent, custom=custom, inputs={}, dependencies=dependencies
    )


GRAPH = ResourceGraph(
    environment="dev",
    resources=(
        registered("store-b", type_="p:index:Store"),
        registered("bucket", parent="store-b"),
        registered("inner", parent="store-b", type_="p:index:Inner"),
        registered("deep", parent="inner", dependencies=("stack", "bucket")),
        registered("lone", dependencies=("deep",)),
        registered("way-in", parent="store-b", dependencies=("lone",), type_="aws:s3/bucketPolicy:BucketPolicy"),
    ),
)

dependencies = st.integers(1, 7).flatmap(
    lambda size: st.fixed_dictionaries(
        # Dependencies have lower numbers, so there are no cycles.
        {str(each): st.sets(st.sampled_from([str(lower) for lower in range(each)])) if each else st.just(set())
         for each in range(size)}
    )
)  # fmt: skip


def reachable(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    found = set(graph[start])
    for dependency in graph[start]:
        found |= reachable(dependency, graph)
    return found


class TestMermaid:
    def test_component_is_one_node_with_its_resource_count(self) -> None:
        assert mermaid(GRAPH).splitlines() == [
            "flowchart LR",
            '    lone["lone<br/><small>Bucket</small>"]',
            '    store_b["store-b<br/><small>Store · 3 resources</small>"]',
            "    lone --> store_b",
        ]

    def test_access_grant_reverses_the_dependency(self) -> None:
        graph = ResourceGraph(
            environment="dev", resources=(*GRAPH.resources[-1:], registered("lone"), *GRAPH.resources[:4])
        )
        assert component_dependencies(graph) == {"store-b": set(), "lone": {"store-b"}}

    @pytest.mark.parametrize(
        ("environment", "mutual"),
        [
            ("dev", set()),
            # The load balancer's egress rule names its service; the domain's administrator is the role that sets it up.
            ("staging", {("api", "load-balancer"), ("migrate", "search")}),
        ],
    )
    def test_mutual_dependencies(self, environment: str, mutual: set[tuple[str, str]]) -> None:
        graph = record_graph(environment)
        names = {each.urn: each.name for each in graph.resources}
        found = component_dependencies(graph)
        pairs = {(names[urn], names[other]) for urn in found for other in found[urn] if urn in found[other]}
        assert pairs == mutual | {(other, urn) for urn, other in mutual}


class TestTransitiveReduction:
    @given(dependencies)
    def test_reduction_keeps_reachability_and_is_minimal(self, graph: dict[str, set[str]]) -> None:
        reduced = transitive_reduction(graph)
        for start, direct in reduced.items():
            assert reachable(start, reduced) == reachable(start, graph)
            for dependency in direct:
                assert not any(dependency in reachable(other, graph) for other in direct - {dependency})

    def test_mutual_dependency_keeps_both_arrows(self) -> None:
        cycle = {"a": {"b"}, "b": {"a"}, "c": {"a"}}
        assert transitive_reduction(cycle) == cycle


class TestDiagram:
    def test_command_works_without_a_running_platform(self, command: "Command") -> None:
        result = command("diagram", "--environment", "production")
        assert result.code == 0
        assert result.out == mermaid(record_graph("production"))
        assert not command.state_root.exists()
        json_result = command("diagram", "--environment", "production", "--json")
        assert json_result.data == {"environment": "production", "mermaid": result.out}

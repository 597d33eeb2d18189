"""The picture of an environment."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.engines.registrations import RegisteredResource
from operations.graph.diagram import component_dependencies, mermaid, transitive_reduction
from operations.graph.recorder import ResourceGraph, record_graph

if TYPE_CHECKING:
    from tests.operations.conftest import Command


def registered(name: str, *, parent: str = "", needs: tuple[str, ...] = (), type_: str = "aws:s3/bucket:Bucket"):
    custom = type_.startswith("aws:")
    return RegisteredResource(
        urn=name, type=type_, name=name, path=name, parent=parent, custom=custom, inputs={}, dependencies=needs
    )


GRAPH = ResourceGraph(
    environment="dev",
    resources=(
        registered("store-b", type_="p:index:Store"),
        registered("bucket", parent="store-b"),
        registered("inner", parent="store-b", type_="p:index:Inner"),
        registered("deep", parent="inner", needs=("stack", "bucket")),
        registered("lone", needs=("deep",)),
        registered("way-in", parent="store-b", needs=("lone",), type_="aws:s3/bucketPolicy:BucketPolicy"),
    ),
)

needs = st.integers(1, 7).flatmap(
    lambda size: st.fixed_dictionaries(
        # Only lower numbers are needed: no circles.
        {str(each): st.sets(st.sampled_from([str(lower) for lower in range(each)])) if each else st.just(set())
         for each in range(size)}
    )
)  # fmt: skip


def reached(start, graph):
    found = set(graph[start])
    for needed in graph[start]:
        found |= reached(needed, graph)
    return found


class TestMermaid:
    def test_a_component_is_one_box_with_its_resources_counted(self) -> None:
        assert mermaid(GRAPH).splitlines() == [
            "flowchart LR",
            '    lone["lone<br/><small>Bucket</small>"]',
            '    store_b["store-b<br/><small>Store · 3 resources</small>"]',
            "    lone --> store_b",
        ]

    def test_who_is_let_in_needs_what_lets_it_in(self) -> None:
        lets_in = ResourceGraph(
            environment="dev", resources=(*GRAPH.resources[-1:], registered("lone"), *GRAPH.resources[:4])
        )
        assert component_dependencies(lets_in) == {"store-b": set(), "lone": {"store-b"}}

    @pytest.mark.parametrize(
        ("environment", "mutual"),
        [
            ("dev", set()),
            # The load balancer's one way out is to its service; the domain's administrator is who prepares it.
            ("staging", {("api", "load-balancer"), ("migrate", "search")}),
        ],
    )
    def test_only_these_need_each_other(self, environment: str, mutual: set[tuple[str, str]]) -> None:
        graph = record_graph(environment)
        names = {each.urn: each.name for each in graph.resources}
        found = component_dependencies(graph)
        pairs = {(names[one], names[other]) for one in found for other in found[one] if one in found[other]}
        assert pairs == mutual | {(other, one) for one, other in mutual}


class TestWithoutImplied:
    @given(needs)
    def test_nothing_is_lost_and_nothing_is_said_twice(self, graph: dict[str, set[str]]) -> None:
        less = transitive_reduction(graph)
        for start, direct in less.items():
            assert reached(start, less) == reached(start, graph)
            for needed in direct:
                assert not any(needed in reached(other, graph) for other in direct - {needed})

    def test_two_that_need_each_other_keep_both_arrows(self) -> None:
        circle = {"a": {"b"}, "b": {"a"}, "c": {"a"}}
        assert transitive_reduction(circle) == circle


class TestDiagram:
    def test_nothing_has_to_run(self, command: "Command") -> None:
        answer = command("diagram", "--environment", "production")
        assert answer.code == 0
        assert answer.out == mermaid(record_graph("production"))
        assert not command.state_root.exists()
        in_json = command("diagram", "--environment", "production", "--json")
        assert in_json.data == {"environment": "production", "mermaid": answer.out}

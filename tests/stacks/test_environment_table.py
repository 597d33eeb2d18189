"""The documents' table of environments as a whole: nothing of it is forgotten, and its totals come out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from operations.requirements.markers import find_marked_tests
from tests.stacks.conftest import Graph
from tests.stacks.environment_table import Row, cells, everywhere, named

TESTS = Path(__file__).parents[1]
TABLES = "tests/stacks/test_environment_table"

# What the roadmap and the other documents say of environments, with the resolutions of their conflicts and corrections.
STATED = {
    *(f"ROAD-{number:02}" for number in (*range(1, 51), 69, 120, 121, *range(127, 130), *range(132, 136), 139)),
    *(f"C-{number}" for number in (*range(15, 27), *range(29, 36), 39, 41, 44)),
    *(f"A-{number:02}" for number in range(1, 16)),
}
# What no resource could show, and where it is decided instead.
NOT_IN_THE_GRAPH = {
    "ROAD-10": "what data an environment has, its seed says",
    "ROAD-11": "the pipeline's way from a branch to an environment",
    "ROAD-12": "an argument of the tests",
    "ROAD-13": "the seed's numbers",
    "ROAD-14": "the seed's data",
    "ROAD-47": "the report of costs makes its own sums",
    "ROAD-48": "what operators switch off, and what they buy in advance",
    "C-20": "how much of the code tests cover",
    "C-21": "how many tests there are",
    "A-06": "SQL of the migrations",
    "A-07": "the form that an upload is signed with",
    "A-08": "the form that an upload is signed with",
    "A-11": "what the API checks of a token",
    "A-13": "what stands in for AWS on one machine",
    "A-14": "what the API answers to a body that is too large",
}
# Shown by other tests of the whole program.
ELSEWHERE = {"ROAD-15", "C-33"}


class TestTables:
    def test_everything_that_is_stated_has_a_row(self) -> None:
        claimed = {claim.id for claim in find_marked_tests(TESTS) if claim.test.startswith(TABLES)}
        assert STATED - claimed == NOT_IN_THE_GRAPH.keys() | (ELSEWHERE - claimed)

    def test_what_is_shown_elsewhere_is(self) -> None:
        claimed = {claim.id for claim in find_marked_tests(TESTS) if claim.test.startswith("tests/stacks/")}
        assert claimed >= ELSEWHERE

    @pytest.mark.requirement("ROAD-46", "ROAD-50", "C-15")
    def test_totals_come_out(self, graph_of: Callable[[str], Graph]) -> None:
        graphs = [graph_of(name) for name in ("dev", "staging", "production")]
        totals = {
            kind: sum(len(graph.of(kind)) for graph in graphs)
            for kind in ("Vpc", "NatGateway", "Instance", "Bucket", "UserPool", "Queue")
        }
        # The documents count six buckets: see the row of buckets.
        assert totals == {"Vpc": 3, "NatGateway": 4, "Instance": 3, "Bucket": 11, "UserPool": 3, "Queue": 6}

    @pytest.mark.requirement("ROAD-01", "C-22")
    def test_the_environments_are_these_three(self) -> None:
        root = TESTS.parent
        assert sorted(path.name for path in root.glob("Pulumi.*.yaml")) == [
            "Pulumi.dev.yaml",
            "Pulumi.production.yaml",
            "Pulumi.staging.yaml",
        ]


class TestRow:
    def test_a_difference_is_quoted_with_its_reason_or_not_at_all(self) -> None:
        with pytest.raises(ValueError, match="engine: must quote the documents with the reason to differ, or neither"):
            Row(what="engine", read=str, cells=everywhere("18"), documents=everywhere("15"))
        with pytest.raises(ValueError, match="or neither"):
            Row(what="engine", read=str, cells=everywhere("18"), because="It is newer.")

    def test_what_is_the_same_is_no_difference(self) -> None:
        with pytest.raises(ValueError, match="engine: must not call '15' a difference in staging"):
            Row(
                what="engine",
                read=str,
                cells=cells("18", "15", "18"),
                documents=everywhere("15"),
                because="It is newer.",
            )

    def test_each_environment_has_its_cell(self) -> None:
        with pytest.raises(ValueError, match="name: must have a cell for each environment, not dev"):
            Row(what="name", read=str, cells={"dev": 1})
        assert named("a-{}") == {"dev": "a-dev", "staging": "a-staging", "production": "a-production"}

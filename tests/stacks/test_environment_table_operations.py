"""The table of environments, compared with the graph: dashboards, alarms, budgets, search and tags."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph
from tests.stacks.environment_table import Row, cells, count, everywhere, where_made

CONSOLE_ONLY = "Console logs alone, says the table of environments: nobody is woken for a development stack."
PRACTISED = "What production has is practised in staging (ROAD-16): an alarm that was never seen is none."


def alarm(name: str) -> Any:
    """What an alarm on one series says: of what it is, and beyond what, and how often; None where there is none."""

    def read(graph: Graph) -> Any:
        for each in graph.of("MetricAlarm"):
            if each.name == name:
                fields = (
                    "namespace",
                    "metricName",
                    "statistic",
                    "period",
                    "comparisonOperator",
                    "threshold",
                    "evaluationPeriods",
                )
                return tuple(each.inputs[field] for field in fields)
        return None

    return read


def counted(name: str) -> Any:
    """The same of an alarm on several: their names, the expression, and beyond what, and how often."""

    def read(graph: Graph) -> Any:
        for each in graph.of("MetricAlarm"):
            if each.name == name:
                series = [query["metric"] for query in each.inputs["metricQueries"] if "metric" in query]
                (said,) = [query["expression"] for query in each.inputs["metricQueries"] if "expression" in query]
                assert {(one["namespace"], one["stat"], one["period"]) for one in series} == {
                    ("AWS/ApplicationELB", "Sum", 60)
                }
                return (
                    {one["metricName"] for one in series},
                    said,
                    each.inputs["threshold"],
                    each.inputs["evaluationPeriods"],
                )
        return None

    return read


def thresholds(graph: Graph) -> Any:
    """Of what was spent and of what will be, in percent of the budget."""
    return [
        (each["notificationType"], each["threshold"])
        for budget in graph.of("Budget")
        for each in budget.inputs["notifications"]
    ]


def everybody_is_told(graph: Graph) -> Any:
    """Whether each alarm speaks when it goes off and when it is over."""
    alarms = graph.of("MetricAlarm")
    spoken = [{*each.inputs["alarmActions"]} == {*each.inputs["okActions"]} != set() for each in alarms]
    return bool(alarms) and all(spoken) and all(each.inputs["actionsEnabled"] for each in alarms)


CPU = ("AWS/ECS", "CPUUtilization", "Average", 300, "GreaterThanThreshold", 80, 2)
FAILED = {"HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"}
COUNT = (FAILED, "SUM([target, balancer])", 5, 2)
RATE = (
    FAILED | {"RequestCount"},
    "IF(SUM([requests, balancer]) >= 20, 100 * SUM([target, balancer]) / SUM([requests, balancer]), 0)",
    5,
    2,
)
DEPTH = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 60, "GreaterThanThreshold", 50, 2)
AT_EIGHTY = [("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]
ROWS = [
    pytest.param(
        Row(
            what="dashboard",
            read=where_made("dashboard-dashboard", "dashboardName"),
            cells=cells(None, "episode-metadata-staging", "episode-metadata-production"),
            documents={"dev": "episode-metadata-dev"},
            because=CONSOLE_ONLY,
        ),
        marks=pytest.mark.requirement("ROAD-09", "ROAD-127"),
    ),
    pytest.param(
        Row(
            what="alarms that tell somebody",
            read=everybody_is_told,
            cells=cells(False, True, True),
            documents={"staging": False},
            because=PRACTISED,
        ),
        marks=pytest.mark.requirement("ROAD-09", "ROAD-16", "ROAD-139"),
    ),
    pytest.param(
        Row(
            what="alarm of high CPU",
            read=alarm("alarms-api-cpu"),
            cells=cells(None, CPU, CPU),
            documents={"dev": CPU},
            because="The command names development, whose API is a function (ROAD-03) and has no processors to watch.",
        ),
        marks=pytest.mark.requirement("ROAD-128"),
    ),
    pytest.param(
        Row(
            what="alarm of high CPU's name",
            read=where_made("alarms-api-cpu", "name"),
            cells=cells(None, "episode-metadata-api-cpu-staging", "episode-metadata-api-cpu-production"),
            documents={
                "staging": "episode-metadata-high-cpu-staging",
                "production": "episode-metadata-high-cpu-production",
            },
            because="The name says whose processors: the database's have an alarm too.",
        ),
        marks=pytest.mark.requirement("ROAD-128", "ROAD-17"),
    ),
    pytest.param(
        Row(
            what="alarm of errors, by number",
            read=counted("alarms-api-5xx-count"),
            cells=cells(None, COUNT, COUNT),
            documents={name: ({"5XXError"}, "SUM", 5, 2) for name in ("staging", "production")},
            because="A load balancer has no metric 5XXError (A-05): its targets' errors and its own are two.",
        ),
        marks=pytest.mark.requirement("ROAD-129", "A-05", "C-44"),
    ),
    pytest.param(
        Row(
            what="alarm of errors, in percent",
            read=counted("alarms-api-5xx-rate"),
            cells=cells(None, RATE, RATE),
            documents=dict.fromkeys(("staging", "production")),
            because="The alarm says 5 % and counts five (C-44): there are both.",
        ),
        marks=pytest.mark.requirement("ROAD-129", "C-44"),
    ),
    pytest.param(
        Row(what="alarm of a long queue", read=alarm("alarms-thumbnail-queue-depth"), cells=cells(None, DEPTH, DEPTH)),
        marks=pytest.mark.requirement("C-31", "NOVA-60"),
    ),
    pytest.param(
        Row(
            what="budget in USD a month",
            read=where_made("budget-budget", "limitAmount"),
            cells=cells(None, "250", "600"),
        ),
        marks=pytest.mark.requirement("ROAD-01", "ROAD-49", "ROAD-50", "C-25"),
    ),
    pytest.param(
        Row(
            what="when the budget speaks",
            read=thresholds,
            cells=cells([], AT_EIGHTY, AT_EIGHTY),
        ),
        marks=pytest.mark.requirement("ROAD-49", "C-25"),
    ),
    pytest.param(
        Row(
            what="whose costs the budget counts",
            read=where_made("budget-budget", "costFilters"),
            cells=cells(
                None,
                *(
                    [{"name": "TagKeyValue", "values": [f"user:Environment${name}"]}]
                    for name in ("staging", "production")
                ),
            ),
        ),
        marks=pytest.mark.requirement("ROAD-49", "ROAD-24"),
    ),
    pytest.param(
        Row(
            what="search domains",
            read=count("Domain"),
            cells=cells(0, 1, 1),
            documents={"dev": 1},
            because="Search runs on Postgres there, as it does wherever the domain is away.",
        ),
        marks=pytest.mark.requirement("P2-03"),
    ),
    pytest.param(
        Row(
            what="search domain's instances",
            read=lambda graph: [each.inputs["clusterConfig"]["instanceType"] for each in graph.of("Domain")],
            cells=cells([], ["t3.small.search"], ["t3.small.search"]),
        ),
        marks=pytest.mark.requirement("P2-03", "A-12"),
    ),
    pytest.param(
        Row(
            what="search domain's storage in GB",
            read=lambda graph: [each.inputs["ebsOptions"]["volumeSize"] for each in graph.of("Domain")],
            cells=cells([], [100], [100]),
        ),
        marks=pytest.mark.requirement("P2-03", "A-12"),
    ),
    pytest.param(
        Row(
            what="tags of everything",
            read=lambda graph: json.loads(graph.named("aws").inputs["defaultTags"])["tags"],
            cells=cells(
                *(
                    {"Environment": name, "Project": "episode-metadata"}
                    for name in ("development", "staging", "production")
                )
            ),
        ),
        marks=pytest.mark.requirement("ROAD-24", "ROAD-50"),
    ),
    pytest.param(
        Row(what="keys of AWS users", read=count("AccessKey"), cells=everywhere(0)),
        marks=pytest.mark.requirement("C-41"),
    ),
]


class TestOperations:
    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_every_cell(self, row: Any, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert row.read(graph_of(environment)) == row.cells[environment]

    @pytest.mark.requirement("ROAD-128", "ROAD-129")
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_every_alarm_names_a_page_for_whoever_is_woken(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        said = [each.inputs["alarmDescription"] for each in graph_of(environment).of("MetricAlarm")]
        assert said
        assert [text for text in said if " What to do: docs/runbooks/" not in text] == []

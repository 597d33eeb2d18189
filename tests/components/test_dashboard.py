import json
from itertools import combinations
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import alarm_rules, dashboard
from components.alarms import Metric
from components.dashboard import Chart, Dashboard, DashboardArgs, Section
from components.naming import Naming

NAMING = Naming("episode-metadata", "staging")
QUEUE, DEAD = (f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in ("jobs", "jobs-dead"))
REQUESTS = Metric(namespace="AWS/ApiGateway", name="Count", dimensions={"ApiId": "api-1"})


def chart(**changes: Any) -> Any:
    return Chart(**{"title": "Requests", "metrics": {"requests": REQUESTS}} | changes)


def args(*charts: Any, **changes: Any) -> Any:
    sections = [Section(title="API", charts=charts or [chart()])]
    return DashboardArgs(**dict[str, Any]({"naming": NAMING, "region": "eu-west-1", "sections": sections}) | changes)


def body(register: Any, *charts: Any, **changes: Any) -> Any:
    graph = register(lambda: Dashboard("board", args(*charts, **changes)))
    return json.loads(graph.one("Dashboard").inputs["dashboardBody"])["widgets"]


def whole_platform() -> Any:
    return [
        Section(title="API", charts=dashboard.http_api_charts("api-1") + dashboard.load_balancer_charts("app/api/1")),
        Section(
            title="Work",
            charts=dashboard.queue_charts("jobs", QUEUE, DEAD)
            + dashboard.function_charts("worker", "worker")
            + dashboard.service_charts("api", "main", "api"),
        ),
        Section(title="Data", charts=dashboard.database_charts("db") + dashboard.storage_charts({"photos": "photos"})),
        Section(
            title="Edge",
            charts=dashboard.distribution_charts("E1")
            + dashboard.custom_charts("Platform", {"Uploads": {"Completed": "Sum", "Failed": "Sum"}}),
        ),
    ]


class TestRegister:
    @pytest.mark.requirement("ROAD-127")
    def test_it_is_called_as_the_platform(self, register: Any) -> None:
        graph = register(lambda: Dashboard("board", args()))
        assert graph.counts == {"Dashboard": 1}
        assert graph.one("Dashboard").inputs["dashboardName"] == "episode-metadata-staging"

    def test_chart_is_as_described(self, register: Any) -> None:
        title, drawn = body(register, chart(limits={"full": 100.0}, stacked=True))
        assert title == {
            "type": "text",
            "x": 0,
            "y": 0,
            "width": 24,
            "height": 1,
            "properties": {"markdown": "## API"},
        }
        assert drawn == {
            "type": "metric",
            "x": 0,
            "y": 1,
            "width": 6,
            "height": 6,
            "properties": {
                "title": "Requests",
                "view": "timeSeries",
                "stacked": True,
                "region": "eu-west-1",
                "period": 300,
                "metrics": [["AWS/ApiGateway", "Count", "ApiId", "api-1", {"stat": "Sum", "label": "requests"}]],
                "yAxis": {"left": {"min": 0}},
                "annotations": {"horizontal": [{"label": "full", "value": 100.0}]},
            },
        }

    def test_expression_is_drawn_instead_of_what_it_reads(self, register: Any) -> None:
        rules = alarm_rules.http_api_rules("gateway", "api-1")
        _, rate, _, latency = body(register, *dashboard.alarm_charts(rules))
        *read, result = rate["properties"]["metrics"]
        assert [line[-1] for line in read] == [
            {"stat": "Sum", "id": "requests", "visible": False},
            {"stat": "Sum", "id": "failed", "visible": False},
        ]
        assert result == [{"expression": rules[0].expression, "label": "gateway-5xx-rate", "id": "result"}]
        assert rate["properties"]["annotations"] == {"horizontal": [{"label": "alarm", "value": 5}]}
        assert latency["properties"]["metrics"][0][-1] == {"stat": "p95", "label": "value"}

    def test_what_is_told_at_the_edge_is_read_there(self, register: Any) -> None:
        drawn = body(register, *dashboard.distribution_charts("E1"), *dashboard.http_api_charts("api-1"))[1:]
        assert [each["properties"]["region"] for each in drawn] == ["us-east-1"] * 4 + ["eu-west-1"] * 4

    def test_outputs_are_waited_for(self, register: Any) -> None:
        def make() -> None:
            api_id = pulumi.Output.from_input("api-2")
            Dashboard("board", args(*dashboard.http_api_charts(api_id)))

        inputs = register(make).one("Dashboard").inputs
        assert '"ApiId", "api-2"' in inputs["dashboardBody"]

    @pytest.mark.requirement("LX-85", "LX-86")
    def test_whole_platform_is_in_sight(self, register: Any) -> None:
        drawn = body(register, sections=whole_platform())
        lines = [line for each in drawn if each["type"] == "metric" for line in each["properties"]["metrics"]]
        seen = {(line[0], line[1]) for line in lines}
        assert seen >= {
            ("AWS/ApiGateway", "Count"),
            ("AWS/ApiGateway", "5xx"),
            ("AWS/ApiGateway", "Latency"),
            ("AWS/ApiGateway", "DataProcessed"),
            ("AWS/ApplicationELB", "RequestCount"),
            ("AWS/ApplicationELB", "TargetResponseTime"),
            ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
            ("AWS/Lambda", "Errors"),
            ("AWS/ECS", "CPUUtilization"),
            ("AWS/RDS", "FreeStorageSpace"),
            ("AWS/S3", "BucketSizeBytes"),
            ("AWS/CloudFront", "BytesDownloaded"),
            ("AWS/CloudFront", "CacheHitRate"),
            ("Platform", "Completed"),
        }
        dead = [line for line in lines if "jobs-dead" in line]
        assert len(dead) == 1

    def test_buckets_are_counted_once_a_day(self, register: Any) -> None:
        for each in body(register, *dashboard.storage_charts({"photos": "photos", "temp": "temp"}))[1:]:
            assert each["properties"]["period"] == 86_400
            assert len(each["properties"]["metrics"]) == 2


def cells(widget: Any) -> Any:
    return {
        (x, y)
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    }


class TestLayout:
    def test_charts_go_on_in_the_next_row(self) -> None:
        charts = [chart(width=10), chart(width=10), chart(width=10)]
        sections = [Section(title="One", charts=charts), Section(title="Two", charts=[chart()])]
        places = [(each["x"], each["y"]) for each in dashboard.widgets(sections, "eu-west-1")]
        assert places == [(0, 0), (0, 1), (10, 1), (0, 7), (0, 13), (0, 14)]

    @given(st.lists(st.lists(st.integers(1, 24), min_size=1, max_size=9), min_size=1, max_size=4))
    def test_nothing_overlaps_and_nothing_leaves_the_page(self, sizes: Any) -> None:
        sections = [Section(title="Some", charts=[chart(width=width) for width in section]) for section in sizes]
        placed = dashboard.widgets(sections, "eu-west-1")
        assert len(placed) == sum(1 + len(section) for section in sizes)
        assert all(each["x"] >= 0 and each["x"] + each["width"] <= 24 for each in placed)
        assert not any(cells(one) & cells(other) for one, other in combinations(placed, 2))

"""One CloudWatch dashboard of a whole platform: charts of the metrics that its alarms watch, in rows that cannot overlap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components.alarm_rules import SECONDS_PER_DAY, Name, metric_factory, name_from_arn
from components.alarms import AlarmRule, Metric
from components.arguments import check, check_range
from components.choices import EDGE_REGION
from components.naming import Naming

COLUMNS = 24
TITLE_HEIGHT, CHART_HEIGHT = 1, 6
# The limits of CloudWatch for a dashboard and for a chart.
MAX_WIDGETS, MAX_SERIES = 500, 500


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Metrics over time, and an expression over them."""

    title: str
    metrics: Mapping[str, Metric]
    """By their labels in the legend; with an expression, by the ids it uses, such as `m1`."""
    expression: str = ""
    """Metric math that is drawn instead of the metrics."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """Horizontal lines, by their labels."""
    width: int = 6
    period_seconds: int = 300
    stacked: bool = False
    region: str | None = None
    """The region of the metrics, if it is not the stack's own."""

    def __post_init__(self) -> None:
        check(self, "title", bool(self.title), "must not be empty")
        count = len(self.metrics)
        check(self, "metrics", 1 <= count <= MAX_SERIES, f"must be 1 to {MAX_SERIES} series, not {count}")
        check_range(self, "width", 1, COLUMNS)
        check_range(self, "period_seconds", 1, SECONDS_PER_DAY)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Charts under one title, from left to right, in as many rows as they need."""

    title: str
    charts: Sequence[Chart]

    def __post_init__(self) -> None:
        check(self, "title", bool(self.title), "must not be empty")
        check(self, "charts", bool(self.charts), "must be at least one")


@dataclass(frozen=True, kw_only=True)
class DashboardArgs:
    """A dashboard named `{project}-{environment}`."""

    naming: Naming
    region: str
    """The stack's own region, in which most metrics are."""
    sections: Sequence[Section]

    def __post_init__(self) -> None:
        check(self, "region", bool(self.region), "must not be empty")
        check(self, "sections", bool(self.sections), "must be at least one")
        count = sum(1 + len(section.charts) for section in self.sections)
        check(self, "sections", count <= MAX_WIDGETS, f"must make at most {MAX_WIDGETS} widgets, not {count}")


class Dashboard(pulumi.ComponentResource):
    """The dashboard."""

    def __init__(self, name: str, args: DashboardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:Dashboard", name, {}, opts)

        aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=f"{args.naming.project}-{args.naming.environment}",
            dashboard_body=pulumi.Output.json_dumps({"widgets": widgets(args.sections, args.region)}),
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.register_outputs({})


def widgets(sections: Sequence[Section], region: str) -> list[dict[str, Any]]:
    """Return the widgets with their positions: each section begins a new row, and so does a chart that does not fit the row."""
    placed: list[dict[str, Any]] = []
    top = 0
    for section in sections:
        title = {"markdown": f"## {section.title}"}
        placed.append(_widget("text", title, x=0, y=top, width=COLUMNS, height=TITLE_HEIGHT))
        top += TITLE_HEIGHT
        left = 0
        for chart in section.charts:
            if left + chart.width > COLUMNS:
                left, top = 0, top + CHART_HEIGHT
            properties = _properties(chart, region)
            placed.append(_widget("metric", properties, x=left, y=top, width=chart.width, height=CHART_HEIGHT))
            left += chart.width
        top += CHART_HEIGHT
    return placed


def alarm_charts(rules: Sequence[AlarmRule]) -> list[Chart]:
    """Return a chart for each alarm, with its threshold as a line."""
    return [
        Chart(
            title=rule.name,
            metrics=rule.metrics,
            expression=rule.expression,
            limits={"alarm": rule.threshold},
            period_seconds=rule.period_seconds,
            region=rule.region,
        )
        for rule in rules
    ]


def http_api_charts(api_id: Name) -> list[Chart]:
    """Return charts of the traffic, the errors and the latency of an HTTP API."""
    metric = metric_factory("AWS/ApiGateway", ApiId=api_id)
    return [
        Chart(title="Requests", metrics={"requests": metric("Count")}),
        Chart(title="Errors", metrics={"client": metric("4xx"), "server": metric("5xx")}),
        _latency(metric, "Latency", "Latency, ms"),
        Chart(title="Data sent, bytes", metrics={"bytes": metric("DataProcessed")}),
    ]


def load_balancer_charts(arn_suffix: Name) -> list[Chart]:
    """Return charts of the traffic, the errors and the latency of a load balancer."""
    metric = metric_factory("AWS/ApplicationELB", LoadBalancer=arn_suffix)
    errors = {
        "client": metric("HTTPCode_Target_4XX_Count"),
        "server": metric("HTTPCode_Target_5XX_Count"),
        "balancer": metric("HTTPCode_ELB_5XX_Count"),
    }
    return [
        Chart(title="Requests", metrics={"requests": metric("RequestCount")}),
        Chart(title="Errors", metrics=errors),
        _latency(metric, "TargetResponseTime", "Latency, s"),
        Chart(title="Data transferred, bytes", metrics={"bytes": metric("ProcessedBytes")}),
    ]


def function_charts(resource_name: str, function_name: Name) -> list[Chart]:
    """Return charts of the invocations, the failures, the duration and the concurrency of a function."""
    metric = metric_factory("AWS/Lambda", FunctionName=function_name)
    return [
        Chart(title=f"{resource_name}: calls", metrics={"calls": metric("Invocations")}),
        Chart(
            title=f"{resource_name}: failures", metrics={"errors": metric("Errors"), "throttles": metric("Throttles")}
        ),
        _latency(metric, "Duration", f"{resource_name}: duration, ms"),
        Chart(title=f"{resource_name}: at once", metrics={"most": metric("ConcurrentExecutions", "Maximum")}),
    ]


def service_charts(resource_name: str, cluster_name: Name, service_name: Name) -> list[Chart]:
    """Return a chart of the CPU and memory utilisation of a container service."""
    metric = metric_factory("AWS/ECS", ClusterName=cluster_name, ServiceName=service_name)
    used = {"processors": metric("CPUUtilization", "Average"), "memory": metric("MemoryUtilization", "Average")}
    return [Chart(title=f"{resource_name}: used, %", metrics=used, limits={"full": 100}, width=12)]


def queue_charts(resource_name: str, queue_arn: Name, dead_letter_arn: Name) -> list[Chart]:
    """Return charts of the age, the depth and the throughput of a queue, and of its dead letters."""
    metric = metric_factory("AWS/SQS", QueueName=name_from_arn(queue_arn))
    dead = metric_factory("AWS/SQS", QueueName=name_from_arn(dead_letter_arn))
    waiting, hidden = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"
    return [
        Chart(title=f"{resource_name}: oldest, s", metrics={"age": metric("ApproximateAgeOfOldestMessage", "Maximum")}),
        Chart(
            title=f"{resource_name}: messages",
            metrics={"waiting": metric(waiting, "Maximum"), "in work": metric(hidden, "Maximum")},
        ),
        Chart(
            title=f"{resource_name}: flow",
            metrics={"sent": metric("NumberOfMessagesSent"), "done": metric("NumberOfMessagesDeleted")},
        ),
        Chart(title=f"{resource_name}: dead letters", metrics={"dead": dead(waiting, "Maximum")}),
    ]


def database_charts(identifier: Name) -> list[Chart]:
    """Return charts of the load and the free storage of a database."""
    metric = metric_factory("AWS/RDS", DBInstanceIdentifier=identifier)
    latency = {"read": metric("ReadLatency", "Average"), "write": metric("WriteLatency", "Average")}
    return [
        Chart(title="Database: processors, %", metrics={"used": metric("CPUUtilization", "Average")}),
        Chart(title="Database: connections", metrics={"open": metric("DatabaseConnections", "Maximum")}),
        Chart(title="Database: free storage, bytes", metrics={"free": metric("FreeStorageSpace", "Minimum")}),
        Chart(title="Database: disk latency, s", metrics=latency),
    ]


def distribution_charts(distribution_id: Name) -> list[Chart]:
    """Return charts of the traffic, the errors and the cache hits of a CDN. Cache hits need its additional metrics, which cost."""
    metric = metric_factory("AWS/CloudFront", DistributionId=distribution_id, Region="Global")
    errors = {"client": metric("4xxErrorRate", "Average"), "server": metric("5xxErrorRate", "Average")}
    charts: list[tuple[str, Mapping[str, Metric]]] = [
        ("CDN: requests", {"requests": metric("Requests")}),
        ("CDN: errors, %", errors),
        ("CDN: data sent, bytes", {"bytes": metric("BytesDownloaded")}),
        ("CDN: hits, %", {"hits": metric("CacheHitRate", "Average")}),
    ]
    return [Chart(title=title, metrics=metrics, region=EDGE_REGION) for title, metrics in charts]


def storage_charts(bucket_names: Mapping[str, Name]) -> list[Chart]:
    """Return charts of the size and the number of objects of buckets, by label. S3 reports them once a day."""

    def counted(name: str, storage_type: str) -> dict[str, Metric]:
        return {
            resource_name: metric_factory("AWS/S3", BucketName=bucket, StorageType=storage_type)(name, "Average")
            for resource_name, bucket in bucket_names.items()
        }

    size, objects = counted("BucketSizeBytes", "StandardStorage"), counted("NumberOfObjects", "AllStorageTypes")
    settings: dict[str, Any] = {"period_seconds": SECONDS_PER_DAY, "stacked": True, "width": 12}
    return [Chart(title="Stored, bytes", metrics=size, **settings), Chart(title="Objects", metrics=objects, **settings)]


def custom_charts(
    namespace: str, titles: Mapping[str, Mapping[str, str]], dimensions: Mapping[str, Name] | None = None
) -> list[Chart]:
    """Return charts of the application's own metrics: by title, their statistics by name, `{"Uploads": {"Completed": "Sum"}}`."""
    return [
        Chart(
            title=title,
            metrics={
                name: Metric(namespace=namespace, name=name, statistic=statistic, dimensions=dimensions or {})
                for name, statistic in names.items()
            },
        )
        for title, names in titles.items()
    ]


def _latency(metric: Any, name: str, title: str) -> Chart:
    return Chart(title=title, metrics={quantile: metric(name, quantile) for quantile in ("p50", "p95", "p99")})


def _widget(kind: str, properties: Mapping[str, Any], **place: int) -> dict[str, Any]:
    return {"type": kind, **place, "properties": properties}


def _properties(chart: Chart, region: str) -> dict[str, Any]:
    lines: list[Any] = []
    for label, metric in chart.metrics.items():
        # An expression only reads its metrics, by their ids.
        options = {"id": label, "visible": False} if chart.expression else {"label": label}
        pairs = [part for pair in metric.dimensions.items() for part in pair]
        lines.append([metric.namespace, metric.name, *pairs, {"stat": metric.statistic, **options}])
    if chart.expression:
        lines.append([{"expression": chart.expression, "label": chart.title, "id": "result"}])
    properties: dict[str, Any] = {
        "title": chart.title,
        "view": "timeSeries",
        "stacked": chart.stacked,
        "region": chart.region or region,
        "period": chart.period_seconds,
        "metrics": lines,
        "yAxis": {"left": {"min": 0}},
    }
    if chart.limits:
        properties["annotations"] = {
            "horizontal": [{"label": label, "value": value} for label, value in chart.limits.items()]
        }
    return properties

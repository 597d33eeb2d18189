"""One dashboard of a whole platform: charts drawn from the series that its alarms watch, in rows that cannot overlap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components.alarm_rules import A_DAY_SECONDS, Name, resource_name, series
from components.alarms import AlarmRule, Metric
from components.arguments import check, check_range
from components.choices import EDGE_REGION
from components.naming import Naming

COLUMNS = 24
TITLE_HEIGHT, CHART_HEIGHT = 1, 6
# What CloudWatch takes of one dashboard and of one chart.
MOST_WIDGETS, MOST_SERIES = 500, 500


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Some series over time, and what is computed from them."""

    title: str
    metrics: Mapping[str, Metric]
    """By what the legend calls them; an expression calls them so too, and then they are ids: `m1`."""
    expression: str = ""
    """Metric math that is drawn instead of the series."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """Lines across, by what they mean."""
    width: int = 6
    period_seconds: int = 300
    stacked: bool = False
    region: str | None = None
    """Where the series are, if not in the stack's own region."""

    def __post_init__(self) -> None:
        check(self, "title", bool(self.title), "must not be empty")
        count = len(self.metrics)
        check(self, "metrics", 1 <= count <= MOST_SERIES, f"must be 1 to {MOST_SERIES} series, not {count}")
        check_range(self, "width", 1, COLUMNS)
        check_range(self, "period_seconds", 1, A_DAY_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Charts about one thing under one title, from left to right, in as many rows as they need."""

    title: str
    charts: Sequence[Chart]

    def __post_init__(self) -> None:
        check(self, "title", bool(self.title), "must not be empty")
        check(self, "charts", bool(self.charts), "must be at least one")


@dataclass(frozen=True, kw_only=True)
class DashboardArgs:
    """A dashboard, called `{project}-{environment}`."""

    naming: Naming
    region: str
    """The stack's own, where the series of most charts are."""
    sections: Sequence[Section]

    def __post_init__(self) -> None:
        check(self, "region", bool(self.region), "must not be empty")
        check(self, "sections", bool(self.sections), "must be at least one")
        count = sum(1 + len(section.charts) for section in self.sections)
        check(self, "sections", count <= MOST_WIDGETS, f"must make at most {MOST_WIDGETS} widgets, not {count}")


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
    """The widgets with their places: a section begins on a row of its own, and so does what no longer fits beside others."""
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
            drawn = _drawn(chart, region)
            placed.append(_widget("metric", drawn, x=left, y=top, width=chart.width, height=CHART_HEIGHT))
            left += chart.width
        top += CHART_HEIGHT
    return placed


def alarm_charts(rules: Sequence[AlarmRule]) -> list[Chart]:
    """What each alarm watches, with the line that it goes off at."""
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
    """Traffic, errors and latency of an HTTP API."""
    metric = series("AWS/ApiGateway", ApiId=api_id)
    return [
        Chart(title="Requests", metrics={"requests": metric("Count")}),
        Chart(title="Errors", metrics={"client": metric("4xx"), "server": metric("5xx")}),
        _latency(metric, "Latency", "Latency, ms"),
        Chart(title="Data sent, bytes", metrics={"bytes": metric("DataProcessed")}),
    ]


def load_balancer_charts(arn_suffix: Name) -> list[Chart]:
    """Traffic, errors and latency of a load balancer."""
    metric = series("AWS/ApplicationELB", LoadBalancer=arn_suffix)
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


def function_charts(thing: str, function_name: Name) -> list[Chart]:
    """Calls, failures, duration and saturation of a function."""
    metric = series("AWS/Lambda", FunctionName=function_name)
    return [
        Chart(title=f"{thing}: calls", metrics={"calls": metric("Invocations")}),
        Chart(title=f"{thing}: failures", metrics={"errors": metric("Errors"), "throttles": metric("Throttles")}),
        _latency(metric, "Duration", f"{thing}: duration, ms"),
        Chart(title=f"{thing}: at once", metrics={"most": metric("ConcurrentExecutions", "Maximum")}),
    ]


def service_charts(thing: str, cluster_name: Name, service_name: Name) -> list[Chart]:
    """Saturation of a container service."""
    metric = series("AWS/ECS", ClusterName=cluster_name, ServiceName=service_name)
    used = {"processors": metric("CPUUtilization", "Average"), "memory": metric("MemoryUtilization", "Average")}
    return [Chart(title=f"{thing}: used, %", metrics=used, limits={"full": 100}, width=12)]


def queue_charts(thing: str, queue_arn: Name, dead_letter_arn: Name) -> list[Chart]:
    """Age and depth of a queue, what went through it, and what was given up."""
    metric = series("AWS/SQS", QueueName=resource_name(queue_arn))
    dead = series("AWS/SQS", QueueName=resource_name(dead_letter_arn))
    waiting, hidden = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"
    return [
        Chart(title=f"{thing}: oldest, s", metrics={"age": metric("ApproximateAgeOfOldestMessage", "Maximum")}),
        Chart(
            title=f"{thing}: messages",
            metrics={"waiting": metric(waiting, "Maximum"), "in work": metric(hidden, "Maximum")},
        ),
        Chart(
            title=f"{thing}: flow",
            metrics={"sent": metric("NumberOfMessagesSent"), "done": metric("NumberOfMessagesDeleted")},
        ),
        Chart(title=f"{thing}: dead letters", metrics={"dead": dead(waiting, "Maximum")}),
    ]


def database_charts(identifier: Name) -> list[Chart]:
    """Load and room of a database."""
    metric = series("AWS/RDS", DBInstanceIdentifier=identifier)
    latency = {"read": metric("ReadLatency", "Average"), "write": metric("WriteLatency", "Average")}
    return [
        Chart(title="Database: processors, %", metrics={"used": metric("CPUUtilization", "Average")}),
        Chart(title="Database: connections", metrics={"open": metric("DatabaseConnections", "Maximum")}),
        Chart(title="Database: free storage, bytes", metrics={"free": metric("FreeStorageSpace", "Minimum")}),
        Chart(title="Database: disk latency, s", metrics=latency),
    ]


def distribution_charts(distribution_id: Name) -> list[Chart]:
    """Traffic, errors and hits of a CDN. The share of hits is told only where additional metrics are paid for."""
    metric = series("AWS/CloudFront", DistributionId=distribution_id, Region="Global")
    errors = {"client": metric("4xxErrorRate", "Average"), "server": metric("5xxErrorRate", "Average")}
    drawn: list[tuple[str, Mapping[str, Metric]]] = [
        ("CDN: requests", {"requests": metric("Requests")}),
        ("CDN: errors, %", errors),
        ("CDN: data sent, bytes", {"bytes": metric("BytesDownloaded")}),
        ("CDN: hits, %", {"hits": metric("CacheHitRate", "Average")}),
    ]
    return [Chart(title=title, metrics=metrics, region=EDGE_REGION) for title, metrics in drawn]


def storage_charts(bucket_names: Mapping[str, Name]) -> list[Chart]:
    """What buckets hold, by what they are called. S3 counts once a day."""

    def counted(name: str, storage_type: str) -> dict[str, Metric]:
        return {
            thing: series("AWS/S3", BucketName=bucket, StorageType=storage_type)(name, "Average")
            for thing, bucket in bucket_names.items()
        }

    size, objects = counted("BucketSizeBytes", "StandardStorage"), counted("NumberOfObjects", "AllStorageTypes")
    how: dict[str, Any] = {"period_seconds": A_DAY_SECONDS, "stacked": True, "width": 12}
    return [Chart(title="Stored, bytes", metrics=size, **how), Chart(title="Objects", metrics=objects, **how)]


def custom_charts(
    namespace: str, titles: Mapping[str, Mapping[str, str]], dimensions: Mapping[str, Name] | None = None
) -> list[Chart]:
    """Series that the application itself reports: for each title their statistics by name, `{"Uploads": {"Completed": "Sum"}}`."""
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


def _drawn(chart: Chart, region: str) -> dict[str, Any]:
    lines: list[Any] = []
    for label, metric in chart.metrics.items():
        # With an expression the series are only read, under the ids that it uses.
        how = {"id": label, "visible": False} if chart.expression else {"label": label}
        pairs = [part for pair in metric.dimensions.items() for part in pair]
        lines.append([metric.namespace, metric.name, *pairs, {"stat": metric.statistic, **how}])
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

"""CloudWatch alarms and dashboards. Log groups, which Pulumi has in the same module, are in logs.py."""

from local.provider.resource_types.table import ResourceType

TYPES = (
    ResourceType(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "cloudwatch.put_metric_alarm",
        {
            "name": "AlarmName",
            "metricQueries": "Metrics",
            "metricQueries.metric": "MetricStat",
            "metricQueries.metric.namespace": "Metric.Namespace",
            "metricQueries.metric.metricName": "Metric.MetricName",
            "metricQueries.metric.dimensions": "Metric.Dimensions",
        },
        id="{AlarmName}",
        outputs={"arn": "arn:aws:cloudwatch:{Region}:{Account}:alarm:{AlarmName}"},
    ),
    ResourceType(
        "aws:cloudwatch/dashboard:Dashboard",
        "cloudwatch.put_dashboard",
        id="{DashboardName}",
        outputs={"dashboardArn": "arn:aws:cloudwatch::{Account}:dashboard/{DashboardName}"},
    ),
)

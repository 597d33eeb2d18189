"""Rules and alarms for tests."""

from typing import Any

from components import alarm_rules
from components.alarms import AlarmRule, Alarms, AlarmsArgs, Metric
from components.naming import Naming

NAMING = Naming("episode-metadata", "production")
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:episode-metadata-thumbnail-queue-production"
DEAD = "arn:aws:sqs:eu-west-1:123456789012:episode-metadata-thumbnail-dlq-production"
CPU = Metric(namespace="AWS/ECS", name="CPUUtilization", statistic="Average", dimensions={"ClusterName": "main"})


def rule(**changes: Any) -> Any:
    return AlarmRule(
        **dict[str, Any](
            {
                "name": "api-cpu",
                "description": "The service is out of breath.",
                "runbook": "service-cpu",
                "metrics": {"value": CPU},
                "threshold": 80,
            }
        )
        | changes
    )


def args(*rules: Any, **changes: Any) -> Any:
    return AlarmsArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "recipients": ["operations@example.org"],
                "rules": rules or [rule()],
                "region": "us-east-1",
            }
        )
        | changes
    )


def every_rule() -> Any:
    """Return one set of each of the ready-made rules."""
    return [
        *alarm_rules.queue_rules("thumbnail", QUEUE),
        *alarm_rules.dead_letter_rules("thumbnail", DEAD),
        *alarm_rules.function_rules("worker", "episode-metadata-thumbnails-production", timeout_seconds=60),
        *alarm_rules.http_api_rules("gateway", "api-1"),
        *alarm_rules.load_balancer_rules("api", "app/api/1", target_group_arn_suffix="targetgroup/api/1"),
        *alarm_rules.service_rules("api", "main", "api"),
        *alarm_rules.database_rules("db", "episode-metadata-db-production", max_connections=200),
        *alarm_rules.search_rules("search", "search", "123456789012"),
        *alarm_rules.distribution_rules("cdn", "E1"),
        *alarm_rules.firewall_rules("edge", "edge-acl"),
        *alarm_rules.bucket_rules("storage", "episode-metadata-storage-production", quota_gb=500),
        *alarm_rules.backup_rules("vault", "episode-metadata-backups-production"),
    ]


def alarm(register: Any, name: Any, *rules: Any, **changes: Any) -> Any:
    """Return the inputs of the alarm of one rule."""
    return dict(register(lambda: Alarms("alarms", args(*rules, **changes))).named(f"alarms-{name}").inputs)

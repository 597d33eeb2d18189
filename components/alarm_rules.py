"""Ready-made alarm rules for every part of a platform, each with its threshold and its treatment of missing data."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

import pulumi

from components.alarms import AlarmRule, Metric
from components.choices import EDGE_REGION

GIBIBYTE = 1024**3
SECONDS_PER_DAY = 86_400

# The description of each alarm, by the name of its runbook.
DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "queue-age": "The oldest message of {resource_name} has waited too long.",
        "queue-depth": "Too many messages wait in {resource_name}.",
        "dead-letters": "Messages were given up and wait among {resource_name}.",
        "function-errors": "The function {resource_name} ended with an error or ran out of time.",
        "function-throttles": "Calls of the function {resource_name} were turned away: too many ran at once.",
        "function-duration": "A call of the function {resource_name} took nearly all the time that it may take.",
        "server-errors": "Too many requests to {resource_name} failed on the server's side.",
        "latency": "One of twenty requests to {resource_name} takes too long.",
        "target-health": "No target of {resource_name} is healthy: every request is answered with an error.",
        "service-cpu": "The service {resource_name} has used nearly all of its processors for ten minutes.",
        "service-memory": "The service {resource_name} has used nearly all of its memory for ten minutes.",
        "database-free-storage": "The database {resource_name} runs out of storage, or has not said anything for 15 minutes.",
        "database-connections": "Four fifths of the connections of the database {resource_name} are taken.",
        "database-cpu": "The database {resource_name} has used nearly all of its processors for 15 minutes.",
        "search-red": "The search domain {resource_name} has lost a primary shard, or has not said anything for five minutes.",
        "search-yellow": "The search domain {resource_name} lacks replicas: the next node that fails takes data with it.",
        "search-free-storage": "A node of the search domain {resource_name} runs out of storage.",
        "firewall-blocked": "The firewall {resource_name} turns away far more requests than usual.",
        "bucket-quota": "The bucket {resource_name} holds more than it should.",
        "backup-failed": "A backup into the vault {resource_name} failed.",
    }
)

Name = pulumi.Input[str]
RuleArguments = dict[str, Any]


def metric_factory(namespace: str, **dimensions: Name) -> Callable[..., Metric]:
    """Return a function that makes metrics with these dimensions: `metric("Errors")`, `metric("Latency", "p95")`."""

    def metric(name: str, statistic: str = "Sum", **more: Name) -> Metric:
        return Metric(namespace=namespace, name=name, statistic=statistic, dimensions={**dimensions, **more})

    return metric


def name_from_arn(arn: Name) -> Name:
    """Return the name at the end of an ARN such as a queue's, under which its metrics are published."""

    def last(known: str) -> str:
        return known.rpartition(":")[2]

    return last(arn) if isinstance(arn, str) else pulumi.Output.from_input(cast(Name, arn)).apply(last)


def queue_rules(resource_name: str, queue_arn: Name, *, oldest_seconds: int = 300, depth: int = 50) -> list[AlarmRule]:
    """Return the rules for messages that wait too long and for too many of them. An unused queue has no data, which is no fault."""
    metric = metric_factory("AWS/SQS", QueueName=name_from_arn(queue_arn))
    age, waiting = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"
    return [
        _rule(f"{resource_name}-queue", "queue-age", metric(age, "Maximum"), threshold=oldest_seconds, periods=2),
        _rule(f"{resource_name}-queue", "queue-depth", metric(waiting, "Maximum"), threshold=depth, periods=2),
    ]


def dead_letter_rules(resource_name: str, dead_letter_arn: Name) -> list[AlarmRule]:
    """Return the rule for messages in a dead-letter queue.

    The number of messages in the queue counts, not the number sent to it: SQS's own redrive does not count as sending.
    """
    metric = metric_factory("AWS/SQS", QueueName=name_from_arn(dead_letter_arn))
    waiting = metric("ApproximateNumberOfMessagesVisible", "Maximum")
    return [_rule(f"{resource_name}-dead", "dead-letters", waiting, threshold=0)]


def function_rules(resource_name: str, function_name: Name, *, timeout_seconds: int) -> list[AlarmRule]:
    """Return the rules for errors, throttling and durations above nine tenths of the timeout. No invocation means no data."""
    metric = metric_factory("AWS/Lambda", FunctionName=function_name)
    near_timeout_ms = timeout_seconds * 900
    return [
        _rule(resource_name, "function-errors", metric("Errors"), threshold=0, period_seconds=300),
        _rule(resource_name, "function-throttles", metric("Throttles"), threshold=0, period_seconds=300),
        _rule(
            resource_name,
            "function-duration",
            metric("Duration", "Maximum"),
            threshold=near_timeout_ms,
            period_seconds=300,
        ),
    ]


def http_api_rules(resource_name: str, api_id: Name, *, latency_ms: float = 1000, **limits: float) -> list[AlarmRule]:
    """Return the rules for server errors, by rate and by number, and for latency. Without requests there is no data.

    `limits` are those of `server_error_rules`.
    """
    metric = metric_factory("AWS/ApiGateway", ApiId=api_id)
    failed, requests = {"failed": metric("5xx")}, {"requests": metric("Count")}
    return [
        *server_error_rules(resource_name, failed=failed, requests=requests, **limits),
        _latency(resource_name, metric("Latency", "p95"), latency_ms),
    ]


def load_balancer_rules(
    resource_name: str,
    arn_suffix: Name,
    *,
    target_group_arn_suffix: Name | None = None,
    latency_seconds: float = 1,
    **limits: float,
) -> list[AlarmRule]:
    """Return the rules for server errors of targets and load balancer, for latency, and for the lack of healthy targets.

    `limits` are those of `server_error_rules`.
    """
    metric = metric_factory("AWS/ApplicationELB", LoadBalancer=arn_suffix)
    failed = {"target": metric("HTTPCode_Target_5XX_Count"), "balancer": metric("HTTPCode_ELB_5XX_Count")}
    # RequestCount leaves out the responses of the load balancer itself, when it had no target to choose.
    requests = {"requests": metric("RequestCount"), "balancer": failed["balancer"]}
    rules = [
        *server_error_rules(resource_name, failed=failed, requests=requests, **limits),
        _latency(resource_name, metric("TargetResponseTime", "p95"), latency_seconds),
    ]
    if target_group_arn_suffix is not None:
        healthy = metric("HealthyHostCount", "Minimum", TargetGroup=target_group_arn_suffix)
        # The load balancer reports this for as long as it has targets at all: missing data is as bad as no healthy target.
        no_target: RuleArguments = {"comparison": "below", "threshold": 1, "missing_data": "breaching"}
        rules.append(_rule(resource_name, "target-health", healthy, **no_target, periods=2))
    return rules


def server_error_rules(
    resource_name: str,
    *,
    failed: Mapping[str, Metric],
    requests: Mapping[str, Metric],
    error_percent: float = 5,
    error_count: float = 5,
    min_requests: float = 20,
) -> list[AlarmRule]:
    """Return two rules: the percentage of requests that failed in a minute, and their number, each twice in a row.

    The percentage counts from `min_requests` a minute on, because one failure in three requests says little; below that the
    number decides. Load balancers report no zeros: SUM ignores a series without a value, where `+` would return none.
    """
    failures, total = (f"SUM([{', '.join(names)}])" for names in (failed, requests))
    rate = f"IF({total} >= {min_requests:g}, 100 * {failures} / {total}, 0)"
    return [
        _rule(
            resource_name, "server-errors", {**requests, **failed}, "5xx-rate", rate, threshold=error_percent, periods=2
        ),
        _rule(resource_name, "server-errors", failed, "5xx-count", failures, threshold=error_count, periods=2),
    ]


def service_rules(
    resource_name: str, cluster_name: Name, service_name: Name, *, percent: float = 80
) -> list[AlarmRule]:
    """Return the rules for CPU and memory of a container service. Without a task the alarms show that there is no data."""
    metric = metric_factory("AWS/ECS", ClusterName=cluster_name, ServiceName=service_name)
    settings: RuleArguments = {"threshold": percent, "period_seconds": 300, "periods": 2, "missing_data": "missing"}
    return [
        _rule(resource_name, "service-cpu", metric("CPUUtilization", "Average"), **settings),
        _rule(resource_name, "service-memory", metric("MemoryUtilization", "Average"), **settings),
    ]


def database_rules(
    resource_name: str, identifier: Name, *, max_connections: int, free_storage_gb: float = 5, cpu_percent: float = 80
) -> list[AlarmRule]:
    """Return the rules for free storage, connections (four fifths of the maximum) and CPU."""
    metric = metric_factory("AWS/RDS", DBInstanceIdentifier=identifier)
    taken = metric("DatabaseConnections", "Maximum")
    # An instance reports this every minute while it runs; a restart takes less than three periods.
    storage: RuleArguments = {
        "comparison": "below",
        "threshold": free_storage_gb * GIBIBYTE,
        "missing_data": "breaching",
    }
    interval: RuleArguments = {"period_seconds": 300, "periods": 3}
    return [
        _rule(resource_name, "database-free-storage", metric("FreeStorageSpace", "Minimum"), **storage, **interval),
        _rule(resource_name, "database-connections", taken, threshold=max_connections * 0.8, periods=3),
        _rule(resource_name, "database-cpu", metric("CPUUtilization", "Average"), threshold=cpu_percent, **interval),
    ]


def search_rules(
    resource_name: str, domain_name: Name, account_id: Name, *, free_storage_gb: float = 20, replicas: bool = True
) -> list[AlarmRule]:
    """Return the rules for the status (red, yellow) and the free storage of a search domain.

    A domain of one node has no room for replicas: an index that asks for them keeps it yellow for ever. Without `replicas` the
    rule is left out.
    """
    metric = metric_factory("AWS/ES", DomainName=domain_name, ClientId=account_id)
    status: RuleArguments = {"comparison": "at_least", "threshold": 1, "periods": 5}
    storage: RuleArguments = {
        "comparison": "below",
        "threshold": free_storage_gb * 1024,  # CloudWatch reports it in megabytes.
        "periods": 5,
    }
    rules = [
        _rule(resource_name, "search-red", metric("ClusterStatus.red", "Maximum"), **status, missing_data="breaching"),
        _rule(resource_name, "search-yellow", metric("ClusterStatus.yellow", "Maximum"), **status),
        _rule(resource_name, "search-free-storage", metric("FreeStorageSpace", "Minimum"), **storage),
    ]
    return [rule for rule in rules if replicas or rule.runbook != "search-yellow"]


def distribution_rules(resource_name: str, distribution_id: Name, *, error_percent: float = 5) -> list[AlarmRule]:
    """Return the rule for server errors of a CDN. Without requests there is no data."""
    metric = metric_factory("AWS/CloudFront", DistributionId=distribution_id, Region="Global")
    rate = {"value": metric("5xxErrorRate", "Average")}
    return [
        _rule(resource_name, "server-errors", rate, "5xx-rate", threshold=error_percent, periods=5, region=EDGE_REGION)
    ]


def firewall_rules(
    resource_name: str, web_acl_name: Name, *, region: str | None = None, blocked: int = 500
) -> list[AlarmRule]:
    """Return the rule for blocked requests in five minutes. `region` is the protected resource's; None for a CDN."""
    dimensions = {"Region": region} if region else {}
    metric = metric_factory("AWS/WAFV2", WebACL=web_acl_name, Rule="ALL", **dimensions)
    settings: RuleArguments = {"threshold": blocked, "period_seconds": 300, "region": None if region else EDGE_REGION}
    return [_rule(resource_name, "firewall-blocked", metric("BlockedRequests"), **settings)]


def bucket_rules(resource_name: str, bucket_name: Name, *, quota_gb: float) -> list[AlarmRule]:
    """Return the rule for the size of a bucket. S3 reports it once a day, so a day without a value changes nothing."""
    size = metric_factory("AWS/S3", BucketName=bucket_name, StorageType="StandardStorage")("BucketSizeBytes", "Average")
    settings: RuleArguments = {
        "threshold": quota_gb * GIBIBYTE,
        "period_seconds": SECONDS_PER_DAY,
        "missing_data": "ignore",
    }
    return [_rule(resource_name, "bucket-quota", size, **settings)]


def backup_rules(resource_name: str, vault_name: Name) -> list[AlarmRule]:
    """Return the rule for failed backups. Without a backup job there is no data."""
    failed = metric_factory("AWS/Backup", BackupVaultName=vault_name)("NumberOfBackupJobsFailed")
    return [_rule(resource_name, "backup-failed", failed, threshold=0, period_seconds=300)]


def _latency(resource_name: str, metric: Metric, threshold: float) -> AlarmRule:
    return _rule(resource_name, "latency", metric, threshold=threshold, period_seconds=300, periods=3)


def _rule(
    resource_name: str,
    runbook: str,
    metric: Metric | Mapping[str, Metric],
    suffix: str = "",
    expression: str = "",
    **settings: Any,
) -> AlarmRule:
    """Build a rule named after the resource and the last words of the runbook: `queue-age` of `jobs-queue` is `jobs-queue-age`."""
    return AlarmRule(
        name=f"{resource_name}-{suffix or runbook.partition('-')[2] or runbook}",
        description=DESCRIPTIONS[runbook].format(resource_name=resource_name),
        runbook=runbook,
        metrics={"value": metric} if isinstance(metric, Metric) else metric,
        expression=expression,
        **settings,
    )

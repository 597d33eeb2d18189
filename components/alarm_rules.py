"""Ready rules of alarms, for every part of a platform: what is worth waking somebody for, and what silence means there."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

import pulumi

from components.alarms import AlarmRule, Metric
from components.choices import EDGE_REGION

GIBIBYTE = 1024**3
A_DAY_SECONDS = 86_400

# What each alarm means, by the name of the page that says what to do.
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "queue-age": "The oldest message of {thing} has waited too long.",
        "queue-depth": "Too many messages wait in {thing}.",
        "dead-letters": "Messages were given up and wait among {thing}.",
        "function-errors": "The function {thing} ended with an error or ran out of time.",
        "function-throttles": "Calls of the function {thing} were turned away: too many ran at once.",
        "function-duration": "A call of the function {thing} took nearly all the time that it may take.",
        "server-errors": "Too many requests to {thing} failed on the server's side.",
        "latency": "One of twenty requests to {thing} takes too long.",
        "target-health": "No target of {thing} is healthy: every request is answered with an error.",
        "service-cpu": "The service {thing} has used nearly all of its processors for ten minutes.",
        "service-memory": "The service {thing} has used nearly all of its memory for ten minutes.",
        "database-free-storage": "The database {thing} runs out of storage, or has not said anything for 15 minutes.",
        "database-connections": "Four fifths of the connections of the database {thing} are taken.",
        "database-cpu": "The database {thing} has used nearly all of its processors for 15 minutes.",
        "search-red": "The search domain {thing} has lost a primary shard, or has not said anything for five minutes.",
        "search-yellow": "The search domain {thing} lacks replicas: the next node that fails takes data with it.",
        "search-free-storage": "A node of the search domain {thing} runs out of storage.",
        "firewall-blocked": "The firewall {thing} turns away far more requests than usual.",
        "bucket-quota": "The bucket {thing} holds more than it should.",
        "backup-failed": "A backup into the vault {thing} failed.",
    }
)

Name = pulumi.Input[str]
How = dict[str, Any]


def series(namespace: str, **dimensions: Name) -> Callable[..., Metric]:
    """Makes metrics of one thing: `metric("Errors")`, `metric("Latency", "p95")`."""

    def metric(name: str, statistic: str = "Sum", **more: Name) -> Metric:
        return Metric(namespace=namespace, name=name, statistic=statistic, dimensions={**dimensions, **more})

    return metric


def resource_name(arn: Name) -> Name:
    """The name at the end of an ARN such as a queue's, which is what its metrics are found under."""

    def last(known: str) -> str:
        return known.rpartition(":")[2]

    return last(arn) if isinstance(arn, str) else pulumi.Output.from_input(cast(Name, arn)).apply(last)


def queue_rules(thing: str, queue_arn: Name, *, oldest_seconds: int = 300, depth: int = 50) -> list[AlarmRule]:
    """Work waits too long, or there is too much of it. A queue that nobody uses has no values, which is no fault."""
    metric = series("AWS/SQS", QueueName=resource_name(queue_arn))
    age, waiting = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"
    return [
        _rule(f"{thing}-queue", "queue-age", metric(age, "Maximum"), threshold=oldest_seconds, periods=2),
        _rule(f"{thing}-queue", "queue-depth", metric(waiting, "Maximum"), threshold=depth, periods=2),
    ]


def dead_letter_rules(thing: str, dead_letter_arn: Name) -> list[AlarmRule]:
    """A message was given up. What is there counts, not what was sent there: SQS's own redrive is no sending."""
    metric = series("AWS/SQS", QueueName=resource_name(dead_letter_arn))
    waiting = metric("ApproximateNumberOfMessagesVisible", "Maximum")
    return [_rule(f"{thing}-dead", "dead-letters", waiting, threshold=0)]


def function_rules(thing: str, function_name: Name, *, timeout_seconds: int) -> list[AlarmRule]:
    """A function crashes, is turned away, or comes within a tenth of its timeout. No call means no value, and no fault."""
    metric = series("AWS/Lambda", FunctionName=function_name)
    near_timeout_ms = timeout_seconds * 900
    return [
        _rule(thing, "function-errors", metric("Errors"), threshold=0, period_seconds=300),
        _rule(thing, "function-throttles", metric("Throttles"), threshold=0, period_seconds=300),
        _rule(thing, "function-duration", metric("Duration", "Maximum"), threshold=near_timeout_ms, period_seconds=300),
    ]


def http_api_rules(thing: str, api_id: Name, *, latency_ms: float = 1000, **limits: float) -> list[AlarmRule]:
    """Errors of the server by share and by number, and slowness. Without requests there are no values, and no fault.

    `limits` are those of `server_error_rules`.
    """
    metric = series("AWS/ApiGateway", ApiId=api_id)
    failed, requests = {"failed": metric("5xx")}, {"requests": metric("Count")}
    return [
        *server_error_rules(thing, failed=failed, requests=requests, **limits),
        _latency(thing, metric("Latency", "p95"), latency_ms),
    ]


def load_balancer_rules(
    thing: str,
    arn_suffix: Name,
    *,
    target_group_arn_suffix: Name | None = None,
    latency_seconds: float = 1,
    **limits: float,
) -> list[AlarmRule]:
    """Errors of the targets and of the balancer itself by share and by number, slowness, and that no target is healthy.

    `limits` are those of `server_error_rules`.
    """
    metric = series("AWS/ApplicationELB", LoadBalancer=arn_suffix)
    failed = {"target": metric("HTTPCode_Target_5XX_Count"), "balancer": metric("HTTPCode_ELB_5XX_Count")}
    # RequestCount leaves out what the balancer answered itself because there was no target to choose.
    requests = {"requests": metric("RequestCount"), "balancer": failed["balancer"]}
    rules = [
        *server_error_rules(thing, failed=failed, requests=requests, **limits),
        _latency(thing, metric("TargetResponseTime", "p95"), latency_seconds),
    ]
    if target_group_arn_suffix is not None:
        healthy = metric("HealthyHostCount", "Minimum", TargetGroup=target_group_arn_suffix)
        # The balancer counts for as long as it has targets at all: silence is as bad as none.
        none: How = {"comparison": "below", "threshold": 1, "missing": "breaching"}
        rules.append(_rule(thing, "target-health", healthy, **none, periods=2))
    return rules


def server_error_rules(
    thing: str,
    *,
    failed: Mapping[str, Metric],
    requests: Mapping[str, Metric],
    error_percent: float = 5,
    error_count: float = 5,
    least_requests: float = 20,
) -> list[AlarmRule]:
    """Both: the share of requests that failed in a minute, and their number, in two minutes in a row.

    The share counts from `least_requests` a minute on: one of three is no third of anything, and what goes wrong below that
    is the number's matter. Balancers report no zeros; SUM passes over a series without a value, where `+` would find none.
    """
    failures, total = (f"SUM([{', '.join(names)}])" for names in (failed, requests))
    rate = f"IF({total} >= {least_requests:g}, 100 * {failures} / {total}, 0)"
    return [
        _rule(thing, "server-errors", {**requests, **failed}, "5xx-rate", rate, threshold=error_percent, periods=2),
        _rule(thing, "server-errors", failed, "5xx-count", failures, threshold=error_count, periods=2),
    ]


def service_rules(thing: str, cluster_name: Name, service_name: Name, *, percent: float = 80) -> list[AlarmRule]:
    """A container service is short of processor or memory. Without a task there is no value, and the state says so."""
    metric = series("AWS/ECS", ClusterName=cluster_name, ServiceName=service_name)
    how: How = {"threshold": percent, "period_seconds": 300, "periods": 2, "missing": "missing"}
    return [
        _rule(thing, "service-cpu", metric("CPUUtilization", "Average"), **how),
        _rule(thing, "service-memory", metric("MemoryUtilization", "Average"), **how),
    ]


def database_rules(
    thing: str, identifier: Name, *, max_connections: int, free_storage_gb: float = 5, cpu_percent: float = 80
) -> list[AlarmRule]:
    """A database runs out of storage, of connections (four fifths of all) or of processor."""
    metric = series("AWS/RDS", DBInstanceIdentifier=identifier)
    taken = metric("DatabaseConnections", "Maximum")
    # An instance reports this every minute for as long as it runs; a restart takes less than three periods.
    free: How = {"comparison": "below", "threshold": free_storage_gb * GIBIBYTE, "missing": "breaching"}
    slow: How = {"period_seconds": 300, "periods": 3}
    return [
        _rule(thing, "database-free-storage", metric("FreeStorageSpace", "Minimum"), **free, **slow),
        _rule(thing, "database-connections", taken, threshold=max_connections * 0.8, periods=3),
        _rule(thing, "database-cpu", metric("CPUUtilization", "Average"), threshold=cpu_percent, **slow),
    ]


def search_rules(
    thing: str, domain_name: Name, account_id: Name, *, free_storage_gb: float = 20, replicas: bool = True
) -> list[AlarmRule]:
    """A search domain has lost data (red), lacks copies of it (yellow) or runs out of storage on one of its nodes.

    A domain of one node has no room for replicas: an index that asks for them keeps it yellow for ever, so that is left out.
    """
    metric = series("AWS/ES", DomainName=domain_name, ClientId=account_id)
    status: How = {"comparison": "at_least", "threshold": 1, "periods": 5}
    storage: How = {"comparison": "below", "threshold": free_storage_gb * 1024, "periods": 5}  # reported in megabytes
    rules = [
        _rule(thing, "search-red", metric("ClusterStatus.red", "Maximum"), **status, missing="breaching"),
        _rule(thing, "search-yellow", metric("ClusterStatus.yellow", "Maximum"), **status),
        _rule(thing, "search-free-storage", metric("FreeStorageSpace", "Minimum"), **storage),
    ]
    return [rule for rule in rules if replicas or rule.runbook != "search-yellow"]


def distribution_rules(thing: str, distribution_id: Name, *, error_percent: float = 5) -> list[AlarmRule]:
    """A CDN answers with errors of the server. Without requests there are no values, and no fault."""
    metric = series("AWS/CloudFront", DistributionId=distribution_id, Region="Global")
    rate = {"value": metric("5xxErrorRate", "Average")}
    return [_rule(thing, "server-errors", rate, "5xx-rate", threshold=error_percent, periods=5, region=EDGE_REGION)]


def firewall_rules(thing: str, web_acl_name: Name, *, region: str | None = None, blocked: int = 500) -> list[AlarmRule]:
    """A firewall turns away more than usual within five minutes. `region` is the protected thing's; None for a CDN's."""
    where = {"Region": region} if region else {}
    metric = series("AWS/WAFV2", WebACL=web_acl_name, Rule="ALL", **where)
    how: How = {"threshold": blocked, "period_seconds": 300, "region": None if region else EDGE_REGION}
    return [_rule(thing, "firewall-blocked", metric("BlockedRequests"), **how)]


def bucket_rules(thing: str, bucket_name: Name, *, quota_gb: float) -> list[AlarmRule]:
    """A bucket holds more than it should. S3 counts once a day, so that a day without a count changes nothing."""
    size = series("AWS/S3", BucketName=bucket_name, StorageType="StandardStorage")("BucketSizeBytes", "Average")
    how: How = {"threshold": quota_gb * GIBIBYTE, "period_seconds": A_DAY_SECONDS, "missing": "ignore"}
    return [_rule(thing, "bucket-quota", size, **how)]


def backup_rules(thing: str, vault_name: Name) -> list[AlarmRule]:
    """A backup was not made. No job means no value, and no fault."""
    failed = series("AWS/Backup", BackupVaultName=vault_name)("NumberOfBackupJobsFailed")
    return [_rule(thing, "backup-failed", failed, threshold=0, period_seconds=300)]


def _latency(thing: str, metric: Metric, threshold: float) -> AlarmRule:
    return _rule(thing, "latency", metric, threshold=threshold, period_seconds=300, periods=3)


def _rule(
    thing: str, page: str, metric: Metric | Mapping[str, Metric], kind: str = "", expression: str = "", **how: Any
) -> AlarmRule:
    """A rule with its page, named after the thing and the page's last words: `queue-age` of `jobs-queue` is `jobs-queue-age`."""
    return AlarmRule(
        name=f"{thing}-{kind or page.partition('-')[2] or page}",
        description=MEANINGS[page].format(thing=thing),
        runbook=page,
        metrics={"value": metric} if isinstance(metric, Metric) else metric,
        expression=expression,
        **how,
    )

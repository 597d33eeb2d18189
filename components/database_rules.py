"""Validation and engine parameters of a PostgreSQL instance on RDS, without resources."""

import re
from typing import Any

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, check_choice, check_range, is_plain

MINUTES_OF_A_DAY = 24 * 60

# The smallest gp3 volume for which RDS accepts provisioned IOPS with PostgreSQL; smaller ones have 3,000.
# Source: "You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400".
IOPS_STORAGE_GB = 400
IOPS_LOW, IOPS_HIGH = 12_000, 64_000

DAILY_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
WEEKLY_WINDOW = re.compile(
    r"(?P<from>mon|tue|wed|thu|fri|sat|sun):(\d\d:\d\d)-(mon|tue|wed|thu|fri|sat|sun):(\d\d:\d\d)"
)
SQL_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

MONITORING_INTERVALS = (0, 1, 5, 10, 15, 30, 60)
# Idle sessions inside a transaction are ended: they hold locks and keep rows from being vacuumed.
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000
# The retention of each mode. RDS allows no other value for advanced, and seven days are free.
INSIGHTS_RETENTION_DAYS = {"standard": 7, "advanced": 465}


def check_names(arguments: Any) -> None:
    """Validate the database name and the instance class.

    Raises:
        ArgumentError: RDS or SQL rejects a value.
    """
    name = arguments.database_name
    plain = bool(SQL_NAME.fullmatch(name))
    check(arguments, "database_name", plain, f"must be a plain lower-case SQL name, not {name!r}")
    if is_plain(arguments.instance_class):
        shape = re.fullmatch(r"db\.[a-z][a-z0-9-]*\.[a-z0-9]+", str(arguments.instance_class))
        problem = f"must be a class such as db.t3.small, not {arguments.instance_class!r}"
        check(arguments, "instance_class", bool(shape), problem)


def check_storage(arguments: Any) -> None:
    """Validate storage and IOPS.

    Raises:
        ArgumentError: RDS rejects a value, or the combination.
    """
    check_range(arguments, "storage_gb", 20, 65_536)
    check_range(arguments, "storage_limit_gb", 20, 65_536)
    if arguments.storage_limit_gb is not None:
        # RDS asks for at least ten percent of headroom.
        least = -(-arguments.storage_gb * 11 // 10)
        problem = f"must be at least a tenth above storage_gb ({least}), not {arguments.storage_limit_gb}"
        check(arguments, "storage_limit_gb", arguments.storage_limit_gb >= least, problem)
    if arguments.iops is not None:
        problem = f"must be left out below {IOPS_STORAGE_GB} GB of storage, where every volume has 3,000"
        check(arguments, "iops", arguments.storage_gb >= IOPS_STORAGE_GB, problem)
        check_range(arguments, "iops", IOPS_LOW, IOPS_HIGH)


def check_monitoring(arguments: Any) -> None:
    """Validate connections, logging and monitoring.

    Raises:
        ArgumentError: RDS rejects a value.
    """
    check_range(arguments, "max_connections", 20, 5_000)
    check_range(arguments, "slow_statement_ms", 0, 3_600_000)
    check_choice(arguments, "monitoring_interval_seconds", MONITORING_INTERVALS)


def check_windows(arguments: Any) -> None:
    """Validate the backup and maintenance windows.

    Raises:
        ArgumentError: A window is malformed or shorter than half an hour, or the windows overlap.
    """
    backup, maintenance = arguments.backup_window, arguments.maintenance_window
    daily = DAILY_WINDOW.fullmatch(backup)
    check(arguments, "backup_window", bool(daily), f"must be like 03:00-04:00, not {backup!r}")
    weekly = WEEKLY_WINDOW.fullmatch(maintenance)
    times = f"{weekly[2]}-{weekly[4]}" if weekly else ""
    problem = f"must be like sun:04:00-sun:05:00, not {maintenance!r}"
    check(arguments, "maintenance_window", bool(DAILY_WINDOW.fullmatch(times)), problem)
    for field, window in (("backup_window", backup), ("maintenance_window", times)):
        check(arguments, field, len(_minutes(window)) >= 30, "must be at least 30 minutes long")
    overlap = _minutes(backup) & _minutes(times)
    check(arguments, "maintenance_window", not overlap, f"must not overlap the backup window {backup}")


def engine_parameters(arguments: Any) -> list[aws.rds.ParameterGroupParameterArgs]:
    """Return the engine parameters: TLS only, logging, and session limits.

    Slow statements, DDL statements, connections and disconnections are logged, parameter values never are.
    """
    # Static parameters apply at the next restart; RDS rejects applying them immediately.
    parameters = [
        ("rds.force_ssl", "1", "immediate"),
        ("log_min_duration_statement", str(arguments.slow_statement_ms), "immediate"),
        ("log_statement", "ddl", "immediate"),
        ("log_parameter_max_length", "0", "immediate"),
        ("log_parameter_max_length_on_error", "0", "immediate"),
        ("log_connections", "1", "immediate"),
        ("log_disconnections", "1", "immediate"),
        ("idle_in_transaction_session_timeout", str(IDLE_IN_TRANSACTION_TIMEOUT_MS), "immediate"),
        ("max_connections", str(arguments.max_connections), "pending-reboot"),
    ]
    return [
        aws.rds.ParameterGroupParameterArgs(name=name, value=value, apply_method=when)
        for name, value, when in parameters
    ]


def monitoring_trust_policy(arn_beside: pulumi.Input[str], identifier: str) -> policies.Document:
    """Return the trust policy of the Enhanced Monitoring role, for one instance in the account and region of another ARN."""
    return policies.trust_policy(
        "monitoring.rds.amazonaws.com",
        condition={
            "StringEquals": {
                "aws:SourceAccount": policies.account_id_of(arn_beside),
                "aws:SourceArn": policies.sibling_arn(arn_beside, "rds", f"db:{identifier}"),
            }
        },
    )


def monitoring_statements(arn_beside: pulumi.Input[str]) -> list[policies.Statement]:
    """Return the permissions of Enhanced Monitoring, in the account and region of another ARN."""
    # All instances of a region write to this one log group, which RDS names and creates itself.
    groups = policies.sibling_arn(arn_beside, "logs", "log-group:RDS*")
    return [
        policies.allow("KeepGroup", ["logs:CreateLogGroup", "logs:PutRetentionPolicy"], [groups]),
        policies.allow(
            "WriteMeasurements",
            ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams", "logs:GetLogEvents"],
            [pulumi.Output.concat(groups, ":log-stream:*")],
        ),
    ]


def _minutes(window: str) -> set[int]:
    """Return the minutes of the day that a window covers; a window may pass midnight."""
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in window.split("-"))
    return {minute % MINUTES_OF_A_DAY for minute in range(start, end if end > start else end + MINUTES_OF_A_DAY)}

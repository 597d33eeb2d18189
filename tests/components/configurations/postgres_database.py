from typing import Any

from hypothesis import strategies as st

from components.database_rules import IOPS_HIGH, IOPS_LOW, IOPS_STORAGE_GB, MONITORING_INTERVALS
from components.postgres_database import LOG_EXPORTS
from tests.components.configurations.cache import WEEKDAYS
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    DIGITS,
    FEWER_THAN_TWO_SUBNETS,
    INVALID_RETENTIONS,
    KEYS,
    LETTERS,
    NETWORKS,
    PAIRS_OF_SUBNETS,
    RETENTIONS,
    SUFFIX,
    TAGS,
    arguments,
    identifiers,
    inputs,
    integers,
    merge,
    names,
    other_than,
    outside_range,
    sequences,
)

MAX_STORAGE_GB = 65_536
INSIGHTS = ("off", "standard", "advanced")
SQL_NAMES = identifiers(LETTERS + "_", LETTERS + DIGITS + "_", 20) | st.just("x" * 63)
CLASSES = st.builds(
    "db.{}.{}".format, identifiers(LETTERS, LETTERS + DIGITS + "-", 5), st.sampled_from(["small", "2xlarge"])
)


@st.composite
def storages(draw: Any) -> Any:
    """Draw storage with a limit of at least ten percent more, and IOPS where RDS accepts them."""
    size = draw(integers(20, MAX_STORAGE_GB))
    drawn = {"storage_gb": size}
    least = -(-size * 11 // 10)
    if least <= MAX_STORAGE_GB and draw(st.booleans()):
        drawn["storage_limit_gb"] = draw(integers(least, MAX_STORAGE_GB))
    if size >= IOPS_STORAGE_GB and draw(st.booleans()):
        drawn["iops"] = draw(integers(IOPS_LOW, IOPS_HIGH))
    return drawn


@st.composite
def backups(draw: Any) -> Any:
    """Draw a backup retention, which must not be 0 with Multi-AZ."""
    multi_az = draw(st.booleans())
    drawn = {"multi_az": True} if multi_az else draw(arguments({}, multi_az=st.just(False)))
    return drawn | draw(arguments({}, backup_retention_days=integers(1 if multi_az else 0, 35)))


def _clock(minute: Any) -> Any:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


@st.composite
def windows(draw: Any) -> Any:
    """Draw two windows of at least half an hour that may touch but do not overlap, also across midnight."""
    start, first, gap, second = (draw(integers(low, high)) for low, high in ((0, 1439), (30, 360), (0, 300), (30, 360)))
    then = start + first + gap
    from_day = draw(st.sampled_from(WEEKDAYS))
    later = WEEKDAYS[(WEEKDAYS.index(from_day) + 1) % 7]
    to_day = later if then // 1440 != (then + second) // 1440 else from_day
    return {
        "backup_window": f"{_clock(start)}-{_clock(start + first)}",
        "maintenance_window": f"{from_day}:{_clock(then)}-{to_day}:{_clock(then + second)}",
    }


VALID = merge(
    names("db-monitoring-role", "db-subnet-group", f"db-parameters{SUFFIX}", resource_name=False),
    storages(),
    backups(),
    arguments({}) | windows(),
    arguments(
        {
            "vpc_id": inputs(NETWORKS),
            "subnet_ids": PAIRS_OF_SUBNETS,
            "database_name": SQL_NAMES,
            "instance_class": inputs(CLASSES),
        },
        key_arn=inputs(KEYS),
        max_connections=integers(20, 5_000),
        slow_statement_ms=integers(0, 3_600_000),
        insights=st.sampled_from(INSIGHTS),
        monitoring_interval_seconds=st.sampled_from(MONITORING_INTERVALS),
        log_exports=sequences(st.sampled_from(LOG_EXPORTS), 0, 2),
        log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
        protected=st.booleans(),
        tags=TAGS | inputs(TAGS),
    ),
)
INVALID_SQL_NAMES = st.sampled_from(["", "Films", "films-1", "1films", "films db", "x" * 64, 'a"b'])
INVALID_DAILY_WINDOWS = st.sampled_from(
    ["", "03:00", "3:00-4:00", "24:00-25:00", "03:60-04:30", "sun:03:00-sun:04:00", "03:00-04:00 "]
)
INVALID_WEEKLY_WINDOWS = st.sampled_from(
    ["", "04:00-05:00", "sun:04:00", "Sun:04:00-Sun:05:00", "sun:24:00-mon:01:00", "day:04:00-day:05:00"]
)
# 29 minutes at most, also across midnight.
SHORT = st.tuples(integers(0, 1439), integers(1, 29))
INVALID = [
    invalid("subnet_ids", subnet_ids=FEWER_THAN_TWO_SUBNETS),
    invalid("database_name", database_name=INVALID_SQL_NAMES),
    invalid(
        "instance_class",
        instance_class=st.sampled_from(["", "t3.small", "db.t3", "db.T3.small", "db..small", "cache.t3.small"]),
    ),
    invalid("storage_gb", storage_gb=outside_range(20, MAX_STORAGE_GB)),
    invalid("storage_limit_gb", storage_limit_gb=outside_range(20, MAX_STORAGE_GB)),
    invalid("storage_limit_gb", storage_gb=integers(1_000, 2_000), storage_limit_gb=integers(20, 1_099), iops=None),
    invalid("iops", storage_gb=integers(20, 399), storage_limit_gb=None, iops=integers(IOPS_LOW, IOPS_HIGH)),
    invalid("iops", storage_gb=integers(400, 5_000), storage_limit_gb=None, iops=outside_range(IOPS_LOW, IOPS_HIGH)),
    invalid("max_connections", max_connections=outside_range(20, 5_000)),
    invalid("slow_statement_ms", slow_statement_ms=outside_range(0, 3_600_000)),
    invalid("monitoring_interval_seconds", monitoring_interval_seconds=other_than(*MONITORING_INTERVALS)),
    invalid("insights", insights=other_than(*INSIGHTS)),
    invalid("backup_retention_days", multi_az=False, backup_retention_days=outside_range(0, 35)),
    invalid("backup_retention_days", multi_az=True, backup_retention_days=0),
    invalid("backup_window", backup_window=INVALID_DAILY_WINDOWS),
    invalid("maintenance_window", maintenance_window=INVALID_WEEKLY_WINDOWS),
    invalid("backup_window", backup_window=SHORT.map(lambda drawn: f"{_clock(drawn[0])}-{_clock(sum(drawn))}")),
    invalid(
        "maintenance_window",
        backup_window="03:00-04:00",
        maintenance_window=SHORT.map(lambda drawn: f"sun:{_clock(drawn[0])}-mon:{_clock(sum(drawn))}"),
    ),
    invalid(
        "maintenance_window",
        backup_window="23:30-00:30",
        maintenance_window=integers(0, 29).map(lambda minute: f"sun:00:{minute:02}-sun:01:00"),
    ),
    invalid("log_exports", log_exports=st.lists(other_than(*LOG_EXPORTS), min_size=1, max_size=1)),
    invalid("log_exports", log_exports=["upgrade", "upgrade"]),
    invalid("log_retention_days", log_retention_days=INVALID_RETENTIONS),
]

from typing import Any

from hypothesis import strategies as st

from components.cache import MAX_NAME_LENGTH
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    DIGITS,
    FEWER_THAN_TWO_SUBNETS,
    KEYS,
    LETTERS,
    NETWORKS,
    PAIRS_OF_SUBNETS,
    SHORTEST_NAMING,
    arguments,
    identifiers,
    inputs,
    integers,
    merge,
    names,
    outside_range,
)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _moment(minute: Any) -> Any:
    day, minute = divmod(minute % (7 * 1440), 1440)
    return f"{WEEKDAYS[day]}:{minute // 60:02}:{minute % 60:02}"


# From an hour to a day, also across the end of the week.
WEEKLY_WINDOWS = st.builds(
    lambda start, length: f"{_moment(start)}-{_moment(start + length)}",
    integers(0, 7 * 1440 - 1),
    integers(60, 1440),
)
INVALID_WEEKLY_WINDOWS = st.sampled_from(
    [
        "",
        "sun",
        "sun:05:00",
        "05:00-06:00",
        "Sun:05:00-Sun:06:00",
        "sun:24:00-sun:25:00",
        "sun:05:60-sun:06:00",
        "sun:5:00-sun:6:00",
    ]
)
TYPES = st.builds(
    "cache.{}.{}".format, identifiers(LETTERS, LETTERS + DIGITS, 4), st.sampled_from(["micro", "2xlarge"])
)


VALID = merge(
    names(longest=MAX_NAME_LENGTH) | names("cache", longest=MAX_NAME_LENGTH, resource_name=False),
    arguments(
        {"vpc_id": inputs(NETWORKS), "subnet_ids": PAIRS_OF_SUBNETS},
        node_type=inputs(TYPES),
        nodes=integers(1, 6),
        engine_version=st.builds("{}.{}".format, integers(7, 12), integers(0, 30)),
        maintenance_window=WEEKLY_WINDOWS,
        key_arn=inputs(KEYS),
    ),
)
INVALID = [
    invalid("subnet_ids", subnet_ids=FEWER_THAN_TWO_SUBNETS),
    invalid("resource_name", resource_name=""),
    invalid("resource_name", resource_name=integers(MAX_NAME_LENGTH - 3, 50).map("x".__mul__), naming=SHORTEST_NAMING),
    invalid("nodes", nodes=outside_range(1, 6)),
    invalid("node_type", node_type=st.sampled_from(["", "t4g.micro", "cache.t4g", "cache.T4G.micro", "cache..micro"])),
    invalid("engine_version", engine_version=st.sampled_from(["", "8", "8.0.1", "8.x", "v8.0"])),
    invalid("maintenance_window", maintenance_window=INVALID_WEEKLY_WINDOWS),
]

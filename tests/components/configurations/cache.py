from hypothesis import strategies as st

from components.cache import MAX_NAME_LENGTH
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    DIGITS,
    FEWER_THAN_TWO_SUBNETS,
    KEYS,
    LETTERS,
    NETWORKS,
    PAIRS_OF_SUBNETS,
    SHORTEST_NAMING,
    given,
    inputs,
    led,
    merged,
    names,
    outside,
    whole,
)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _moment(minute):
    day, minute = divmod(minute % (7 * 1440), 1440)
    return f"{WEEKDAYS[day]}:{minute // 60:02}:{minute % 60:02}"


# From an hour to a day, also over the end of the week.
WEEKLY_WINDOWS = st.builds(
    lambda start, length: f"{_moment(start)}-{_moment(start + length)}",
    whole(0, 7 * 1440 - 1),
    whole(60, 1440),
)
NO_WEEKLY_WINDOWS = st.sampled_from(
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
TYPES = st.builds("cache.{}.{}".format, led(LETTERS, LETTERS + DIGITS, 4), st.sampled_from(["micro", "2xlarge"]))


VALID = merged(
    names(longest=MAX_NAME_LENGTH) | names("cache", longest=MAX_NAME_LENGTH, resource_name=False),
    given(
        {"vpc_id": inputs(NETWORKS), "subnet_ids": PAIRS_OF_SUBNETS},
        node_type=inputs(TYPES),
        nodes=whole(1, 6),
        engine_version=st.builds("{}.{}".format, whole(7, 12), whole(0, 30)),
        maintenance_window=WEEKLY_WINDOWS,
        key_arn=inputs(KEYS),
    ),
)
INVALID = [
    mistake("subnet_ids", subnet_ids=FEWER_THAN_TWO_SUBNETS),
    mistake("resource_name", resource_name=""),
    mistake("resource_name", resource_name=whole(MAX_NAME_LENGTH - 3, 50).map("x".__mul__), naming=SHORTEST_NAMING),
    mistake("nodes", nodes=outside(1, 6)),
    mistake("node_type", node_type=st.sampled_from(["", "t4g.micro", "cache.t4g", "cache.T4G.micro", "cache..micro"])),
    mistake("engine_version", engine_version=st.sampled_from(["", "8", "8.0.1", "8.x", "v8.0"])),
    mistake("maintenance_window", maintenance_window=NO_WEEKLY_WINDOWS),
]

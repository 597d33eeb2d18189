from typing import Any

from hypothesis import strategies as st

from components.work_queue import FOURTEEN_DAYS
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import BUCKETS, arguments, inputs, integers, merge, names, outside_range


@st.composite
def timings(draw: Any) -> Any:
    """Draw a visibility timeout below the retention, and a retention up to that of the dead-letter queue."""
    drawn = draw(arguments({}, retention_seconds=integers(60, FOURTEEN_DAYS)))
    retention = drawn.get("retention_seconds", FOURTEEN_DAYS)
    drawn |= {"visibility_timeout_seconds": draw(integers(1, min(43_200, retention - 1)))}
    if draw(st.booleans()):
        drawn["dead_letter_retention_seconds"] = draw(integers(retention, FOURTEEN_DAYS))
    return drawn


VALID = merge(
    names("-queue"),
    timings(),
    arguments({}, max_receive_count=integers(1, 1_000), source_bucket_arn=inputs(BUCKETS)),
)
INVALID = [
    invalid("resource_name", resource_name=""),
    invalid("visibility_timeout_seconds", visibility_timeout_seconds=outside_range(1, 43_200)),
    invalid("retention_seconds", retention_seconds=outside_range(60, FOURTEEN_DAYS)),
    invalid("dead_letter_retention_seconds", dead_letter_retention_seconds=outside_range(60, FOURTEEN_DAYS)),
    invalid("max_receive_count", max_receive_count=outside_range(1, 1_000)),
    invalid(
        "dead_letter_retention_seconds",
        visibility_timeout_seconds=30,
        retention_seconds=integers(3_600, FOURTEEN_DAYS),
        dead_letter_retention_seconds=integers(60, 3_599),
    ),
    invalid(
        "visibility_timeout_seconds",
        visibility_timeout_seconds=integers(3_600, 43_200),
        retention_seconds=integers(60, 3_600),
        dead_letter_retention_seconds=FOURTEEN_DAYS,
    ),
]

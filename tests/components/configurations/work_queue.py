from hypothesis import strategies as st

from components.work_queue import FOURTEEN_DAYS
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import BUCKETS, given, inputs, merged, names, outside, whole


@st.composite
def timings(draw):
    """A message is hidden for less than it is kept, and kept no longer than among the dead letters."""
    drawn = draw(given({}, retention_seconds=whole(60, FOURTEEN_DAYS)))
    retention = drawn.get("retention_seconds", FOURTEEN_DAYS)
    drawn |= {"visibility_timeout_seconds": draw(whole(1, min(43_200, retention - 1)))}
    if draw(st.booleans()):
        drawn["dead_letter_retention_seconds"] = draw(whole(retention, FOURTEEN_DAYS))
    return drawn


VALID = merged(
    names("-queue"),
    timings(),
    given({}, max_receive_count=whole(1, 1_000), source_bucket_arn=inputs(BUCKETS)),
)
INVALID = [
    mistake("resource_name", resource_name=""),
    mistake("visibility_timeout_seconds", visibility_timeout_seconds=outside(1, 43_200)),
    mistake("retention_seconds", retention_seconds=outside(60, FOURTEEN_DAYS)),
    mistake("dead_letter_retention_seconds", dead_letter_retention_seconds=outside(60, FOURTEEN_DAYS)),
    mistake("max_receive_count", max_receive_count=outside(1, 1_000)),
    mistake(
        "dead_letter_retention_seconds",
        visibility_timeout_seconds=30,
        retention_seconds=whole(3_600, FOURTEEN_DAYS),
        dead_letter_retention_seconds=whole(60, 3_599),
    ),
    mistake(
        "visibility_timeout_seconds",
        visibility_timeout_seconds=whole(3_600, 43_200),
        retention_seconds=whole(60, 3_600),
        dead_letter_retention_seconds=FOURTEEN_DAYS,
    ),
]

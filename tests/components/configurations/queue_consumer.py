from typing import Any

from hypothesis import strategies as st

from components.choices import min_visibility_timeout_seconds
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    FUNCTIONS,
    QUEUES,
    arguments,
    inputs,
    integers,
    kebab_case,
    outside_range,
)


@st.composite
def mappings(draw: Any) -> Any:
    """Draw timeouts whose messages stay hidden while they are processed, including the batching window."""
    drawn = draw(arguments({}, batch_size=integers(1, 10) | integers(1, 10_000)))
    if drawn.get("batch_size", 10) > 10 or draw(st.booleans()):
        drawn["batching_window_seconds"] = draw(integers(1, 300))
    timeout, window = draw(integers(1, 900)), drawn.get("batching_window_seconds", 0)
    drawn |= {
        "queue_arn": draw(inputs(QUEUES)),
        "function_name": draw(inputs(kebab_case(40) | FUNCTIONS)),
        "function_timeout_seconds": timeout,
        "queue_visibility_timeout_seconds": draw(integers(min_visibility_timeout_seconds(timeout, window), 43_200)),
    }
    return drawn | draw(arguments({}, maximum_concurrency=integers(2, 1_000)))


VALID = mappings()
INVALID = [
    invalid("queue_visibility_timeout_seconds", queue_visibility_timeout_seconds=outside_range(1, 43_200)),
    invalid("function_timeout_seconds", function_timeout_seconds=outside_range(1, 900)),
    invalid("batch_size", batch_size=outside_range(1, 10_000)),
    invalid("batching_window_seconds", batching_window_seconds=outside_range(0, 300)),
    invalid("maximum_concurrency", maximum_concurrency=outside_range(2, 1_000)),
    invalid("batching_window_seconds", batch_size=integers(11, 10_000), batching_window_seconds=0),
    invalid(
        "queue_visibility_timeout_seconds",
        function_timeout_seconds=integers(100, 900),
        queue_visibility_timeout_seconds=integers(1, 599),
    ),
    invalid(
        "queue_visibility_timeout_seconds",
        function_timeout_seconds=10,
        batching_window_seconds=integers(1, 300),
        queue_visibility_timeout_seconds=60,
    ),
]

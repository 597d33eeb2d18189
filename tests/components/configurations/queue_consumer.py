from hypothesis import strategies as st

from components.choices import min_visibility_timeout_seconds
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import FUNCTIONS, QUEUES, given, inputs, outside, whole, words


@st.composite
def mappings(draw):
    """Messages stay hidden for as long as AWS may work on them, the time that a batch is gathered included."""
    drawn = draw(given({}, batch_size=whole(1, 10) | whole(1, 10_000)))
    if drawn.get("batch_size", 10) > 10 or draw(st.booleans()):
        drawn["batching_window_seconds"] = draw(whole(1, 300))
    timeout, window = draw(whole(1, 900)), drawn.get("batching_window_seconds", 0)
    drawn |= {
        "queue_arn": draw(inputs(QUEUES)),
        "function_name": draw(inputs(words(40) | FUNCTIONS)),
        "function_timeout_seconds": timeout,
        "queue_visibility_timeout_seconds": draw(whole(min_visibility_timeout_seconds(timeout, window), 43_200)),
    }
    return drawn | draw(given({}, maximum_concurrency=whole(2, 1_000)))


VALID = mappings()
INVALID = [
    mistake("queue_visibility_timeout_seconds", queue_visibility_timeout_seconds=outside(1, 43_200)),
    mistake("function_timeout_seconds", function_timeout_seconds=outside(1, 900)),
    mistake("batch_size", batch_size=outside(1, 10_000)),
    mistake("batching_window_seconds", batching_window_seconds=outside(0, 300)),
    mistake("maximum_concurrency", maximum_concurrency=outside(2, 1_000)),
    mistake("batching_window_seconds", batch_size=whole(11, 10_000), batching_window_seconds=0),
    mistake(
        "queue_visibility_timeout_seconds",
        function_timeout_seconds=whole(100, 900),
        queue_visibility_timeout_seconds=whole(1, 599),
    ),
    mistake(
        "queue_visibility_timeout_seconds",
        function_timeout_seconds=10,
        batching_window_seconds=whole(1, 300),
        queue_visibility_timeout_seconds=60,
    ),
]

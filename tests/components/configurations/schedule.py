from typing import Any

from hypothesis import strategies as st

from components.schedule import CRON_FIELDS, DAYS, MAX_EXPRESSION_LENGTH
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    FUNCTIONS,
    arguments,
    inputs,
    integers,
    merge,
    names,
    texts,
    texts_longer_than,
)


def _rate(number: Any, unit: Any) -> Any:
    return f"rate({number} {unit}{'' if number == 1 else 's'})"


@st.composite
def items(draw: Any, field: Any) -> Any:
    """Draw a value, a range or a step of one field of a cron expression."""
    values = integers(field.low, field.high)
    written = values.map(str)
    if field.names:
        written |= st.sampled_from(field.names)
    first, last = sorted(draw(st.tuples(values, values)))
    step = draw(integers(1, min(field.span - 1, 9_999)))
    return draw(
        st.sampled_from(
            ["*", draw(written), f"{first}-{last}", f"*/{step}", f"{first}/{step}", f"{first}-{last}/{step}"]
        )
    )


def fields(number: Any) -> Any:
    """Return lists of items of a field."""
    return st.lists(items(CRON_FIELDS[number]), min_size=1, max_size=3).map(",".join)


DAYS_OF_MONTH = fields(2) | st.sampled_from(["L", "1W", "31W", "9W"])
DAYS_OF_WEEK = fields(4) | st.sampled_from(["L", "6L", "FRIL", "2#1", "SUN#5", *DAYS])
CRONS = st.builds(
    lambda minute, hour, days, month, year: f"cron({minute} {hour} {days[0]} {month} {days[1]} {year})",
    fields(0),
    fields(1),
    st.tuples(DAYS_OF_MONTH, st.just("?")) | st.tuples(st.just("?"), DAYS_OF_WEEK),
    fields(3),
    fields(5),
).filter(lambda expression: len(expression) <= MAX_EXPRESSION_LENGTH)
RATES = st.builds(_rate, integers(1, 999_999_999), st.sampled_from(["minute", "hour", "day"]))
INVALID_CRONS = st.sampled_from(
    [
        "cron()",
        "cron(0 3 * * ?)",
        "cron(0 3 * * ? * *)",
        "cron(0 3 * * * *)",
        "cron(0 3 ? * ? *)",
        "cron(60 3 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 3 32 * ? *)",
        "cron(0 3 0 * ? *)",
        "cron(0 3 * 13 ? *)",
        "cron(0 3 ? * 8 *)",
        "cron(0 3 ? * MON#6 *)",
        "cron(0 3 * * ? 1969)",
        "cron(0 3 * * ? 2030-2029)",
        "cron(0/60 3 * * ? *)",
        "cron(a 3 * * ? *)",
        "cron(1,,2 3 * * ? *)",
        f"cron({','.join(['1'] * 150)} 3 * * ? *)",
    ]
)
INVALID_RATES = st.sampled_from(
    [
        "",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(5)",
        "rate(5 weeks)",
        "at(2030-01-01T00:00:00)",
        "daily",
    ]
)
LEAVES = st.none() | st.booleans() | integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | inputs(texts(20))
EVENTS = st.dictionaries(
    texts(12),
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(8), inner, max_size=3), max_leaves=6
    ),
    max_size=4,
)
VALID = merge(
    names("-schedule-role"),
    arguments(
        {
            "description": texts(512),
            "expression": CRONS | RATES,
            "function_arn": inputs(FUNCTIONS),
            "event": EVENTS,
        },
    ),
)
INVALID = [
    invalid("resource_name", resource_name=""),
    invalid("description", description=st.just("") | texts_longer_than(512)),
    invalid("expression", expression=INVALID_CRONS | INVALID_RATES),
    invalid(
        "event",
        event=st.sampled_from(
            [{"at": {1, 2}}, {"at": float("nan")}, {"at": float("inf")}, {"at": b"x"}, [], "{}", None]
        ),
    ),
]

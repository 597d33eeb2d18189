from typing import Any

from hypothesis import strategies as st

from components.alarms import COMPARISONS, ONE_DAY_SECONDS, SEVEN_DAYS_SECONDS, AlarmRule, Metric
from tests.components.configurations.deferred import DeferredObject, invalid, invalid_objects, objects
from tests.components.configurations.values import (
    CAPITALS,
    DIGITS,
    INVALID_MAILS,
    INVALID_REGIONS,
    LETTERS,
    MAILS,
    REGIONS,
    arguments,
    identifiers,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    other_than,
    outside_range,
    sequences,
    texts,
    texts_longer_than,
    with_duplicate,
)

MISSING = ("notBreaching", "breaching", "ignore", "missing")
MAX_RULE_NAME_LENGTH = 20
STATISTICS = st.sampled_from(
    ["Sum", "Average", "Minimum", "Maximum", "SampleCount", "p0", "p50", "p99", "p99.9", "p99.99"]
)
METRIC_IDS = identifiers(LETTERS, LETTERS + CAPITALS + DIGITS + "_", 10).filter(lambda name: name != "result")
METRICS = objects(
    Metric,
    arguments(
        {"namespace": texts(40), "name": texts(40)},
        dimensions=st.dictionaries(identifiers(CAPITALS, LETTERS, 12), inputs(texts(20)), max_size=3),
        statistic=STATISTICS,
    ),
)


@st.composite
def watched(draw: Any) -> Any:
    """Draw one metric, or an expression over several that uses each of them."""
    metrics = draw(st.dictionaries(METRIC_IDS, METRICS, min_size=1, max_size=9))
    if len(metrics) == 1 and draw(st.booleans()):
        return {"metrics": metrics} | draw(arguments({}, expression=st.just("")))
    return {"metrics": metrics, "expression": draw(st.sampled_from([" + ", " / ", ", "])).join(metrics)}


@st.composite
def spans(draw: Any) -> Any:
    """Draw a period and a number of periods within the evaluation range of CloudWatch."""
    steps = st.sampled_from([10, 30]) | integers(1, ONE_DAY_SECONDS // 60).map(lambda minutes: minutes * 60)
    drawn = draw(arguments({}, period_seconds=steps))
    seconds = drawn.get("period_seconds", 60)
    longest = SEVEN_DAYS_SECONDS if seconds >= 3600 else ONE_DAY_SECONDS
    return drawn | draw(arguments({}, periods=integers(1, min(100, longest // seconds))))


RULES = objects(
    AlarmRule,
    merge(
        arguments(
            {
                "name": kebab_case(MAX_RULE_NAME_LENGTH),
                "description": texts(800),
                "runbook": kebab_case(30),
                "threshold": integers(-(10**6), 10**12) | st.floats(-1e6, 1e12, allow_nan=False),
            },
            comparison=st.sampled_from(sorted(COMPARISONS)),
            missing_data=st.sampled_from(MISSING),
            region=st.none() | st.sampled_from(REGIONS),
        ),
        watched(),
        spans(),
    ),
)
VALID = merge(
    names("x" * MAX_RULE_NAME_LENGTH, resource_name=False),
    arguments(
        {
            "recipients": sequences(MAILS, 1, 4),
            "rules": sequences(RULES, 0, 4, unique_by=lambda rule: rule.arguments["name"]),
            "region": st.sampled_from(REGIONS),
        },
    ),
)
METRIC = {"namespace": "AWS/SQS", "name": "Age"}
SERIES = DeferredObject(Metric, METRIC)
RULE = {"name": "age", "description": "Too old.", "runbook": "age", "metrics": {"a": SERIES}, "threshold": 1}
INVALID_WORDS = st.sampled_from(["", "Age", "age_1", "-age", "age-", "a--b", "a b", "../age"])


def _rule(**changes: Any) -> Any:
    return {"owner": AlarmRule, "rules": invalid_objects(AlarmRule, RULE, **changes).map(lambda rule: [rule])}


def _metric(**changes: Any) -> Any:
    metrics = invalid_objects(Metric, METRIC, **changes).map(lambda metric: {"a": metric})
    return _rule(metrics=metrics) | {"owner": Metric}


INVALID = [
    invalid("recipients", recipients=[]),
    invalid("recipients", recipients=st.lists(INVALID_MAILS, min_size=1, max_size=1)),
    invalid("recipients", recipients=with_duplicate(MAILS)),
    invalid("rules", rules=with_duplicate(RULES)),
    invalid("region", region=INVALID_REGIONS),
    invalid("name", **_rule(name=INVALID_WORDS)),
    invalid("runbook", **_rule(runbook=INVALID_WORDS)),
    invalid("description", **_rule(description=st.just("") | texts_longer_than(800))),
    invalid("metrics", **_rule(metrics={})),
    invalid("metrics", **_rule(metrics={f"a{number}": SERIES for number in range(10)})),
    invalid(
        "metrics", **_rule(metrics=st.sampled_from(["", "A", "1a", "a-b", "a b"]).map(lambda name: {name: SERIES}))
    ),
    invalid("metrics", **_rule(metrics={"result": SERIES})),
    invalid("expression", **_rule(metrics={"a": SERIES, "b": SERIES})),
    invalid(
        "expression", **_rule(metrics={"a": SERIES, "b": SERIES}, expression=st.sampled_from(["a", "a + ab", "a_b"]))
    ),
    invalid("comparison", **_rule(comparison=other_than(*COMPARISONS))),
    invalid("missing_data", **_rule(missing_data=other_than(*MISSING))),
    invalid("period_seconds", **_rule(period_seconds=outside_range(10, ONE_DAY_SECONDS))),
    invalid(
        "period_seconds",
        **_rule(period_seconds=integers(11, ONE_DAY_SECONDS).filter(lambda n: n != 30 and n % 60 != 0)),
    ),
    invalid("periods", **_rule(periods=outside_range(1, 100))),
    invalid("periods", **_rule(period_seconds=3_540, periods=integers(25, 100))),
    invalid("periods", **_rule(period_seconds=ONE_DAY_SECONDS, periods=integers(8, 100))),
    invalid("region", **_rule(region=INVALID_REGIONS)),
    invalid("namespace", **_metric(namespace="")),
    invalid("name", **_metric(name="")),
    invalid("statistic", **_metric(statistic=st.sampled_from(["", "sum", "p", "p100", "p95.123", "Median"]))),
]

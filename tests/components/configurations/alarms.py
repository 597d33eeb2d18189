from hypothesis import strategies as st

from components.alarms import COMPARISONS, ONE_DAY_SECONDS, SEVEN_DAYS_SECONDS, AlarmRule, Metric
from tests.components.configurations.recipes import Recipe, mistake, parts, slips
from tests.components.configurations.values import (
    CAPITALS,
    DIGITS,
    LETTERS,
    MAILS,
    NO_MAILS,
    NO_REGIONS,
    REGIONS,
    given,
    inputs,
    led,
    merged,
    names,
    other_than,
    outside,
    repeated,
    several,
    texts,
    too_long,
    whole,
    words,
)

MISSING = ("notBreaching", "breaching", "ignore", "missing")
MAX_RULE_NAME_LENGTH = 20
STATISTICS = st.sampled_from(
    ["Sum", "Average", "Minimum", "Maximum", "SampleCount", "p0", "p50", "p99", "p99.9", "p99.99"]
)
METRIC_IDS = led(LETTERS, LETTERS + CAPITALS + DIGITS + "_", 10).filter(lambda name: name != "result")
METRICS = parts(
    Metric,
    given(
        {"namespace": texts(40), "name": texts(40)},
        dimensions=st.dictionaries(led(CAPITALS, LETTERS, 12), inputs(texts(20)), max_size=3),
        statistic=STATISTICS,
    ),
)


@st.composite
def watched(draw):
    """One series, or an expression over several that uses each of them."""
    metrics = draw(st.dictionaries(METRIC_IDS, METRICS, min_size=1, max_size=9))
    if len(metrics) == 1 and draw(st.booleans()):
        return {"metrics": metrics} | draw(given({}, expression=st.just("")))
    return {"metrics": metrics, "expression": draw(st.sampled_from([" + ", " / ", ", "])).join(metrics)}


@st.composite
def spans(draw):
    """Periods that together last no longer than CloudWatch looks back."""
    steps = st.sampled_from([10, 30]) | whole(1, ONE_DAY_SECONDS // 60).map(lambda minutes: minutes * 60)
    drawn = draw(given({}, period_seconds=steps))
    seconds = drawn.get("period_seconds", 60)
    longest = SEVEN_DAYS_SECONDS if seconds >= 3600 else ONE_DAY_SECONDS
    return drawn | draw(given({}, periods=whole(1, min(100, longest // seconds))))


RULES = parts(
    AlarmRule,
    merged(
        given(
            {
                "name": words(MAX_RULE_NAME_LENGTH),
                "description": texts(800),
                "runbook": words(30),
                "threshold": whole(-(10**6), 10**12) | st.floats(-1e6, 1e12, allow_nan=False),
            },
            comparison=st.sampled_from(sorted(COMPARISONS)),
            missing_data=st.sampled_from(MISSING),
            region=st.none() | st.sampled_from(REGIONS),
        ),
        watched(),
        spans(),
    ),
)
VALID = merged(
    names("x" * MAX_RULE_NAME_LENGTH, resource_name=False),
    given(
        {
            "recipients": several(MAILS, 1, 4),
            "rules": several(RULES, 0, 4, unique_by=lambda rule: rule.arguments["name"]),
            "region": st.sampled_from(REGIONS),
        },
    ),
)
METRIC = {"namespace": "AWS/SQS", "name": "Age"}
SERIES = Recipe(Metric, METRIC)
RULE = {"name": "age", "description": "Too old.", "runbook": "age", "metrics": {"a": SERIES}, "threshold": 1}
NO_WORDS = st.sampled_from(["", "Age", "age_1", "-age", "age-", "a--b", "a b"])


def _rule(**changes):
    return {"owner": AlarmRule, "rules": slips(AlarmRule, RULE, **changes).map(lambda rule: [rule])}


def _metric(**changes):
    metrics = slips(Metric, METRIC, **changes).map(lambda metric: {"a": metric})
    return _rule(metrics=metrics) | {"owner": Metric}


INVALID = [
    mistake("recipients", recipients=[]),
    mistake("recipients", recipients=st.lists(NO_MAILS, min_size=1, max_size=1)),
    mistake("recipients", recipients=repeated(MAILS)),
    mistake("rules", rules=repeated(RULES)),
    mistake("region", region=NO_REGIONS),
    mistake("name", **_rule(name=NO_WORDS)),
    mistake("runbook", **_rule(runbook=NO_WORDS)),
    mistake("description", **_rule(description=st.just("") | too_long(800))),
    mistake("metrics", **_rule(metrics={})),
    mistake("metrics", **_rule(metrics={f"a{number}": SERIES for number in range(10)})),
    mistake(
        "metrics", **_rule(metrics=st.sampled_from(["", "A", "1a", "a-b", "a b"]).map(lambda name: {name: SERIES}))
    ),
    mistake("metrics", **_rule(metrics={"result": SERIES})),
    mistake("expression", **_rule(metrics={"a": SERIES, "b": SERIES})),
    mistake(
        "expression", **_rule(metrics={"a": SERIES, "b": SERIES}, expression=st.sampled_from(["a", "a + ab", "a_b"]))
    ),
    mistake("comparison", **_rule(comparison=other_than(*COMPARISONS))),
    mistake("missing_data", **_rule(missing_data=other_than(*MISSING))),
    mistake("period_seconds", **_rule(period_seconds=outside(10, ONE_DAY_SECONDS))),
    mistake(
        "period_seconds", **_rule(period_seconds=whole(11, ONE_DAY_SECONDS).filter(lambda n: n != 30 and n % 60 != 0))
    ),
    mistake("periods", **_rule(periods=outside(1, 100))),
    mistake("periods", **_rule(period_seconds=3_540, periods=whole(25, 100))),
    mistake("periods", **_rule(period_seconds=ONE_DAY_SECONDS, periods=whole(8, 100))),
    mistake("region", **_rule(region=NO_REGIONS)),
    mistake("namespace", **_metric(namespace="")),
    mistake("name", **_metric(name="")),
    mistake("statistic", **_metric(statistic=st.sampled_from(["", "sum", "p", "p100", "p95.123", "Median"]))),
]

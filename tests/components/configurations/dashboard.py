from typing import Any

from hypothesis import strategies as st

from components.alarm_rules import SECONDS_PER_DAY
from components.dashboard import COLUMNS, MAX_SERIES, MAX_WIDGETS, Chart, Section
from tests.components.configurations.alarms import METRIC_IDS, METRICS, SERIES
from tests.components.configurations.deferred import DeferredObject, invalid, invalid_objects, objects
from tests.components.configurations.values import (
    REGIONS,
    arguments,
    integers,
    merge,
    names,
    outside_range,
    sequences,
    texts,
)

DRAWN = arguments({"metrics": st.dictionaries(texts(20), METRICS, min_size=1, max_size=4)}) | st.dictionaries(
    METRIC_IDS, METRICS, min_size=1, max_size=4
).map(lambda metrics: {"metrics": metrics, "expression": f"SUM([{', '.join(metrics)}])"})
CHARTS = objects(
    Chart,
    merge(
        DRAWN,
        arguments(
            {"title": texts(60)},
            limits=st.dictionaries(texts(20), st.floats(-1e12, 1e12) | integers(0, 10**12), max_size=3),
            width=integers(1, COLUMNS),
            period_seconds=integers(1, SECONDS_PER_DAY),
            stacked=st.booleans(),
            region=st.sampled_from(REGIONS),
        ),
    ),
)
SECTIONS = objects(Section, arguments({"title": texts(60), "charts": sequences(CHARTS, 1, 4)}))
VALID = merge(
    names(resource_name=False),
    arguments({"region": st.sampled_from(REGIONS), "sections": sequences(SECTIONS, 1, 3)}),
)
CHART = {"title": "Calls", "metrics": {"calls": SERIES}}
SECTION = {"title": "API", "charts": [DeferredObject(Chart, CHART)]}


def _section(**changes: Any) -> Any:
    return {"owner": Section, "sections": invalid_objects(Section, SECTION, **changes).map(lambda section: [section])}


def _chart(**changes: Any) -> Any:
    charts = invalid_objects(Chart, CHART, **changes).map(lambda chart: [chart])
    return _section(charts=charts) | {"owner": Chart}


INVALID = [
    invalid("region", region=""),
    invalid("sections", sections=[]),
    # The title of a section is a widget too.
    invalid("sections", sections=[DeferredObject(Section, SECTION | {"charts": SECTION["charts"] * MAX_WIDGETS})]),
    invalid("title", **_section(title="")),
    invalid("charts", **_section(charts=[])),
    invalid("title", **_chart(title="")),
    invalid("metrics", **_chart(metrics={})),
    invalid("metrics", **_chart(metrics={str(number): SERIES for number in range(MAX_SERIES + 1)})),
    invalid("width", **_chart(width=outside_range(1, COLUMNS))),
    invalid("period_seconds", **_chart(period_seconds=outside_range(1, SECONDS_PER_DAY))),
]

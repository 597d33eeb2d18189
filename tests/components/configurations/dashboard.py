from hypothesis import strategies as st

from components.alarm_rules import SECONDS_PER_DAY
from components.dashboard import COLUMNS, MAX_SERIES, MAX_WIDGETS, Chart, Section
from tests.components.configurations.alarms import METRIC_IDS, METRICS, SERIES
from tests.components.configurations.recipes import Recipe, mistake, parts, slips
from tests.components.configurations.values import REGIONS, given, merged, names, outside, several, texts, whole

DRAWN = given({"metrics": st.dictionaries(texts(20), METRICS, min_size=1, max_size=4)}) | st.dictionaries(
    METRIC_IDS, METRICS, min_size=1, max_size=4
).map(lambda metrics: {"metrics": metrics, "expression": f"SUM([{', '.join(metrics)}])"})
CHARTS = parts(
    Chart,
    merged(
        DRAWN,
        given(
            {"title": texts(60)},
            limits=st.dictionaries(texts(20), st.floats(-1e12, 1e12) | whole(0, 10**12), max_size=3),
            width=whole(1, COLUMNS),
            period_seconds=whole(1, SECONDS_PER_DAY),
            stacked=st.booleans(),
            region=st.sampled_from(REGIONS),
        ),
    ),
)
SECTIONS = parts(Section, given({"title": texts(60), "charts": several(CHARTS, 1, 4)}))
VALID = merged(
    names(resource_name=False),
    given({"region": st.sampled_from(REGIONS), "sections": several(SECTIONS, 1, 3)}),
)
CHART = {"title": "Calls", "metrics": {"calls": SERIES}}
SECTION = {"title": "API", "charts": [Recipe(Chart, CHART)]}


def _section(**changes):
    return {"owner": Section, "sections": slips(Section, SECTION, **changes).map(lambda section: [section])}


def _chart(**changes):
    charts = slips(Chart, CHART, **changes).map(lambda chart: [chart])
    return _section(charts=charts) | {"owner": Chart}


INVALID = [
    mistake("region", region=""),
    mistake("sections", sections=[]),
    # A section's title is a widget too.
    mistake("sections", sections=[Recipe(Section, SECTION | {"charts": SECTION["charts"] * MAX_WIDGETS})]),
    mistake("title", **_section(title="")),
    mistake("charts", **_section(charts=[])),
    mistake("title", **_chart(title="")),
    mistake("metrics", **_chart(metrics={})),
    mistake("metrics", **_chart(metrics={str(number): SERIES for number in range(MAX_SERIES + 1)})),
    mistake("width", **_chart(width=outside(1, COLUMNS))),
    mistake("period_seconds", **_chart(period_seconds=outside(1, SECONDS_PER_DAY))),
]

from hypothesis import strategies as st

from components.budget import MOST_ADDRESSES, MOST_NOTICES
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    MAILS,
    NO_MAILS,
    arns,
    given,
    inputs,
    merged,
    names,
    outside,
    repeated,
    several,
    whole,
    words,
)

PERCENTS = whole(1, 1_000)
TOPICS = arns("sns", words(30))


@st.composite
def notices(draw):
    """One to five notices; what is left out are three of costs and one of forecasts."""
    match draw(st.sampled_from(["neither", "actual", "forecast", "both"])):
        case "neither":
            return {}
        case "actual":
            return {"actual_percent": draw(several(PERCENTS, 0, MOST_NOTICES - 1))}
        case "forecast":
            return {"forecast_percent": draw(several(PERCENTS, 0, MOST_NOTICES - 3))}
        case _:
            actual = draw(several(PERCENTS, 0, MOST_NOTICES))
            forecast = several(PERCENTS, 0 if actual else 1, MOST_NOTICES - len(actual))
            return {"actual_percent": actual, "forecast_percent": draw(forecast)}


TOLD = given({"recipients": several(MAILS, 1, MOST_ADDRESSES)}, topic_arn=inputs(TOPICS)) | given(
    {"topic_arn": inputs(TOPICS)}
)
VALID = merged(
    names("cost-anomalies", thing=False),
    given({"monthly_usd": whole(1, 10_000_000)}, anomaly_usd=whole(1, 10_000_000)),
    notices(),
    TOLD,
)
NO_PERCENTS = st.lists(st.integers(max_value=0) | st.integers(min_value=1_001), min_size=1, max_size=1)
INVALID = [
    mistake("monthly_usd", monthly_usd=outside(1, 10_000_000)),
    mistake("anomaly_usd", anomaly_usd=outside(1, 10_000_000)),
    mistake("actual_percent", actual_percent=NO_PERCENTS),
    mistake("forecast_percent", forecast_percent=NO_PERCENTS),
    mistake("actual_percent", actual_percent=repeated(PERCENTS)),
    mistake("forecast_percent", forecast_percent=repeated(PERCENTS)),
    mistake("actual_percent", actual_percent=[], forecast_percent=[]),
    mistake(
        "actual_percent",
        actual_percent=several(PERCENTS, 3, 5),
        forecast_percent=several(PERCENTS, MOST_NOTICES - 2, 5),
    ),
    mistake("recipients", recipients=[], topic_arn=None),
    mistake("recipients", recipients=several(MAILS, MOST_ADDRESSES + 1, MOST_ADDRESSES + 5)),
    mistake("recipients", recipients=st.lists(NO_MAILS, min_size=1, max_size=1)),
    mistake("recipients", recipients=repeated(MAILS)),
]

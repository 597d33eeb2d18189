from hypothesis import strategies as st

from components.budget import MAX_ADDRESSES
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

TOPICS = arns("sns", words(30))
TOLD = given({"recipients": several(MAILS, 1, MAX_ADDRESSES)}, topic_arn=inputs(TOPICS)) | given(
    {"topic_arn": inputs(TOPICS)}
)
VALID = merged(
    names("cost-anomalies", resource_name=False),
    given({"monthly_usd": whole(1, 10_000_000)}, anomaly_usd=whole(1, 10_000_000)),
    TOLD,
)
INVALID = [
    mistake("monthly_usd", monthly_usd=outside(1, 10_000_000)),
    mistake("anomaly_usd", anomaly_usd=outside(1, 10_000_000)),
    mistake("recipients", recipients=[], topic_arn=None),
    mistake("recipients", recipients=several(MAILS, MAX_ADDRESSES + 1, MAX_ADDRESSES + 5)),
    mistake("recipients", recipients=st.lists(NO_MAILS, min_size=1, max_size=1)),
    mistake("recipients", recipients=repeated(MAILS)),
]

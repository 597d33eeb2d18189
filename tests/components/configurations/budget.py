from hypothesis import strategies as st

from components.budget import MAX_ADDRESSES
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    INVALID_MAILS,
    MAILS,
    arguments,
    arns,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    outside_range,
    sequences,
    with_duplicate,
)

TOPICS = arns("sns", kebab_case(30))
TOLD = arguments({"recipients": sequences(MAILS, 1, MAX_ADDRESSES)}, topic_arn=inputs(TOPICS)) | arguments(
    {"topic_arn": inputs(TOPICS)}
)
VALID = merge(
    names("cost-anomalies", resource_name=False),
    arguments({"monthly_usd": integers(1, 10_000_000)}, anomaly_usd=integers(1, 10_000_000)),
    TOLD,
)
INVALID = [
    invalid("monthly_usd", monthly_usd=outside_range(1, 10_000_000)),
    invalid("anomaly_usd", anomaly_usd=outside_range(1, 10_000_000)),
    invalid("recipients", recipients=[], topic_arn=None),
    invalid("recipients", recipients=sequences(MAILS, MAX_ADDRESSES + 1, MAX_ADDRESSES + 5)),
    invalid("recipients", recipients=st.lists(INVALID_MAILS, min_size=1, max_size=1)),
    invalid("recipients", recipients=with_duplicate(MAILS)),
]

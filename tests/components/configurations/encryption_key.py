from hypothesis import strategies as st

from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    ACCOUNTS,
    REGIONS,
    arguments,
    inputs,
    kebab_case,
    merge,
    names,
    sequences,
    texts,
    texts_longer_than,
    with_duplicate,
)

SERVICES = kebab_case(12) | st.sampled_from(["s3", "secretsmanager", "dms.eu", "logs"])
LOG_GROUPS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["/aws/lambda/", "", "aws-waf-logs-"]),
    kebab_case(20),
    st.sampled_from(["", "*", "/*", "#1"]),
)
VALID = merge(
    names(),
    arguments(
        {"description": texts(8_192), "account_id": inputs(ACCOUNTS), "region": st.sampled_from(REGIONS)},
        services=sequences(SERVICES, 0, 5),
        log_groups=sequences(LOG_GROUPS, 0, 4),
        protected=st.booleans(),
    ),
)
INVALID = [
    invalid("description", description=st.just("") | texts_longer_than(8_192)),
    invalid("services", services=st.sampled_from([[""], ["S3"], ["*"], ["s3 "], ["1s3"], ["s3."]])),
    invalid("services", services=with_duplicate(SERVICES)),
    invalid("log_groups", log_groups=st.sampled_from([[""], ["a b"], ["a:b"], ["a?"]])),
    invalid("log_groups", log_groups=with_duplicate(LOG_GROUPS)),
    invalid("log_groups", log_groups=["*"]),
]

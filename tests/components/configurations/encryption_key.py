from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    ACCOUNTS,
    REGIONS,
    given,
    inputs,
    merged,
    names,
    repeated,
    several,
    texts,
    too_long,
    words,
)

SERVICES = words(12) | st.sampled_from(["s3", "secretsmanager", "dms.eu", "logs"])
LOG_GROUPS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["/aws/lambda/", "", "aws-waf-logs-"]),
    words(20),
    st.sampled_from(["", "*", "/*", "#1"]),
)
VALID = merged(
    names(),
    given(
        {"description": texts(8_192), "account_id": inputs(ACCOUNTS), "region": st.sampled_from(REGIONS)},
        services=several(SERVICES, 0, 5),
        log_groups=several(LOG_GROUPS, 0, 4),
        protected=st.booleans(),
    ),
)
INVALID = [
    mistake("description", description=st.just("") | too_long(8_192)),
    mistake("services", services=st.sampled_from([[""], ["S3"], ["*"], ["s3 "], ["1s3"], ["s3."]])),
    mistake("services", services=repeated(SERVICES)),
    mistake("log_groups", log_groups=st.sampled_from([[""], ["a b"], ["a:b"], ["a?"]])),
    mistake("log_groups", log_groups=repeated(LOG_GROUPS)),
    mistake("log_groups", log_groups=["*"]),
]

from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    FEWER_THAN_TWO_SUBNETS,
    GROUPS,
    KEYS,
    NETWORKS,
    NO_RETENTIONS,
    PAIRS_OF_SUBNETS,
    RETENTIONS,
    SECRETS,
    SUFFIX,
    given,
    inputs,
    merged,
    names,
    outside,
    whole,
    words,
)

VALID = merged(
    names("db-proxy-role", f"db-proxy-sg{SUFFIX}", resource_name=False),
    given(
        {
            "vpc_id": inputs(NETWORKS),
            "subnet_ids": PAIRS_OF_SUBNETS,
            "database_identifier": inputs(words(40)),
            "database_security_group_id": inputs(GROUPS),
            "secret_arn": inputs(SECRETS),
        },
        secret_key_arn=inputs(KEYS),
        iam_authentication=st.booleans(),
        connections_percent=whole(1, 100),
        borrow_timeout_seconds=whole(0, 300),
        idle_client_timeout_seconds=whole(1, 28_800),
        log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
    ),
)
INVALID = [
    mistake("subnet_ids", subnet_ids=FEWER_THAN_TWO_SUBNETS),
    mistake("connections_percent", connections_percent=outside(1, 100)),
    mistake("borrow_timeout_seconds", borrow_timeout_seconds=outside(0, 300)),
    mistake("idle_client_timeout_seconds", idle_client_timeout_seconds=outside(1, 28_800)),
    mistake("log_retention_days", log_retention_days=NO_RETENTIONS),
]

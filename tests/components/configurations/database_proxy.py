from hypothesis import strategies as st

from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    FEWER_THAN_TWO_SUBNETS,
    GROUPS,
    INVALID_RETENTIONS,
    KEYS,
    NETWORKS,
    PAIRS_OF_SUBNETS,
    RETENTIONS,
    SECRETS,
    SUFFIX,
    arguments,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    outside_range,
)

VALID = merge(
    names("db-proxy-role", f"db-proxy-sg{SUFFIX}", resource_name=False),
    arguments(
        {
            "vpc_id": inputs(NETWORKS),
            "subnet_ids": PAIRS_OF_SUBNETS,
            "database_identifier": inputs(kebab_case(40)),
            "database_security_group_id": inputs(GROUPS),
            "secret_arn": inputs(SECRETS),
        },
        secret_key_arn=inputs(KEYS),
        iam_authentication=st.booleans(),
        connections_percent=integers(1, 100),
        borrow_timeout_seconds=integers(0, 300),
        idle_client_timeout_seconds=integers(1, 28_800),
        log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
    ),
)
INVALID = [
    invalid("subnet_ids", subnet_ids=FEWER_THAN_TWO_SUBNETS),
    invalid("connections_percent", connections_percent=outside_range(1, 100)),
    invalid("borrow_timeout_seconds", borrow_timeout_seconds=outside_range(0, 300)),
    invalid("idle_client_timeout_seconds", idle_client_timeout_seconds=outside_range(1, 28_800)),
    invalid("log_retention_days", log_retention_days=INVALID_RETENTIONS),
]

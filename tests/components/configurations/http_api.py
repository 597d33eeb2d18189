from hypothesis import strategies as st

from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    CERTIFICATES,
    FUNCTIONS,
    INVALID_HOSTS,
    INVALID_RETENTIONS,
    KEYS,
    RETENTIONS,
    arguments,
    hosts,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    outside_range,
    texts,
    texts_longer_than,
)

VALID = merge(
    names("api", resource_name=False),
    arguments({}) | arguments({"host_name": hosts(), "certificate_arn": inputs(CERTIFICATES)}),
    arguments(
        {
            "description": texts(1_024),
            "function_name": inputs(kebab_case(40)),
            "function_invoke_arn": inputs(FUNCTIONS),
        },
        function_qualifier=inputs(kebab_case(20)),
        requests_per_second=integers(1, 10_000),
        burst_requests=integers(1, 5_000),
        log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
    ),
)
INVALID = [
    invalid("description", description=st.just("") | texts_longer_than(1_024)),
    invalid("requests_per_second", requests_per_second=outside_range(1, 10_000)),
    invalid("burst_requests", burst_requests=outside_range(1, 5_000)),
    invalid("log_retention_days", log_retention_days=INVALID_RETENTIONS),
    invalid("certificate_arn", host_name=hosts(), certificate_arn=None),
    invalid("certificate_arn", host_name=None, certificate_arn=inputs(CERTIFICATES)),
    invalid("host_name", certificate_arn=inputs(CERTIFICATES), host_name=INVALID_HOSTS),
    invalid(
        "host_name",
        certificate_arn=inputs(CERTIFICATES),
        host_name=integers(126, 200).map(lambda labels: f"{'x.' * labels}com"),
    ),
]

from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    CERTIFICATES,
    FUNCTIONS,
    KEYS,
    NO_HOSTS,
    NO_RETENTIONS,
    RETENTIONS,
    given,
    hosts,
    inputs,
    merged,
    names,
    outside,
    texts,
    too_long,
    whole,
    words,
)

VALID = merged(
    names("api", resource_name=False),
    given({}) | given({"host_name": hosts(), "certificate_arn": inputs(CERTIFICATES)}),
    given(
        {
            "description": texts(1_024),
            "function_name": inputs(words(40)),
            "function_invoke_arn": inputs(FUNCTIONS),
        },
        function_qualifier=inputs(words(20)),
        requests_per_second=whole(1, 10_000),
        burst_requests=whole(1, 5_000),
        log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
    ),
)
INVALID = [
    mistake("description", description=st.just("") | too_long(1_024)),
    mistake("requests_per_second", requests_per_second=outside(1, 10_000)),
    mistake("burst_requests", burst_requests=outside(1, 5_000)),
    mistake("log_retention_days", log_retention_days=NO_RETENTIONS),
    mistake("certificate_arn", host_name=hosts(), certificate_arn=None),
    mistake("certificate_arn", host_name=None, certificate_arn=inputs(CERTIFICATES)),
    mistake("host_name", certificate_arn=inputs(CERTIFICATES), host_name=NO_HOSTS),
    mistake(
        "host_name",
        certificate_arn=inputs(CERTIFICATES),
        host_name=whole(126, 200).map(lambda labels: f"{'x.' * labels}com"),
    ),
]

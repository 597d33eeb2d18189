from typing import Any

from hypothesis import strategies as st

from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    INVALID_RETENTIONS,
    KEYS,
    REGIONS,
    RETENTIONS,
    SUFFIX,
    arguments,
    inputs,
    integers,
    merge,
    names,
    other_than,
    sequences,
    with_duplicate,
)

CIDRS = st.one_of(
    integers(0, 255).map("10.{}.0.0/16".format),
    integers(16, 31).map("172.{}.0.0/16".format),
    st.just("192.168.0.0/16"),
)
ENDPOINTS = st.sampled_from(
    ["secretsmanager", "sqs", "kms", "logs", "ecr.api", "ecr.dkr", "cognito-idp", "execute-api"]
)


@st.composite
def places(draw: Any) -> Any:
    """Draw a region and two of its zones, in any order."""
    region = draw(st.sampled_from(REGIONS))
    zones = draw(sequences(st.sampled_from("abcdef").map(region.__add__), 2, 2))
    return {"region": region, "availability_zones": zones}


VALID = merge(
    names(
        "public-rt",
        "flow-log-role",
        f"endpoints-sg{SUFFIX}",
        "endpoint-execute-api",
        "endpoint-secretsmanager",
        resource_name=False,
    ),
    places(),
    arguments(
        {"cidr": CIDRS},
        nat=st.sampled_from(["none", "single", "one_per_zone"]),
        interface_endpoints=sequences(ENDPOINTS, 0, 5),
        flow_log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
    ),
)
INVALID = [
    invalid(
        "cidr",
        cidr=st.sampled_from(
            ["", "10.0.0.0", "10.0.0.0/8", "10.0.0.0/24", "8.8.0.0/16", "10.0.1.0/16", "fd00::/16", "10.0.0.256/16"]
        ),
    ),
    invalid("availability_zones", region="us-east-1", availability_zones=st.sampled_from([[], ["us-east-1a"]])),
    invalid("availability_zones", region="us-east-1", availability_zones=["us-east-1a", "us-east-1b", "us-east-1c"]),
    invalid("availability_zones", region="us-east-1", availability_zones=["us-east-1a", "us-east-1a"]),
    invalid("availability_zones", region="us-east-1", availability_zones=["us-east-1a", "us-west-2b"]),
    invalid("availability_zones", region="us-east-1", availability_zones=["us-east-1a", "us-east-1"]),
    invalid("nat", nat=other_than("none", "single", "one_per_zone")),
    invalid("interface_endpoints", interface_endpoints=with_duplicate(ENDPOINTS)),
    invalid("interface_endpoints", interface_endpoints=["s3"]),
    invalid("flow_log_retention_days", flow_log_retention_days=INVALID_RETENTIONS),
]

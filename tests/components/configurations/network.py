from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    KEYS,
    NO_RETENTIONS,
    REGIONS,
    RETENTIONS,
    SUFFIX,
    given,
    inputs,
    merged,
    names,
    other_than,
    repeated,
    several,
    whole,
)

CIDRS = st.one_of(
    whole(0, 255).map("10.{}.0.0/16".format),
    whole(16, 31).map("172.{}.0.0/16".format),
    st.just("192.168.0.0/16"),
)
ENDPOINTS = st.sampled_from(
    ["secretsmanager", "sqs", "kms", "logs", "ecr.api", "ecr.dkr", "cognito-idp", "execute-api"]
)


@st.composite
def places(draw):
    """A region and two of its zones, in any order."""
    region = draw(st.sampled_from(REGIONS))
    zones = draw(several(st.sampled_from("abcdef").map(region.__add__), 2, 2))
    return {"region": region, "availability_zones": zones}


VALID = merged(
    names(
        "public-rt",
        "flow-log-role",
        f"endpoints-sg{SUFFIX}",
        "endpoint-execute-api",
        "endpoint-secretsmanager",
        resource_name=False,
    ),
    places(),
    given(
        {"cidr": CIDRS},
        nat=st.sampled_from(["none", "single", "one_per_zone"]),
        interface_endpoints=several(ENDPOINTS, 0, 5),
        flow_log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
    ),
)
INVALID = [
    mistake(
        "cidr",
        cidr=st.sampled_from(
            ["", "10.0.0.0", "10.0.0.0/8", "10.0.0.0/24", "8.8.0.0/16", "10.0.1.0/16", "fd00::/16", "10.0.0.256/16"]
        ),
    ),
    mistake("availability_zones", region="us-east-1", availability_zones=st.sampled_from([[], ["us-east-1a"]])),
    mistake("availability_zones", region="us-east-1", availability_zones=["us-east-1a", "us-east-1b", "us-east-1c"]),
    mistake("availability_zones", region="us-east-1", availability_zones=["us-east-1a", "us-east-1a"]),
    mistake("availability_zones", region="us-east-1", availability_zones=["us-east-1a", "us-west-2b"]),
    mistake("availability_zones", region="us-east-1", availability_zones=["us-east-1a", "us-east-1"]),
    mistake("nat", nat=other_than("none", "single", "one_per_zone")),
    mistake("interface_endpoints", interface_endpoints=repeated(ENDPOINTS)),
    mistake("interface_endpoints", interface_endpoints=["s3"]),
    mistake("flow_log_retention_days", flow_log_retention_days=NO_RETENTIONS),
]

from hypothesis import strategies as st

from components.load_balancer import MAX_NAME_LENGTH
from components.naming import Naming
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    BUCKET_NAMES,
    CERTIFICATES,
    FEWER_THAN_TWO_SUBNETS,
    NETWORKS,
    NO_HOSTS,
    NO_PATHS,
    PAIRS_OF_SUBNETS,
    PATHS,
    given,
    hosts,
    inputs,
    merged,
    names,
    outside,
    whole,
)

NAMES = names("alb", longest=MAX_NAME_LENGTH, resource_name=False)
ADDRESS = given({}) | given({"certificate_arn": inputs(CERTIFICATES), "host_name": hosts()})
BEHAVIOUR = given(
    {"vpc_id": inputs(NETWORKS), "public_subnet_ids": PAIRS_OF_SUBNETS},
    health_path=PATHS,
    access_log_bucket=inputs(BUCKET_NAMES),
    protected=st.booleans(),
)
VALID = merged(NAMES, ADDRESS, BEHAVIOUR, given({}, port=whole(1, 65_535), shifts_traffic=st.booleans()))
LONG_NAMING = whole(MAX_NAME_LENGTH - 5, 40).map(lambda length: Naming("x" * length, "e"))
INVALID = [
    mistake("public_subnet_ids", public_subnet_ids=FEWER_THAN_TWO_SUBNETS),
    mistake("naming", naming=LONG_NAMING),
    mistake("port", port=outside(1, 65_535)),
    mistake("health_path", health_path=NO_PATHS),
    mistake("host_name", certificate_arn=None, host_name=hosts()),
    mistake("host_name", certificate_arn=inputs(CERTIFICATES), host_name=None),
    mistake("host_name", certificate_arn=inputs(CERTIFICATES), host_name=NO_HOSTS),
]

from hypothesis import strategies as st

from components.load_balancer import MAX_NAME_LENGTH
from components.naming import Naming
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    BUCKET_NAMES,
    CERTIFICATES,
    FEWER_THAN_TWO_SUBNETS,
    INVALID_HOSTS,
    INVALID_PATHS,
    NETWORKS,
    PAIRS_OF_SUBNETS,
    PATHS,
    arguments,
    hosts,
    inputs,
    integers,
    merge,
    names,
    outside_range,
)

NAMES = names("alb", longest=MAX_NAME_LENGTH, resource_name=False)
ADDRESS = arguments({}) | arguments({"certificate_arn": inputs(CERTIFICATES), "host_name": hosts()})
BEHAVIOUR = arguments(
    {"vpc_id": inputs(NETWORKS), "public_subnet_ids": PAIRS_OF_SUBNETS},
    health_path=PATHS,
    access_log_bucket=inputs(BUCKET_NAMES),
    protected=st.booleans(),
)
VALID = merge(NAMES, ADDRESS, BEHAVIOUR, arguments({}, port=integers(1, 65_535), shifts_traffic=st.booleans()))
LONG_NAMING = integers(MAX_NAME_LENGTH - 5, 40).map(lambda length: Naming("x" * length, "e"))
INVALID = [
    invalid("public_subnet_ids", public_subnet_ids=FEWER_THAN_TWO_SUBNETS),
    invalid("naming", naming=LONG_NAMING),
    invalid("port", port=outside_range(1, 65_535)),
    invalid("health_path", health_path=INVALID_PATHS),
    invalid("host_name", certificate_arn=None, host_name=hosts()),
    invalid("host_name", certificate_arn=inputs(CERTIFICATES), host_name=None),
    invalid("host_name", certificate_arn=inputs(CERTIFICATES), host_name=INVALID_HOSTS),
]

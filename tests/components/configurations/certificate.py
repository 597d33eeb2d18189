from hypothesis import strategies as st

from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    INVALID_HOSTS,
    INVALID_REGIONS,
    REGIONS,
    ZONES,
    arguments,
    hosts,
    inputs,
    integers,
)

# The limit of ACM.
MAX_HOST_NAME_LENGTH = 64

VALID = arguments(
    {"host_name": hosts(MAX_HOST_NAME_LENGTH), "zone_id": inputs(ZONES)},
    region=st.sampled_from(REGIONS),
)
INVALID = [
    invalid("host_name", host_name=INVALID_HOSTS),
    invalid("host_name", host_name=integers(MAX_HOST_NAME_LENGTH - 3, 80).map(lambda length: f"{'x' * length}.com")),
    invalid("region", region=INVALID_REGIONS),
]

from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    NO_HOSTS,
    NO_REGIONS,
    REGIONS,
    ZONES,
    given,
    hosts,
    inputs,
    whole,
)

# ACM's own limit.
MAX_HOST_NAME_LENGTH = 64

VALID = given(
    {"host_name": hosts(MAX_HOST_NAME_LENGTH), "zone_id": inputs(ZONES)},
    region=st.sampled_from(REGIONS),
)
INVALID = [
    mistake("host_name", host_name=NO_HOSTS),
    mistake("host_name", host_name=whole(MAX_HOST_NAME_LENGTH - 3, 80).map(lambda length: f"{'x' * length}.com")),
    mistake("region", region=NO_REGIONS),
]

from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import NO_HOSTS, ZONES, given, hosts, inputs, whole

VALID = given({"host_name": hosts()}, zone_id=inputs(ZONES), protected=st.booleans())
INVALID = [
    mistake("host_name", host_name=NO_HOSTS),
    mistake("host_name", host_name=whole(126, 200).map(lambda labels: f"{'x.' * labels}com")),
]


def needs_no_child(arguments):
    """A zone that stands already is left as it is."""
    return "zone_id" in arguments

from hypothesis import strategies as st

from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import INVALID_HOSTS, arguments, hosts, integers

VALID = arguments({"host_name": hosts()}, protected=st.booleans())
INVALID = [
    invalid("host_name", host_name=INVALID_HOSTS),
    invalid("host_name", host_name=integers(126, 200).map(lambda labels: f"{'x.' * labels}com")),
]

from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import NO_HOSTS, given, hosts, whole

VALID = given({"host_name": hosts()}, protected=st.booleans())
INVALID = [
    mistake("host_name", host_name=NO_HOSTS),
    mistake("host_name", host_name=whole(126, 200).map(lambda labels: f"{'x.' * labels}com")),
]

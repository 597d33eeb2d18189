from hypothesis import strategies as st

from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    INVALID_MAILS,
    LETTERS,
    MAILS,
    arguments,
    integers,
    merge,
    names,
    other_than,
    outside_range,
    strings,
    texts,
)

FACTORS = ("OFF", "OPTIONAL", "ON")
PROTECTIONS = ("off", "audit", "enforced")


VALID = merge(
    names("users", "api-client", resource_name=False),
    arguments(
        {"groups": st.dictionaries(strings(LETTERS + "_-", 1, 20), texts(2_048), min_size=1, max_size=6)},
        first_administrator_email=MAILS,
        mfa=st.sampled_from(FACTORS),
        access_token_hours=integers(1, 24),
        id_token_hours=integers(1, 24),
        refresh_token_days=integers(1, 3_650),
        threat_protection=st.sampled_from(PROTECTIONS),
        protected=st.booleans(),
    ),
)
INVALID = [
    invalid("groups", groups={}),
    invalid("groups", groups={"admin": "Everything", "viewer": ""}),
    invalid("mfa", mfa=other_than(*FACTORS)),
    invalid("access_token_hours", access_token_hours=outside_range(1, 24)),
    invalid("id_token_hours", id_token_hours=outside_range(1, 24)),
    invalid("refresh_token_days", refresh_token_days=outside_range(1, 3_650)),
    invalid("threat_protection", threat_protection=other_than(*PROTECTIONS)),
    invalid("first_administrator_email", first_administrator_email=INVALID_MAILS),
]

from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    LETTERS,
    MAILS,
    NO_MAILS,
    given,
    merged,
    names,
    other_than,
    outside,
    spelled,
    texts,
    whole,
)

FACTORS = ("OFF", "OPTIONAL", "ON")
PROTECTIONS = ("off", "audit", "enforced")


VALID = merged(
    names("users", "api-client", resource_name=False),
    given(
        {"groups": st.dictionaries(spelled(LETTERS + "_-", 1, 20), texts(2_048), min_size=1, max_size=6)},
        first_administrator_email=MAILS,
        mfa=st.sampled_from(FACTORS),
        access_token_hours=whole(1, 24),
        id_token_hours=whole(1, 24),
        refresh_token_days=whole(1, 3_650),
        threat_protection=st.sampled_from(PROTECTIONS),
        protected=st.booleans(),
    ),
)
INVALID = [
    mistake("groups", groups={}),
    mistake("groups", groups={"admin": "Everything", "viewer": ""}),
    mistake("mfa", mfa=other_than(*FACTORS)),
    mistake("access_token_hours", access_token_hours=outside(1, 24)),
    mistake("id_token_hours", id_token_hours=outside(1, 24)),
    mistake("refresh_token_days", refresh_token_days=outside(1, 3_650)),
    mistake("threat_protection", threat_protection=other_than(*PROTECTIONS)),
    mistake("first_administrator_email", first_administrator_email=NO_MAILS),
]

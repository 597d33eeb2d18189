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


@st.composite
def groups(draw):
    """Groups, and a first administrator who is in one of them."""
    every = draw(st.dictionaries(spelled(LETTERS + "_-", 1, 20), texts(2_048), min_size=1, max_size=6))
    if draw(st.booleans()):
        return {"groups": every} | draw(given({}, administrator_group=st.sampled_from(sorted(every))))
    every |= draw(st.sampled_from([{"admin": "Everything"}, {}]))
    drawn = {"groups": every, "first_administrator_email": draw(MAILS)}
    if "admin" not in every or draw(st.booleans()):
        drawn["administrator_group"] = draw(st.sampled_from(sorted(every)))
    return drawn


VALID = merged(
    names("users", "api-client", thing=False),
    groups(),
    given(
        {},
        mfa=st.sampled_from(FACTORS),
        access_token_hours=whole(1, 24),
        id_token_hours=whole(1, 24),
        refresh_token_days=whole(1, 3_650),
        rotate_refresh_tokens=st.booleans(),
        minimum_password_length=whole(12, 99),
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
    mistake("minimum_password_length", minimum_password_length=outside(12, 99)),
    mistake("threat_protection", threat_protection=other_than(*PROTECTIONS)),
    mistake("first_administrator_email", first_administrator_email=NO_MAILS),
    mistake(
        "administrator_group",
        groups={"viewer": "Looks"},
        administrator_group=other_than("viewer"),
        first_administrator_email=MAILS,
    ),
]

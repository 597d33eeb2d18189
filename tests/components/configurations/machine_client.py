from hypothesis import strategies as st

from components.machine_client import RESERVED_IN_DOMAINS
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    CAPITALS,
    DIGITS,
    LETTERS,
    REGIONS,
    SECRETS,
    given,
    inputs,
    merged,
    names,
    spelled,
    whole,
    words,
)

POOLS = st.builds("{}_{}".format, st.sampled_from(REGIONS), spelled(LETTERS + CAPITALS + DIGITS, 9, 9))
PREFIXES = (words(30) | whole(1, 63).map("x".__mul__)).filter(
    lambda prefix: not any(word in prefix for word in RESERVED_IN_DOMAINS)
)
VALID = merged(
    names("machine-client", resource_name=False),
    given(
        {"pool_id": inputs(POOLS), "domain_prefix": PREFIXES},
        secret_id=inputs(SECRETS),
    ),
)
INVALID = [
    mistake("domain_prefix", domain_prefix=st.sampled_from(["", "Films", "a.b", "a_b", "-a", "a-", "a b", "x" * 64])),
    mistake("domain_prefix", domain_prefix=st.builds("films{}".format, st.sampled_from(RESERVED_IN_DOMAINS))),
]

from hypothesis import strategies as st

from components.machine_client import RESERVED_IN_DOMAINS
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    CAPITALS,
    DIGITS,
    LETTERS,
    REGIONS,
    SECRETS,
    arguments,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    strings,
)

POOLS = st.builds("{}_{}".format, st.sampled_from(REGIONS), strings(LETTERS + CAPITALS + DIGITS, 9, 9))
PREFIXES = (kebab_case(30) | integers(1, 63).map("x".__mul__)).filter(
    lambda prefix: not any(word in prefix for word in RESERVED_IN_DOMAINS)
)
VALID = merge(
    names("machine-client", resource_name=False),
    arguments(
        {"pool_id": inputs(POOLS), "domain_prefix": PREFIXES},
        secret_id=inputs(SECRETS),
    ),
)
INVALID = [
    invalid("domain_prefix", domain_prefix=st.sampled_from(["", "Films", "a.b", "a_b", "-a", "a-", "a b", "x" * 64])),
    invalid("domain_prefix", domain_prefix=st.builds("films{}".format, st.sampled_from(RESERVED_IN_DOMAINS))),
]

from hypothesis import strategies as st

from components.machine_client import RESERVED_IN_DOMAINS
from tests.components.configurations.container_task import A_SECRET
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    CAPITALS,
    DIGITS,
    LETTERS,
    REGIONS,
    given,
    inputs,
    merged,
    names,
    outside,
    spelled,
    texts,
    too_long,
    whole,
    words,
)

POOLS = st.builds("{}_{}".format, st.sampled_from(REGIONS), spelled(LETTERS + CAPITALS + DIGITS, 9, 9))
PREFIXES = (words(30) | whole(1, 63).map("x".__mul__)).filter(
    lambda prefix: not any(word in prefix for word in RESERVED_IN_DOMAINS)
)
VALID = merged(
    names("machine-client", thing=False),
    given(
        {"pool_id": inputs(POOLS), "domain_prefix": PREFIXES},
        scope=spelled(LETTERS + CAPITALS + DIGITS + "_.:-", 1, 40) | st.just("x" * 256),
        scope_description=texts(256),
        access_token_minutes=whole(5, 24 * 60),
        secret_id=inputs(st.just(A_SECRET)),
    ),
)
INVALID = [
    mistake("domain_prefix", domain_prefix=st.sampled_from(["", "Films", "a.b", "a_b", "-a", "a-", "a b", "x" * 64])),
    mistake("domain_prefix", domain_prefix=st.builds("films{}".format, st.sampled_from(RESERVED_IN_DOMAINS))),
    mistake("scope", scope=st.sampled_from(["", "a b", "a/b", "a,b", "x" * 257])),
    mistake("scope_description", scope_description=st.just("") | too_long(256)),
    mistake("access_token_minutes", access_token_minutes=outside(5, 24 * 60)),
]

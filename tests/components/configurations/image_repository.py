from hypothesis import strategies as st

from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    ACCOUNTS,
    DIGITS,
    LETTERS,
    arguments,
    integers,
    sequences,
    strings,
    with_duplicate,
)

WORDS = strings(LETTERS + DIGITS, 1, 6)
STEPS = st.builds("{}{}{}".format, WORDS, st.sampled_from(["-", "--", ".", "_", "__"]), WORDS)
NAMES = st.lists(STEPS, min_size=1, max_size=4).map("/".join) | integers(2, 256).map("x".__mul__)
VALID = arguments(
    {"name": NAMES},
    reader_account_ids=sequences(ACCOUNTS, 0, 4),
    protected=st.booleans(),
)
INVALID = [
    invalid(
        "name",
        name=st.sampled_from(["", "a", "Films", "films api", "-films", "films-", "a//b", "/ab", "ab/", "a___b", "a..b"])
        | integers(257, 300).map("x".__mul__),
    ),
    invalid(
        "reader_account_ids", reader_account_ids=st.sampled_from([[""], ["1234"], ["*"], ["12345678901a"], ["1" * 13]])
    ),
    invalid("reader_account_ids", reader_account_ids=with_duplicate(ACCOUNTS)),
]

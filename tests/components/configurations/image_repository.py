from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    ACCOUNTS,
    DIGITS,
    LETTERS,
    given,
    repeated,
    several,
    spelled,
    whole,
)

WORDS = spelled(LETTERS + DIGITS, 1, 6)
STEPS = st.builds("{}{}{}".format, WORDS, st.sampled_from(["-", "--", ".", "_", "__"]), WORDS)
NAMES = st.lists(STEPS, min_size=1, max_size=4).map("/".join) | whole(2, 256).map("x".__mul__)
VALID = given(
    {"name": NAMES},
    reader_account_ids=several(ACCOUNTS, 0, 4),
    protected=st.booleans(),
)
INVALID = [
    mistake(
        "name",
        name=st.sampled_from(["", "a", "Films", "films api", "-films", "films-", "a//b", "/ab", "ab/", "a___b", "a..b"])
        | whole(257, 300).map("x".__mul__),
    ),
    mistake(
        "reader_account_ids", reader_account_ids=st.sampled_from([[""], ["1234"], ["*"], ["12345678901a"], ["1" * 13]])
    ),
    mistake("reader_account_ids", reader_account_ids=repeated(ACCOUNTS)),
]

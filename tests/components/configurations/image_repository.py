from hypothesis import strategies as st

from components.image_repository import MOST_POINTER_TAGS
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    ACCOUNTS,
    CAPITALS,
    DIGITS,
    KEYS,
    LETTERS,
    given,
    inputs,
    led,
    outside,
    repeated,
    several,
    spelled,
    whole,
)

WORDS = spelled(LETTERS + DIGITS, 1, 6)
STEPS = st.builds("{}{}{}".format, WORDS, st.sampled_from(["-", "--", ".", "_", "__"]), WORDS)
NAMES = st.lists(STEPS, min_size=1, max_size=4).map("/".join) | whole(2, 256).map("x".__mul__)
TAGS = led(LETTERS + CAPITALS + DIGITS + "_", LETTERS + CAPITALS + DIGITS + "._-", 20) | st.just("x" * 128)
VALID = given(
    {"name": NAMES},
    pointer_tags=several(TAGS, 0, MOST_POINTER_TAGS),
    kept_images=whole(1, 1_000),
    untagged_days=whole(1, 365),
    key_arn=inputs(KEYS),
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
        "pointer_tags", pointer_tags=st.sampled_from([[""], ["*"], ["latest*"], ["-a"], [".a"], ["a b"], ["x" * 129]])
    ),
    mistake("pointer_tags", pointer_tags=repeated(TAGS)),
    mistake("pointer_tags", pointer_tags=several(TAGS, MOST_POINTER_TAGS + 1, MOST_POINTER_TAGS + 4)),
    mistake("kept_images", kept_images=outside(1, 1_000)),
    mistake("untagged_days", untagged_days=outside(1, 365)),
    mistake(
        "reader_account_ids", reader_account_ids=st.sampled_from([[""], ["1234"], ["*"], ["12345678901a"], ["1" * 13]])
    ),
    mistake("reader_account_ids", reader_account_ids=repeated(ACCOUNTS)),
]

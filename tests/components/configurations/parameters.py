from hypothesis import strategies as st

from components.parameters import MAX_VALUE_LENGTH
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    DIGITS,
    LETTERS,
    given,
    inputs,
    led,
    merged,
    names,
    spelled,
    texts,
    too_long,
)

NAMES = st.builds(
    lambda first, rest: "_".join([first, *rest]),
    led(LETTERS, LETTERS + DIGITS, 8),
    st.lists(spelled(LETTERS + DIGITS, 1, 6), max_size=2),
)
VALID = merged(
    names(resource_name=False),
    given({"values": st.dictionaries(NAMES, inputs(texts(MAX_VALUE_LENGTH)), min_size=1, max_size=8)}),
)
NO_NAMES = st.sampled_from(["", "Url", "api-url", "api__url", "_url", "url_", "1st", "api url", "api/url"])
INVALID = [
    mistake("values", values={}),
    mistake("values", values=NO_NAMES.map(lambda name: {name: "there"})),
    mistake(
        "values", values=(st.just("") | too_long(MAX_VALUE_LENGTH) | st.integers()).map(lambda value: {"url": value})
    ),
]

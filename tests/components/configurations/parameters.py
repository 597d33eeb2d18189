from hypothesis import strategies as st

from components.parameters import MAX_VALUE_LENGTH
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    DIGITS,
    LETTERS,
    arguments,
    identifiers,
    inputs,
    merge,
    names,
    strings,
    texts,
    texts_longer_than,
)

NAMES = st.builds(
    lambda first, rest: "_".join([first, *rest]),
    identifiers(LETTERS, LETTERS + DIGITS, 8),
    st.lists(strings(LETTERS + DIGITS, 1, 6), max_size=2),
)
VALID = merge(
    names(resource_name=False),
    arguments({"values": st.dictionaries(NAMES, inputs(texts(MAX_VALUE_LENGTH)), min_size=1, max_size=8)}),
)
INVALID_NAMES = st.sampled_from(["", "Url", "api-url", "api__url", "_url", "url_", "1st", "api url", "api/url"])
INVALID = [
    invalid("values", values={}),
    invalid("values", values=INVALID_NAMES.map(lambda name: {name: "there"})),
    invalid(
        "values",
        values=(st.just("") | texts_longer_than(MAX_VALUE_LENGTH) | st.integers()).map(lambda value: {"url": value}),
    ),
]

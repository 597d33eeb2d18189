"""Parsing of search texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.features.search.query_parser import SearchText

CASES: dict[str, list[tuple[list[str], list[str]]]] = {
    "meadow": [(["meadow"], [])],
    "  meadow   ants ": [(["meadow", "ants"], [])],
    "the meadow": [(["meadow"], [])],
    "meadow meadow": [(["meadow"], [])],
    '"turns  white" -ants': [(["turns white"], ["ants"])],
    '-"turns white" meadow': [(["meadow"], ["turns white"])],
    "a or meadow or -ants": [(["meadow"], [])],
    "white OR ants spring": [(["white"], []), (["ants", "spring"], [])],
    '"or" meadow': [(["meadow"], [])],
    "-or meadow": [(["meadow"], [])],
    "well-known": [(["well known"], [])],
    "2026-03-01": [(["2026-03-01"], [])],
    "mother's snake_case it’s": [(["mother s", "snake case"], [])],
    'ab"cd ef"gh': [(["ab", "cd ef", "gh"], [])],
    '"never closed': [(["never closed"], [])],
    "title:*": [(["title:*"], [])],
}


class TestAlternatives:
    @pytest.mark.parametrize("text", CASES)
    def test_text_is_parsed_into_alternatives(self, text: str) -> None:
        assert [(list(each.required), list(each.excluded)) for each in SearchText(text).alternatives] == CASES[text]

    @pytest.mark.parametrize(
        "text", ["", "the", "-ants", "or or or", "- - -", '""', "()/*+~^?", "😀", "the -meadow", "it's"]
    )
    def test_text_without_required_words_has_no_alternatives(self, text: str) -> None:
        assert SearchText(text).alternatives == ()

    @given(st.text(max_size=200))
    def test_any_text_is_parsed(self, text: str) -> None:
        for alternative in SearchText(text).alternatives:
            assert alternative.required
            assert all(term == " ".join(term.split()) for term in alternative.required + alternative.excluded)

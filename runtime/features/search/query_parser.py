"""Parser of search texts, shared by both engines so that they interpret a text alike."""

import re
from dataclasses import dataclass
from functools import cached_property

from runtime.mechanisms.search_index.stop_words import STOP_WORDS

_TERM = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
_WORD = re.compile(r"\w+")
# Characters at which both engines split the stored text into words.
_WORD_BREAK = re.compile(r"['’_]")
# Postgres indexes a hyphenated word as a whole and as its parts. A search looks for the parts, next to each other. Between digits
# Postgres reads the hyphen as a minus sign, so it stays.
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Words and phrases that must all occur (at least one), and those that must not."""

    required: tuple[str, ...]
    excluded: tuple[str, ...]


@dataclass(frozen=True)
class SearchText:
    """A text in web search syntax.

    All words must occur; `"quoted words"` are a phrase, `or` separates alternatives, `-word` excludes. No text is a syntax error.
    Stop words such as `the` are dropped; an alternative without another required word matches nothing.
    """

    text: str

    @cached_property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The alternatives, of which a match fulfils at least one."""
        groups: list[tuple[dict[str, None], dict[str, None]]] = [({}, {})]
        for minus, phrase, word in _TERM.findall(self.text):
            if not minus and word.lower() == "or":
                groups.append(({}, {}))
            elif term := _normalize_term(phrase or word):
                groups[-1][bool(minus)][term] = None
        return tuple(
            Alternative(required=tuple(required), excluded=tuple(excluded)) for required, excluded in groups if required
        )


def _normalize_term(term: str) -> str | None:
    """Split the term into words; None if all of them are stop words."""
    term = " ".join(_HYPHEN.sub(" ", _WORD_BREAK.sub(" ", term)).split())
    return term if any(word.lower() not in STOP_WORDS for word in _WORD.findall(term)) else None

"""What a search text asks for, read once for both engines, so that they cannot understand it differently."""

import re
from dataclasses import dataclass
from functools import cached_property

from runtime.mechanisms.search_index.stop_words import STOP_WORDS

_TERM = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
_WORD = re.compile(r"\w+")
# Where both engines begin a new word in what is stored.
_APART = re.compile(r"['’_]")
# Postgres keeps a hyphenated word as one and as its parts. In a search it is its parts, next to each other; between digits the
# hyphen is a minus to Postgres and stays.
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Words and phrases that must all be there, at least one, and those of which none may be."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]


@dataclass(frozen=True)
class SearchText:
    """Words as in a web search: all of them; "quoted words" stand together, `or` gives an alternative, `-word` excludes.

    No text is a syntax error. Words that are in every text, such as `the`, are left out; an alternative that wants nothing else
    finds nothing.
    """

    text: str

    @cached_property
    def alternatives(self) -> tuple[Alternative, ...]:
        """An episode is found when one of them fits."""
        groups: list[tuple[dict[str, None], dict[str, None]]] = [({}, {})]
        for minus, phrase, word in _TERM.findall(self.text):
            if not minus and word.lower() == "or":
                groups.append(({}, {}))
            elif term := _meaningful(phrase or word):
                groups[-1][bool(minus)][term] = None
        return tuple(
            Alternative(wanted=tuple(wanted), unwanted=tuple(unwanted)) for wanted, unwanted in groups if wanted
        )


def _meaningful(term: str) -> str | None:
    """The words of a term, or None when they say nothing."""
    term = " ".join(_HYPHEN.sub(" ", _APART.sub(" ", term)).split())
    return term if any(word.lower() not in STOP_WORDS for word in _WORD.findall(term)) else None

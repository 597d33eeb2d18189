"""The requirements as docs/requirements.md writes them: lines and table rows that begin with the id, below a section's heading."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HEADING = re.compile(r"^(?P<level>#{2,3}) (?:\d+\. )?(?P<title>.+)$")
LINE = re.compile(r"^- (?P<id>(?P<document>[A-Z][A-Z0-9]*)-\d+) (?:\[[a-z]+\] )?(?P<text>.+)$")
ROW = re.compile(r"^\| (?P<id>(?P<document>[A-Z][A-Z0-9]*)-\d+) \| *(?P<text>[^|]*?) *\|")
# What the headings say above requirements that nobody promised yet.
LATER = "(out of scope unless taken)"


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """`document` is the prefix of its id, `section` where that document's requirements stand.

    `later` names the reason why nobody has to prove it yet; it is empty for all others.
    """

    id: str
    document: str
    section: str
    text: str
    later: str = ""


def read(path: Path) -> tuple[Requirement, ...]:
    """All of them, in the order of the file. Raises OSError, and ValueError when an id stands there twice or none at all."""
    found = tuple(_requirements(path.read_text(encoding="utf-8")))
    if not found:
        raise ValueError(f"{path}: there is no requirement in it")
    ids = [requirement.id for requirement in found]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise ValueError(f"{path}: more than one requirement is called {', '.join(twice)}")
    return found


def reasons(path: Path) -> Mapping[str, str]:
    """Why requirements have no test, by id. Raises OSError, and ValueError for what is no table of sentences."""
    found: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8")).get("reasons", {})
    if empty := [name for name, reason in found.items() if not isinstance(reason, str) or not reason.strip()]:
        raise ValueError(f"{path}: {', '.join(empty)} has no reason")
    return found


def _requirements(text: str) -> Iterator[Requirement]:
    section = later = ""
    for line in text.splitlines():
        if heading := HEADING.match(line):
            if heading["level"] == "##":
                section = heading["title"]
            later = heading["title"] if LATER in heading["title"] else ""
        elif found := LINE.match(line) or ROW.match(line):
            yield Requirement(
                id=found["id"], document=found["document"], section=section, text=found["text"], later=later
            )

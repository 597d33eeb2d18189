"""Parser of docs/requirements.md: list items and table rows that begin with an id, under section headings."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HEADING = re.compile(r"^(?P<level>#{2,3}) (?:\d+\. )?(?P<title>.+)$")
LINE = re.compile(r"^- (?P<id>(?P<document>[A-Z][A-Z0-9]*)-\d+) (?:\[[a-z]+\] )?(?P<text>.+)$")
ROW = re.compile(r"^\| (?P<id>(?P<document>[A-Z][A-Z0-9]*)-\d+) \| *(?P<text>[^|]*?) *\|")
# The marker in headings above requirements that are out of scope.
OUT_OF_SCOPE = "(out of scope unless taken)"


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """A requirement.

    Attributes:
        document: The source document, which is the prefix of the id.
        section: The heading of that document's requirements.
        later: Why it is out of scope; empty if it is in scope.
    """

    id: str
    document: str
    section: str
    text: str
    later: str = ""


def read_requirements(path: Path) -> tuple[Requirement, ...]:
    """Read all requirements in the order of the file.

    Raises:
        OSError: The file cannot be read.
        ValueError: An id is used twice, or there are no requirements.
    """
    found = tuple(_requirements(path.read_text(encoding="utf-8")))
    if not found:
        raise ValueError(f"{path}: no requirement found")
    ids = [requirement.id for requirement in found]
    if duplicates := sorted({requirement_id for requirement_id in ids if ids.count(requirement_id) > 1}):
        raise ValueError(f"{path}: duplicate ids: {', '.join(duplicates)}")
    return found


def read_reasons(path: Path) -> Mapping[str, str]:
    """Read why requirements have no test, by id.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is not a table of sentences.
    """
    found: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8")).get("reasons", {})
    if without_reason := [name for name, reason in found.items() if not isinstance(reason, str) or not reason.strip()]:
        raise ValueError(f"{path}: no reason for {', '.join(without_reason)}")
    return found


def _requirements(text: str) -> Iterator[Requirement]:
    section = later = ""
    for line in text.splitlines():
        if heading := HEADING.match(line):
            if heading["level"] == "##":
                section = heading["title"]
            later = heading["title"] if OUT_OF_SCOPE in heading["title"] else ""
        elif found := LINE.match(line) or ROW.match(line):
            yield Requirement(
                id=found["id"], document=found["document"], section=section, text=found["text"], later=later
            )

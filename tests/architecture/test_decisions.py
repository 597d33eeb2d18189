"""The decision records are complete, and their index lists each of them as it is."""

import re
from pathlib import Path

import pytest

from tests.architecture.pages import DOCS, slug

FOLDER = DOCS / "decisions"
INDEX = FOLDER / "README.md"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path != INDEX)
RECORD = re.compile(
    r"^## (?P<heading>(?P<number>\d+)\. (?P<title>.+))\n\n(?P<status>.+?) · (?P<rooms>.+)\n", re.MULTILINE
)
STATUS = re.compile(r"(Accepted|Superseded by \[(\d+)\]\([^)]*\)), (\d{4}-\d{2}-\d{2})")
MAX_LINES = 300


def index_row(page: Path, record: re.Match[str]) -> str:
    status = STATUS.match(record["status"])
    assert status, record["heading"]
    word = f"superseded by {status[2]}" if status[2] else "accepted"
    link = f"[{record['number']}]({page.name}#{slug(record['heading'])})"
    return f"| {link} | {record['title']} | {word} | {status[3]} | {record['rooms']} |"


class TestDecisionRecords:
    def test_index_lists_every_record_by_number(self) -> None:
        rows = {
            int(record["number"]): index_row(page, record)
            for page in PAGES
            for record in RECORD.finditer(page.read_text())
        }
        assert sorted(rows) == list(range(1, len(rows) + 1))
        listed = [line for line in INDEX.read_text().splitlines() if re.match(r"\| \[\d", line)]
        assert listed == [rows[number] for number in sorted(rows)]

    def test_superseding_records_exist(self) -> None:
        text = "\n".join(page.read_text() for page in PAGES)
        numbers = {record["number"] for record in RECORD.finditer(text)}
        superseding = {found[1] for found in re.finditer(r"Superseded by \[(\d+)\]", text)}
        assert superseding
        assert superseding <= numbers

    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
    def test_every_record_has_its_three_parts(self, page: Path) -> None:
        text = page.read_text()
        assert len(text.splitlines()) <= MAX_LINES
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == [record["heading"] for record in RECORD.finditer(text)]
        for heading, body in zip(headings, re.split(r"^## .+$", text, flags=re.MULTILINE)[1:], strict=True):
            parts = re.findall(r"^- \*\*(\w+)\.\*\* \S", body, re.MULTILINE)
            # The choice of libraries is a table.
            assert parts == ["Context", "Decision", "Consequences"] or "| Choice |" in body, heading

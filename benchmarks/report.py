"""What was measured, as the tables that are shown and that `docs/PERFORMANCE.md` keeps."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "PERFORMANCE.md"
WIDTH = 1_000  # no line of a table is ever broken


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One table. The first column says whose figures a row holds, the others are figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table under its title, aligned, so that it reads alike in a terminal and in a document."""
        table = Table(box=box.MARKDOWN)
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        console = Console(file=io.StringIO(), width=WIDTH, color_system=None, highlight=False, emoji=False)
        with console.capture() as captured:
            console.print(table, markup=False)
        lines = (line.rstrip() for line in captured.get().splitlines())
        return f"**{self.title}**\n\n" + "\n".join(line for line in lines if line)


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one benchmark found. `missing` says which contestants could not take part, and why."""

    name: str
    tables: Sequence[Figures]
    notes: Sequence[str] = ()
    missing: Sequence[str] = ()

    def markdown(self) -> str:
        """Everything that the document keeps of it."""
        notes = [f"- {note}" for note in (*self.notes, *(f"Not measured: {why}" for why in self.missing))]
        return "\n\n".join([*(table.markdown() for table in self.tables), *(["\n".join(notes)] if notes else [])])


def write(section: Section, circumstances: str, document: Path = DOCUMENT) -> None:
    """Puts a section's figures between its two markers in the document. ValueError when it has no such markers."""
    text = document.read_text(encoding="utf-8")
    between = re.compile(rf"(<!-- figures: {section.name} -->\n).*?(<!-- end of {section.name} -->)", re.DOTALL)
    kept, found = between.subn(lambda found: f"{found[1]}\n{circumstances}\n\n{section.markdown()}\n\n{found[2]}", text)
    if found != 1:
        raise ValueError(f"{document}: the markers of {section.name!r} are there {found} times instead of once")
    document.write_text(kept, encoding="utf-8")

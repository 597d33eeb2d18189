"""Benchmark results as Markdown tables, printed and stored in `docs/PERFORMANCE.md`."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "PERFORMANCE.md"
WIDTH = 1_000  # wide enough that no line is wrapped


@dataclass(frozen=True, kw_only=True)
class ResultTable:
    """A table of figures; the first column names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the table under its title, with aligned columns."""
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
    """The result of one benchmark. `missing` names candidates that were not measured, and why."""

    name: str
    tables: Sequence[ResultTable]
    notes: Sequence[str] = ()
    missing: Sequence[str] = ()

    def markdown(self) -> str:
        """Return the tables and notes."""
        notes = [f"- {note}" for note in (*self.notes, *(f"Not measured: {why}" for why in self.missing))]
        return "\n\n".join([*(table.markdown() for table in self.tables), *(["\n".join(notes)] if notes else [])])


def write(section: Section, machine_description: str, document: Path = DOCUMENT) -> None:
    """Replace the section between its two markers in the document.

    Raises:
        ValueError: The document does not have the markers exactly once.
    """
    text = document.read_text(encoding="utf-8")
    between = re.compile(rf"(<!-- figures: {section.name} -->\n).*?(<!-- end of {section.name} -->)", re.DOTALL)
    text_after, found = between.subn(
        lambda found: f"{found[1]}\n{machine_description}\n\n{section.markdown()}\n\n{found[2]}", text
    )
    if found != 1:
        raise ValueError(f"{document}: found the markers of {section.name!r} {found} times instead of once")
    document.write_text(text_after, encoding="utf-8")

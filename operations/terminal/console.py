"""How results and refusals are shown: to people as text and tables, to programs as one JSON object."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from operations.terminal.command_errors import RefusedError

# Text that is piped is read by programs and files, which have no width to fit into.
PIPED_WIDTH = 10_000


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    # The environment's COLUMNS and FORCE_COLOR are for terminals; colour codes in a pipe would be read as text.
    piped = not stream.isatty()
    return Console(
        stderr=stderr,
        width=PIPED_WIDTH if piped else None,
        force_terminal=False if piped else None,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )


class Screen:
    """Where one command writes. With `as_json`, standard output gets exactly one object and nothing else is written."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out, self.err = _console(stderr=False), _console(stderr=True)

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches: standard output is a terminal and no JSON was asked for."""
        return self.out.is_terminal and not self.as_json

    def show(self, *things: RenderableType) -> None:
        """Shows results to people; silent in JSON mode. Plain strings are shown as they are, without markup."""
        if self.as_json:
            return
        for thing in things:
            text = Text(thing) if isinstance(thing, str) else thing
            # A line of text is never broken: a token or an address that is copied must stay whole.
            unbroken = isinstance(text, Text)
            if self.is_terminal:
                self.out.print(text, soft_wrap=unbroken)
                continue
            with self.out.capture() as captured:
                self.out.print(text, soft_wrap=unbroken)
            # Tables fill their last column with blanks, which are noise where a program reads.
            sys.stdout.write("\n".join(line.rstrip() for line in captured.get().split("\n")))
            sys.stdout.flush()

    def note(self, line: str) -> None:
        """Tells people what is going on, on standard error, so that captured output stays clean; silent in JSON mode."""
        if not self.as_json:
            self.err.print(Text(line), soft_wrap=True)

    def result(self, data: Mapping[str, Any]) -> None:
        """Writes the one object of JSON mode; silent otherwise."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()

    def refuse(self, refusal: RefusedError) -> None:
        """Shows a refusal: the object `{"error": {"message", "next"}}`, or two lines on standard error."""
        if self.as_json:
            self.result({"error": {"message": refusal.message, "next": refusal.next_step}})
            return
        self.err.print(Text.assemble(("platform: ", "bold red"), refusal.message), soft_wrap=True)
        if refusal.next_step:
            self.err.print(Text.assemble(("  next: ", "bold"), refusal.next_step), soft_wrap=True)


def table(*columns: str, rows: Sequence[Sequence[str | Text]], right: Sequence[str] = ()) -> Table:
    """An aligned table without lines; the columns named in `right` are figures."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return made


def facts(pairs: Mapping[str, str]) -> Table:
    """Names and their values, aligned."""
    made = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        made.add_row(Text(name), Text(value))
    return made

"""Display of a start in progress: a live list on a terminal, plain lines in a pipe, nothing in JSON mode."""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from local.progress import ProgressEvent
from operations.terminal.console import Screen

REFRESHES_PER_SECOND = 10


class ProgressView:
    """A context manager that accepts progress events and shows nothing, as JSON mode needs it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop updating and leave the last output on the screen. Calling it again does nothing."""

    def show_event(self, event: ProgressEvent) -> None:
        """Show a progress event."""


class PlainProgressView(ProgressView):
    """One line for each step that has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show_event(self, event: ProgressEvent) -> None:
        """Print a line if the step has ended."""
        if event.state in ("finished", "failed"):
            mark = "ok    " if event.state == "finished" else "FAILED"
            line = f"{mark} {event.seconds:6.1f} s  {event.step}"
            detail = _detail(event)
            self._console.print(Text(f"{line}: {detail}" if detail else line), soft_wrap=True)


@dataclass
class _Row:
    """A step in the list; `began` is on this process's monotonic clock."""

    event: ProgressEvent
    began: float = 0.0
    spinner: Spinner = field(default_factory=lambda: Spinner("dots", style="cyan"))


class LiveProgressView(ProgressView):
    """A list of all steps with their elapsed times, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._rows: dict[str, _Row] = {}
        self._live = Live(self, console=console, refresh_per_second=REFRESHES_PER_SECOND)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def close(self) -> None:
        """Stop redrawing."""
        self._live.stop()

    def show_event(self, event: ProgressEvent) -> None:
        """Add the step to the list, or update it."""
        row = self._rows.setdefault(event.step, _Row(event=event))
        row.event, row.began = event, time.monotonic() - event.seconds

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", style="dim")
        for row in list(self._rows.values()):
            mark: Text | Spinner = row.spinner
            seconds = time.monotonic() - row.began
            if row.event.state == "finished":
                mark, seconds = Text("✓", style="green"), row.event.seconds
            elif row.event.state == "failed":
                mark, seconds = Text("✗", style="red"), row.event.seconds
            table.add_row(mark, Text(row.event.step), Text(f"{seconds:.1f} s"), Text(_detail(row.event)))
        yield table


def for_screen(screen: Screen) -> ProgressView:
    """Return the view for the kind of output that the command writes."""
    if screen.as_json:
        return ProgressView()
    return LiveProgressView(screen.out) if screen.is_terminal else PlainProgressView(screen.out)


def _detail(event: ProgressEvent) -> str:
    """Return the event's detail on one line; empty for a failure, whose message is printed below the list."""
    return "" if event.state == "failed" else " ".join(event.detail.split())

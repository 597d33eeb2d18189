"""Results of the doctor's checks, and their output."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.text import Text

from operations.terminal.console import Screen, table

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of a check. Warnings do not prevent anything yet; problems do. `fix` says what to do about either."""

    name: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    fix: str = ""


def ok(name: str, detail: str) -> Check:
    """Return a passed check."""
    return Check(name=name, state="ok", detail=detail)


def warning(name: str, detail: str, fix: str) -> Check:
    """Return a check whose finding does not prevent anything yet."""
    return Check(name=name, state="warning", detail=detail, fix=fix)


def problem(name: str, detail: str, fix: str) -> Check:
    """Return a failed check."""
    return Check(name=name, state="problem", detail=detail, fix=fix)


def all_healthy(checks: Sequence[Check]) -> bool:
    """Return whether no check found a problem. Warnings are not problems."""
    return all(check.state != "problem" for check in checks)


def as_data(checks: Sequence[Check]) -> dict[str, Any]:
    """Return the stable JSON form."""
    return {"ok": all_healthy(checks), "checks": [asdict(check) for check in checks]}


def show(checks: Sequence[Check], screen: Screen) -> None:
    """Print a line for each check, fixes below, and a summary at the end."""
    rows: list[tuple[str | Text, ...]] = []
    for check in checks:
        rows.append((Text(check.state, style=STYLES[check.state]), check.name, check.detail))
        if check.fix:
            rows.append(("", "", Text.assemble(("fix: ", "bold"), check.fix)))
    screen.show(table("", "check", "result", rows=rows))
    counts = {state: sum(check.state == state for check in checks) for state in STYLES}
    screen.show(Text(), f"{counts['ok']} ok, {counts['warning']} warnings, {counts['problem']} problems")

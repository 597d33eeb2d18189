"""One thing that the doctor looked at, and how findings are shown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.text import Text

from operations.terminal.console import Screen, table

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was seen. A warning works for now; a problem does not. Whatever is not ok says in `fix` what helps."""

    name: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    fix: str = ""


def ok(name: str, detail: str) -> Check:
    """Nothing to do."""
    return Check(name=name, state="ok", detail=detail)


def warning(name: str, detail: str, fix: str) -> Check:
    """It works, and will not for long or not for all."""
    return Check(name=name, state="warning", detail=detail, fix=fix)


def problem(name: str, detail: str, fix: str) -> Check:
    """It does not work until it is fixed."""
    return Check(name=name, state="problem", detail=detail, fix=fix)


def healthy(checks: Sequence[Check]) -> bool:
    """Whether no check found a problem; warnings are none."""
    return all(check.state != "problem" for check in checks)


def as_data(checks: Sequence[Check]) -> dict[str, Any]:
    """The stable JSON form."""
    return {"ok": healthy(checks), "checks": [asdict(check) for check in checks]}


def show(checks: Sequence[Check], screen: Screen) -> None:
    """A line for each, the fix below what needs one, and the sum at the end."""
    rows: list[tuple[str | Text, ...]] = []
    for check in checks:
        rows.append((Text(check.state, style=STYLES[check.state]), check.name, check.detail))
        if check.fix:
            rows.append(("", "", Text.assemble(("fix: ", "bold"), check.fix)))
    screen.show(table("", "check", "what was seen", rows=rows))
    counts = {state: sum(check.state == state for check in checks) for state in STYLES}
    screen.show(Text(), f"{counts['ok']} ok, {counts['warning']} warnings, {counts['problem']} problems")

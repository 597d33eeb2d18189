"""`platform requirements`: which requirements some test says that it proves, by source document."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.text import Text

from operations.project import checkout
from operations.requirements.document import Requirement, read, reasons
from operations.requirements.markers import MarkerError, claims
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode

DOCUMENT = checkout.ROOT / "docs" / "requirements.md"
REASONS = checkout.ROOT / "docs" / "requirements_reasons.toml"
TESTS = checkout.ROOT / "tests"

State = Literal["covered", "later", "not covered"]
STYLES: Mapping[State, str] = {"covered": "green", "later": "dim", "not covered": "yellow"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A requirement and the tests that name it, or why there are none. Nobody has to prove yet what is for later; a test that
    does counts."""

    requirement: Requirement
    tests: tuple[str, ...]
    reason: str = ""

    @property
    def state(self) -> State:
        if self.tests:
            return "covered"
        return "later" if self.requirement.later else "not covered"


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many requirements of a document are in which state."""

    document: str
    section: str
    covered: int
    later: int
    not_covered: int

    @property
    def total(self) -> int:
        return self.covered + self.later + self.not_covered

    @property
    def percent(self) -> float:
        """The covered ones, of those that are not for later."""
        return 100 * self.covered / (self.covered + self.not_covered) if self.covered + self.not_covered else 100.0


def requirements(screen: Screen, *, document: str | None) -> ExitCode:
    """Shows the count of every document, or of one document each requirement with the tests that name it.

    What no test names is no failure: this tells, it does not judge. Raises RefusedError where there is nothing to read.
    """
    found = _findings()
    counts = count(found)
    chosen = _choose(document, counts) if document else None
    shown = [one for one in found if chosen in {None, one.requirement.document}]
    screen.write_json(_as_data([one for one in counts if chosen in {None, one.document}], shown))
    if chosen:
        _show_requirements(shown, screen)
    else:
        _show_counts([*counts, _count("all", "", found)], screen)
    return ExitCode.OK


def count(findings: Sequence[Finding]) -> list[Count]:
    """The counts by document, in the order in which the documents first appear."""
    sections = {one.requirement.document: one.requirement.section for one in findings}
    return [
        _count(document, section, [one for one in findings if one.requirement.document == document])
        for document, section in sections.items()
    ]


def _count(document: str, section: str, findings: Sequence[Finding]) -> Count:
    states = [one.state for one in findings]
    return Count(
        document=document,
        section=section,
        covered=states.count("covered"),
        later=states.count("later"),
        not_covered=states.count("not covered"),
    )


def _findings() -> list[Finding]:
    for place in (DOCUMENT, REASONS, TESTS):
        if not place.exists():
            raise CommandError(
                f"{place} is not there: this reads the document and the tests of a checkout",
                next_step="run it in a checkout of the project, with that checkout's .venv/bin/platform",
            )
    try:
        known, excused, claimed = read(DOCUMENT), reasons(REASONS), claims(TESTS)
    except (MarkerError, OSError, SyntaxError, ValueError) as error:
        raise CommandError(f"the requirements cannot be read: {error}") from error
    tests: dict[str, list[str]] = {requirement.id: [] for requirement in known}
    for claim in claimed:
        if claim.id not in tests:
            raise CommandError(f"{claim.test} names the requirement {claim.id!r}, which {DOCUMENT} does not have")
        tests[claim.id].append(claim.test)
    # A reason that no longer holds would be believed.
    if unknown := excused.keys() - tests.keys():
        raise CommandError(f"{REASONS} has a reason for {', '.join(sorted(unknown))}, which {DOCUMENT} does not have")
    if proved := sorted(one for one in excused if tests[one]):
        raise CommandError(f"{REASONS} says why nothing proves {', '.join(proved)}, which tests name")
    return [
        Finding(
            requirement=requirement,
            tests=tuple(tests[requirement.id]),
            reason=requirement.later or excused.get(requirement.id, ""),
        )
        for requirement in known
    ]


def _choose(document: str, counts: Sequence[Count]) -> str:
    known = [one.document for one in counts]
    if document.upper() not in known:
        raise CommandError(
            f"document {document!r} is not known; known are {', '.join(known)}",
            next_step=f"{checkout.executable()} requirements --document {known[0]}",
            code=ExitCode.USAGE,
        )
    return document.upper()


def _as_data(counts: Sequence[Count], findings: Sequence[Finding]) -> dict[str, Any]:
    """The stable JSON form."""
    return {
        "documents": [asdict(one) | {"total": one.total, "percent": round(one.percent, 1)} for one in counts],
        "requirements": [
            {
                "id": one.requirement.id,
                "document": one.requirement.document,
                "text": one.requirement.text,
                "state": one.state,
                "reason": "" if one.tests else one.reason,
                "tests": one.tests,
            }
            for one in findings
        ],
    }


def _show_counts(counts: Sequence[Count], screen: Screen) -> None:
    figures = ["covered", "not covered", "later", "total", "percent"]
    rows = [
        (
            one.document,
            *map(str, (one.covered, one.not_covered, one.later, one.total)),
            f"{one.percent:.1f}",
            one.section,
        )
        for one in counts
    ]
    screen.show(table("document", *figures, "", rows=rows, right=figures))
    example = f"{checkout.executable()} requirements --document {counts[0].document}"
    screen.show(Text(), Text.assemble(("each of them  ", "bold"), example))


def _show_requirements(findings: Sequence[Finding], screen: Screen) -> None:
    rows: list[tuple[str | Text, ...]] = []
    for one in findings:
        rows.append((one.requirement.id, Text(one.state, style=STYLES[one.state]), one.requirement.text))
        said = one.tests or ((f"reason: {one.reason}",) if one.reason and not one.requirement.later else ())
        rows += [("", "", Text(line, style="dim")) for line in said]
    screen.show(table("id", "state", "requirement, and the tests that name it", rows=rows))
    found = _count("", "", findings)
    screen.show(
        Text(), f"{found.covered} covered, {found.not_covered} not covered, {found.later} later: {found.percent:.1f} %"
    )

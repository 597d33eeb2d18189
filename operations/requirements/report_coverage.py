"""`platform requirements`: reports which requirements are covered by tests, by source document."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.text import Text

from operations.project import checkout
from operations.requirements.document import Requirement, read_reasons, read_requirements
from operations.requirements.markers import MarkerError, find_marked_tests
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode

DOCUMENT = checkout.ROOT / "docs" / "requirements.md"
REASONS = checkout.ROOT / "docs" / "requirements_reasons.toml"
TESTS = checkout.ROOT / "tests"

State = Literal["covered", "later", "not covered"]
STYLES: Mapping[State, str] = {"covered": "green", "later": "dim", "not covered": "yellow"}


@dataclass(frozen=True, kw_only=True)
class RequirementCoverage:
    """A requirement and its tests, or why it has none. An out-of-scope requirement with tests counts as covered."""

    requirement: Requirement
    tests: tuple[str, ...]
    reason: str = ""

    @property
    def state(self) -> State:
        """Return whether the requirement is covered."""
        if self.tests:
            return "covered"
        return "later" if self.requirement.later else "not covered"


@dataclass(frozen=True, kw_only=True)
class CoverageCount:
    """The number of requirements of a document by state."""

    document: str
    section: str
    covered: int
    later: int
    not_covered: int

    @property
    def total(self) -> int:
        """Return the number of requirements."""
        return self.covered + self.later + self.not_covered

    @property
    def percent(self) -> float:
        """Return the percentage of in-scope requirements that are covered."""
        return 100 * self.covered / (self.covered + self.not_covered) if self.covered + self.not_covered else 100.0


def report_coverage(screen: Screen, *, document: str | None) -> ExitCode:
    """Report the counts of all documents, or the requirements of one document with their tests.

    Uncovered requirements are not an error.

    Raises:
        CommandError: The requirements or the tests cannot be read, or they contradict each other.
    """
    coverage = _read_coverage()
    counts = count_by_document(coverage)
    selected = _choose(document, counts) if document else None
    shown = [item for item in coverage if selected in {None, item.requirement.document}]
    screen.write_json(_as_data([item for item in counts if selected in {None, item.document}], shown))
    if selected:
        _show_requirements(shown, screen)
    else:
        _show_counts([*counts, _count("all", "", coverage)], screen)
    return ExitCode.OK


def count_by_document(coverage: Sequence[RequirementCoverage]) -> list[CoverageCount]:
    """Return the counts by document, in the order in which documents first appear."""
    sections = {item.requirement.document: item.requirement.section for item in coverage}
    return [
        _count(document, section, [item for item in coverage if item.requirement.document == document])
        for document, section in sections.items()
    ]


def _count(document: str, section: str, coverage: Sequence[RequirementCoverage]) -> CoverageCount:
    states = [item.state for item in coverage]
    return CoverageCount(
        document=document,
        section=section,
        covered=states.count("covered"),
        later=states.count("later"),
        not_covered=states.count("not covered"),
    )


def _read_coverage() -> list[RequirementCoverage]:
    for path in (DOCUMENT, REASONS, TESTS):
        if not path.exists():
            raise CommandError(
                f"{path} does not exist: this command needs a checkout",
                next_step="run the .venv/bin/platform of a checkout",
            )
    try:
        requirements, reasons = read_requirements(DOCUMENT), read_reasons(REASONS)
        marked_tests = find_marked_tests(TESTS)
    except (MarkerError, OSError, SyntaxError, ValueError) as error:
        raise CommandError(f"the requirements cannot be read: {error}") from error
    tests: dict[str, list[str]] = {requirement.id: [] for requirement in requirements}
    for marked_test in marked_tests:
        if marked_test.id not in tests:
            raise CommandError(
                f"{marked_test.test} is marked with requirement {marked_test.id!r}, which {DOCUMENT} does not contain"
            )
        tests[marked_test.id].append(marked_test.test)
    # Outdated reasons are errors.
    if unknown := reasons.keys() - tests.keys():
        raise CommandError(
            f"{REASONS} has a reason for {', '.join(sorted(unknown))}, which {DOCUMENT} does not contain"
        )
    if covered := sorted(requirement_id for requirement_id in reasons if tests[requirement_id]):
        raise CommandError(f"{REASONS} has a reason for {', '.join(covered)}, which tests cover")
    return [
        RequirementCoverage(
            requirement=requirement,
            tests=tuple(tests[requirement.id]),
            reason=requirement.later or reasons.get(requirement.id, ""),
        )
        for requirement in requirements
    ]


def _choose(document: str, counts: Sequence[CoverageCount]) -> str:
    documents = [item.document for item in counts]
    if document.upper() not in documents:
        raise CommandError(
            f"document {document!r} not found; must be one of {', '.join(documents)}",
            next_step=f"{checkout.executable()} requirements --document {documents[0]}",
            code=ExitCode.USAGE,
        )
    return document.upper()


def _as_data(counts: Sequence[CoverageCount], coverage: Sequence[RequirementCoverage]) -> dict[str, Any]:
    """Return the stable JSON form."""
    return {
        "documents": [asdict(item) | {"total": item.total, "percent": round(item.percent, 1)} for item in counts],
        "requirements": [
            {
                "id": item.requirement.id,
                "document": item.requirement.document,
                "text": item.requirement.text,
                "state": item.state,
                "reason": "" if item.tests else item.reason,
                "tests": item.tests,
            }
            for item in coverage
        ],
    }


def _show_counts(counts: Sequence[CoverageCount], screen: Screen) -> None:
    figures = ["covered", "not covered", "later", "total", "percent"]
    rows = [
        (
            item.document,
            *map(str, (item.covered, item.not_covered, item.later, item.total)),
            f"{item.percent:.1f}",
            item.section,
        )
        for item in counts
    ]
    screen.show(table("document", *figures, "", rows=rows, right=figures))
    example = f"{checkout.executable()} requirements --document {counts[0].document}"
    screen.show(Text(), Text.assemble(("requirements of a document  ", "bold"), example))


def _show_requirements(coverage: Sequence[RequirementCoverage], screen: Screen) -> None:
    rows: list[tuple[str | Text, ...]] = []
    for item in coverage:
        rows.append((item.requirement.id, Text(item.state, style=STYLES[item.state]), item.requirement.text))
        details = item.tests or ((f"reason: {item.reason}",) if item.reason and not item.requirement.later else ())
        rows += [("", "", Text(line, style="dim")) for line in details]
    screen.show(table("id", "state", "requirement and its tests", rows=rows))
    total = _count("", "", coverage)
    screen.show(
        Text(),
        f"{total.covered} covered, {total.not_covered} not covered, {total.later} later: {total.percent:.1f} %",
    )

"""The report of requirements that are covered by tests."""

import re
import shutil
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from operations.project import checkout
from operations.requirements import report_coverage
from operations.requirements.document import read_requirements
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command

DOCUMENT = """
    # Requirements

    | Prefix | Source document | Lines below |
    |---|---|---|
    | FILM | How films are kept | 5 |

    ## 1. Films (FILM)

    ### Storage
    - FILM-01 [infra] Films are stored; so is `FILM-99`, which is none.
    - FILM-02 [api] Films are listed.
    - FILM-03 [api] Films are found.

    ### Later phases named (out of scope unless taken)
    - FILM-04 [ops] Films are shown on the moon.
    - FILM-05 [ops] Films are shown at sea.

    ## 2. Conflicts

    | Id | Conflict | Resolution |
    |---|---|---|
    | C-01 | Films: colour or not | colour |
    | C-02 | Films: sound or not | sound |
"""
TEST = """
    import pytest

    class TestFilms:
        @pytest.mark.requirement("FILM-01", "C-01")
        def test_stored(self): ...

        @pytest.mark.requirement("FILM-01")
        def test_stored_again(self): ...

    @pytest.mark.requirement("FILM-05")
    def test_at_sea(): ...
"""


@pytest.fixture
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "requirements.md").write_text(dedent(DOCUMENT))
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_films.py").write_text(dedent(TEST))
    monkeypatch.setattr(report_coverage, "DOCUMENT", tmp_path / "docs" / "requirements.md")
    (tmp_path / "docs" / "reasons.toml").write_text('[reasons]\nFILM-03 = "Nobody looks for films."\n')
    monkeypatch.setattr(report_coverage, "REASONS", tmp_path / "docs" / "reasons.toml")
    monkeypatch.setattr(report_coverage, "TESTS", tmp_path / "tests")
    return tmp_path


class Recorder(Screen):
    """A screen that stores the JSON object."""

    def __init__(self) -> None:
        super().__init__(as_json=True)
        self.data: dict[str, Any] = {}

    def write_json(self, data: Any) -> None:
        self.data = data


def report(document: str | None = None) -> dict[str, Any]:
    screen = Recorder()
    assert report_coverage.report_coverage(screen, document=document) == ExitCode.OK
    return screen.data


class TestCounts:
    def test_each_document_is_counted_by_state(self, project_folder: Path) -> None:
        films, conflicts = report()["documents"]
        assert films == {
            "document": "FILM",
            "section": "Films (FILM)",
            "covered": 2,
            "later": 1,
            "not_covered": 2,
            "total": 5,
            "percent": 50.0,
        }
        assert [conflicts[name] for name in ("document", "covered", "later", "not_covered")] == ["C", 1, 0, 1]

    def test_piped_table_is_aligned_and_has_no_colours(
        self, project_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report_coverage.report_coverage(Screen(), document=None)
        captured = capsys.readouterr()
        assert captured.err == ""
        assert captured.out.splitlines()[:4] == [
            "document  covered  not covered  later  total  percent",
            "FILM            2            2      1      5     50.0  Films (FILM)",
            "C               1            1      0      2     50.0  Conflicts",
            "all             3            3      1      7     50.0",
        ]


class TestDocument:
    def test_requirements_are_listed_with_state_and_tests(
        self, project_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report_coverage.report_coverage(Screen(), document="film")
        lines = capsys.readouterr().out.splitlines()
        assert [re.split(r"  +", line)[:2] for line in lines if line.startswith("FILM-")] == [
            ["FILM-01", "covered"],
            ["FILM-02", "not covered"],
            ["FILM-03", "not covered"],
            ["FILM-04", "later"],
            ["FILM-05", "covered"],
        ]
        position = lines.index(next(line for line in lines if line.startswith("FILM-01"))) + 1
        assert [line.strip() for line in lines[position : position + 2]] == [
            "tests/test_films.py::TestFilms::test_stored",
            "tests/test_films.py::TestFilms::test_stored_again",
        ]
        assert lines[-1] == "2 covered, 2 not covered, 1 later: 50.0 %"

    def test_json_contains_the_selected_document_only(self, project_folder: Path) -> None:
        data = report("C")
        assert [item["document"] for item in data["documents"]] == ["C"]
        assert [item["id"] for item in data["requirements"]] == ["C-01", "C-02"]
        assert data["requirements"][0] == {
            "id": "C-01",
            "document": "C",
            "text": "Films: colour or not",
            "state": "covered",
            "reason": "",
            "tests": ("tests/test_films.py::TestFilms::test_stored",),
        }

    def test_out_of_scope_requirement_has_its_heading_as_reason(self, project_folder: Path) -> None:
        reasons = {item["id"]: item["reason"] for item in report("FILM")["requirements"]}
        assert reasons["FILM-04"] == "Later phases named (out of scope unless taken)"
        assert reasons["FILM-02"] == reasons["FILM-05"] == ""


class TestReasons:
    def test_uncovered_requirement_has_its_reason(self, project_folder: Path) -> None:
        found = {item["id"]: item for item in report("FILM")["requirements"]}
        assert (found["FILM-03"]["state"], found["FILM-03"]["reason"]) == ("not covered", "Nobody looks for films.")

    def test_reason_is_shown_under_its_requirement(
        self, project_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report_coverage.report_coverage(Screen(), document="film")
        lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
        position = next(number for number, line in enumerate(lines) if line.startswith("FILM-03")) + 1
        assert lines[position] == "reason: Nobody looks for films."
        assert lines[position + 1].startswith("FILM-04")

    @pytest.mark.parametrize(
        ("reasons", "message"),
        [
            ('[reasons]\nFILM-01 = "It is not."', "has a reason for FILM-01, which tests cover"),
            ('[reasons]\nFILM-77 = "It is not."', "has a reason for FILM-77, which .* does not contain"),
            ('[reasons]\nFILM-02 = " "', "no reason for FILM-02"),
            ("[reasons]\nFILM-02 = 7", "no reason for FILM-02"),
            ("[reasons", "the requirements cannot be read"),
        ],
    )
    def test_invalid_reason_raises_command_error(self, project_folder: Path, reasons: str, message: str) -> None:
        (project_folder / "docs" / "reasons.toml").write_text(reasons)
        with pytest.raises(CommandError, match=message):
            report()


class TestErrors:
    def test_unknown_document_lists_the_valid_ones(self, project_folder: Path) -> None:
        with pytest.raises(CommandError) as raised:
            report("MOVIES")
        assert raised.value.code == ExitCode.USAGE
        assert raised.value.message == "document 'MOVIES' not found; must be one of FILM, C"
        assert raised.value.next_step.endswith("requirements --document FILM")

    @pytest.mark.parametrize("missing", ["tests", "docs"])
    def test_missing_checkout_raises_command_error(self, project_folder: Path, missing: str) -> None:
        shutil.rmtree(project_folder / missing)
        with pytest.raises(CommandError, match=f"{project_folder / missing}.* does not exist: .*checkout") as raised:
            report()
        assert raised.value.code == ExitCode.FAILED

    def test_unknown_requirement_names_its_test(self, project_folder: Path) -> None:
        (project_folder / "tests" / "test_more.py").write_text(dedent(TEST).replace("FILM-05", "FILM-77"))
        with pytest.raises(CommandError, match=r"tests/test_more.py::test_at_sea is marked with requirement 'FILM-77'"):
            report()

    @pytest.mark.parametrize(
        ("document", "message"),
        [
            (DOCUMENT.replace("FILM-02", "FILM-01"), "duplicate ids: FILM-01"),
            ("# Nothing yet", "no requirement found"),
        ],
    )
    def test_invalid_document_raises_command_error(self, project_folder: Path, document: str, message: str) -> None:
        (project_folder / "docs" / "requirements.md").write_text(dedent(document))
        with pytest.raises(CommandError, match=message):
            report()

    def test_test_with_a_syntax_error_raises_command_error(self, project_folder: Path) -> None:
        (project_folder / "tests" / "test_more.py").write_text("requirement = (")
        with pytest.raises(CommandError, match=r"the requirements cannot be read: .*\(test_more\.py, line 1\)"):
            report()


class TestThisProject:
    def test_all_requirements_of_the_document_are_parsed(self) -> None:
        # The document has a table with the number of requirements of each source document.
        path = checkout.ROOT / "docs" / "requirements.md"
        expected = dict(re.findall(r"^\| ([A-Z0-9]+) \| .+ \| (\d+) \|$", path.read_text(), re.MULTILINE))
        found = [item.document for item in read_requirements(path)]
        assert expected
        assert {document: str(found.count(document)) for document in expected} == expected

    def test_deliberately_uncovered_requirement_has_a_reason(self) -> None:
        found = {item["id"]: item for item in report("P1")["requirements"]}
        assert (found["P1-37"]["state"], found["P1-37"]["tests"]) == ("not covered", ())
        assert "Tests mirror the rooms" in found["P1-37"]["reason"]

    def test_format_json_prints_the_same_object_as_json(self, command: "Command") -> None:
        result = command("requirements", "--format", "json")
        assert result.code == ExitCode.OK
        assert result.data == command("requirements", "--json").data
        documents = [item["document"] for item in result.data["documents"]]
        assert documents == ["P2", "NOVA", "P1", "ROAD", "LX", "C", "A", "G"]
        assert all(item["covered"] for item in result.data["documents"])

    def test_unknown_document_is_a_usage_error(self, command: "Command") -> None:
        result = command("requirements", "--document", "X", "--format=json")
        assert result.code == ExitCode.USAGE
        assert result.data["error"]["message"].startswith("document 'X' not found; must be one of P2, NOVA,")

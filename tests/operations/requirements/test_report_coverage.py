"""What a checkout's tests prove: counted by document, listed by requirement, and never guessed."""

import re
import shutil
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from operations.project import checkout
from operations.requirements import report_coverage
from operations.requirements.document import read
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
    """Keeps the object of JSON mode."""

    def __init__(self) -> None:
        super().__init__(as_json=True)
        self.data: dict[str, Any] = {}

    def result(self, data: Any) -> None:
        self.data = data


def reported(document: str | None = None) -> dict[str, Any]:
    screen = Recorder()
    assert report_coverage.requirements(screen, document=document) == ExitCode.OK
    return screen.data


class TestCounts:
    def test_each_document_is_counted_by_state(self, project_folder: Path) -> None:
        films, conflicts = reported()["documents"]
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

    def test_they_are_aligned_without_colour_when_piped(
        self, project_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report_coverage.requirements(Screen(), document=None)
        shown = capsys.readouterr()
        assert shown.err == ""
        assert shown.out.splitlines()[:4] == [
            "document  covered  not covered  later  total  percent",
            "FILM            2            2      1      5     50.0  Films (FILM)",
            "C               1            1      0      2     50.0  Conflicts",
            "all             3            3      1      7     50.0",
        ]


class TestDocument:
    def test_requirements_are_listed_with_state_and_tests(
        self, project_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        report_coverage.requirements(Screen(), document="film")
        lines = capsys.readouterr().out.splitlines()
        assert [re.split(r"  +", line)[:2] for line in lines if line.startswith("FILM-")] == [
            ["FILM-01", "covered"],
            ["FILM-02", "not covered"],
            ["FILM-03", "not covered"],
            ["FILM-04", "later"],
            ["FILM-05", "covered"],
        ]
        after = lines.index(next(line for line in lines if line.startswith("FILM-01"))) + 1
        assert [line.strip() for line in lines[after : after + 2]] == [
            "tests/test_films.py::TestFilms::test_stored",
            "tests/test_films.py::TestFilms::test_stored_again",
        ]
        assert lines[-1] == "2 covered, 2 not covered, 1 later: 50.0 %"

    def test_json_has_that_document_alone(self, project_folder: Path) -> None:
        data = reported("C")
        assert [one["document"] for one in data["documents"]] == ["C"]
        assert [one["id"] for one in data["requirements"]] == ["C-01", "C-02"]
        assert data["requirements"][0] == {
            "id": "C-01",
            "document": "C",
            "text": "Films: colour or not",
            "state": "covered",
            "reason": "",
            "tests": ("tests/test_films.py::TestFilms::test_stored",),
        }

    def test_what_is_for_later_says_why(self, project_folder: Path) -> None:
        reasons = {one["id"]: one["reason"] for one in reported("FILM")["requirements"]}
        assert reasons["FILM-04"] == "Later phases named (out of scope unless taken)"
        assert reasons["FILM-02"] == reasons["FILM-05"] == ""


class TestReasons:
    def test_what_is_not_covered_may_have_one(self, project_folder: Path) -> None:
        found = {one["id"]: one for one in reported("FILM")["requirements"]}
        assert (found["FILM-03"]["state"], found["FILM-03"]["reason"]) == ("not covered", "Nobody looks for films.")

    def test_it_stands_below_its_requirement(self, project_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        report_coverage.requirements(Screen(), document="film")
        lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
        below = next(number for number, line in enumerate(lines) if line.startswith("FILM-03")) + 1
        assert lines[below] == "reason: Nobody looks for films."
        assert lines[below + 1].startswith("FILM-04")

    @pytest.mark.parametrize(
        ("reasons", "said"),
        [
            ('[reasons]\nFILM-01 = "It is not."', "says why nothing proves FILM-01, which tests name"),
            ('[reasons]\nFILM-77 = "It is not."', "has a reason for FILM-77, which .* does not have"),
            ('[reasons]\nFILM-02 = " "', "FILM-02 has no reason"),
            ("[reasons]\nFILM-02 = 7", "FILM-02 has no reason"),
            ("[reasons", "the requirements cannot be read"),
        ],
    )
    def test_one_that_cannot_be_is_refused(self, project_folder: Path, reasons: str, said: str) -> None:
        (project_folder / "docs" / "reasons.toml").write_text(reasons)
        with pytest.raises(CommandError, match=said):
            reported()


class TestRefusal:
    def test_unknown_document_is_named_with_the_known_ones(self, project_folder: Path) -> None:
        with pytest.raises(CommandError) as refused:
            reported("MOVIES")
        assert refused.value.code == ExitCode.USAGE
        assert refused.value.message == "document 'MOVIES' is not known; known are FILM, C"
        assert refused.value.next_step.endswith("requirements --document FILM")

    @pytest.mark.parametrize("missing", ["tests", "docs"])
    def test_no_checkout_is_said(self, project_folder: Path, missing: str) -> None:
        shutil.rmtree(project_folder / missing)
        with pytest.raises(CommandError, match=f"{project_folder / missing}.* is not there: .*checkout") as refused:
            reported()
        assert refused.value.code == ExitCode.FAILED

    def test_unknown_requirement_is_named_with_its_test(self, project_folder: Path) -> None:
        (project_folder / "tests" / "test_more.py").write_text(dedent(TEST).replace("FILM-05", "FILM-77"))
        with pytest.raises(CommandError, match=r"tests/test_more.py::test_at_sea names the requirement 'FILM-77'"):
            reported()

    @pytest.mark.parametrize(
        ("document", "said"),
        [
            (DOCUMENT.replace("FILM-02", "FILM-01"), "more than one requirement is called FILM-01"),
            ("# Nothing yet", "there is no requirement in it"),
        ],
    )
    def test_spoilt_document(self, project_folder: Path, document: str, said: str) -> None:
        (project_folder / "docs" / "requirements.md").write_text(dedent(document))
        with pytest.raises(CommandError, match=said):
            reported()

    def test_test_that_does_not_parse(self, project_folder: Path) -> None:
        (project_folder / "tests" / "test_more.py").write_text("requirement = (")
        with pytest.raises(CommandError, match=r"the requirements cannot be read: .*\(test_more\.py, line 1\)"):
            reported()


class TestThisProject:
    def test_every_line_of_the_document_is_read(self) -> None:
        # The document itself says how many there are of each source document.
        path = checkout.ROOT / "docs" / "requirements.md"
        promised = dict(re.findall(r"^\| ([A-Z0-9]+) \| .+ \| (\d+) \|$", path.read_text(), re.MULTILINE))
        found = [one.document for one in read(path)]
        assert promised
        assert {document: str(found.count(document)) for document in promised} == promised

    def test_what_was_decided_otherwise_says_why(self) -> None:
        found = {one["id"]: one for one in reported("P1")["requirements"]}
        assert (found["P1-37"]["state"], found["P1-37"]["tests"]) == ("not covered", ())
        assert "Tests mirror the rooms" in found["P1-37"]["reason"]

    def test_command_prints_one_object(self, command: "Command") -> None:
        answer = command("requirements", "--format", "json")
        assert answer.code == ExitCode.OK
        assert answer.data == command("requirements", "--json").data
        documents = [one["document"] for one in answer.data["documents"]]
        assert documents == ["P2", "NOVA", "P1", "ROAD", "LX", "C", "A", "G"]
        assert all(one["covered"] for one in answer.data["documents"])

    def test_refusal_of_the_command(self, command: "Command") -> None:
        answer = command("requirements", "--document", "X", "--format=json")
        assert answer.code == ExitCode.USAGE
        assert answer.data["error"]["message"].startswith("document 'X' is not known; known are P2, NOVA,")

"""The page of error codes says what the code does, and leaves no code out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from operations.terminal.exit_codes import ExitCode
from tests.architecture.pages import ROOT, maker


@pytest.fixture(scope="module")
def catalogue() -> Iterator[ModuleType]:
    with maker("errors") as module:
        yield module


def codes_in_use() -> dict[str, str]:
    """Every code that the source gives to a refusal or to a job, and where."""
    found: dict[str, str] = {}
    for path in [*(ROOT / "runtime").rglob("*.py"), *(ROOT / "lambda_src").rglob("*.py")]:
        place = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            value: ast.expr | None = None
            if isinstance(node, ast.keyword) and node.arg in {"error_code", "reason"}:
                value = node.value
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "render" and len(node.args) > 2:
                value = node.args[2]
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                first = targets[0].elts[0] if isinstance(targets[0], ast.Tuple) else targets[0]
                if ast.unparse(first) == "code":
                    value = node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value
            named = value.id if isinstance(value, ast.Name) else value.value if isinstance(value, ast.Constant) else ""
            if isinstance(named, str) and re.fullmatch(r"[A-Z_]+", named):
                found[named] = f"{place}:{value.lineno}"  # type: ignore[union-attr] # it is not None where it has a name
    return found


class TestPage:
    def test_it_is_what_the_code_says(self, catalogue: ModuleType) -> None:
        assert catalogue.main(["--check"]) is None

    def test_every_code_in_use_is_on_it(self, catalogue: ModuleType) -> None:
        used = codes_in_use()
        assert {"SERVER_ERROR", "NOT_FOUND", "VALIDATION_ERROR", "SOURCE_MISSING", "CORRUPT_IMAGE"} <= used.keys()
        page = catalogue.PAGE.read_text()
        assert {code: place for code, place in used.items() if f"| `{code}` |" not in page} == {}

    def test_every_exit_code_is_on_it(self, catalogue: ModuleType) -> None:
        page = catalogue.PAGE.read_text()
        assert [code for code in ExitCode if f"| `{code.value}` |" not in page] == []

    @pytest.mark.parametrize("spoilt", [lambda page: page.replace("404", "403"), lambda page: page + "\n", None])
    def test_another_page_is_stale(
        self, catalogue: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: "object"
    ) -> None:
        file = tmp_path / "errors.md"
        if callable(spoilt):
            file.write_text(spoilt(catalogue.page()))
        monkeypatch.setattr(catalogue, "ROOT", tmp_path)
        monkeypatch.setattr(catalogue, "JOB_CODE_PLACES", [ROOT / place for place in catalogue.JOB_CODE_PLACES])
        monkeypatch.setattr(catalogue, "PAGE", file)
        assert catalogue.main(["--check"]) == "errors.md is stale: run `make docs`"
        assert catalogue.main([]) is None
        assert catalogue.main(["--check"]) is None


class TestEntries:
    def test_waiting_helps_where_the_answer_says_how_long(self, catalogue: ModuleType) -> None:
        helped = {entry.code for entry in catalogue.api_errors() if entry.retry.startswith("yes")}
        assert helped == {"RATE_LIMIT_EXCEEDED", "SERVICE_UNAVAILABLE"}

    def test_a_refusal_has_its_status_and_its_own_words(self, catalogue: ModuleType) -> None:
        found = {entry.code: (entry.status, entry.meaning) for entry in catalogue.api_errors()}
        assert found["PRECONDITION_FAILED"] == (
            "412",
            "The version in `If-Match` is not the current version of the record.",
        )
        assert found["METHOD_NOT_ALLOWED"] == ("405", "Method not allowed.")

    def test_a_job_code_means_what_stands_above_it(self, catalogue: ModuleType) -> None:
        source = (
            '# Not this.\n\n# It is\n# lost.\nGONE_FILE = "GONE_FILE"\nBARE_CODE = "BARE_CODE"\nEVENT_NAME = "event"\n'
        )
        assert catalogue.job_codes(source) == {"GONE_FILE": "It is lost.", "BARE_CODE": ""}

    @pytest.mark.parametrize("table", ["API_ADVICE", "JOB_ADVICE"])
    def test_unexplained_and_gone_codes_stop_it(
        self, catalogue: ModuleType, monkeypatch: pytest.MonkeyPatch, table: str
    ) -> None:
        advice = dict(getattr(catalogue, table))
        monkeypatch.setattr(catalogue, table, {"GONE_CODE": "Nothing.", **advice})
        assert f"GONE_CODE: {table} of docs/errors.py has advice for a code that does not exist" in catalogue.main(
            ["--check"]
        )
        del advice["SERVER_ERROR"]
        monkeypatch.setattr(catalogue, table, advice)
        assert f"SERVER_ERROR: {table} of docs/errors.py lacks advice" in catalogue.main(["--check"])

    def test_a_code_without_a_meaning_stops_it(
        self, catalogue: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "codes.py").write_text('BARE_CODE = "BARE_CODE"\n')
        monkeypatch.setattr(catalogue, "JOB_CODE_PLACES", (*catalogue.JOB_CODE_PLACES, tmp_path))
        monkeypatch.setattr(catalogue, "JOB_ADVICE", {**catalogue.JOB_ADVICE, "BARE_CODE": "Nothing."})
        assert "BARE_CODE: its code lacks a docstring or a comment above it" in catalogue.main(["--check"])

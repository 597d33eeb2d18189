"""Hand-written pages link to what exists, name files that exist, and stay short where they promise to."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.architecture.pages import ROOT, slug, spans

# The requirements are a copy of what was asked for, not a description of the code.
NOT_DESCRIPTIONS = {"docs/requirements.md"}
PLACES = (
    "stacks",
    "components",
    "runtime",
    "lambda_src",
    "local",
    "operations",
    "tests",
    "docs",
    "benchmarks",
    "account",
    "locks",
)
WORD_LIMITS = {"README.md": 700, "docs/architecture.md": 1_500}


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


PAGES = [name for name in tracked("*.md") if name not in NOT_DESCRIPTIONS]
# Past releases name the files of their time.
WITHOUT_HISTORY = [name for name in PAGES if name != "CHANGELOG.md"]


def anchors(page: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)}


class TestPages:
    @pytest.mark.parametrize("name", PAGES)
    def test_links_lead_somewhere(self, name: str) -> None:
        page = ROOT / name
        broken = []
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)", page.read_text()):
            there = page.parent / target if target else page
            if not there.exists() or (anchor and anchor not in anchors(there)):
                broken.append(f"{target}#{anchor}")
        assert broken == []

    @pytest.mark.parametrize("name", WITHOUT_HISTORY)
    def test_named_files_exist(self, name: str) -> None:
        named = [span for span in spans(ROOT / name) if re.fullmatch(rf"(?:{'|'.join(PLACES)})/[\w./-]*", span)]
        assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(("name", "limit"), WORD_LIMITS.items())
def test_pages_to_start_with_are_short(name: str, limit: int) -> None:
    assert len((ROOT / name).read_text().split()) <= limit


def test_readme_shows_steps_of_the_photo_journey() -> None:
    shown = re.findall(r"^ok  (\S+(?: \S+)*)  ", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(shown) > 5
    source = (ROOT / "operations" / "journeys" / "photo_journey.py").read_text()
    assert [step for step in shown if f'"{step}"' not in source] == []


class TestIssueForms:
    @pytest.mark.parametrize(
        "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
    )
    def test_every_question_has_an_id_and_a_label(self, path: Path) -> None:
        form = yaml.safe_load(path.read_text())
        if path.stem == "config":
            assert form.keys() == {"blank_issues_enabled"}
            return
        assert {"name", "description", "body"} <= form.keys()
        questions = [element for element in form["body"] if element["type"] != "markdown"]
        ids = [element["id"] for element in questions]
        assert len(set(ids)) == len(ids)
        assert [element["id"] for element in questions if not element["attributes"]["label"]] == []

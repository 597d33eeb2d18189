"""The verbs of the `platform` command and the pages that name them."""

import re
from pathlib import Path

import pytest

from tests.architecture.pages import DOCS, ROOT, platform_verbs

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(DOCS.glob("*.md")),
    *sorted(DOCS.glob("development/*.md")),
    *sorted(DOCS.glob("decisions/*.md")),
]


class TestVerbs:
    def test_the_page_of_commands_names_every_verb(self) -> None:
        page = (DOCS / "commands.md").read_text()
        assert [verb for verb in platform_verbs() if f"`platform {verb}" not in page] == []

    @pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
    def test_a_verb_on_a_page_exists(self, path: Path) -> None:
        used = re.findall(r"(?:`|^|bin/)platform ([a-z]\w*)", path.read_text(), re.MULTILINE)
        assert set(used) - platform_verbs().keys() == set()

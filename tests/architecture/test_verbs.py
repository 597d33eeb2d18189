"""The verbs of the `platform` command and the pages that name them."""

import re
from pathlib import Path

import pytest

from tests.architecture.pages import DOCS, ROOT, platform_verbs


class TestVerbs:
    def test_the_readme_names_every_verb(self) -> None:
        readme = (ROOT / "README.md").read_text()
        assert [verb for verb in platform_verbs() if f"`platform {verb}" not in readme] == []

    @pytest.mark.parametrize(
        "path", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))], ids=lambda path: path.stem
    )
    def test_a_verb_on_a_page_exists(self, path: Path) -> None:
        used = re.findall(r"(?:`|^|bin/)platform ([a-z]\w*)", path.read_text(), re.MULTILINE)
        assert set(used) - platform_verbs().keys() == set()

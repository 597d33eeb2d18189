"""The hooks before a commit are what `make check` runs, and need no network."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_hooks_are_the_parts_of_check() -> None:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    hooks = repositories[0]["hooks"]
    parts = re.search(r"^check: (.+?) ##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert parts
    assert [hook["entry"] for hook in hooks] == [f"make {part}" for part in parts[1].split()]
    # Of a `system` hook nothing is installed; checks are of the whole tree, not of the files of a commit.
    assert {(hook["language"], hook["pass_filenames"]) for hook in hooks} == {("system", False)}

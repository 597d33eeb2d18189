"""Pages as their tests read them: which there are, what stands on them, and the verbs that they may call."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer.main

from operations import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUNBOOKS = sorted(path for path in (DOCS / "runbooks").glob("*.md") if path.name != "README.md")
INDEX = DOCS / "runbooks" / "README.md"


def spans(path: Path) -> list[str]:
    """What stands between backticks within the sentences of a page."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))


def block_lines(path: Path) -> list[str]:
    return [
        line for block in re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL) for line in block.splitlines()
    ]


def filled(path: Path) -> list[str]:
    """The lines of a page's blocks and the spans of its sentences, with the values of the page's variables."""
    lines = block_lines(path)
    values = {"ENVIRONMENT": "production"} | dict(re.findall(r"\b([A-Z]+)=([a-z-]+)\b", "\n".join(lines)))
    return [re.sub(r"\$([A-Z_]+)", lambda name: values.get(name[1], name[0]), text) for text in [*lines, *spans(path)]]


def platform_verbs() -> Mapping[str, Any]:
    group: Any = typer.main.get_command(cli.app)
    verbs: Mapping[str, Any] = group.commands
    return verbs

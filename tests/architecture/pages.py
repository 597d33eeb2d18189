"""Pages as their tests read them: which there are, what makes them, what stands on them, and the verbs that they may call."""

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import typer.main

from operations.commands import app as cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUNBOOKS = sorted(path for path in (DOCS / "runbooks").glob("*.md") if path.name != "README.md")
INDEX = DOCS / "runbooks" / "README.md"


@contextmanager
def maker(name: str) -> Iterator[ModuleType]:
    """The script of `docs/` that makes a page. It belongs to no package, and is a module while the block runs."""
    specification = importlib.util.spec_from_file_location(f"made_{name}", DOCS / f"{name}.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    # Dataclasses look their module up.
    sys.modules[module.__name__] = module
    try:
        specification.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[module.__name__]


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


def slug(heading: str) -> str:
    """The anchor that a forge gives to a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def platform_verbs() -> Mapping[str, Any]:
    group: Any = typer.main.get_command(cli.app)
    verbs: Mapping[str, Any] = group.commands
    return verbs

"""Write docs/diagrams.md: the components of each environment, taken from its resource graph.

Run by `make docs`; `--check` writes nothing and fails when the page is stale.
"""

import sys
from pathlib import Path

from local.engines import stack_files
from operations.graph.diagram import mermaid
from operations.graph.recorder import record_graph

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "diagrams.md"

PAGE_TEXT = """\
# Diagrams

Generated from the program by `make docs`; do not edit. A box is a component, or a resource that belongs to none, with the number
of resources that it registers. An arrow points to a dependency; dependencies that follow from other arrows are left out.
`platform diagram --environment NAME` prints one of them.
"""


def page() -> str:
    """Return the page as it should be."""
    charts = {name: mermaid(record_graph(name)) for name in stack_files.stack_names(ROOT)}
    return PAGE_TEXT + "".join(f"\n## {name}\n\n```mermaid\n{chart}```\n" for name, chart in charts.items())


def main(arguments: list[str]) -> str | None:
    """Write the page, or compare it with `--check`; return an error message for the exit."""
    text = page()
    if "--check" in arguments:
        is_current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        return None if is_current else f"stale: {PAGE.name}; run `make docs`"
    PAGE.write_text(text, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

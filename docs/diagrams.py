"""Writes docs/diagrams.md, and the diagram in the README: each environment's components, read off its resource graph.

Run with `make docs`; `--check` writes nothing and fails when a page is not what would be written.
"""

import sys
from pathlib import Path

from local.engines import stack_files
from operations.graph.diagram import mermaid
from operations.graph.recorder import record_graph

ROOT = Path(__file__).resolve().parent.parent
PAGE, README = ROOT / "docs" / "diagrams.md", ROOT / "README.md"
IN_README = "production"
BEGIN, END = "<!-- diagram of production -->\n", "<!-- end of diagram -->\n"

PAGE_TEXT = """\
# Diagrams

Made from the program by `make docs`; not edited here. A box is a component (or a resource that belongs to none) with the number of
resources that it registers; an arrow leads to what must be there before, unless another arrow says so already.
`platform diagram --environment NAME` prints one.
"""


class PlaceMissingError(Exception):
    """The README has no place for its diagram."""


def written() -> dict[Path, str]:
    """The page and the README as they should be. Raises PlaceMissingError."""
    charts = {name: mermaid(record_graph(name)) for name in stack_files.stack_names(ROOT)}
    sections = [f"\n## {name}\n\n```mermaid\n{chart}```\n" for name, chart in charts.items()]
    before, found, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise PlaceMissingError(f"{README.name} lacks the lines {BEGIN.strip()} and {END.strip()}")
    readme = f"{before}{BEGIN}\n```mermaid\n{charts[IN_README]}```\n\n{END}{after}"
    return {PAGE: PAGE_TEXT + "".join(sections), README: readme}


def main(arguments: list[str]) -> str | None:
    """Writes both, or says which is stale. Returns what is wrong, for the exit."""
    try:
        pages = written()
    except PlaceMissingError as error:
        return str(error)
    stale = [path.name for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        return f"stale: {', '.join(stale)}; run `make docs`" if stale else None
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

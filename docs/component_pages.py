"""Write docs/components.md and a page for each component: purpose, arguments, outputs and resources.

Texts are taken from the component's file: module docstring, fields of its dataclasses with their docstrings, class and public
methods. The resources come from the graphs of the three environments.
Run by `make docs`; `--check` writes nothing and fails when a page is stale.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.engines import stack_files
from operations.graph.recorder import ResourceGraph, record_graph

ROOT = Path(__file__).resolve().parent.parent
INDEX = ROOT / "docs" / "components.md"
PAGES = ROOT / "docs" / "components"

# Default factories, as a reader would write their value.
FACTORIES = {"field(default_factory=dict)": "{}", "field(default_factory=list)": "[]"}

INDEX_TEXT = """\
# Components

Generated from the code by `make docs`; do not edit. Each component has its own tests; what costs money is an argument.

{table}
"""
PAGE_TEXT = """\
# {name}

Generated from `components/{module}.py` by `make docs`; do not edit.

{purpose}

{class_text}

{dataclasses}## Outputs

{outputs}

{methods}## Resources

{resources}
"""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a dataclass, or one output of a component."""

    name: str
    kind: str
    default: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Component:
    """A component as its file describes it."""

    module: str
    purpose: str
    node: ast.ClassDef
    dataclasses: tuple[ast.ClassDef, ...]

    @property
    def name(self) -> str:
        """Return the class's name, which is also that of its type token."""
        return self.node.name


def find_components(folder: Path = ROOT / "components") -> Iterator[Component]:
    """Yield every component, by the name of its file."""
    for file in sorted(folder.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for node in classes:
            if any("ComponentResource" in ast.unparse(base) for base in node.bases):
                dataclasses = tuple(
                    item for item in classes if "dataclass" in " ".join(map(ast.unparse, item.decorator_list))
                )
                yield Component(
                    module=file.stem, purpose=ast.get_docstring(tree) or "", node=node, dataclasses=dataclasses
                )


def fields(node: ast.ClassDef) -> Iterator[Field]:
    """Yield the public annotated names of a class, each with its docstring."""
    for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        text = ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            text = " ".join(str(following.value.value).split())
        if not statement.target.id.startswith("_"):
            default = "" if statement.value is None else ast.unparse(statement.value)
            default = FACTORIES.get(default, default)
            yield Field(name=statement.target.id, kind=ast.unparse(statement.annotation), default=default, text=text)


def page(component: Component, graphs: list[ResourceGraph]) -> str:
    """Return the component's page."""
    dataclasses = "".join(
        f"## {item.name}\n\n{ast.get_docstring(item) or ''}\n\n{_table(fields(item))}\n\n"
        for item in component.dataclasses
    )
    methods = "".join(
        f"### `{item.name}({ast.unparse(item.args).removeprefix('self').removeprefix(', ')})`\n\n"
        f"{ast.get_docstring(item) or ''}\n\n"
        for item in component.node.body
        if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")
    )
    return PAGE_TEXT.format(
        name=component.name,
        module=component.module,
        purpose=component.purpose,
        class_text=ast.get_docstring(component.node) or "",
        dataclasses=dataclasses,
        outputs=_table(fields(component.node), with_default=False),
        methods=methods,
        resources=resources_table(component, graphs),
    )


def resources_table(component: Component, graphs: list[ResourceGraph]) -> str:
    """Return a table of the component's resources in each environment."""
    counts_by_environment = {}
    for graph in graphs:
        own = {item.urn for item in graph.components if item.type.endswith(f":{component.name}")}
        counts_by_environment[graph.environment] = Counter(item.type for item in graph.custom if item.parent in own)
    types = sorted(set().union(*counts_by_environment.values()))
    if not types:
        return "No environment uses this component."
    head = f"| Type | {' | '.join(counts_by_environment)} |\n|---|{'---:|' * len(counts_by_environment)}\n"
    return head + "\n".join(
        f"| `{item}` | {' | '.join(str(counts[item] or '') for counts in counts_by_environment.values())} |"
        for item in types
    )


def _table(listed_fields: Iterator[Field], *, with_default: bool = True) -> str:
    rows = list(listed_fields)
    if not rows:
        return "None."
    default = " Default |" if with_default else ""
    head = f"| Name | Type |{default} Description |\n|---|---|{'---|' if with_default else ''}---|\n"
    return head + "\n".join(
        f"| `{item.name}` | `{_cell(item.kind)}` |"
        + ((f" `{_cell(item.default)}` |" if item.default else " |") if with_default else "")
        + f" {_cell(item.text)} |"
        for item in rows
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def build_pages() -> dict[Path, str]:
    """Return every page by its path."""
    graphs = [record_graph(environment) for environment in stack_files.stack_names(ROOT)]
    components = list(find_components())
    rows = "\n".join(
        f"| [{item.name}](components/{item.module}.md) | {' '.join(item.purpose.split())} |" for item in components
    )
    pages = {INDEX: INDEX_TEXT.format(table=f"| Component | Purpose |\n|---|---|\n{rows}")}
    return pages | {PAGES / f"{item.module}.md": page(item, graphs).rstrip() + "\n" for item in components}


def main(arguments: list[str]) -> str | None:
    """Write the pages and remove those of deleted components, or report which are stale."""
    pages = build_pages()
    existing = {INDEX, *PAGES.glob("*.md")}
    stale = sorted(
        str(path.relative_to(ROOT))
        for path in existing | pages.keys()
        if path not in pages or not path.is_file() or path.read_text(encoding="utf-8") != pages[path]
    )
    if "--check" in arguments:
        return f"stale: {', '.join(stale)}; run `make docs`" if stale else None
    PAGES.mkdir(exist_ok=True)
    for path in existing - pages.keys():
        path.unlink(missing_ok=True)
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

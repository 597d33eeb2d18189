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

{promise}

{class_text}

{values}## Outputs

{outputs}

{methods}## Resources

{registers}
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
    promise: str
    node: ast.ClassDef
    values: tuple[ast.ClassDef, ...]

    @property
    def name(self) -> str:
        """The class's name, also that of its type token."""
        return self.node.name


def find_components(folder: Path = ROOT / "components") -> Iterator[Component]:
    """Yield every component, by the name of its file."""
    for file in sorted(folder.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for node in classes:
            if any("ComponentResource" in ast.unparse(base) for base in node.bases):
                values = tuple(
                    each for each in classes if "dataclass" in " ".join(map(ast.unparse, each.decorator_list))
                )
                yield Component(module=file.stem, promise=ast.get_docstring(tree) or "", node=node, values=values)


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
    values = "".join(
        f"## {each.name}\n\n{ast.get_docstring(each) or ''}\n\n{_table(fields(each))}\n\n" for each in component.values
    )
    methods = "".join(
        f"### `{each.name}({ast.unparse(each.args).removeprefix('self').removeprefix(', ')})`\n\n"
        f"{ast.get_docstring(each) or ''}\n\n"
        for each in component.node.body
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
    )
    return PAGE_TEXT.format(
        name=component.name,
        module=component.module,
        promise=component.promise,
        class_text=ast.get_docstring(component.node) or "",
        values=values,
        outputs=_table(fields(component.node), with_default=False),
        methods=methods,
        registers=registers(component, graphs),
    )


def registers(component: Component, graphs: list[ResourceGraph]) -> str:
    """Return a table of the component's resources in each environment."""
    counted = {}
    for graph in graphs:
        own = {each.urn for each in graph.components if each.type.endswith(f":{component.name}")}
        counted[graph.environment] = Counter(each.type for each in graph.custom if each.parent in own)
    types = sorted(set().union(*counted.values()))
    if not types:
        return "No environment uses this component."
    head = f"| Type | {' | '.join(counted)} |\n|---|{'---:|' * len(counted)}\n"
    return head + "\n".join(
        f"| `{each}` | {' | '.join(str(counts[each] or '') for counts in counted.values())} |" for each in types
    )


def _table(listed: Iterator[Field], *, with_default: bool = True) -> str:
    rows = list(listed)
    if not rows:
        return "None."
    default = " Default |" if with_default else ""
    head = f"| Name | Type |{default} Description |\n|---|---|{'---|' if with_default else ''}---|\n"
    return head + "\n".join(
        f"| `{each.name}` | `{_cell(each.kind)}` |"
        + ((f" `{_cell(each.default)}` |" if each.default else " |") if with_default else "")
        + f" {_cell(each.text)} |"
        for each in rows
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def written() -> dict[Path, str]:
    """Return every page by its path."""
    graphs = [record_graph(environment) for environment in stack_files.stack_names(ROOT)]
    found = list(find_components())
    rows = "\n".join(
        f"| [{each.name}](components/{each.module}.md) | {' '.join(each.promise.split())} |" for each in found
    )
    pages = {INDEX: INDEX_TEXT.format(table=f"| Component | Purpose |\n|---|---|\n{rows}")}
    return pages | {PAGES / f"{each.module}.md": page(each, graphs).rstrip() + "\n" for each in found}


def main(arguments: list[str]) -> str | None:
    """Write the pages and remove those of deleted components, or report which are stale."""
    pages = written()
    there = {INDEX, *PAGES.glob("*.md")}
    stale = sorted(
        str(path.relative_to(ROOT))
        for path in there | pages.keys()
        if path not in pages or not path.is_file() or path.read_text(encoding="utf-8") != pages[path]
    )
    if "--check" in arguments:
        return f"stale: {', '.join(stale)}; run `make docs`" if stale else None
    PAGES.mkdir(exist_ok=True)
    for path in there - pages.keys():
        path.unlink(missing_ok=True)
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

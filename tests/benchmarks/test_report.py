"""Tables as they are printed and stored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.report import DOCUMENT, ResultTable, Section, write

DOCUMENTED = "# Figures\n\n<!-- figures: one -->\nold\n<!-- end of one -->\n\nKept.\n\n<!-- figures: two -->\n<!-- end of two -->\n"


@pytest.fixture
def section() -> Section:
    table = ResultTable(title="Times", columns=("", "ms"), rows=[("a", "1.0"), ("b [x]", "1,234.5")])
    return Section(name="one", tables=[table], notes=["A note."], missing=["c: it is away"])


class TestMarkdown:
    def test_cells_can_be_parsed(self, section: Section, tables_of: Callable[[str], Any]) -> None:
        assert tables_of(section.markdown()) == {"Times": {"a": {"ms": "1.0"}, "b [x]": {"ms": "1,234.5"}}}

    def test_columns_are_aligned(self, section: Section) -> None:
        lines = [line for line in section.markdown().splitlines() if line.startswith("|")]
        assert len({len(line) for line in lines}) == 1
        assert lines[-2] == "| a     |     1.0 |"

    def test_missing_candidates_are_listed(self, section: Section) -> None:
        assert section.markdown().endswith("- A note.\n- Not measured: c: it is away")


class TestWrite:
    def test_section_is_replaced_and_the_rest_is_unchanged(self, section: Section, tmp_path: Path) -> None:
        document = tmp_path / "figures.md"
        document.write_text(DOCUMENTED)
        for _ in range(2):
            write(section, "Measured today.", document)
        written = document.read_text()
        assert written == DOCUMENTED.replace("old\n", f"\nMeasured today.\n\n{section.markdown()}\n\n")

    def test_missing_markers_raise_value_error(self, section: Section, tmp_path: Path) -> None:
        document = tmp_path / "figures.md"
        document.write_text("# Figures\n")
        with pytest.raises(ValueError, match="0 times"):
            write(section, "Measured today.", document)
        assert document.read_text() == "# Figures\n"

    @pytest.mark.parametrize("name", BENCHMARKS)
    def test_document_has_the_markers_of_every_benchmark(self, name: str, tmp_path: Path) -> None:
        copy = tmp_path / "PERFORMANCE.md"
        copy.write_text(DOCUMENT.read_text())
        write(Section(name=name, tables=[]), "Measured today.", copy)
        assert "Measured today." in copy.read_text()

"""A file of records in parts: nothing lost, nothing twice, and each line known by its number in the whole."""

import csv
import io
from pathlib import Path

import pytest

from operations.client.record_files import MAX_BYTES, MAX_RECORDS, FileFormat, Part, read, split_into_parts
from operations.terminal.command_errors import CommandError

PATH = Path("records.csv")


def rows(parts: list[Part]) -> list[list[str]]:
    """The cells of every part, each with the header that all parts have."""
    found = []
    for part in parts:
        header, *cells = csv.reader(io.StringIO(part.content.decode(), newline=""))
        assert header == ["title", "description"]
        assert len(cells) == len(part.lines)
        found += cells
    return found


class TestParts:
    def test_csv_is_cut_between_records(self) -> None:
        records = [
            [f"Title {number}", 'one\ntwo, "three"' if number % 3 else ""] for number in range(2 * MAX_RECORDS + 1)
        ]
        out = io.StringIO()
        csv.writer(out).writerows([["title", "description"], *records])
        parts = split_into_parts(out.getvalue(), FileFormat.CSV, PATH)
        assert [len(part.lines) for part in parts] == [MAX_RECORDS, MAX_RECORDS, 1]
        assert rows(parts) == records
        numbers = [line for part in parts for line in part.lines]
        # A record with a line break begins one line, and ends another.
        assert numbers[:5] == [2, 3, 5, 7, 8]

    def test_large_records_make_small_parts(self) -> None:
        line = "x," + "y" * (MAX_BYTES // 2 + 1) + "\n"
        parts = split_into_parts("title,description\n" + line * 3, FileFormat.CSV, PATH)
        assert [part.lines for part in parts] == [(2,), (3,), (4,)]

    def test_ndjson_is_cut_at_line_feeds_alone(self) -> None:
        text = '{"title": "a\u2028b"}\n\n{"title": "c"}'
        (part,) = split_into_parts(text, FileFormat.NDJSON, PATH)
        assert (part.content.decode(), part.lines) == ('{"title": "a\u2028b"}\n{"title": "c"}\n', (1, 3))

    def test_a_part_has_a_key_of_its_own(self) -> None:
        def keys(text: str) -> list[str]:
            return [part.key for part in split_into_parts(text, FileFormat.NDJSON, PATH)]

        line = '{"title": "a"}\n'
        assert keys(line) == keys(line)
        # The same records at another place are other records: the second of two equal lines is refused, the first is not.
        assert len({*keys(line), *keys("\n" + line), *keys('{"title": "b"}\n')}) == 3

    def test_what_is_no_csv_is_refused(self) -> None:
        with pytest.raises(CommandError, match=r"records\.csv is no CSV: .* near line 2"):
            split_into_parts('title\n"a', FileFormat.CSV, PATH)


class TestRead:
    def test_a_byte_order_mark_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes("\ufefftitle".encode())
        assert read(tmp_path / "a.csv") == "title"

    def test_what_cannot_be_read_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(b"title\xff")
        with pytest.raises(CommandError, match="is not UTF-8: byte 5"):
            read(tmp_path / "a.csv")
        with pytest.raises(CommandError, match="cannot be read: No such file"):
            read(tmp_path / "missing.csv")


class TestFormat:
    @pytest.mark.parametrize(("name", "form"), [("a.csv", "csv"), ("a.b.NDJSON", "ndjson")])
    def test_is_said_by_the_ending(self, name: str, form: str) -> None:
        assert FileFormat.of(Path(name)).value == form

    @pytest.mark.parametrize("name", ["a", "a.txt", "csv"])
    def test_another_ending_is_refused(self, name: str) -> None:
        with pytest.raises(CommandError, match=r"ends in \.csv or \.ndjson"):
            FileFormat.of(Path(name))

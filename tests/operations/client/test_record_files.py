"""Splitting files of records into parts with the right line numbers."""

import csv
import io
from pathlib import Path

import pytest

from operations.client.record_files import MAX_BYTES, MAX_RECORDS, FileFormat, Part, read_text, split_into_parts
from operations.terminal.command_errors import CommandError

PATH = Path("records.csv")


def rows(parts: list[Part]) -> list[list[str]]:
    """Return the cells of all parts without the header that each part has."""
    found = []
    for part in parts:
        header, *cells = csv.reader(io.StringIO(part.content.decode(), newline=""))
        assert header == ["title", "description"]
        assert len(cells) == len(part.lines)
        found += cells
    return found


class TestParts:
    def test_csv_is_split_between_records(self) -> None:
        records = [
            [f"Title {number}", 'one\ntwo, "three"' if number % 3 else ""] for number in range(2 * MAX_RECORDS + 1)
        ]
        buffer = io.StringIO()
        csv.writer(buffer).writerows([["title", "description"], *records])
        parts = split_into_parts(buffer.getvalue(), FileFormat.CSV, PATH)
        assert [len(part.lines) for part in parts] == [MAX_RECORDS, MAX_RECORDS, 1]
        assert rows(parts) == records
        numbers = [line for part in parts for line in part.lines]
        # A record with a line break occupies two lines.
        assert numbers[:5] == [2, 3, 5, 7, 8]

    def test_large_records_give_parts_below_the_size_limit(self) -> None:
        line = "x," + "y" * (MAX_BYTES // 2 + 1) + "\n"
        parts = split_into_parts("title,description\n" + line * 3, FileFormat.CSV, PATH)
        assert [part.lines for part in parts] == [(2,), (3,), (4,)]

    def test_ndjson_is_split_at_line_feeds_only(self) -> None:
        text = '{"title": "a\u2028b"}\n\n{"title": "c"}'
        (part,) = split_into_parts(text, FileFormat.NDJSON, PATH)
        assert (part.content.decode(), part.lines) == ('{"title": "a\u2028b"}\n{"title": "c"}\n', (1, 3))

    def test_idempotency_key_depends_on_content_and_lines(self) -> None:
        def keys(text: str) -> list[str]:
            return [part.idempotency_key for part in split_into_parts(text, FileFormat.NDJSON, PATH)]

        line = '{"title": "a"}\n'
        assert keys(line) == keys(line)
        # The line matters: the API may accept the first of two equal records and reject the second.
        assert len({*keys(line), *keys("\n" + line), *keys('{"title": "b"}\n')}) == 3

    def test_invalid_csv_raises_command_error(self) -> None:
        with pytest.raises(CommandError, match=r"records\.csv is not valid CSV: .* near line 2"):
            split_into_parts('title\n"a', FileFormat.CSV, PATH)


class TestRead:
    def test_byte_order_mark_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes("\ufefftitle".encode())
        assert read_text(tmp_path / "a.csv") == "title"

    def test_unreadable_file_raises_command_error(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(b"title\xff")
        with pytest.raises(CommandError, match="is not valid UTF-8 at byte 5"):
            read_text(tmp_path / "a.csv")
        with pytest.raises(CommandError, match="cannot be read: No such file"):
            read_text(tmp_path / "missing.csv")


class TestFormat:
    @pytest.mark.parametrize(("name", "file_format"), [("a.csv", "csv"), ("a.b.NDJSON", "ndjson")])
    def test_extension_determines_the_format(self, name: str, file_format: str) -> None:
        assert FileFormat.from_path(Path(name)).value == file_format

    @pytest.mark.parametrize("name", ["a", "a.txt", "csv"])
    def test_other_extension_raises_command_error(self, name: str) -> None:
        with pytest.raises(CommandError, match=r"must end in \.csv or \.ndjson"):
            FileFormat.from_path(Path(name))

"""A file of records, cut into parts that the API takes, and where the lines of each part are in the file."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode

# The API takes 1,000 records and 1 MB at once; what a line may cost in a request's time stays far below its limit.
MAX_RECORDS = 200
MAX_BYTES = 700_000
csv.field_size_limit(1_000_000)


class FileFormat(StrEnum):
    """Forms of a file of records."""

    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def media_type(self) -> str:
        """As HTTP names it."""
        return {"csv": "text/csv", "ndjson": "application/x-ndjson"}[self.value]

    @classmethod
    def of(cls, path: Path) -> "FileFormat":
        """By the ending of the file's name. Refuses another one."""
        try:
            return cls(path.suffix.removeprefix(".").lower())
        except ValueError:
            raise CommandError(
                f"{path}: a file of records ends in .csv or .ndjson", next_step="rename it", code=ExitCode.USAGE
            ) from None


@dataclass(frozen=True, kw_only=True)
class Part:
    """So many records of a file as a file of their own. `lines` are the numbers of the lines where they begin in the whole."""

    content: bytes
    lines: tuple[int, ...]

    @property
    def key(self) -> str:
        """The same for the same part, and for no other: what the API knows a repetition by."""
        numbers = ",".join(map(str, self.lines)).encode()
        return hashlib.sha256(numbers + b"\n" + self.content).hexdigest()


def read(path: Path) -> str:
    """The text of a file. Refuses what cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", code=ExitCode.USAGE) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8: byte {error.start} is none of it", code=ExitCode.USAGE) from error


def split_into_parts(text: str, form: FileFormat, path: Path) -> list[Part]:
    """The whole file in parts. Refuses a CSV that cannot be taken apart."""
    if form is FileFormat.NDJSON:
        records = ((number, line + "\n") for number, line in enumerate(text.split("\n"), start=1) if line.strip())
        return list(_gathered("", records))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, [])
        return list(_gathered(_line(header), _csv_records(reader)))
    except csv.Error as error:
        raise CommandError(f"{path} is no CSV: {error}, near line {reader.line_num}", code=ExitCode.USAGE) from error


def _csv_records(reader: Iterator[list[str]]) -> Iterator[tuple[int, str]]:
    number = reader.line_num + 1  # type: ignore[attr-defined]
    for cells in reader:
        if cells:
            yield number, _line(cells)
        number = reader.line_num + 1  # type: ignore[attr-defined]


def _gathered(header: str, records: Iterator[tuple[int, str]]) -> Iterator[Part]:
    lines: list[int] = []
    texts: list[str] = []
    size = 0
    for number, record in records:
        length = len(record.encode())
        if lines and (len(lines) == MAX_RECORDS or size + length > MAX_BYTES):
            yield Part(content=(header + "".join(texts)).encode(), lines=tuple(lines))
            lines, texts, size = [], [], 0
        lines.append(number)
        texts.append(record)
        size += length
    if lines:
        yield Part(content=(header + "".join(texts)).encode(), lines=tuple(lines))


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()

"""Files of records for import and export, split into parts that the API accepts."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode

# The API accepts 1,000 records and 1 MB per request; smaller parts keep a request far below its time limit.
MAX_RECORDS = 200
MAX_BYTES = 700_000
csv.field_size_limit(1_000_000)


class FileFormat(StrEnum):
    """A format of a file of records."""

    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def media_type(self) -> str:
        """Return the media type."""
        return {"csv": "text/csv", "ndjson": "application/x-ndjson"}[self.value]

    @classmethod
    def from_path(cls, path: Path) -> "FileFormat":
        """Return the format for the extension of a file name.

        Raises:
            CommandError: The extension is another one.
        """
        try:
            return cls(path.suffix.removeprefix(".").lower())
        except ValueError:
            raise CommandError(
                f"{path}: the file name must end in .csv or .ndjson", next_step="rename the file", code=ExitCode.USAGE
            ) from None


@dataclass(frozen=True, kw_only=True)
class Part:
    """Consecutive records of a file, as a file of their own.

    Attributes:
        lines: The line numbers in the whole file at which the records begin.
    """

    content: bytes
    lines: tuple[int, ...]

    @property
    def idempotency_key(self) -> str:
        """Return the part's idempotency key: a digest of its content and lines."""
        numbers = ",".join(map(str, self.lines)).encode()
        return hashlib.sha256(numbers + b"\n" + self.content).hexdigest()


def read_text(path: Path) -> str:
    """Read a UTF-8 file.

    Raises:
        CommandError: The file cannot be read or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", code=ExitCode.USAGE) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not valid UTF-8 at byte {error.start}", code=ExitCode.USAGE) from error


def split_into_parts(text: str, file_format: FileFormat, path: Path) -> list[Part]:
    """Split the content of a file into parts.

    Raises:
        CommandError: The content is not valid CSV.
    """
    if file_format is FileFormat.NDJSON:
        records = ((number, line + "\n") for number, line in enumerate(text.split("\n"), start=1) if line.strip())
        return list(_split("", records))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, [])
        return list(_split(_csv_line(header), _csv_records(reader)))
    except csv.Error as error:
        raise CommandError(
            f"{path} is not valid CSV: {error}, near line {reader.line_num}", code=ExitCode.USAGE
        ) from error


def _csv_records(reader: Iterator[list[str]]) -> Iterator[tuple[int, str]]:
    number = reader.line_num + 1  # type: ignore[attr-defined]
    for cells in reader:
        if cells:
            yield number, _csv_line(cells)
        number = reader.line_num + 1  # type: ignore[attr-defined]


def _split(header: str, records: Iterator[tuple[int, str]]) -> Iterator[Part]:
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


def _csv_line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()

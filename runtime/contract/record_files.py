"""Reading and writing of record files, CSV or NDJSON. Independent of the web framework.

A CSV cell contains text, or JSON for values of other types; an empty cell means that the field is not sent. A cell that a
spreadsheet would evaluate as a formula is written with a leading apostrophe, which is removed when the file is read.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel

from runtime.contract.strict_json import parse
from runtime.errors import InvalidInputError

MAX_LINES = 1_000
# The longest field is a script.
csv.field_size_limit(1_000_000)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class FileFormat(StrEnum):
    """Formats of a record file."""

    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def media_type(self) -> str:
        """Media type of the format."""
        return {"csv": "text/csv", "ndjson": "application/x-ndjson"}[self.value]


class Line(NamedTuple):
    """One record of a file: the number of its first line, and its values by column or the problem with the line."""

    number: int
    values: dict[str, Any]
    problem: str | None = None


def read_lines(content: bytes, file_format: FileFormat, model: type[BaseModel], columns: Sequence[str]) -> list[Line]:
    """Return the records of a file; a line that cannot be read has a `problem`.

    Raises:
        InvalidInputError: The file as a whole is invalid: not UTF-8, unknown columns, no records, or more than 1,000.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInputError("The file is not UTF-8", field="body") from None
    if "\0" in text:
        raise InvalidInputError("The file contains NUL", field="body")
    lines: list[Line] = []
    for line in _csv_lines(text, model, columns) if file_format is FileFormat.CSV else _json_lines(text):
        if len(lines) == MAX_LINES:
            raise InvalidInputError(f"The file has more than {MAX_LINES} records; split it", field="body")
        lines.append(line)
    if not lines:
        raise InvalidInputError("The file has no records", field="body")
    return lines


def write_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, with_header: bool = True) -> str:
    """Return the rows as CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    if with_header:
        writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def write_ndjson(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return the rows as NDJSON."""
    return "".join(
        json.dumps({column: row.get(column) for column in columns}, ensure_ascii=False) + "\n" for row in rows
    )


def _json_lines(text: str) -> Iterator[Line]:
    # Not `splitlines`: a JSON string may contain other characters that count as line breaks there.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = parse(line.encode())
        except json.JSONDecodeError as error:
            yield Line(number, {}, f"The line is not valid JSON: {error.msg}")
            continue
        if isinstance(value, dict):
            yield Line(number, value)
        else:
            yield Line(number, {}, "The line is not a JSON object")


def _csv_lines(text: str, model: type[BaseModel], columns: Sequence[str]) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    readers = _readers(model)
    try:
        header = next(reader, [])
        unknown = [name for name in header if name not in columns]
        if not header or unknown or len(set(header)) < len(header):
            raise InvalidInputError(
                f"The first line must contain column names, each at most once: {', '.join(columns)}", field="body"
            )
        number = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                yield Line(number, {}, f"The line has {len(cells)} cells, but the header has {len(header)}")
            elif cells:
                yield _csv_line(number, dict(zip(header, cells, strict=True)), readers)
            number = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInputError(
            f"The file is not valid CSV: {error}, near line {reader.line_num}", field="body"
        ) from None


def _csv_line(number: int, cells: Mapping[str, str], readers: Mapping[str, Callable[[str], Any]]) -> Line:
    values = {}
    for name, cell in cells.items():
        if not cell:
            continue
        try:
            values[name] = readers.get(name, _text)(cell)
        except json.JSONDecodeError as error:
            return Line(number, {}, f"{name} is not valid JSON: {error.msg}")
    return Line(number, values)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"'{value}" if value.startswith((*_FORMULA, "'")) else value


def _text(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell


def _json(cell: str) -> Any:
    return parse(_text(cell).encode())


def _list(cell: str) -> Any:
    """Parse a JSON array, or values separated by semicolons."""
    text = _text(cell)
    return parse(text.encode()) if text.startswith("[") else [part.strip() for part in text.split(";")]


def _readers(model: type[BaseModel]) -> dict[str, Callable[[str], Any]]:
    """Return the cell parser of each field."""
    properties = model.model_json_schema()["properties"]
    return {name: _reader(schema.get("anyOf", [schema])) for name, schema in properties.items()}


def _reader(alternatives: Sequence[Mapping[str, Any]]) -> Callable[[str], Any]:
    # A reference to another definition is an enumeration, whose values are strings.
    types = {each.get("type", "string") for each in alternatives}
    if "string" in types:
        return _text
    return _list if "array" in types else _json

"""Import and export of records: each line of a file is a change of its own, with its own result."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic
from uuid import UUID

from pydantic import BaseModel, ValidationError

from runtime.access.tokens import Caller
from runtime.contract.preconditions import IfMatch
from runtime.contract.record_files import FileFormat, Line, read_lines, write_csv, write_ndjson
from runtime.contract.schemas import RequestBody, UpdateBody
from runtime.contract.validation import field_problems
from runtime.errors import ConflictError, FieldProblem, InvalidInputError, PlatformError, RetryLaterError
from runtime.mechanisms.records.schemas import ImportedLine, ImportReport, LineProblem, LineStatus
from runtime.mechanisms.records.service import RecordService
from runtime.mechanisms.records.table import R
from runtime.persistence.pages import JsonPage
from runtime.persistence.transactions import Transaction

ETAG = "etag"


@dataclass(frozen=True, kw_only=True)
class ImportExport(Generic[R]):
    """Imports and exports records of one type.

    A line with the record's id updates that record, and with an etag as well, only that version; a line without an id creates one.
    """

    records: RecordService[R]
    create_model: type[RequestBody]
    update_model: type[UpdateBody]
    columns: tuple[str, ...]
    """The columns of a file, besides the id and the etag."""
    create: Callable[[Transaction, Caller, Any], R]
    update: Callable[[Transaction, Caller, UUID, Any, IfMatch], R]

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The columns of a file, in order."""
        return (self.records.table.row_id, *self.columns, ETAG)

    def read(self, content: bytes, file_format: FileFormat) -> list[Line]:
        """Parse the lines of a file.

        Raises:
            InvalidInputError: The file as a whole is invalid.
        """
        return read_lines(content, file_format, self.update_model, self.header)

    def write(self, page: JsonPage, file_format: FileFormat, *, with_header: bool) -> str:
        """Return the records of a page as lines of a file."""
        rows = _rows(page)
        if file_format is FileFormat.CSV:
            return write_csv(rows, self.header, with_header=with_header)
        return write_ndjson(rows, self.header)

    def import_lines(
        self, transaction: Transaction, caller: Caller, lines: Sequence[Line], *, skip_existing: bool
    ) -> ImportReport:
        """Import lines and return the result of each. A rejected line has no effect on the others.

        `skip_existing` skips new records that conflict with existing ones, so that a file can be imported again.
        """
        results = [self._import_line(transaction, caller, line, skip_existing=skip_existing) for line in lines]
        counts = Counter(result.status for result in results)
        return ImportReport(counts={status: counts[status] for status in LineStatus}, lines=results)

    def _import_line(
        self, transaction: Transaction, caller: Caller, line: Line, *, skip_existing: bool
    ) -> ImportedLine:
        if line.problem:
            return _rejected(line, [FieldProblem(line.problem)])
        try:
            with transaction.savepoint():
                return self._apply(transaction, caller, line)
        except ValidationError as error:
            problems = field_problems(error.errors())
        except PlatformError as error:
            # An internal or temporary error is not an error in the line: the whole import fails and can be retried.
            if isinstance(error, RetryLaterError) or error.status >= PlatformError.status:
                raise
            if skip_existing and isinstance(error, ConflictError) and self.records.table.row_id not in line.values:
                return _result(line, LineStatus.SKIPPED, None)
            problems = list(error.problems)
        return _rejected(line, problems)

    def _apply(self, transaction: Transaction, caller: Caller, line: Line) -> ImportedLine:
        values, row_id = dict(line.values), self.records.table.row_id
        sent_id, etag = values.pop(row_id, None), values.pop(ETAG, None)
        if sent_id is None:
            created = self.create(transaction, caller, self.create_model.model_validate(values))
            return _result(line, LineStatus.CREATED, self._id(created))
        record_id, body = _uuid(sent_id, row_id), self.update_model.model_validate(values)
        before = self.records.table.find(transaction.connection, record_id)
        after = self.update(transaction, caller, record_id, body, _if_match(etag))
        is_same = before is not None and before.etag == after.etag
        return _result(line, LineStatus.UNCHANGED if is_same else LineStatus.UPDATED, record_id)

    def _id(self, record: BaseModel) -> UUID:
        row_id: UUID = getattr(record, self.records.table.row_id)
        return row_id


def _rows(page: JsonPage) -> list[dict[str, Any]]:
    """Return the rows of a page, which Postgres has written as JSON."""
    rows: list[dict[str, Any]] = json.loads(page.items)
    return rows


def _uuid(value: Any, field: str) -> UUID:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise InvalidInputError("Input should be a valid UUID", field=field) from None


def _if_match(etag: Any) -> IfMatch:
    if etag is None:
        return IfMatch()
    if not isinstance(etag, str):
        raise InvalidInputError('Must be an entity tag, such as "3"', field=ETAG)
    return IfMatch.parse([etag])


def _result(line: Line, status: LineStatus, row_id: UUID | None) -> ImportedLine:
    return ImportedLine(line=line.number, status=status, id=row_id, errors=[])


def _rejected(line: Line, problems: Sequence[FieldProblem]) -> ImportedLine:
    # The fields of a line are columns, without the prefix of a request body.
    errors = [
        LineProblem(field=problem.field and problem.field.removeprefix("body."), message=problem.message)
        for problem in problems
    ]
    return ImportedLine(line=line.number, status=LineStatus.REFUSED, id=None, errors=errors)

"""Many records at once, out of a file and into one: each line is a change of its own, with a report of what became of it."""

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
    """The file form of one kind of record. A line that has the record's id changes that record, one that has none makes a new
    one; with an etag as well, it changes nothing but that version."""

    records: RecordService[R]
    create_model: type[RequestBody]
    update_model: type[UpdateBody]
    columns: tuple[str, ...]
    """What a file may say of a record, beside its id and its etag."""
    create: Callable[[Transaction, Caller, Any], R]
    update: Callable[[Transaction, Caller, UUID, Any, IfMatch], R]

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The columns of a file, in their order."""
        return (self.records.table.row_id, *self.columns, ETAG)

    def read(self, content: bytes, form: FileFormat) -> list[Line]:
        """The lines of a file. InvalidInputError for what is no such file."""
        return read_lines(content, form, self.update_model, self.header)

    def write(self, page: JsonPage, form: FileFormat, *, with_header: bool) -> str:
        """The records of a page as lines."""
        rows = _rows(page)
        if form is FileFormat.CSV:
            return write_csv(rows, self.header, with_header=with_header)
        return write_ndjson(rows, self.header)

    def import_lines(
        self, transaction: Transaction, caller: Caller, lines: Sequence[Line], *, skip_existing: bool
    ) -> ImportReport:
        """What became of each line. A line that is refused leaves nothing behind, and the others as they are.

        `skip_existing` passes over new records that contradict one that is there, so that a file can be sent again.
        """
        reports = [self._take(transaction, caller, line, skip_existing=skip_existing) for line in lines]
        counts = Counter(report.status for report in reports)
        return ImportReport(counts={status: counts[status] for status in LineStatus}, lines=reports)

    def _take(self, transaction: Transaction, caller: Caller, line: Line, *, skip_existing: bool) -> ImportedLine:
        if line.problem:
            return _refused(line, [FieldProblem(line.problem)])
        try:
            with transaction.savepoint():
                return self._applied(transaction, caller, line)
        except ValidationError as error:
            problems = field_problems(error.errors())
        except PlatformError as error:
            # A fault of ours, or something that time mends, is no fault of the line: the whole file is tried again.
            if isinstance(error, RetryLaterError) or error.status >= PlatformError.status:
                raise
            if skip_existing and isinstance(error, ConflictError) and self.records.table.row_id not in line.values:
                return _report(line, LineStatus.SKIPPED, None)
            problems = list(error.problems)
        return _refused(line, problems)

    def _applied(self, transaction: Transaction, caller: Caller, line: Line) -> ImportedLine:
        values, row_id = dict(line.values), self.records.table.row_id
        named, etag = values.pop(row_id, None), values.pop(ETAG, None)
        if named is None:
            made = self.create(transaction, caller, self.create_model.model_validate(values))
            return _report(line, LineStatus.CREATED, self._id(made))
        known, body = _uuid(named, row_id), self.update_model.model_validate(values)
        before = self.records.table.find(transaction.connection, known)
        after = self.update(transaction, caller, known, body, _if_match(etag))
        is_same = before is not None and before.etag == after.etag
        return _report(line, LineStatus.UNCHANGED if is_same else LineStatus.UPDATED, known)

    def _id(self, record: BaseModel) -> UUID:
        row_id: UUID = getattr(record, self.records.table.row_id)
        return row_id


def _rows(page: JsonPage) -> list[dict[str, Any]]:
    """The rows that Postgres wrote as JSON."""
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
        raise InvalidInputError('Send entity tags as they were answered, such as "3"', field=ETAG)
    return IfMatch.parse([etag])


def _report(line: Line, status: LineStatus, row_id: UUID | None) -> ImportedLine:
    return ImportedLine(line=line.number, status=status, id=row_id, errors=[])


def _refused(line: Line, problems: Sequence[FieldProblem]) -> ImportedLine:
    # A line has no body: its fields are its columns.
    errors = [
        LineProblem(field=problem.field and problem.field.removeprefix("body."), message=problem.message)
        for problem in problems
    ]
    return ImportedLine(line=line.number, status=LineStatus.REFUSED, id=None, errors=errors)

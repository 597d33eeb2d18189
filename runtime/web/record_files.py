"""What routes ask for that take or give files of records, and how they describe that."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from runtime.contract.record_files import MAX_LINES, FileFormat
from runtime.errors import InvalidInputError
from runtime.persistence.pages import JsonPage, PageRequest, decode_cursor, encode_cursor
from runtime.web.dependencies import Cursor

MAX_EXPORTED = 200

IMPORT_DESCRIPTION = f"""CSV with a header, or one JSON object a line; at most {MAX_LINES:,} records and 1 MB. A line with the
record's id changes that record, one without makes a new one; with `etag` as well it changes nothing but that version. An empty cell
says nothing; null clears. Each line is taken or refused by itself, and the answer has a report of each."""
# For the API's description: the body is no model of ours.
FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {form.media_type: {"schema": {"type": "string"}} for form in FileFormat},
    }
}
FILE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {form.media_type: {"schema": {"type": "string"}} for form in FileFormat},
        "description": "The file",
    }
}


async def _sent_file(request: Request) -> tuple[bytes, FileFormat]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    for form in FileFormat:
        if kind == form.media_type:
            return await request.body(), form
    raise InvalidInputError("Send text/csv or application/x-ndjson", field="header.content-type")


async def _export_page(
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MAX_EXPORTED)] = MAX_EXPORTED,
) -> PageRequest:
    return PageRequest(limit=limit, after=decode_cursor(cursor) if cursor is not None else None)


ImportFile = Annotated[tuple[bytes, FileFormat], Depends(_sent_file)]
ExportPage = Annotated[PageRequest, Depends(_export_page)]
FormatParameter = Annotated[FileFormat, Query(alias="format")]
SkipExisting = Annotated[
    bool, Query(description="Pass over new records that are there already, so that a file can be sent again.")
]


def file_response(request: Request, text: str, form: FileFormat, page: JsonPage, *, name: str) -> Response:
    """A file of records. Where more follow, `Link` says where (RFC 8288); that part has no header line again."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form.value}"'}
    if page.last:
        following = request.url.include_query_params(cursor=encode_cursor(page.last))
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return Response(text, media_type=f"{form.media_type}; charset=utf-8", headers=headers)

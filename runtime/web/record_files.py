"""Dependencies, responses and OpenAPI parts of routes that import and export record files."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from runtime.contract.record_files import MAX_LINES, FileFormat
from runtime.errors import InvalidInputError
from runtime.persistence.pages import JsonPage, PageRequest, decode_cursor, encode_cursor
from runtime.web.dependencies import Cursor

MAX_EXPORT_RECORDS = 200

IMPORT_DESCRIPTION = f"""Import records from CSV with a header, or from one JSON object per line; at most {MAX_LINES:,} records
and 1 MB. A line with the record's id updates that record, and with `etag` as well, only that version; a line without an id
creates a record. Empty cells are ignored; null clears a field. Lines succeed or fail independently, and the response has a result
for each."""
# For the OpenAPI document: the body is not a Pydantic model.
FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {each.media_type: {"schema": {"type": "string"}} for each in FileFormat},
    }
}
FILE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {each.media_type: {"schema": {"type": "string"}} for each in FileFormat},
        "description": "The file",
    }
}


async def _import_file(request: Request) -> tuple[bytes, FileFormat]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    for file_format in FileFormat:
        if media_type == file_format.media_type:
            return await request.body(), file_format
    raise InvalidInputError("Content-Type must be text/csv or application/x-ndjson", field="header.content-type")


async def _export_page(
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MAX_EXPORT_RECORDS)] = MAX_EXPORT_RECORDS,
) -> PageRequest:
    return PageRequest(limit=limit, after=decode_cursor(cursor) if cursor is not None else None)


ImportFile = Annotated[tuple[bytes, FileFormat], Depends(_import_file)]
ExportPage = Annotated[PageRequest, Depends(_export_page)]
FormatParameter = Annotated[FileFormat, Query(alias="format")]
SkipExisting = Annotated[
    bool, Query(description="Skip new records that already exist, so that a file can be imported again.")
]


def file_response(request: Request, text: str, file_format: FileFormat, page: JsonPage, *, name: str) -> Response:
    """Return a response with a record file.

    If there are more records, `Link` contains the URL of the next part (RFC 8288), which has no header line.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}.{file_format.value}"'}
    if page.last:
        next_url = request.url.include_query_params(cursor=encode_cursor(page.last))
        headers["Link"] = f'<{next_url.path}?{next_url.query}>; rel="next"'
    return Response(text, media_type=f"{file_format.media_type}; charset=utf-8", headers=headers)

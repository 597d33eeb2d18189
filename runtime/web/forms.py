"""A strict parser of forms with files (multipart/form-data, RFC 7578): complete, in UTF-8, each field once.

FastAPI's own form parser runs before a route's guard, lets the client choose the character encoding, and accepts a truncated form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from runtime.errors import InvalidInputError

MAX_PARTS = 16
# Of a text field.
MAX_TEXT_BYTES = 8_192
# Of a part's headers: file names may have 1,024 characters.
MAX_HEADER_BYTES = 8_192
MEDIA_TYPE = b"multipart/form-data"


@dataclass(frozen=True, kw_only=True)
class UploadedFile:
    """A file in a form. The name and the media type are declared by the client."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Form:
    """The fields of a form by name, texts and files."""

    texts: Mapping[str, str]
    files: Mapping[str, UploadedFile]


def parse(content_type: str, body: bytes) -> Form:
    """Parse a form.

    Raises:
        InvalidInputError: The body is not a complete form of at most 16 fields, a field is repeated, or text is not UTF-8 or
            contains NUL.
    """
    media_type, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if media_type.strip() != MEDIA_TYPE or not boundary:
        raise _invalid_form("Content-Type must be multipart/form-data, with a boundary")
    state = _ParserState()
    try:
        parser = MultipartParser(boundary, state.callbacks, max_header_size=MAX_HEADER_BYTES)  # type: ignore[arg-type]
        parser.write(body)
    except FormParserError:
        raise _invalid_form("The body is not a valid form") from None
    if not state.is_complete:
        raise _invalid_form("The form is truncated")
    return Form(texts=state.texts, files=state.files)


async def _parsed_form(request: Request) -> Form:
    try:
        body = await request.body()
    except ClientDisconnect:
        raise HTTPException(400) from None
    # Parsing a large form would block the event loop.
    return await run_in_threadpool(parse, request.headers.get("content-type", ""), body)


# Declare it after the guard, so that forms of unauthorized callers are not parsed, and before the transaction.
FormDep = Annotated[Form, Depends(_parsed_form)]


@dataclass
class _ParserState:
    """The fields parsed so far, and the current part."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, UploadedFile] = field(default_factory=dict)
    is_complete: bool = False
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _header_name: bytes = b""
    _header_value: bytes = b""
    _disposition: dict[bytes, bytes] = field(default_factory=dict)
    _content: bytearray = field(default_factory=bytearray)

    @property
    def callbacks(self) -> dict[str, object]:
        """Callbacks of the parser."""
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_to_header_name,
            "on_header_value": self._add_to_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_content,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        if len(self.texts) + len(self.files) == MAX_PARTS:
            raise _invalid_form(f"The form has more than {MAX_PARTS} fields")
        self._headers, self._disposition, self._content = {}, {}, bytearray()

    def _add_to_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_to_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        kind, self._disposition = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in self._disposition:
            raise _invalid_form("A field has no name")

    def _add_content(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]
        if b"filename" not in self._disposition and len(self._content) > MAX_TEXT_BYTES:
            raise _invalid_form(f"A text field has more than {MAX_TEXT_BYTES} bytes")

    def _end_part(self) -> None:
        name = _text(self._disposition[b"name"])
        if name in self.texts or name in self.files:
            raise _invalid_form("A field is repeated")
        if b"filename" not in self._disposition:
            self.texts[name] = _text(bytes(self._content))
            return
        self.files[name] = UploadedFile(
            name=_text(self._disposition[b"filename"]),
            media_type=_text(self._headers.get(b"content-type", b"text/plain")),
            content=bytes(self._content),
        )

    def _end(self) -> None:
        self.is_complete = True


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _invalid_form("The form is not UTF-8") from None
    if "\0" in text:
        raise _invalid_form("The form contains NUL")
    return text


def _invalid_form(message: str) -> InvalidInputError:
    return InvalidInputError(message, field="body")

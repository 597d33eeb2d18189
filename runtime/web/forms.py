"""Forms with files in them (multipart/form-data, RFC 7578), read as strictly as JSON is: whole, in UTF-8, each name once.

The framework's own reading of forms comes before a route's guard, lets the client choose how its text is decoded, and takes a
form that was cut short for a whole one.
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
# Of a field that is no file.
MAX_TEXT_BYTES = 8_192
# Of a part's header: names of files may have 1,024 characters.
MAX_HEADER_BYTES = 8_192
MEDIA_TYPE = b"multipart/form-data"


@dataclass(frozen=True, kw_only=True)
class UploadedFile:
    """A file in a form. What it is called and what type it is said to be of is what its sender says."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Form:
    """What was sent, by the names of the fields; none is both a text and a file."""

    texts: Mapping[str, str]
    files: Mapping[str, UploadedFile]


def parse(content_type: str, body: bytes) -> Form:
    """The form. InvalidInputError for a body that is not a whole form of at most 16 fields, for a field that is sent twice, and
    for text that is not UTF-8 or contains NUL."""
    media_type, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if media_type.strip() != MEDIA_TYPE or not boundary:
        raise _refused("Send a form, with content-type multipart/form-data")
    reading = _Reading()
    try:
        parser = MultipartParser(boundary, reading.callbacks, max_header_size=MAX_HEADER_BYTES)  # type: ignore[arg-type]
        parser.write(body)
    except FormParserError:
        raise _refused("The body is not a valid form") from None
    if not reading.is_whole:
        raise _refused("The form is cut short")
    return Form(texts=reading.texts, files=reading.files)


async def _sent_form(request: Request) -> Form:
    try:
        body = await request.body()
    except ClientDisconnect:
        raise HTTPException(400) from None
    # Reading a form takes long enough to keep everybody else waiting.
    return await run_in_threadpool(parse, request.headers.get("content-type", ""), body)


# Name it after the guard, so that nobody's form is read who may not send one, and before the transaction.
FormDep = Annotated[Form, Depends(_sent_form)]


@dataclass
class _Reading:
    """What the parser found until now."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, UploadedFile] = field(default_factory=dict)
    is_whole: bool = False
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _header_name: bytes = b""
    _header_value: bytes = b""
    _disposition: dict[bytes, bytes] = field(default_factory=dict)
    _content: bytearray = field(default_factory=bytearray)

    @property
    def callbacks(self) -> dict[str, object]:
        """What the parser calls."""
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
            raise _refused(f"A form may have {MAX_PARTS} fields")
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
            raise _refused("A field has no name")

    def _add_content(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]
        if b"filename" not in self._disposition and len(self._content) > MAX_TEXT_BYTES:
            raise _refused(f"A field that is no file may have {MAX_TEXT_BYTES} bytes")

    def _end_part(self) -> None:
        name = _text(self._disposition[b"name"])
        if name in self.texts or name in self.files:
            raise _refused("A field is sent twice")
        if b"filename" not in self._disposition:
            self.texts[name] = _text(bytes(self._content))
            return
        self.files[name] = UploadedFile(
            name=_text(self._disposition[b"filename"]),
            media_type=_text(self._headers.get(b"content-type", b"text/plain")),
            content=bytes(self._content),
        )

    def _end(self) -> None:
        self.is_whole = True


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused("The form is not UTF-8") from None
    if "\0" in text:
        raise _refused("The form contains NUL")
    return text


def _refused(message: str) -> InvalidInputError:
    return InvalidInputError(message, field="body")

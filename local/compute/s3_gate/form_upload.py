"""Browser uploads: reads a form, checks it against its policy, and converts it to a PUT request."""

import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from local.compute.s3_gate.bodies import IncomingBody
from local.compute.s3_gate.protocol.errors import (
    S3Error,
    access_denied,
    invalid_argument,
    invalid_token,
    precondition_failed,
    unsupported_signature_version,
    xml_document,
)
from local.compute.s3_gate.protocol.post_policy import PostPolicy
from local.compute.s3_gate.protocol.request import S3Request, require_key_length
from local.compute.s3_gate.protocol.signatures import ALGORITHM, Keyring, parse_timestamp

MAXIMUM_FIELDS_BYTES = 20_480
FILE_NAME_VARIABLE = "${filename}"
SIGNATURE_FIELDS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature")
# The fields that correspond to headers of a PUT request.
OBJECT_FIELDS = re.compile(
    r"cache-control|content-type|content-disposition|content-encoding|content-md5|expires|x-amz-meta-.+|x-amz-storage-class"
    r"|x-amz-website-redirect-location|x-amz-server-side-encryption.*|x-amz-object-lock-.+|x-amz-checksum-.+"
)
RENAMED_FIELDS = {"acl": "x-amz-acl", "x-amz-checksum-algorithm": "x-amz-sdk-checksum-algorithm"}
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True)
class FormUpload:
    """A form whose fields the policy allows. The file must still be checked. `as_put` is the equivalent PUT request."""

    bucket: str
    key: str
    fields: dict[str, str]
    policy: PostPolicy
    as_put: S3Request

    def response(self, *, host: str, etag: str) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body that the form selects: an empty 204, a document, or a redirect."""
        location = f"http://{host}/{self.bucket}/{quote(self.key, safe='')}"
        headers = {"etag": etag, "location": location}
        redirect = self.fields.get("success_action_redirect", self.fields.get("redirect", ""))
        if _is_url(redirect):
            separator = "&" if urlsplit(redirect).query else "?"
            query = urlencode({"bucket": self.bucket, "key": self.key, "etag": etag})
            return 303, headers | {"location": f"{redirect}{separator}{query}", "content-length": "0"}, b""
        status = self.fields.get("success_action_status")
        if status == "201":
            elements = {"Location": location, "Bucket": self.bucket, "Key": self.key, "ETag": etag}
            document = xml_document("PostResponse", elements)
            return 201, headers | {"content-type": "application/xml", "content-length": str(len(document))}, document
        if status == "200":
            return 200, headers | {"content-length": "0"}, b""
        return 204, headers, b""


class FormReader:
    """A streaming reader of a multipart body: the fields, then the file. Parts after the file are ignored."""

    def __init__(self, request: S3Request, incoming: IncomingBody) -> None:
        kind, options = parse_options_header(request.header("content-type"))
        if kind.lower() != "multipart/form-data":
            raise precondition_failed("Bucket POST must be of the enclosure-type multipart/form-data")
        if not options.get("boundary"):
            raise malformed_form()
        self.file_name: str | None = None
        self._decoder = MultipartDecoder(options["boundary"].encode("latin-1", "replace"))
        self._chunks = incoming.chunks()
        self._received = 0
        self._in_file = False

    async def read_fields(self) -> dict[str, str]:
        """Read the fields before the file, by lower-case name; repeated ones are joined by commas.

        Raises:
            S3Error: The form is malformed, its fields are too long, or it has no file.
        """
        fields: dict[str, str] = {}
        name, value = "", b""
        while True:
            event = await self._next()
            if isinstance(event, Field | File):
                name, value = (event.name or "").lower(), b""
                if not name:
                    raise malformed_form()
                if name == "file":
                    self.file_name = event.filename if isinstance(event, File) else None
                    self._in_file = True
                    return fields
            elif isinstance(event, Data):
                value += event.data
                if not event.more_data:
                    text = _utf8(value)
                    fields[name] = f"{fields[name]},{text}" if name in fields else text
            elif isinstance(event, Epilogue):
                raise invalid_argument("POST requires exactly one file upload per request.", "file", "0")

    async def read_file(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the file, after `read_fields`.

        Raises:
            S3Error: The form is malformed.
        """
        while True:
            event = await self._next()
            if not isinstance(event, Data):
                raise malformed_form()
            if event.data:
                yield event.data
            if not event.more_data:
                return

    async def _next(self) -> Event:
        while True:
            try:
                event = self._decoder.next_event()
            except ValueError:
                raise malformed_form() from None
            if not self._in_file and self._received - len(self._decoder.buffer) > MAXIMUM_FIELDS_BYTES:
                raise self._too_long()
            if not isinstance(event, NeedData):
                return event
            if not self._in_file and len(self._decoder.buffer) > MAXIMUM_FIELDS_BYTES:
                raise self._too_long()
            chunk = await anext(self._chunks, None)
            self._received += len(chunk or b"")
            self._decoder.receive_data(chunk)

    @staticmethod
    def _too_long() -> S3Error:
        return S3Error(
            400,
            "MaxPostPreDataLengthExceeded",
            "Your POST request fields preceeding the upload file was too large.",
            {"MaxPostPreDataLengthBytes": str(MAXIMUM_FIELDS_BYTES)},
        )


def is_form_upload(request: S3Request) -> bool:
    """Whether the request is a browser upload: a POST to a bucket without a signature in headers or query."""
    return (
        request.method == "POST"
        and bool(request.bucket)
        and not request.key
        and not request.raw_query
        and request.header("authorization") is None
    )


def authorize_form(request: S3Request, fields: dict[str, str], file_name: str | None, keyring: Keyring) -> FormUpload:
    """Verify the signature of a form and check its fields against the policy, before the file is read.

    Raises:
        S3Error: The signature is missing or wrong, or the policy does not allow the fields.
    """
    if "policy" not in fields:
        raise access_denied()
    if "awsaccesskeyid" in fields or "signature" in fields:
        raise unsupported_signature_version()
    if not any(name.lower() in fields for name in SIGNATURE_FIELDS):
        raise access_denied()
    for name in (*SIGNATURE_FIELDS, "key"):
        if name.lower() not in fields:
            raise invalid_argument(
                f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields.",
                name,
                "",
            )
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise invalid_argument(
            f'X-Amz-Algorithm only supports "{ALGORITHM}"', "X-Amz-Algorithm", fields["x-amz-algorithm"]
        )
    if parse_timestamp(fields["x-amz-date"]) is None:
        raise invalid_argument(
            "X-Amz-Date must be formated via ISO8601 Long format", "X-Amz-Date", fields["x-amz-date"]
        )
    if "x-amz-security-token" in fields:
        raise invalid_token()
    keyring.verify_policy(fields["policy"], fields["x-amz-credential"], fields["x-amz-signature"])
    policy = PostPolicy.parse(fields["policy"])
    expanded = _expanded(fields, file_name)
    policy.require_fields(expanded, bucket=request.bucket, now=datetime.now(UTC))
    key = expanded["key"]
    require_key_length(key)
    return FormUpload(
        bucket=request.bucket,
        key=key,
        fields=expanded,
        policy=policy,
        as_put=S3Request(
            method="PUT",
            raw_path=f"/{request.bucket}/{quote(key, safe='/~')}",
            raw_query="",
            headers=tuple(_object_headers(expanded).items()),
        ),
    )


def malformed_form() -> S3Error:
    """Create a 400 error: the body is not well-formed multipart/form-data."""
    return S3Error(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")


def _expanded(fields: dict[str, str], file_name: str | None) -> dict[str, str]:
    # Some browsers send the whole path of the file. Without a file name the variable is not replaced.
    if file_name is None:
        return fields
    base_name = re.split(r"[/\\]", file_name)[-1]
    signed = {"policy", *(name.lower() for name in SIGNATURE_FIELDS)}
    return {
        name: value if name in signed else value.replace(FILE_NAME_VARIABLE, base_name)
        for name, value in fields.items()
    }


def _object_headers(fields: dict[str, str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for field, value in fields.items():
        name = RENAMED_FIELDS.get(field, field)
        if name == field and not OBJECT_FIELDS.fullmatch(field):
            continue
        if CONTROL_CHARACTERS.search(value):
            raise invalid_argument("Header values cannot contain control characters.", field, value)
        headers[name] = value
    if "tagging" in fields:
        headers["x-amz-tagging"] = _tags(fields["tagging"])
    return headers


def _tags(document: str) -> str:
    try:
        # The fields are limited to 20 KB, and expat limits entity expansion.
        root = ET.fromstring(document)  # noqa: S314
    except ET.ParseError:
        raise S3Error(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ) from None
    return urlencode([(tag.findtext("Key", ""), tag.findtext("Value", "")) for tag in root.iterfind("TagSet/Tag")])


def _is_url(text: str) -> bool:
    if not text.isascii() or CONTROL_CHARACTERS.search(text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise malformed_form() from None

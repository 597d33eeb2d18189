"""API Gateway's payload format 2.0: the event for an HTTP request, and the HTTP response for a function's result.

The shapes are those of the developer guide, "Create AWS Lambda proxy integrations for HTTP APIs". Where it is silent, this
follows observations on AWS: `rawPath` is percent-decoded, and only text, JSON, XML and JavaScript bodies are passed as text (a
form or a body without a content type is Base64).
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.compute.apigateway.routes import RouteMatch

Headers = Sequence[tuple[str, str]]

TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})
# Set by API Gateway itself.
FRAMING_HEADERS = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
DEFAULT_CONTENT_TYPE = "text/plain;charset=UTF-8"


class InvalidResponseError(Exception):
    """The function's result is not a response of payload format 2.0."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """An HTTP request. `path` and `query` are percent-encoded as sent; header names are lower case."""

    method: str
    path: str
    query: str
    protocol: str
    headers: Headers
    body: bytes
    source_ip: str

    def header(self, name: str) -> str | None:
        """Return the first value of a header."""
        return next((value for known, value in self.headers if known == name), None)


@dataclass(frozen=True, kw_only=True)
class Response:
    """An HTTP response. Header names are lower case; a name may occur more than once."""

    status: int
    headers: Headers
    body: bytes

    @classmethod
    def message(cls, status: int, text: str) -> "Response":
        """Create a response of the gateway itself, such as {"message":"Not Found"}."""
        body = json.dumps({"message": text}, separators=(",", ":")).encode()
        return cls(status=status, headers=[("content-type", "application/json")], body=body)


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """The API and the stage of a request; `domain_name` is the requested host name."""

    account_id: str
    api_id: str
    domain_name: str
    stage: str
    variables: Mapping[str, str]


def event(request: Request, match: RouteMatch, context: StageContext, request_id: str) -> dict[str, Any]:
    """Return the event for a request. Keys without a value are left out, as in API Gateway."""
    now = datetime.now(UTC)
    path = unquote(request.path)
    body, encoded = _body(request)
    required: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": _headers(request),
        "requestContext": {
            "accountId": context.account_id,
            "apiId": context.api_id,
            "domainName": context.domain_name,
            "domainPrefix": context.domain_name.partition(".")[0],
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent") or "",
            },
            "requestId": request_id,
            "routeKey": match.route.key,
            "stage": context.stage,
            "time": f"{now:%d/%b/%Y:%H:%M:%S} +0000",
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": encoded,
    }
    optional = {
        "cookies": _cookies(request),
        "queryStringParameters": _joined(parse_qsl(request.query, keep_blank_values=True)),
        "pathParameters": dict(match.parameters),
        "stageVariables": dict(context.variables),
        "body": body,
    }
    return required | {name: value for name, value in optional.items() if value}


def response(result: Any) -> Response:
    """Return the HTTP response for a function's result.

    Raises:
        InvalidResponseError: The result has a status code, but other parts of it are invalid.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else json.dumps(result, separators=(",", ":"))
        return Response(status=200, headers=[("content-type", "application/json")], body=text.encode())
    status = _status(result["statusCode"])
    body = _response_body(result)
    headers = [(name.lower(), value) for name, value in _response_headers(result.get("headers"))]
    headers = [(name, value) for name, value in headers if name not in FRAMING_HEADERS]
    if body and not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", DEFAULT_CONTENT_TYPE))
    cookies = result.get("cookies") or []
    if not isinstance(cookies, list):
        raise InvalidResponseError("cookies must be a list")
    headers += [("set-cookie", str(cookie)) for cookie in cookies]
    for name, value in headers:
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value) or not value.isascii():
            raise InvalidResponseError(f"header {name!r} is not a valid HTTP header")
    return Response(status=status, headers=headers, body=body)


def _headers(request: Request) -> dict[str, str]:
    """Return the event's headers: lower-case names, repeated values joined by commas, without cookies.

    API Gateway serves only HTTPS and sets the X-Forwarded headers itself, whatever the client sent.
    """
    forwarded = [value for name, value in request.headers if name == "x-forwarded-for"]
    own = {
        "content-length": str(len(request.body)),
        "x-forwarded-for": ", ".join([*forwarded, request.source_ip]),
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    dropped = FRAMING_HEADERS | {"cookie"}
    return _joined([(name, value) for name, value in request.headers if name not in dropped]) | own


def _cookies(request: Request) -> list[str]:
    lines = [value for name, value in request.headers if name == "cookie"]
    return [cookie.strip() for line in lines for cookie in line.split(";") if cookie.strip()]


def _joined(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(request: Request) -> tuple[str, bool]:
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if not request.body:
        return "", False
    if (media_type.startswith("text/") or media_type in TEXT_TYPES) and not request.header("content-encoding"):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass  # Not text in UTF-8, so it is passed as Base64.
    return base64.b64encode(request.body).decode(), True


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError) as error:
        raise InvalidResponseError(f"statusCode must be a number, not {value!r}") from error
    if not 200 <= status <= 599:
        raise InvalidResponseError(f"statusCode must be from 200 to 599, not {status}")
    return status


def _response_headers(headers: Any) -> list[tuple[str, str]]:
    if headers is None:
        return []
    if not isinstance(headers, dict):
        raise InvalidResponseError("headers must be an object")
    pairs = []
    for name, value in headers.items():
        if isinstance(value, dict | list) or value is None:
            raise InvalidResponseError(f"header {name!r} must be a string")
        pairs.append((name, json.dumps(value) if isinstance(value, bool) else str(value)))
    return pairs


def _response_body(result: Mapping[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise InvalidResponseError("body must be a string")
    if not result.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise InvalidResponseError("body must be Base64") from error

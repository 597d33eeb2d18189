"""HTTP requests as API Gateway's payload format 2.0, and function answers as HTTP responses.

The shapes are those of the developer guide, "Create AWS Lambda proxy integrations for HTTP APIs". What it leaves open was
observed on AWS by others: `rawPath` is percent-decoded, and only text, JSON, XML and JavaScript bodies are passed as text
(a form or a body without a content type is Base64).
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

from local.compute.apigateway.gateway_routes import Choice

Headers = Sequence[tuple[str, str]]

TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})
# API Gateway frames the message itself.
FRAMING_HEADERS = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
DEFAULT_CONTENT_TYPE = "text/plain;charset=UTF-8"


class InvalidAnswerError(Exception):
    """A function's answer that is no response of payload format 2.0."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it arrived. `path` and `query` are as sent; header names are in lower case."""

    method: str
    path: str
    query: str
    protocol: str
    headers: Headers
    body: bytes
    source_ip: str

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for known, value in self.headers if known == name), None)


@dataclass(frozen=True, kw_only=True)
class Response:
    """What goes back. Header names are in lower case; a name may occur more than once."""

    status: int
    headers: Headers
    body: bytes

    @classmethod
    def message(cls, status: int, text: str) -> "Response":
        """An answer of the gateway's own, such as {"message":"Not Found"}."""
        body = json.dumps({"message": text}, separators=(",", ":")).encode()
        return cls(status=status, headers=[("content-type", "application/json")], body=body)


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """Where a request arrived: the API's id and the name that it was asked under, and the stage."""

    account_id: str
    api_id: str
    domain_name: str
    stage: str
    variables: Mapping[str, str]


def event(request: Request, choice: Choice, context: StageContext, request_id: str) -> dict[str, Any]:
    """The event of payload format 2.0. Keys that have nothing to say are left out, as API Gateway does."""
    now = datetime.now(UTC)
    path = unquote(request.path)
    body, encoded = _body(request)
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": choice.route.key,
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
            "routeKey": choice.route.key,
            "stage": context.stage,
            "time": f"{now:%d/%b/%Y:%H:%M:%S} +0000",
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": encoded,
    }
    optional = {
        "cookies": _cookies(request),
        "queryStringParameters": _joined(parse_qsl(request.query, keep_blank_values=True)),
        "pathParameters": dict(choice.parameters),
        "stageVariables": dict(context.variables),
        "body": body,
    }
    return made | {name: value for name, value in optional.items() if value}


def response(answer: Any) -> Response:
    """The HTTP response that a function's answer stands for. Raises InvalidAnswerError."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        text = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
        return Response(status=200, headers=[("content-type", "application/json")], body=text.encode())
    status = _status(answer["statusCode"])
    headers = [(name.lower(), value) for name, value in _answer_headers(answer.get("headers"))]
    body = _answer_body(answer)
    kept = [(name, value) for name, value in headers if name not in FRAMING_HEADERS]
    if body and not any(name == "content-type" for name, _ in kept):
        kept.append(("content-type", DEFAULT_CONTENT_TYPE))
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list):
        raise InvalidAnswerError("cookies is no list")
    kept += [("set-cookie", str(cookie)) for cookie in cookies]
    for name, value in kept:
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value) or not value.isascii():
            raise InvalidAnswerError(f"header {name!r} cannot be sent")
    return Response(status=status, headers=kept, body=body)


def _headers(request: Request) -> dict[str, str]:
    """Lower-case names, several values joined by commas; cookies have a place of their own.

    API Gateway serves HTTPS alone and says so; a name or protocol that the client claims is not believed.
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
            pass  # Only Base64 can carry it unchanged.
    return base64.b64encode(request.body).decode(), True


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError) as error:
        raise InvalidAnswerError(f"statusCode {value!r} is no number") from error
    if not 200 <= status <= 599:
        raise InvalidAnswerError(f"statusCode {status} is no final status")
    return status


def _answer_headers(headers: Any) -> list[tuple[str, str]]:
    if headers is None:
        return []
    if not isinstance(headers, dict):
        raise InvalidAnswerError("headers is no object")
    pairs = []
    for name, value in headers.items():
        if isinstance(value, dict | list) or value is None:
            raise InvalidAnswerError(f"header {name!r} is no string")
        pairs.append((name, json.dumps(value) if isinstance(value, bool) else str(value)))
    return pairs


def _answer_body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise InvalidAnswerError("body is no string")
    if not answer.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise InvalidAnswerError("body is no Base64") from error

"""CORS: preflight requests and response headers, by a bucket's CORS rules."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from local.compute.s3_gate.protocol.errors import S3Error
from local.compute.s3_gate.protocol.request import S3Request

Rules = Sequence[Mapping[str, Any]]
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def preflight_headers(request: S3Request, rules: Rules) -> dict[str, str]:
    """Return the headers of the response to a preflight request.

    Raises:
        S3Error: The request is not a preflight request, or no rule allows it.
    """
    origin, method = request.header("origin"), request.header("access-control-request-method")
    if origin is None:
        raise S3Error(400, "BadRequest", "Insufficient information. Origin request header needed.")
    if method not in {"GET", "PUT", "HEAD", "POST", "DELETE"}:
        raise S3Error(400, "BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
    requested = _list(request.header("access-control-request-headers") or "")
    if not rules:
        raise _forbidden("CORSResponse: CORS is not enabled for this bucket.", method, request)
    for rule in rules:
        if _allows(rule, origin, method) and all(
            _matches_any(rule.get("AllowedHeaders", []), name) for name in requested
        ):
            headers = _headers(rule, origin)
            return headers | {"access-control-allow-headers": ", ".join(requested)} if requested else headers
    raise _forbidden(
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
        "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
        method,
        request,
    )


def response_headers(request: S3Request, rules: Rules) -> dict[str, str]:
    """Return the CORS headers of a response, also of an error response; empty if no rule allows the request."""
    origin = request.header("origin") or ""
    for rule in rules:
        if _allows(rule, origin, request.method):
            return _headers(rule, origin)
    return {}


def _allows(rule: Mapping[str, Any], origin: str, method: str) -> bool:
    return method in rule["AllowedMethods"] and any(_matches(pattern, origin) for pattern in rule["AllowedOrigins"])


def _headers(rule: Mapping[str, Any], origin: str) -> dict[str, str]:
    headers = {"access-control-allow-methods": ", ".join(rule["AllowedMethods"]), "vary": VARY}
    if "*" in rule["AllowedOrigins"]:
        headers["access-control-allow-origin"] = "*"
    else:
        headers |= {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
    if exposed := rule.get("ExposeHeaders"):
        headers["access-control-expose-headers"] = ", ".join(exposed)
    if (seconds := rule.get("MaxAgeSeconds")) is not None:
        headers["access-control-max-age"] = str(seconds)
    return headers


def _matches_any(patterns: Sequence[str], name: str) -> bool:
    return any(_matches(pattern.lower(), name) for pattern in patterns)


def _matches(pattern: str, text: str) -> bool:
    # A pattern may have one asterisk, which matches any characters.
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def _list(text: str) -> list[str]:
    return [name.strip().lower() for name in text.split(",") if name.strip()]


def _forbidden(message: str, method: str, request: S3Request) -> S3Error:
    kind = "OBJECT" if request.key else "BUCKET"
    return S3Error(403, "AccessForbidden", message, {"Method": method, "ResourceType": kind})

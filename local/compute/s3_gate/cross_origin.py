"""Cross-origin requests, answered from the bucket's CORS rules as S3 answers them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from local.compute.s3_gate.protocol.received import ReceivedRequest
from local.compute.s3_gate.protocol.refusals import Refusal

Rules = Sequence[Mapping[str, Any]]
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def preflight_headers(request: ReceivedRequest, rules: Rules) -> dict[str, str]:
    """The headers that let a browser go on. Raises the refusal that S3 answers when no rule allows it."""
    origin, method = request.header("origin"), request.header("access-control-request-method")
    if origin is None:
        raise Refusal(400, "BadRequest", "Insufficient information. Origin request header needed.")
    if method not in {"GET", "PUT", "HEAD", "POST", "DELETE"}:
        raise Refusal(400, "BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
    asked = _list(request.header("access-control-request-headers") or "")
    if not rules:
        raise _forbidden("CORSResponse: CORS is not enabled for this bucket.", method, request)
    for rule in rules:
        if _allows(rule, origin, method) and all(_matches_any(rule.get("AllowedHeaders", []), name) for name in asked):
            headers = _answer(rule, origin)
            return headers | {"access-control-allow-headers": ", ".join(asked)} if asked else headers
    raise _forbidden(
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
        "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
        method,
        request,
    )


def answer_headers(request: ReceivedRequest, rules: Rules) -> dict[str, str]:
    """What an answer, good or bad, carries so that the page that asked may read it; nothing when no rule allows that."""
    origin = request.header("origin") or ""
    for rule in rules:
        if _allows(rule, origin, request.method):
            return _answer(rule, origin)
    return {}


def _allows(rule: Mapping[str, Any], origin: str, method: str) -> bool:
    return method in rule["AllowedMethods"] and any(_matches(pattern, origin) for pattern in rule["AllowedOrigins"])


def _answer(rule: Mapping[str, Any], origin: str) -> dict[str, str]:
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
    # A rule may have one asterisk, which stands for any characters; everything else is meant literally.
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def _list(text: str) -> list[str]:
    return [name.strip().lower() for name in text.split(",") if name.strip()]


def _forbidden(message: str, method: str, request: ReceivedRequest) -> Refusal:
    kind = "OBJECT" if request.key else "BUCKET"
    return Refusal(403, "AccessForbidden", message, {"Method": method, "ResourceType": kind})

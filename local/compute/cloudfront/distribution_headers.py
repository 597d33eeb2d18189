"""What a response headers policy does to an answer."""

from collections.abc import Callable, Mapping
from typing import Any

from local.compute.cloudfront.bucket_rights import like

CROSS_ORIGIN = "access-control-"


def with_policy(headers: Mapping[str, str], policy: Mapping[str, Any], origin: str | None) -> dict[str, str]:
    """The answer's headers, by lower-case names, after the policy (a resource's inputs). `origin` is the asking page's."""
    answered = {name: value for name, value in headers.items() if name not in _removed(policy)}
    for name, value, override in (*_security(policy), *_custom(policy)):
        if override or name not in answered:
            answered[name] = value
    return _shared(answered, policy.get("corsConfig"), origin)


def _security(policy: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    found = []
    for section, header in (
        ("contentSecurityPolicy", "content-security-policy"),
        ("contentTypeOptions", "x-content-type-options"),
        ("frameOptions", "x-frame-options"),
        ("referrerPolicy", "referrer-policy"),
        ("strictTransportSecurity", "strict-transport-security"),
        ("xssProtection", "x-xss-protection"),
    ):
        given = (policy.get("securityHeadersConfig") or {}).get(section)
        if given:
            found.append((header, _VALUES[section](given), bool(given.get("override"))))
    return found


def _strict_transport(given: Mapping[str, Any]) -> str:
    parts = [f"max-age={int(given['accessControlMaxAgeSec'])}"]
    parts += ["includeSubDomains"] if given.get("includeSubdomains") else []
    parts += ["preload"] if given.get("preload") else []
    return "; ".join(parts)


def _xss_protection(given: Mapping[str, Any]) -> str:
    parts = ["1" if given.get("protection") else "0"]
    parts += ["mode=block"] if given.get("modeBlock") else []
    parts += [f"report={given['reportUri']}"] if given.get("reportUri") else []
    return "; ".join(parts)


_VALUES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "contentSecurityPolicy": lambda given: str(given["contentSecurityPolicy"]),
    "contentTypeOptions": lambda _: "nosniff",
    "frameOptions": lambda given: str(given["frameOption"]),
    "referrerPolicy": lambda given: str(given["referrerPolicy"]),
    "strictTransportSecurity": _strict_transport,
    "xssProtection": _xss_protection,
}


def _custom(policy: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    items = (policy.get("customHeadersConfig") or {}).get("items") or ()
    return [(item["header"].lower(), item["value"], bool(item.get("override"))) for item in items]


def _removed(policy: Mapping[str, Any]) -> set[str]:
    return {item["header"].lower() for item in (policy.get("removeHeadersConfig") or {}).get("items") or ()}


def _shared(headers: dict[str, str], rules: Mapping[str, Any] | None, origin: str | None) -> dict[str, str]:
    """Says which pages may read the answer. A page that is not named gets no such header."""
    if not rules:
        return headers
    named = any(name.startswith(CROSS_ORIGIN) for name in headers)
    if named and not rules.get("originOverride"):
        return headers
    kept = {name: value for name, value in headers.items() if not name.startswith(CROSS_ORIGIN)}
    origins = rules["accessControlAllowOrigins"]["items"]
    anyone = "*" in origins
    if anyone and not rules.get("accessControlAllowCredentials"):
        kept["access-control-allow-origin"] = "*"
    elif origin is not None and any(like(allowed, origin) for allowed in origins):
        kept["access-control-allow-origin"] = origin
    else:
        return _varying(kept)
    if rules.get("accessControlAllowCredentials"):
        kept["access-control-allow-credentials"] = "true"
    if exposed := (rules.get("accessControlExposeHeaders") or {}).get("items"):
        kept["access-control-expose-headers"] = ", ".join(exposed)
    return kept if anyone else _varying(kept)


def _varying(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "vary": ", ".join(filter(None, [headers.get("vary", ""), "Origin"]))}

"""Response headers policies."""

from collections.abc import Callable, Mapping
from typing import Any

from local.compute.cloudfront.bucket_policy import matches_wildcard

CORS_PREFIX = "access-control-"


def apply_policy(headers: Mapping[str, str], policy: Mapping[str, Any], origin: str | None) -> dict[str, str]:
    """Return the headers of a response, changed by a policy.

    Args:
        headers: The response's headers, with lower-case names.
        policy: The inputs of the policy resource.
        origin: The request's Origin header.
    """
    changed = {name: value for name, value in headers.items() if name not in _removed(policy)}
    for name, value, override in (*_security(policy), *_custom(policy)):
        if override or name not in changed:
            changed[name] = value
    return _with_cors(changed, policy.get("corsConfig"), origin)


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


def _with_cors(headers: dict[str, str], rules: Mapping[str, Any] | None, origin: str | None) -> dict[str, str]:
    if not rules:
        return headers
    has_cors = any(name.startswith(CORS_PREFIX) for name in headers)
    if has_cors and not rules.get("originOverride"):
        return headers
    changed = {name: value for name, value in headers.items() if not name.startswith(CORS_PREFIX)}
    origins = rules["accessControlAllowOrigins"]["items"]
    any_origin = "*" in origins
    if any_origin and not rules.get("accessControlAllowCredentials"):
        changed["access-control-allow-origin"] = "*"
    elif origin is not None and any(matches_wildcard(allowed, origin) for allowed in origins):
        changed["access-control-allow-origin"] = origin
    else:
        return _vary_by_origin(changed)
    if rules.get("accessControlAllowCredentials"):
        changed["access-control-allow-credentials"] = "true"
    if exposed := (rules.get("accessControlExposeHeaders") or {}).get("items"):
        changed["access-control-expose-headers"] = ", ".join(exposed)
    return changed if any_origin else _vary_by_origin(changed)


def _vary_by_origin(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "vary": ", ".join(filter(None, [headers.get("vary", ""), "Origin"]))}

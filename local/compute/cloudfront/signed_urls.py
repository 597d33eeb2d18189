"""CloudFront's signed URLs.

A canned policy contains the exact URL and an expiry time; a custom policy may contain a pattern, a start time and an IP address
range. Both are signed with RSA and SHA-1. Signed cookies are not supported.
"""

import base64
import binascii
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.compute.cloudfront.bucket_policy import matches_wildcard

PARAMETERS = ("Expires", "Policy", "Signature", "Key-Pair-Id")
# CloudFront's own URL-safe Base64.
URL_SAFE = str.maketrans("-_~", "+=/")


class InvalidSignatureError(Exception):
    """The URL has no valid signature. CloudFront responds with 403 and this code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, kw_only=True)
class SignedQuery:
    """A query string: the signature's parameters, and the `rest` as it was sent."""

    parameters: Mapping[str, str]
    rest: str

    @classmethod
    def read(cls, query: str) -> "SignedQuery":
        """Read a query string, without its question mark."""
        segments = [segment for segment in query.split("&") if segment]
        pairs = [segment.partition("=")[::2] for segment in segments]
        return cls(
            parameters={name: value for name, value in pairs if name in PARAMETERS},
            rest="&".join(
                segment for segment, (name, _) in zip(segments, pairs, strict=True) if name not in PARAMETERS
            ),
        )

    def require_signature(
        self, urls: Sequence[str], keys: Mapping[str, rsa.RSAPublicKey], *, source_ip: str, now: float
    ) -> None:
        """Require a valid signature.

        Args:
            urls: The equivalent forms of the requested URL; one of them must be signed.
            keys: The accepted public keys, by id.
            source_ip: The viewer's IP address.
            now: The Unix time.

        Raises:
            InvalidSignatureError: The signature is missing, wrong or expired.
        """
        key_id = self.parameters.get("Key-Pair-Id")
        if key_id is None:
            raise InvalidSignatureError("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
        if key_id not in keys:
            raise InvalidSignatureError("InvalidKey", "Unknown Key")
        signature = _decoded(self.parameters.get("Signature", ""))
        if "Policy" in self.parameters:
            signed = [_decoded(self.parameters["Policy"])]
        else:
            signed = [_canned(url, self.parameters.get("Expires", "")) for url in urls]
        for policy in signed:
            try:
                keys[key_id].verify(signature, policy, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  # required by CloudFront
            except InvalidSignature:
                continue
            if _permits(policy, urls, source_ip, now):
                return
        raise _denied()


def _canned(url: str, expires: str) -> bytes:
    if not expires.isascii() or not expires.isdigit():
        raise InvalidSignatureError("MalformedPolicy", "Malformed Policy")
    condition = {"DateLessThan": {"AWS:EpochTime": int(expires)}}
    policy = {"Statement": [{"Resource": url, "Condition": condition}]}
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False).encode()


def _permits(policy: bytes, urls: Sequence[str], source_ip: str, now: float) -> bool:
    try:
        (statement,) = json.loads(policy)["Statement"]
        resource, condition = statement["Resource"], statement["Condition"]
        starts = _epoch(condition, "DateGreaterThan", now)
        expires = condition["DateLessThan"]["AWS:EpochTime"]
        addresses = condition.get("IpAddress", {}).get("AWS:SourceIp", "0.0.0.0/0")
        is_in_range = ipaddress.ip_address(source_ip) in ipaddress.ip_network(addresses, strict=False)
        return any(matches_wildcard(resource, url) for url in urls) and starts <= now < expires and is_in_range
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # The signature is valid, but the policy is malformed.
        raise InvalidSignatureError("MalformedPolicy", "Malformed Policy") from error


def _epoch(condition: Mapping[str, Any], name: str, default: float) -> Any:
    return condition[name]["AWS:EpochTime"] if name in condition else default


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate(URL_SAFE), validate=True)
    except (binascii.Error, ValueError):
        raise _denied() from None


def _denied() -> InvalidSignatureError:
    return InvalidSignatureError("AccessDenied", "Access denied")

"""CloudFront's signed URLs: who signed one, for what, and until when.

A canned policy names the very URL and an end; a custom policy may name a pattern, a beginning and an address range. Both are
signed with RSA and SHA-1, as CloudFront has it. Signed cookies are not read.
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

from local.compute.cloudfront.bucket_rights import like

PARAMETERS = ("Expires", "Policy", "Signature", "Key-Pair-Id")
# Base64 in a URL, in CloudFront's own spelling.
URL_SAFE = str.maketrans("-_~", "+=/")


class RefusedError(Exception):
    """What CloudFront answers to a URL that nobody signed, or signed otherwise: 403 with this code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, kw_only=True)
class SignedQuery:
    """A query, with the parameters that sign it apart from the `rest`, which stays as it was sent."""

    parameters: Mapping[str, str]
    rest: str

    @classmethod
    def read(cls, query: str) -> "SignedQuery":
        """From the query as sent, without its question mark."""
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
        """Raises RefusedError unless one of the keys, by id, signed one of the URLs, which are spellings of the one asked for."""
        key_id = self.parameters.get("Key-Pair-Id")
        if key_id is None:
            raise RefusedError("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
        if key_id not in keys:
            raise RefusedError("InvalidKey", "Unknown Key")
        signature = _decoded(self.parameters.get("Signature", ""))
        if "Policy" in self.parameters:
            signed = [_decoded(self.parameters["Policy"])]
        else:
            signed = [_canned(url, self.parameters.get("Expires", "")) for url in urls]
        for policy in signed:
            try:
                keys[key_id].verify(signature, policy, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  # CloudFront's own
            except InvalidSignature:
                continue
            if _permits(policy, urls, source_ip, now):
                return
        raise _denied()


def _canned(url: str, expires: str) -> bytes:
    if not expires.isascii() or not expires.isdigit():
        raise RefusedError("MalformedPolicy", "Malformed Policy")
    condition = {"DateLessThan": {"AWS:EpochTime": int(expires)}}
    policy = {"Statement": [{"Resource": url, "Condition": condition}]}
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False).encode()


def _permits(policy: bytes, urls: Sequence[str], source_ip: str, now: float) -> bool:
    try:
        (statement,) = json.loads(policy)["Statement"]
        resource, condition = statement["Resource"], statement["Condition"]
        begins = _epoch(condition, "DateGreaterThan", now)
        ends = condition["DateLessThan"]["AWS:EpochTime"]
        addresses = condition.get("IpAddress", {}).get("AWS:SourceIp", "0.0.0.0/0")
        near = ipaddress.ip_address(source_ip) in ipaddress.ip_network(addresses, strict=False)
        return any(like(resource, url) for url in urls) and begins <= now < ends and near
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # It was signed by whoever has the key, and still says nothing that could be followed.
        raise RefusedError("MalformedPolicy", "Malformed Policy") from error


def _epoch(condition: Mapping[str, Any], name: str, otherwise: float) -> Any:
    return condition[name]["AWS:EpochTime"] if name in condition else otherwise


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate(URL_SAFE), validate=True)
    except (binascii.Error, ValueError):
        raise _denied() from None


def _denied() -> RefusedError:
    return RefusedError("AccessDenied", "Access denied")

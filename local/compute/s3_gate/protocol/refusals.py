"""How S3 says no: an error code, a sentence, a few details, as one small XML document."""

import html
import re
from collections.abc import Mapping

# Everything XML 1.0 cannot carry, escaped or not.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Refusal(Exception):  # noqa: N818  # S3's own word is Error, but this one is an answer that was meant, not a fault
    """An answer that ends a request, in S3's words. `details` become elements of the document, in their order."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.details = dict(details or {})

    def document(self, *, resource: str, request_id: str, host_id: str) -> bytes:
        """The XML body, in UTF-8."""
        elements = {
            "Code": self.code,
            "Message": self.message,
            **self.details,
            "Resource": resource,
            "RequestId": request_id,
            "HostId": host_id,
        }
        return xml_document("Error", elements)


def xml_document(root: str, elements: Mapping[str, str]) -> bytes:
    """A flat XML document in UTF-8. Characters that XML cannot carry become U+FFFD."""
    body = "".join(
        f"<{name}>{html.escape(NOT_XML.sub(chr(0xFFFD), value), quote=False)}</{name}>"
        for name, value in elements.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{body}</{root}>'.encode()


def access_denied(message: str = "Access Denied", details: Mapping[str, str] | None = None) -> Refusal:
    """403: the credentials, the time or the policy do not allow it."""
    return Refusal(403, "AccessDenied", message, details)


def invalid_request(message: str) -> Refusal:
    """400: headers that contradict themselves or each other."""
    return Refusal(400, "InvalidRequest", message)


def invalid_argument(message: str, name: str, value: str) -> Refusal:
    """400: one header or field has a value that cannot be."""
    return Refusal(400, "InvalidArgument", message, {"ArgumentName": name, "ArgumentValue": value})


def unknown_access_key(access_key_id: str) -> Refusal:
    """403: nobody has this access key."""
    return Refusal(
        403,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        {"AWSAccessKeyId": access_key_id},
    )


def session_token_unknown() -> Refusal:
    """400: temporary credentials. A local account has none, so no token can be right."""
    return Refusal(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")


def signature_mismatch(
    access_key_id: str, string_to_sign: str, provided: str, canonical_request: str | None = None
) -> Refusal:
    """403: another signature was expected; the details are what S3 sends so that a developer can find the difference."""
    details = {
        "AWSAccessKeyId": access_key_id,
        "StringToSign": string_to_sign,
        "SignatureProvided": provided,
        "StringToSignBytes": string_to_sign.encode().hex(" "),
    }
    if canonical_request is not None:
        details["CanonicalRequest"] = canonical_request
    return Refusal(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        details,
    )


def signature_version_2() -> Refusal:
    """400: what a SigV4-only endpoint answers to the old signatures, which cover neither length nor type nor hash."""
    return invalid_request(
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )


def precondition_failed(condition: str) -> Refusal:
    """412: the object is, or is not, what the request made a condition."""
    return Refusal(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        {"Condition": condition},
    )


def not_implemented(header: str) -> Refusal:
    """501: the header asks for something that is not there, so ignoring it would be a lie."""
    return Refusal(
        501, "NotImplemented", "A header you provided implies functionality that is not implemented", {"Header": header}
    )


def method_not_allowed(method: str) -> Refusal:
    """405: the resource knows no such method."""
    return Refusal(
        405, "MethodNotAllowed", "The specified method is not allowed against this resource.", {"Method": method}
    )


def too_large(proposed: int, limit: int) -> Refusal:
    """400: more bytes than allowed."""
    return Refusal(
        400,
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        {"ProposedSize": str(proposed), "MaxSizeAllowed": str(limit)},
    )


def too_small(proposed: int, limit: int) -> Refusal:
    """400: fewer bytes than allowed."""
    return Refusal(
        400,
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        {"ProposedSize": str(proposed), "MinSizeAllowed": str(limit)},
    )

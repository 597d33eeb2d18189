"""S3's error responses: a code, a message and details, as an XML document."""

import html
import re
from collections.abc import Mapping

# Characters that XML 1.0 does not allow, even escaped.
INVALID_XML_CHARACTERS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class S3Error(Exception):
    """An error response of S3. `details` become elements of the document, in their order."""

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
        """Return the XML body, in UTF-8."""
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
    """Return a flat XML document in UTF-8. Characters that XML does not allow become U+FFFD."""
    body = "".join(
        f"<{name}>{html.escape(INVALID_XML_CHARACTERS.sub(chr(0xFFFD), value), quote=False)}</{name}>"
        for name, value in elements.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{body}</{root}>'.encode()


def access_denied(message: str = "Access Denied", details: Mapping[str, str] | None = None) -> S3Error:
    """Create a 403 error: the credentials, the time or the policy do not allow the request."""
    return S3Error(403, "AccessDenied", message, details)


def invalid_request(message: str) -> S3Error:
    """Create a 400 error: headers are malformed or contradict each other."""
    return S3Error(400, "InvalidRequest", message)


def invalid_argument(message: str, name: str, value: str) -> S3Error:
    """Create a 400 error: a header or field has an invalid value."""
    return S3Error(400, "InvalidArgument", message, {"ArgumentName": name, "ArgumentValue": value})


def unknown_access_key(access_key_id: str) -> S3Error:
    """Create a 403 error: the access key does not exist."""
    return S3Error(
        403,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        {"AWSAccessKeyId": access_key_id},
    )


def invalid_token() -> S3Error:
    """Create a 400 error: the request has a session token. A local account has no temporary credentials."""
    return S3Error(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")


def signature_mismatch(
    access_key_id: str, string_to_sign: str, provided: str, canonical_request: str | None = None
) -> S3Error:
    """Create a 403 error: the signature is wrong. As in S3, the details help to find the difference."""
    details = {
        "AWSAccessKeyId": access_key_id,
        "StringToSign": string_to_sign,
        "SignatureProvided": provided,
        "StringToSignBytes": string_to_sign.encode().hex(" "),
    }
    if canonical_request is not None:
        details["CanonicalRequest"] = canonical_request
    return S3Error(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        details,
    )


def unsupported_signature_version() -> S3Error:
    """Create a 400 error: the request uses Signature Version 2, which does not cover length, type and hash of a body."""
    return invalid_request(
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    )


def precondition_failed(condition: str) -> S3Error:
    """Create a 412 error: a condition of the request does not hold."""
    return S3Error(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        {"Condition": condition},
    )


def not_implemented(header: str) -> S3Error:
    """Create a 501 error: the header asks for a function that is not implemented."""
    return S3Error(
        501, "NotImplemented", "A header you provided implies functionality that is not implemented", {"Header": header}
    )


def method_not_allowed(method: str) -> S3Error:
    """Create a 405 error: the resource does not support the method."""
    return S3Error(
        405, "MethodNotAllowed", "The specified method is not allowed against this resource.", {"Method": method}
    )


def too_large(proposed: int, limit: int) -> S3Error:
    """Create a 400 error: the upload is larger than allowed."""
    return S3Error(
        400,
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        {"ProposedSize": str(proposed), "MaxSizeAllowed": str(limit)},
    )


def too_small(proposed: int, limit: int) -> S3Error:
    """Create a 400 error: the upload is smaller than allowed."""
    return S3Error(
        400,
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        {"ProposedSize": str(proposed), "MinSizeAllowed": str(limit)},
    )

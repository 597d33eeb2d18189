"""Authentication: finds and verifies the signature of a request. Anonymous access does not exist."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from local.compute.s3_gate.protocol.errors import (
    S3Error,
    access_denied,
    invalid_argument,
    invalid_token,
    unsupported_signature_version,
)
from local.compute.s3_gate.protocol.request import S3Request
from local.compute.s3_gate.protocol.signatures import (
    ALGORITHM,
    TIMESTAMP,
    CredentialScope,
    Keyring,
    Malformed,
    VerifiedSignature,
    parse_timestamp,
)

MAXIMUM_SKEW = timedelta(minutes=15)
MAXIMUM_EXPIRY_SECONDS = 604_800
AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<credential>[^,\s]+)\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*Signature=(?P<signature>\S+)"
)
ISO_8601 = "%Y-%m-%dT%H:%M:%SZ"
QUERY_PARAMETERS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)


def authenticate(request: S3Request, keyring: Keyring) -> VerifiedSignature:
    """Verify the signature of a request.

    Raises:
        S3Error: The signature is missing, malformed, wrong, expired or not supported.
    """
    authorization = request.header("authorization")
    query = request.signature_parameters
    in_query = "x-amz-algorithm" in query or "x-amz-signature" in query
    is_version_2 = "Signature" in request.parameters or "AWSAccessKeyId" in request.parameters
    if sum((authorization is not None, in_query, is_version_2)) > 1:
        raise invalid_argument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "
            "or the Authorization header should be specified",
            "Authorization",
            (authorization or "").split(" ", maxsplit=1)[0],
        )
    if is_version_2 or (authorization or "").startswith("AWS "):
        raise unsupported_signature_version()
    if "x-amz-security-token" in query or request.header("x-amz-security-token") is not None:
        raise invalid_token()
    if in_query:
        return _from_query(request, query, keyring)
    if authorization is not None:
        return _from_header(request, authorization, keyring)
    raise access_denied()


def _from_header(request: S3Request, authorization: str, keyring: Keyring) -> VerifiedSignature:
    if not authorization.startswith(ALGORITHM):
        raise invalid_argument(
            "Unsupported Authorization Type", "Authorization", authorization.split(" ", maxsplit=1)[0]
        )

    def malformed(reason: str) -> S3Error:
        return S3Error(
            400,
            "AuthorizationHeaderMalformed",
            f"The authorization header is malformed; {reason}",
            {"Region": keyring.region},
        )

    found = AUTHORIZATION.fullmatch(authorization)
    if found is None:
        raise malformed("a Credential, SignedHeaders and a Signature are expected.")
    scope = CredentialScope.parse(found["credential"], keyring.region, malformed)
    timestamp = _header_timestamp(request)
    if scope.date != timestamp[:8]:
        raise malformed(
            f'Invalid credential date "{scope.date}". This date is not the same as X-Amz-Date: "{timestamp[:8]}".'
        )
    keyring.secret(scope.access_key_id)
    _require_recent(timestamp)
    if request.header("x-amz-content-sha256") is None:
        raise S3Error(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    return keyring.verify_request(
        request,
        scope,
        timestamp=timestamp,
        signed_headers=found["headers"],
        signature=found["signature"],
        parameters=request.query,
    )


def _from_query(request: S3Request, query: dict[str, str], keyring: Keyring) -> VerifiedSignature:
    def malformed(reason: str) -> S3Error:
        return S3Error(400, "AuthorizationQueryParametersError", reason, {"Region": keyring.region})

    def malformed_credential(reason: str) -> S3Error:
        return malformed(f"Error parsing the X-Amz-Credential parameter; {reason}")

    if any(name.lower() not in query for name in QUERY_PARAMETERS):
        raise malformed(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    if query["x-amz-algorithm"] != ALGORITHM:
        raise malformed(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    scope = CredentialScope.parse(query["x-amz-credential"], keyring.region, malformed_credential)
    timestamp = query["x-amz-date"]
    signed_at = parse_timestamp(timestamp)
    if signed_at is None:
        raise malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if scope.date != timestamp[:8]:
        raise malformed_credential(
            f'Invalid credential date "{scope.date}". This date is not the same as X-Amz-Date: "{timestamp[:8]}".'
        )
    lifetime = _lifetime(query["x-amz-expires"], malformed)
    keyring.secret(scope.access_key_id)
    _require_current(signed_at, lifetime)
    return keyring.verify_request(
        request,
        scope,
        timestamp=timestamp,
        signed_headers=query["x-amz-signedheaders"],
        signature=query["x-amz-signature"],
        parameters=tuple(pair for pair in request.query if pair[0].lower() != "x-amz-signature"),
    )


def _lifetime(text: str, malformed: Malformed) -> timedelta:
    if not re.fullmatch(r"-?\d{1,12}", text):
        raise malformed("X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        raise malformed("X-Amz-Expires must be non-negative")
    if seconds > MAXIMUM_EXPIRY_SECONDS:
        raise malformed(f"X-Amz-Expires must be less than a week (in seconds) that is {MAXIMUM_EXPIRY_SECONDS}")
    return timedelta(seconds=seconds)


def _header_timestamp(request: S3Request) -> str:
    given = request.header("x-amz-date")
    if given is not None and parse_timestamp(given) is not None:
        return given
    date = request.header("date")
    if given is None and date is not None:
        try:
            return parsedate_to_datetime(date).astimezone(UTC).strftime(TIMESTAMP)
        except ValueError:
            pass  # An invalid date is handled like a missing one, below.
    raise access_denied("AWS authentication requires a valid Date or x-amz-date header")


def _require_recent(timestamp: str) -> None:
    now, signed_at = datetime.now(UTC), parse_timestamp(timestamp)
    if signed_at is None or abs(now - signed_at) > MAXIMUM_SKEW:
        raise S3Error(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            {
                "RequestTime": timestamp,
                "ServerTime": now.strftime(ISO_8601),
                "MaxAllowedSkewMilliseconds": str(int(MAXIMUM_SKEW.total_seconds() * 1000)),
            },
        )


def _require_current(signed_at: datetime, lifetime: timedelta) -> None:
    now, expires_at = datetime.now(UTC), signed_at + lifetime
    if signed_at > now + MAXIMUM_SKEW:
        raise access_denied("Request is not yet valid", {"ServerTime": now.strftime(ISO_8601)})
    if now >= expires_at:
        raise access_denied(
            "Request has expired",
            {
                "X-Amz-Expires": str(int(lifetime.total_seconds())),
                "Expires": expires_at.strftime(ISO_8601),
                "ServerTime": now.strftime(ISO_8601),
            },
        )

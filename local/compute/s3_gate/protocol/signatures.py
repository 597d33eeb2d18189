"""Verification of Signature Version 4 in S3: for requests, presigned URLs and POST policies.

The expected signature is computed by botocore, over exactly the headers that the client declares as signed.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from local.compute.s3_gate.protocol.errors import (
    S3Error,
    access_denied,
    invalid_argument,
    signature_mismatch,
    unknown_access_key,
)
from local.compute.s3_gate.protocol.request import S3Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
TIMESTAMP = "%Y%m%dT%H%M%SZ"
TIMESTAMP_PATTERN = re.compile(r"\d{8}T\d{6}Z")

# Creates the error for a malformed credential; headers, queries and forms have different error codes.
Malformed = Callable[[str], S3Error]


@dataclass(frozen=True, kw_only=True)
class CredentialScope:
    """A credential scope such as `AKID/20261121/us-east-1/s3/aws4_request`."""

    access_key_id: str
    date: str
    region: str

    @classmethod
    def parse(cls, text: str, region: str, malformed: Malformed) -> "CredentialScope":
        """Parse a credential.

        Args:
            text: The credential.
            region: The required region.
            malformed: Creates the error from a reason.

        Raises:
            S3Error: The credential is malformed, or for another region or service.
        """
        access_key_id, *scope = text.rsplit("/", 4)
        if len(scope) != 4:
            raise malformed(
                'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
            )
        date, given_region, service, terminal = scope
        if not access_key_id:
            raise malformed("a non-empty Access Key (AKID) must be provided in the credential.")
        if not re.fullmatch(r"\d{8}", date):
            raise malformed(
                f'incorrect date format "{date}". This date in the credential must be in the format "yyyyMMdd".'
            )
        if given_region != region:
            raise malformed(f"the region '{given_region}' is wrong; expecting '{region}'")
        if service != "s3":
            raise malformed(f'incorrect service "{service}". This endpoint belongs to "s3".')
        if terminal != "aws4_request":
            raise malformed(f'incorrect terminal "{terminal}". This endpoint uses "aws4_request".')
        return cls(access_key_id=access_key_id, date=date, region=region)

    @property
    def text(self) -> str:
        """The scope without the access key, as in the string to sign."""
        return f"{self.date}/{self.region}/s3/aws4_request"


@dataclass(frozen=True, kw_only=True)
class VerifiedSignature:
    """A valid signature. `payload_hash` is what it requires of the body."""

    scope: CredentialScope
    timestamp: str
    signature: str
    payload_hash: str
    signer: "Signer"


class Signer(S3SigV4Auth):
    """botocore's signer, used to recompute the signature of a received request."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        """Return all headers: the request is built with the signed ones only, and botocore would omit some."""
        return request.headers

    def sign(self, string_to_sign: str, timestamp: str) -> str:
        """Return the signature of a string, in hexadecimal; the timestamp determines the signing key."""
        request = AWSRequest()
        request.context["timestamp"] = timestamp
        return str(self.signature(string_to_sign, request))


class Keyring:
    """The access keys of an account."""

    def __init__(self, credentials: Mapping[str, str], region: str) -> None:
        self.region = region
        self._credentials = dict(credentials)

    def secret(self, access_key_id: str) -> str:
        """Return the secret of an access key.

        Raises:
            S3Error: `InvalidAccessKeyId`.
        """
        try:
            return self._credentials[access_key_id]
        except KeyError:
            raise unknown_access_key(access_key_id) from None

    def signer(self, access_key_id: str) -> Signer:
        """Return a signer for verification."""
        return Signer(Credentials(access_key_id, self.secret(access_key_id)), "s3", self.region)

    def upstream_signer(self, access_key_id: str) -> S3SigV4Auth:
        """Return botocore's signer, for requests of the gate to the emulator."""
        return S3SigV4Auth(Credentials(access_key_id, self.secret(access_key_id)), "s3", self.region)

    def verify_request(
        self,
        request: S3Request,
        scope: CredentialScope,
        *,
        timestamp: str,
        signed_headers: str,
        signature: str,
        parameters: tuple[tuple[str, str], ...],
    ) -> VerifiedSignature:
        """Verify the signature of a request. A signed header that was not sent counts as empty.

        Raises:
            S3Error: `SignatureDoesNotMatch`, or `AccessDenied` if a header that must be signed is not.
        """
        signer = self.signer(scope.access_key_id)
        names = signed_headers.split(";")
        payload_hash = request.header("x-amz-content-sha256") or UNSIGNED_PAYLOAD
        query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in parameters)
        subject = AWSRequest(method=request.method, url=f"http://gate{request.canonical_path}?{query}")
        for name in names:
            subject.headers[name] = request.header(name) or ""
        subject.context["timestamp"] = timestamp
        # S3 uses an X-Amz-Content-SHA256 header even if it is not signed (observed).
        canonical_request = signer.canonical_request(subject).rpartition("\n")[0] + f"\n{payload_hash}"
        string_to_sign = signer.string_to_sign(subject, canonical_request)
        if not hmac.compare_digest(signer.sign(string_to_sign, timestamp).encode(), signature.encode()):
            raise signature_mismatch(scope.access_key_id, string_to_sign, signature, canonical_request)
        _require_signed(request, names)
        return VerifiedSignature(
            scope=scope, timestamp=timestamp, signature=signature, payload_hash=payload_hash, signer=signer
        )

    def verify_policy(self, policy: str, credential: str, signature: str) -> None:
        """Verify the signature of a form, which covers the policy in Base64, as sent.

        Raises:
            S3Error: The credential is malformed, or the signature is wrong.
        """

        def malformed(reason: str) -> S3Error:
            return invalid_argument(reason, "X-Amz-Credential", credential)

        scope = CredentialScope.parse(credential, self.region, malformed)
        expected = self.signer(scope.access_key_id).sign(policy, f"{scope.date}T000000Z")
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise signature_mismatch(scope.access_key_id, policy, signature)


def parse_timestamp(text: str) -> datetime | None:
    """Parse a timestamp such as `20261121T101500Z`; return None if it is invalid."""
    if not TIMESTAMP_PATTERN.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _require_signed(request: S3Request, signed: list[str]) -> None:
    # The holder of a presigned URL must not be able to extend it. As in S3, the content type need not be signed.
    present = {name for name, _ in request.headers if name.startswith("x-amz-") or name in {"host", "content-md5"}}
    unsigned = sorted(present - set(signed) - {"x-amz-content-sha256"})
    if unsigned:
        raise access_denied(
            "There were headers present in the request which were not signed", {"HeadersNotSigned": ", ".join(unsigned)}
        )

"""Signature Version 4 as S3 checks it: of a request's headers, of a presigned URL, of a form's policy.

The signature itself is computed by botocore, over exactly the headers that the client says it signed.
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

from local.compute.s3_gate.protocol.received import ReceivedRequest
from local.compute.s3_gate.protocol.refusals import (
    Refusal,
    access_denied,
    invalid_argument,
    signature_mismatch,
    unknown_access_key,
)

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
TIMESTAMP = "%Y%m%dT%H%M%SZ"
TIMESTAMP_PATTERN = re.compile(r"\d{8}T\d{6}Z")

# What makes a malformed credential a refusal; every place that carries one has its own error code.
Malformed = Callable[[str], Refusal]


@dataclass(frozen=True, kw_only=True)
class CredentialScope:
    """What `AKID/20261121/us-east-1/s3/aws4_request` says."""

    access_key_id: str
    date: str
    region: str

    @classmethod
    def parse(cls, text: str, region: str, malformed: Malformed) -> "CredentialScope":
        """Raises what `malformed` makes of the reason, also for another region or service than this one."""
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
        """The scope without the access key, as the text to sign has it."""
        return f"{self.date}/{self.region}/s3/aws4_request"


@dataclass(frozen=True, kw_only=True)
class VerifiedSignature:
    """A signature that was right, and what the body must be for it to stay right."""

    scope: CredentialScope
    timestamp: str
    signature: str
    payload_hash: str
    signer: "Signer"


class Signer(S3SigV4Auth):
    """botocore's signer, for a request that somebody else signed."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        """All that the request has: it is built with the signed ones only, while botocore would leave some out."""
        return request.headers

    def sign(self, string_to_sign: str, timestamp: str) -> str:
        """The signature of a text with the key of that day, in hexadecimal."""
        request = AWSRequest()
        request.context["timestamp"] = timestamp
        return str(self.signature(string_to_sign, request))


class Keyring:
    """The access keys of the account."""

    def __init__(self, credentials: Mapping[str, str], region: str) -> None:
        self.region = region
        self._credentials = dict(credentials)

    def secret(self, access_key_id: str) -> str:
        """The secret of an access key; raises InvalidAccessKeyId for one that nobody has."""
        try:
            return self._credentials[access_key_id]
        except KeyError:
            raise unknown_access_key(access_key_id) from None

    def signer(self, access_key_id: str) -> Signer:
        """A signer with the secret of an access key."""
        return Signer(Credentials(access_key_id, self.secret(access_key_id)), "s3", self.region)

    def upstream_signer(self, access_key_id: str) -> S3SigV4Auth:
        """botocore's own signer, for requests that the gate makes in the name of an access key."""
        return S3SigV4Auth(Credentials(access_key_id, self.secret(access_key_id)), "s3", self.region)

    def verify_request(
        self,
        request: ReceivedRequest,
        scope: CredentialScope,
        *,
        timestamp: str,
        signed_headers: str,
        signature: str,
        parameters: tuple[tuple[str, str], ...],
    ) -> VerifiedSignature:
        """Recomputes a request's signature; raises SignatureDoesNotMatch, or AccessDenied for headers that it leaves open.

        A header that the client signed but did not send counts as empty, so the signature cannot match.
        """
        signer = self.signer(scope.access_key_id)
        names = signed_headers.split(";")
        payload_hash = request.header("x-amz-content-sha256") or UNSIGNED_PAYLOAD
        query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in parameters)
        subject = AWSRequest(method=request.method, url=f"http://gate{request.canonical_path}?{query}")
        for name in names:
            subject.headers[name] = request.header(name) or ""
        subject.context["timestamp"] = timestamp
        # An X-Amz-Content-SHA256 header counts even where it was not itself signed (S3 was seen to do so).
        canonical_request = signer.canonical_request(subject).rpartition("\n")[0] + f"\n{payload_hash}"
        string_to_sign = signer.string_to_sign(subject, canonical_request)
        if not hmac.compare_digest(signer.sign(string_to_sign, timestamp).encode(), signature.encode()):
            raise signature_mismatch(scope.access_key_id, string_to_sign, signature, canonical_request)
        _require_signed(request, names)
        return VerifiedSignature(
            scope=scope, timestamp=timestamp, signature=signature, payload_hash=payload_hash, signer=signer
        )

    def verify_policy(self, policy: str, credential: str, signature: str) -> None:
        """Checks a form's signature, which covers the policy as it was sent, in Base64."""

        def malformed(reason: str) -> Refusal:
            return invalid_argument(reason, "X-Amz-Credential", credential)

        scope = CredentialScope.parse(credential, self.region, malformed)
        expected = self.signer(scope.access_key_id).sign(policy, f"{scope.date}T000000Z")
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise signature_mismatch(scope.access_key_id, policy, signature)


def parse_timestamp(text: str) -> datetime | None:
    """The moment that `20261121T101500Z` names; None when it is no such text."""
    if not TIMESTAMP_PATTERN.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _require_signed(request: ReceivedRequest, signed: list[str]) -> None:
    # Whoever holds a presigned URL must not be able to add meaning to it. S3 lets a content type through unsigned.
    present = {name for name, _ in request.headers if name.startswith("x-amz-") or name in {"host", "content-md5"}}
    unsigned = sorted(present - set(signed) - {"x-amz-content-sha256"})
    if unsigned:
        raise access_denied(
            "There were headers present in the request which were not signed", {"HeadersNotSigned": ", ".join(unsigned)}
        )

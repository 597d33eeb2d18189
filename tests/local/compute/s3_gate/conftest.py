"""A gate in front of the session's emulator, S3 clients for it, and a new bucket for each test."""

import base64
import hashlib
import itertools
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from local.compute.s3_gate import ObjectGate
from local.supervisor import Supervisor

REGION = "us-east-1"
BUCKET_NUMBERS = itertools.count(1)
PHOTO = bytes(range(256)) * 3 + b"\r\n--almost a boundary\r"
KEY = "uploads/018f"


@dataclass(frozen=True, kw_only=True)
class RunningGate:
    """The URLs of the gate and of the emulator, and the account's credentials."""

    endpoint: str
    emulator: str
    access_key_id: str
    secret_access_key: str
    region: str = REGION

    def client(self, service: str = "s3", endpoint: str | None = None, **changed: Any) -> Any:
        """Create a boto3 client for the gate; `changed` replaces credentials or the signature version."""
        config = Config(
            signature_version=changed.pop("signature_version", "s3v4"),
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
        )
        arguments = {
            "region_name": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }
        return boto3.Session().client(  # type: ignore[call-overload]  # boto3-stubs requires a literal service name
            service, endpoint_url=endpoint or self.endpoint, config=config, **(arguments | changed)
        )


@pytest.fixture(scope="session")
def gate(supervisor: Supervisor, emulator_endpoint: str) -> RunningGate:
    # With a slash and a plus sign, as in real secrets.
    access_key_id, secret = "AKIA" + secrets.token_hex(8).upper(), f"{secrets.token_hex(18)}/+"
    endpoint = ObjectGate().start(
        supervisor, upstream=emulator_endpoint, access_key_id=access_key_id, secret_access_key=secret, region=REGION
    )
    return RunningGate(
        endpoint=endpoint, emulator=emulator_endpoint, access_key_id=access_key_id, secret_access_key=secret
    )


@pytest.fixture(scope="session")
def s3(gate: RunningGate) -> Any:
    return gate.client()


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"gate-{next(BUCKET_NUMBERS)}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def s3_error() -> Callable[[httpx.Response], tuple[int, str]]:
    """Read the status and the code of an error response, whose body must be S3's XML document."""

    def read(response: httpx.Response) -> tuple[int, str]:
        assert response.headers["content-type"] == "application/xml", response.text
        found = re.fullmatch(
            r'<\?xml version="1.0" encoding="UTF-8"\?>\n<Error><Code>(\w+)</Code><Message>.+</Message>.*'
            r"<Resource>.*</Resource><RequestId>\w+</RequestId><HostId>[\w-]+</HostId></Error>",
            response.text,
            re.DOTALL,
        )
        assert found, response.text
        return response.status_code, found[1]

    return read


@pytest.fixture(scope="session")
def sha256() -> Callable[[bytes], str]:
    """Compute a SHA-256 in Base64, as in S3's headers."""
    return lambda data: base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client that does not follow redirects and adds no content type."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def form(s3: Any, bucket: str, sha256: Callable[[bytes], str]) -> dict[str, str]:
    """The fields of a form for an exact key, type, size and checksum."""
    exact = {"Content-Type": "image/jpeg", "x-amz-checksum-sha256": sha256(PHOTO)}
    conditions = [
        *({name: value} for name, value in exact.items()),
        ["content-length-range", len(PHOTO), len(PHOTO)],
    ]
    fields: dict[str, str] = s3.generate_presigned_post(
        bucket, KEY, Fields=exact, Conditions=conditions, ExpiresIn=900
    )["fields"]
    return fields


@pytest.fixture
def post_form(gate: RunningGate, bucket: str, http: httpx.Client) -> Callable[..., httpx.Response]:
    """Send a form, with the file last."""

    def send(fields: Any, content: bytes = PHOTO, name: str | None = "photo.jpg", **options: Any) -> httpx.Response:
        parts: list[Any] = [(field, (None, value)) for field, value in dict(fields).items()]
        return http.post(
            f"{gate.endpoint}/{options.pop('bucket', bucket)}", files=[*parts, ("file", (name, content))], **options
        )

    return send


@pytest.fixture
def make_form(s3: Any, bucket: str) -> Callable[..., dict[str, str]]:
    """Create the fields of a form with the given conditions."""

    def make(*conditions: Any, key: str = KEY, lifetime: int = 900, **fields: str) -> dict[str, str]:
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        signed: dict[str, str] = s3.generate_presigned_post(
            bucket, key, Fields=given, Conditions=list(conditions) or None, ExpiresIn=lifetime
        )["fields"]
        return signed

    return make


@pytest.fixture
def bucket_is_empty(s3: Any, bucket: str) -> Callable[[], bool]:
    return lambda: "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.fixture
def put_signed(gate: RunningGate, bucket: str, http: httpx.Client) -> Callable[..., httpx.Response]:
    """Put an object with a request signed by its headers. `edited` headers are changed after signing."""

    def put(content: Any, headers: dict[str, str], *, payload: str, key: str = "k", **edited: str) -> httpx.Response:
        request = AWSRequest("PUT", f"{gate.endpoint}/{bucket}/{key}", headers=headers)
        FixedPayload(gate, payload).add_auth(request)
        sent = {name.lower(): value for name, value in request.headers.items()}
        sent |= {name.replace("_", "-"): value for name, value in edited.items()}
        body = content(request.headers["Authorization"], request.context["timestamp"]) if callable(content) else content
        return http.put(str(request.url), content=body, headers=sent)

    return put


class FixedPayload(S3SigV4Auth):
    """A signer with a given payload hash."""

    def __init__(self, gate: RunningGate, payload: str) -> None:
        super().__init__(Credentials(gate.access_key_id, gate.secret_access_key), "s3", gate.region)
        self._fixed = payload

    def payload(self, request: AWSRequest) -> str:
        return self._fixed

"""Valid uploads with random keys and bodies are accepted, by every upload method."""

import random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

MAXIMUM_BYTES = 300 * 1024
TYPES = st.sampled_from(
    [
        "image/jpeg",
        "image/png",
        "text/plain; charset=utf-8",
        "application/vnd.x+json",
        'multipart/mixed; boundary="a b"',
    ]
) | st.from_regex(r"[a-z]{1,12}/[a-z0-9][a-z0-9.+-]{0,20}", fullmatch=True)
CHARACTERS = st.sampled_from(" +%~&=?#;:@!$'()*,/.-_é☃<>\"\\{}|^`[]") | st.characters(
    exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"
)


def is_valid_key(key: str) -> bool:
    """Whether S3 allows the length of the key, and HTTP clients send its path unchanged."""
    return len(key.encode()) <= 1024 and not {".", ".."} & set(key.split("/")) and "${filename}" not in key


KEYS = st.text(CHARACTERS, min_size=1, max_size=60).filter(is_valid_key) | st.integers(1, 1024).map(
    lambda size: "k" * size
)
SIZES = st.integers(1, MAXIMUM_BYTES) | st.integers(1, 40) | st.sampled_from([8191, 8192, 65536, MAXIMUM_BYTES])
UPLOADS = st.builds(
    lambda key, size, seed, content_type: (key, random.Random(seed).randbytes(size), content_type),  # any bytes will do
    KEYS,
    SIZES,
    st.integers(0, 2**32),
    TYPES,
)


@pytest.fixture(scope="module")
def shared_bucket(s3: Any) -> str:
    """One bucket for all uploads of this file."""
    s3.create_bucket(Bucket="gate-shared")
    return "gate-shared"


@pytest.fixture(scope="module")
def require_stored(s3: Any, shared_bucket: str, sha256: Any) -> Any:
    """Assert that the stored object is the uploaded one."""

    def check(key: str, content: bytes, content_type: str) -> None:
        head = s3.head_object(Bucket=shared_bucket, Key=key, ChecksumMode="ENABLED")
        seen = (head["ChecksumSHA256"], head["ContentLength"], head["ContentType"])
        assert seen == (sha256(content), len(content), content_type)

    return check


@pytest.mark.requirement("A-08", "NOVA-05")
@given(upload=UPLOADS)
def test_presigned_put_is_accepted(s3: Any, shared_bucket: str, require_stored: Any, sha256: Any, upload: Any) -> None:
    key, content, content_type = upload
    signed = {"ContentLength": len(content), "ContentType": content_type, "ChecksumSHA256": sha256(content)}
    url = s3.generate_presigned_url("put_object", Params={"Bucket": shared_bucket, "Key": key, **signed}, ExpiresIn=900)
    headers = {"content-type": content_type, "x-amz-checksum-sha256": sha256(content)}
    response = httpx.put(url, content=content, headers=headers, trust_env=False)
    assert response.status_code == 200, response.text
    require_stored(key, content, content_type)


@pytest.mark.requirement("A-07", "NOVA-05")
@given(upload=UPLOADS)
def test_presigned_form_is_accepted(s3: Any, shared_bucket: str, require_stored: Any, sha256: Any, upload: Any) -> None:
    key, content, content_type = upload
    fields = {"Content-Type": content_type, "x-amz-checksum-sha256": sha256(content)}
    exact = [*({name: value} for name, value in fields.items()), ["content-length-range", len(content), len(content)]]
    form = s3.generate_presigned_post(shared_bucket, key, Fields=fields, Conditions=exact, ExpiresIn=900)
    parts = [*((name, (None, value)) for name, value in form["fields"].items()), ("file", ("a", content))]
    response = httpx.post(form["url"], files=parts, trust_env=False)
    assert response.status_code == 204, response.text
    require_stored(key, content, content_type)


@given(upload=UPLOADS)
def test_signed_put_is_accepted(s3: Any, shared_bucket: str, require_stored: Any, upload: Any) -> None:
    key, content, content_type = upload
    s3.put_object(Bucket=shared_bucket, Key=key, Body=content, ContentType=content_type, ChecksumAlgorithm="SHA256")
    require_stored(key, content, content_type)
    assert s3.get_object(Bucket=shared_bucket, Key=key)["Body"].read() == content

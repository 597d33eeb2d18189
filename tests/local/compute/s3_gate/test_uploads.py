"""Nobody who keeps to the rules is refused: random uploads with hostile but legal keys, in every way there is to upload."""

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


def usable(key: str) -> bool:
    """Not longer than S3 allows, and without path segments that HTTP clients themselves would resolve."""
    return len(key.encode()) <= 1024 and not {".", ".."} & set(key.split("/")) and "${filename}" not in key


KEYS = st.text(CHARACTERS, min_size=1, max_size=60).filter(usable) | st.integers(1, 1024).map(lambda size: "k" * size)
SIZES = st.integers(1, MAXIMUM_BYTES) | st.integers(1, 40) | st.sampled_from([8191, 8192, 65536, MAXIMUM_BYTES])
UPLOADS = st.builds(
    lambda key, size, seed, kind: (key, random.Random(seed).randbytes(size), kind),  # any bytes will do
    KEYS,
    SIZES,
    st.integers(0, 2**32),
    TYPES,
)


@pytest.fixture(scope="module")
def shelf(s3: Any) -> str:
    """One bucket for all uploads of this file."""
    s3.create_bucket(Bucket="gate-shelf")
    return "gate-shelf"


@pytest.fixture(scope="module")
def stored(s3: Any, shelf: str, sha256: Any) -> Any:
    """Says whether what S3 tells of an object is what was uploaded."""

    def check(key: str, content: bytes, kind: str) -> None:
        head = s3.head_object(Bucket=shelf, Key=key, ChecksumMode="ENABLED")
        seen = (head["ChecksumSHA256"], head["ContentLength"], head["ContentType"])
        assert seen == (sha256(content), len(content), kind)

    return check


@pytest.mark.requirement("A-08", "NOVA-05")
@given(upload=UPLOADS)
def test_presigned_put_is_accepted(s3: Any, shelf: str, stored: Any, sha256: Any, upload: Any) -> None:
    key, content, kind = upload
    signed = {"ContentLength": len(content), "ContentType": kind, "ChecksumSHA256": sha256(content)}
    url = s3.generate_presigned_url("put_object", Params={"Bucket": shelf, "Key": key, **signed}, ExpiresIn=900)
    headers = {"content-type": kind, "x-amz-checksum-sha256": sha256(content)}
    answer = httpx.put(url, content=content, headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    stored(key, content, kind)


@pytest.mark.requirement("A-07", "NOVA-05")
@given(upload=UPLOADS)
def test_presigned_form_is_accepted(s3: Any, shelf: str, stored: Any, sha256: Any, upload: Any) -> None:
    key, content, kind = upload
    fields = {"Content-Type": kind, "x-amz-checksum-sha256": sha256(content)}
    exact = [*({name: value} for name, value in fields.items()), ["content-length-range", len(content), len(content)]]
    form = s3.generate_presigned_post(shelf, key, Fields=fields, Conditions=exact, ExpiresIn=900)
    parts = [*((name, (None, value)) for name, value in form["fields"].items()), ("file", ("a", content))]
    answer = httpx.post(form["url"], files=parts, trust_env=False)
    assert answer.status_code == 204, answer.text
    stored(key, content, kind)


@given(upload=UPLOADS)
def test_signed_put_is_accepted(s3: Any, shelf: str, stored: Any, upload: Any) -> None:
    key, content, kind = upload
    s3.put_object(Bucket=shelf, Key=key, Body=content, ContentType=kind, ChecksumAlgorithm="SHA256")
    stored(key, content, kind)
    assert s3.get_object(Bucket=shelf, Key=key)["Body"].read() == content

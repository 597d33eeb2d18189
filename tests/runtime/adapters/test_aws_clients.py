"""What every client of AWS is made with."""

from collections.abc import Iterator
from typing import Any

import pytest

from runtime.adapters import aws_clients


@pytest.fixture(autouse=True)
def _aws(account: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    aws_clients.get_client.cache_clear()
    yield
    aws_clients.get_client.cache_clear()


@pytest.mark.parametrize(("service", "read_seconds"), [("s3", 20), ("secretsmanager", 5)])
def test_deadlines_fit_a_request(service: Any, read_seconds: Any) -> None:
    config = aws_clients.get_client(service, "us-east-1").meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, read_seconds)


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "eu-central-1"])
def test_objects_are_signed_with_version_4_at_the_regions_own_endpoint(
    region: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    client = aws_clients.get_client("s3", region)
    assert client.meta.config.signature_version == "s3v4"
    address = client.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "x"})
    assert address.startswith(
        (f"https://bucket.s3.{region}.amazonaws.com/x?", f"https://s3.{region}.amazonaws.com/bucket/x?")
    )
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in address


def test_process_has_one_client_of_a_service() -> None:
    assert aws_clients.get_client("s3", "us-east-1") is aws_clients.get_client("s3", "us-east-1")

"""boto3 clients, created in one place with timeouts that suit a request, and shared by the process."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

# botocore's defaults (60 s to connect, 60 s to read, several attempts) add up to minutes; an API request has seconds.
CONNECT_SECONDS = 2
READ_SECONDS = 5
READ_OBJECT_SECONDS = 20
ATTEMPTS = 3


@cache
def get_client(service: str, region: str) -> Any:
    """Return the process's client of a service in a region, configured by the environment at the first call.

    Each client has its own session, because creating clients from a shared session is not thread-safe. Clients themselves are.
    """
    return boto3.Session().client(
        service,  # type: ignore[call-overload]  # boto3-stubs requires a literal
        region_name=region,
        config=_object_config() if service == "s3" else _config(),
    )


def _config() -> Config:
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )


def _object_config() -> Config:
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_OBJECT_SECONDS,
        # `ObjectStore` retries whole calls, including the streamed body, which botocore does not; one retry loop is enough.
        retries={"mode": "standard", "total_max_attempts": 1},
        # In some regions boto3 still presigns with signature version 2, which signs neither length nor type nor hash.
        signature_version="s3v4",
        # Without both, URLs are presigned for the global endpoint, which redirects, and a form upload does not follow redirects.
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    )

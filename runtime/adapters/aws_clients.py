"""boto3 clients: made in one place, with deadlines that fit a request, and shared by the process."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

# botocore waits 60 seconds to connect and 60 to read, and tries three times: minutes, where a caller has seconds.
CONNECT_SECONDS = 2
READ_SECONDS = 5
READ_OBJECT_SECONDS = 20
ATTEMPTS = 3


@cache
def get_client(service: str, region: str) -> Any:
    """The process's client of a service in a region, made from the environment as it is at the first call.

    Each is made in a session of its own, because making clients of one session is not thread-safe; clients are.
    """
    return boto3.Session().client(
        service,  # type: ignore[call-overload]  # boto3-stubs wants a literal, and this serves every adapter
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
        # The object store repeats whole calls, the streamed body included, which botocore does not; one of the two is enough.
        retries={"mode": "standard", "total_max_attempts": 1},
        # boto3 still presigns with version 2 in some regions, which signs neither length nor type nor hash.
        signature_version="s3v4",
        # Without both, addresses are presigned for the global endpoint, which redirects; a form's upload does not follow that.
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    )

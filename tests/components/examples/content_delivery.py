"""A distribution for tests."""

from typing import Any

from components.content_delivery import ContentDeliveryArgs
from components.naming import Naming

NAMING = Naming("episode-metadata", "dev")
BUCKET = "arn:aws:s3:::episode-metadata-thumbnails-dev"
PEM = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\nMIIBCgKCAQEA==\n-----END PUBLIC KEY-----"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/one"


def args(**changes: Any) -> Any:
    return ContentDeliveryArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "resource_name": "media",
                "bucket_arn": BUCKET,
                "bucket_regional_domain_name": "episode-metadata-thumbnails-dev.s3.us-east-1.amazonaws.com",
                "public_prefixes": ["thumbnails/"],
            }
        )
        | changes
    )

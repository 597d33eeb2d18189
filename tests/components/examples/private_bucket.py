"""A bucket for tests, and the number of its resources."""

from typing import Any

from components.naming import Naming
from components.private_bucket import PrivateBucketArgs

NAMING = Naming("episode-metadata", "dev")


def args(**changes: Any) -> Any:
    return PrivateBucketArgs(**dict[str, Any]({"naming": NAMING, "resource_name": "storage"}) | changes)


PLAIN = {
    "Bucket": 1,
    "BucketVersioning": 1,
    "BucketServerSideEncryptionConfiguration": 1,
    "BucketPublicAccessBlock": 1,
    "BucketOwnershipControls": 1,
    "BucketPolicy": 1,
    "BucketLifecycleConfiguration": 1,
}

"""Every topic of the outbox: what the API writes is what the relay can send."""

from collections.abc import Mapping

from runtime.adapters.objects import ObjectStore
from runtime.features.outbox.service import Topic
from runtime.features.uploads import copies


def topics(objects: ObjectStore) -> Mapping[str, Topic]:
    """By name."""
    return {copies.TOPIC: copies.UploadCopies(objects)}

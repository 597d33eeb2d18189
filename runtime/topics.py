"""Every topic of the outbox: what the API writes is what the relay can send."""

from collections.abc import Mapping

from runtime.adapters.database import Database
from runtime.adapters.objects import ObjectStore
from runtime.features.jobs import originals as copies
from runtime.features.thumbnails import removals
from runtime.mechanisms.outbox.service import Topic


def create_topics(objects: ObjectStore, database: Database) -> Mapping[str, Topic]:
    """By name."""
    return {
        copies.TOPIC: copies.UploadCopies(objects),
        removals.TOPIC: removals.ThumbnailRemovals(objects, database),
    }

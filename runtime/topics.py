"""The topics of the outbox, shared by the API, which writes messages, and the relay, which sends them."""

from collections.abc import Mapping

from runtime.adapters.database import Database
from runtime.adapters.objects import ObjectStore
from runtime.features.jobs import messages as job_messages
from runtime.features.thumbnails import messages as thumbnail_messages
from runtime.mechanisms.outbox.service import Topic


def create_topics(objects: ObjectStore, database: Database) -> Mapping[str, Topic]:
    """Return the topics by name."""
    return {
        job_messages.TOPIC: job_messages.OriginalCopyTopic(objects),
        thumbnail_messages.TOPIC: thumbnail_messages.ThumbnailFileDeletionTopic(objects, database),
    }

"""The rules of a thumbnail: who made it was a worker, but an administrator may take it away."""

from dataclasses import asdict
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.errors import NotFoundError
from runtime.features.episodes import repository as episodes
from runtime.features.thumbnails import removals, repository
from runtime.features.thumbnails.removals import ThumbnailRemoval
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.outbox.service import Outbox
from runtime.mechanisms.records.service import record_last_seen
from runtime.persistence.transactions import Transaction


def delete(transaction: Transaction, *, outbox: Outbox, caller: Caller, thumbnail_id: UUID) -> None:
    """Takes the thumbnail away for good, its file soon after. It comes back when thumbnails are made again. NotFoundError."""
    connection = transaction.connection
    record_last_seen(transaction, caller)
    found = repository.find(connection, thumbnail_id)
    # The episode is locked first, as workers do it; what they stored meanwhile is what is deleted.
    is_there = found is not None and episodes.TABLE.find_for_update(connection, found.entity_id) is not None
    thumbnail = repository.delete(connection, thumbnail_id) if is_there else None
    if thumbnail is None:
        raise NotFoundError("There is no such thumbnail", field="path.thumbnail_id")
    activity.record(
        transaction,
        caller,
        ActionType.DELETE,
        ResourceType.THUMBNAIL,
        thumbnail_id,
        old_values={
            "entity_type": thumbnail.entity_type,
            "entity_id": str(thumbnail.entity_id),
            "variant": thumbnail.size_variant,
            "file_reference": thumbnail.file_reference,
        },
    )
    removal = ThumbnailRemoval(episode_id=str(thumbnail.entity_id), bucket=thumbnail.s3_bucket, key=thumbnail.s3_key)
    outbox.enqueue(transaction, removals.TOPIC, asdict(removal))

"""Rules of thumbnails: workers create them, administrators may delete them."""

from dataclasses import asdict
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.errors import NotFoundError
from runtime.features.episodes import repository as episodes
from runtime.features.thumbnails import messages, repository
from runtime.features.thumbnails.messages import ThumbnailFileDeletion
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.outbox.service import Outbox
from runtime.mechanisms.records.service import record_last_seen
from runtime.persistence.transactions import Transaction


def delete(transaction: Transaction, *, outbox: Outbox, caller: Caller, thumbnail_id: UUID) -> None:
    """Delete the thumbnail permanently; its file is deleted after the commit.

    Raises:
        NotFoundError: The thumbnail does not exist, or its episode is deleted.
    """
    connection = transaction.connection
    record_last_seen(transaction, caller)
    found = repository.find(connection, thumbnail_id)
    # Lock the episode first, as workers do, and delete the row as it is after that.
    has_episode = found is not None and episodes.TABLE.find_for_update(connection, found.entity_id) is not None
    thumbnail = repository.delete(connection, thumbnail_id) if has_episode else None
    if thumbnail is None:
        raise NotFoundError("Thumbnail not found", field="path.thumbnail_id")
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
    deletion = ThumbnailFileDeletion(
        episode_id=str(thumbnail.entity_id), bucket=thumbnail.s3_bucket, key=thumbnail.s3_key
    )
    outbox.enqueue(transaction, messages.TOPIC, asdict(deletion))

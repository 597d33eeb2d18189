"""Outbox topic `thumbnail_removed`: deletes the file of a deleted thumbnail.

Keys are content-addressed, so a thumbnail that is generated again may have the same file. A file is deleted only if no thumbnail
uses it and no worker of the episode may be about to store it: claiming a job locks the episode, as this does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from runtime.adapters.database import Database
from runtime.adapters.objects import ObjectStore
from runtime.errors import UnavailableError
from runtime.features.episodes import repository as episodes
from runtime.features.jobs import queue_repository
from runtime.features.thumbnails import repository
from runtime.persistence.transactions import Connection

TOPIC = "thumbnail_removed"


@dataclass(frozen=True, kw_only=True)
class ThumbnailFileDeletion:
    """Message: delete the file of an episode's deleted thumbnail. All values are text, so that JSON holds them unchanged."""

    episode_id: str
    bucket: str
    key: str


class ThumbnailFileDeletionTopic:
    """Deletes thumbnail files from S3. Deleting a file twice has no further effect."""

    def __init__(self, objects: ObjectStore, database: Database) -> None:
        self._objects, self._database = objects, database

    def send(self, payload: Mapping[str, Any]) -> None:
        """Delete the file unless it is in use; see `Topic.send`."""
        deletion = ThumbnailFileDeletion(**payload)
        episode_id = UUID(deletion.episode_id)
        with self._database.transaction() as connection:
            episodes.TABLE.find_for_update(connection, episode_id, include_deleted=True)
            if repository.is_in_use(connection, deletion.bucket, deletion.key):
                return
            if queue_repository.has_running_job(connection, "episode", episode_id):
                raise UnavailableError("a worker may be generating the same thumbnail again")
            self._objects.delete(deletion.bucket, deletion.key)

    def abandon(self, connection: Connection, payload: Mapping[str, Any], reason: str) -> None:
        """Do nothing: nobody waits for the deletion, and `send` never raises UndeliverableError."""

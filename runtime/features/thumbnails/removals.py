"""Files of deleted thumbnails: a topic of the outbox.

A file's key names its content, so the same picture made again has the same file. It is taken away only when no thumbnail has
it, and while no worker of the episode can be about to store it: a worker claims a job by locking the episode, as this does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from runtime.adapters.database import Database
from runtime.adapters.objects import ObjectStore
from runtime.errors import UnavailableError
from runtime.features.episodes import repository as episodes
from runtime.features.jobs import intake
from runtime.features.thumbnails import repository
from runtime.persistence.transactions import Connection

TOPIC = "thumbnail_removed"


@dataclass(frozen=True, kw_only=True)
class ThumbnailRemoval:
    """A file that an episode's thumbnail had. All values are text, so that it goes through JSON as it is."""

    episode_id: str
    bucket: str
    key: str


class ThumbnailRemovals:
    """Deletes from S3. What is gone already stays gone."""

    def __init__(self, objects: ObjectStore, database: Database) -> None:
        self._objects, self._database = objects, database

    def send(self, payload: Mapping[str, Any]) -> None:
        """See Topic."""
        removal = ThumbnailRemoval(**payload)
        episode_id = UUID(removal.episode_id)
        with self._database.transaction() as connection:
            episodes.TABLE.find_for_update(connection, episode_id, include_deleted=True)
            if repository.is_shown(connection, removal.bucket, removal.key):
                return
            if intake.has_running_job(connection, "episode", episode_id):
                raise UnavailableError("a worker may be making the same thumbnail again")
            self._objects.delete(removal.bucket, removal.key)

    def abandon(self, connection: Connection, payload: Mapping[str, Any], reason: str) -> None:
        """See Topic: nobody waits for it, and `send` never gives up."""

"""Rows that tests need as preconditions, stored without the API."""

import secrets
from typing import Any
from uuid import UUID

from runtime.features.jobs import repository as jobs
from runtime.features.jobs.repository import Job
from runtime.persistence.transactions import Connection


def new_episode(connection: Connection) -> UUID:
    """Store an episode of a new show."""
    row = connection.execute(
        """WITH show AS (INSERT INTO shows (name) VALUES (%s) RETURNING show_id)
        INSERT INTO episodes (show_id, title, episode_number) SELECT show_id, 'Seeds', 1 FROM show RETURNING episode_id""",
        [secrets.token_hex(8)],
    ).fetchone()
    assert row
    episode_id: UUID = row["episode_id"]
    return episode_id


def new_job(connection: Connection, entity_id: UUID | None = None, **values: Any) -> Job:
    """Store a pending thumbnail job, of a new episode unless an entity is given."""
    given: dict[str, Any] = {
        "job_type": "thumbnail_generation",
        "entity_type": "episode",
        "source_reference": "s3://storage/x",
        "source_version_id": "v1",
        "created_by": None,
    } | values
    return jobs.insert(connection, entity_id=entity_id or new_episode(connection), **given)

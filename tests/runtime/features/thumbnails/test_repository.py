"""SQL on thumbnails: only newer jobs replace an image."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from runtime.adapters.database import Database
from runtime.features.thumbnails import repository as thumbnails
from runtime.features.thumbnails.repository import Thumbnail
from runtime.persistence.transactions import Connection
from tests.runtime.features import stored_rows
from tests.runtime.features.stored_rows import new_episode


@pytest.fixture
def connection(application_database: Database) -> Iterator[Connection]:
    with application_database.transaction() as opened:
        yield opened


@pytest.fixture
def episode_id(connection: Connection) -> UUID:
    return new_episode(connection)


def new_job(connection: Connection, entity_id: UUID, entity_type: str = "episode") -> UUID:
    return stored_rows.new_job(connection, entity_id, entity_type=entity_type).job_id


def upsert(
    connection: Connection,
    job_id: UUID,
    entity_id: UUID,
    *,
    variant: str = "primary",
    key: str = "k1",
    entity_type: str = "episode",
    size: tuple[int, int] = (1280, 720),
) -> Thumbnail | None:
    return thumbnails.upsert(
        connection,
        job_id=job_id,
        entity_type=entity_type,
        entity_id=entity_id,
        size_variant=variant,
        s3_bucket="thumbnails",
        s3_key=key,
        width=size[0],
        height=size[1],
        file_size_bytes=99,
        mime_type="image/jpeg",
        format="jpeg",
    )


def stored(thumbnail: Thumbnail | None) -> Thumbnail:
    assert thumbnail
    return thumbnail


def reference(connection: Connection, episode_id: UUID) -> str | None:
    row = connection.execute("SELECT thumbnail_reference FROM episodes WHERE episode_id = %s", [episode_id]).fetchone()
    assert row
    thumbnail_reference: str | None = row["thumbnail_reference"]
    return thumbnail_reference


class TestUpsert:
    @pytest.mark.requirement("ROAD-118", "C-04")
    def test_row_is_ready_and_found(self, connection: Connection, episode_id: UUID) -> None:
        thumbnail = stored(upsert(connection, new_job(connection, episode_id), episode_id))
        assert (thumbnail.status, thumbnail.file_reference) == ("ready", "s3://thumbnails/k1")
        assert thumbnail.processed_at is not None
        assert thumbnails.find(connection, thumbnail.thumbnail_id) == thumbnail
        row = connection.execute("SELECT episode_id, thumbnail_type FROM thumbnails").fetchone()
        assert row == {"episode_id": episode_id, "thumbnail_type": "primary"}

    @pytest.mark.requirement("ROAD-118")
    def test_newer_job_replaces_the_image_and_keeps_the_id(self, connection: Connection, episode_id: UUID) -> None:
        older, newer = (new_job(connection, episode_id) for _ in range(2))
        first = stored(upsert(connection, older, episode_id))
        second = stored(upsert(connection, newer, episode_id, key="k2", size=(640, 360)))
        assert (second.thumbnail_id, second.s3_key, second.width) == (first.thumbnail_id, "k2", 640)
        assert second.processed_at and first.processed_at and second.processed_at > first.processed_at
        assert thumbnails.list_for_entity(connection, "episode", episode_id) == [second]

    def test_older_job_does_not_replace(self, connection: Connection, episode_id: UUID) -> None:
        older, newer = (new_job(connection, episode_id) for _ in range(2))
        thumbnail = stored(upsert(connection, newer, episode_id, key="k2"))
        assert upsert(connection, older, episode_id, key="k1") is None
        assert thumbnails.find(connection, thumbnail.thumbnail_id) == thumbnail
        assert reference(connection, episode_id) == "s3://thumbnails/k2"

    def test_same_job_can_write_again(self, connection: Connection, episode_id: UUID) -> None:
        job_id = new_job(connection, episode_id)
        first, second = (stored(upsert(connection, job_id, episode_id)) for _ in range(2))
        assert first.thumbnail_id == second.thumbnail_id

    def test_episode_references_only_its_primary_variant(self, connection: Connection, episode_id: UUID) -> None:
        job_id = new_job(connection, episode_id)
        upsert(connection, job_id, episode_id, variant="small", key="k0")
        assert reference(connection, episode_id) is None
        upsert(connection, job_id, episode_id, variant="primary", key="k1")
        assert reference(connection, episode_id) == "s3://thumbnails/k1"


class TestRead:
    def test_list_is_largest_first_and_of_this_entity(self, connection: Connection, episode_id: UUID) -> None:
        job_id, other = new_job(connection, episode_id), uuid4()
        for variant, size in (("small", (320, 180)), ("primary", (1280, 720)), ("medium", (640, 360))):
            upsert(connection, job_id, episode_id, variant=variant, size=size)
        upsert(connection, new_job(connection, other, "post"), other, variant="original", entity_type="post")
        names = [each.size_variant for each in thumbnails.list_for_entity(connection, "episode", episode_id)]
        assert names == ["primary", "medium", "small"]
        assert len(thumbnails.list_for_entity(connection, "post", other)) == 1
        assert thumbnails.list_for_entity(connection, "post", episode_id) == []

    def test_unknown_thumbnail_is_none(self, connection: Connection) -> None:
        assert thumbnails.find(connection, UUID(int=0)) is None

    def test_deleting_the_episode_row_deletes_its_thumbnails(self, connection: Connection, episode_id: UUID) -> None:
        upsert(connection, new_job(connection, episode_id), episode_id)
        connection.execute("DELETE FROM episodes WHERE episode_id = %s", [episode_id])
        assert thumbnails.list_for_entity(connection, "episode", episode_id) == []

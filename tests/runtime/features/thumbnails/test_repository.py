"""The current picture of every variant: replaced by newer jobs only."""

from uuid import UUID, uuid4

import pytest

from runtime.features.thumbnails import repository as thumbnails
from tests.runtime.features import stored_rows
from tests.runtime.features.stored_rows import new_episode


@pytest.fixture
def connection(application_database):
    with application_database.transaction() as opened:
        yield opened


@pytest.fixture
def episode_id(connection):
    return new_episode(connection)


def new_job(connection, entity_id, entity_type="episode"):
    return stored_rows.new_job(connection, entity_id, entity_type=entity_type).job_id


def upsert(connection, job_id, entity_id, *, variant="primary", key="k1", entity_type="episode", size=(1280, 720)):
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


def reference(connection, episode_id):
    return connection.execute(
        "SELECT thumbnail_reference FROM episodes WHERE episode_id = %s", [episode_id]
    ).fetchone()["thumbnail_reference"]


class TestUpsert:
    @pytest.mark.requirement("ROAD-118", "C-04")
    def test_row_is_ready_and_found(self, connection, episode_id):
        stored = upsert(connection, new_job(connection, episode_id), episode_id)
        assert (stored.status, stored.file_reference) == ("ready", "s3://thumbnails/k1")
        assert stored.processed_at is not None
        assert thumbnails.find(connection, stored.thumbnail_id) == stored
        row = connection.execute("SELECT episode_id, thumbnail_type FROM thumbnails").fetchone()
        assert row == {"episode_id": episode_id, "thumbnail_type": "primary"}

    @pytest.mark.requirement("ROAD-118")
    def test_newer_job_replaces_and_the_id_stays(self, connection, episode_id):
        older, newer = (new_job(connection, episode_id) for _ in range(2))
        first = upsert(connection, older, episode_id)
        second = upsert(connection, newer, episode_id, key="k2", size=(640, 360))
        assert (second.thumbnail_id, second.s3_key, second.width) == (first.thumbnail_id, "k2", 640)
        assert second.processed_at > first.processed_at
        assert thumbnails.list_for_entity(connection, "episode", episode_id) == [second]

    def test_older_job_does_not_replace(self, connection, episode_id):
        older, newer = (new_job(connection, episode_id) for _ in range(2))
        stored = upsert(connection, newer, episode_id, key="k2")
        assert upsert(connection, older, episode_id, key="k1") is None
        assert thumbnails.find(connection, stored.thumbnail_id) == stored
        assert reference(connection, episode_id) == "s3://thumbnails/k2"

    def test_same_job_may_write_again(self, connection, episode_id):
        job_id = new_job(connection, episode_id)
        assert (
            upsert(connection, job_id, episode_id).thumbnail_id == upsert(connection, job_id, episode_id).thumbnail_id
        )

    def test_episode_refers_to_its_primary_variant_only(self, connection, episode_id):
        job_id = new_job(connection, episode_id)
        upsert(connection, job_id, episode_id, variant="small", key="k0")
        assert reference(connection, episode_id) is None
        upsert(connection, job_id, episode_id, variant="primary", key="k1")
        assert reference(connection, episode_id) == "s3://thumbnails/k1"


class TestRead:
    def test_largest_first_and_of_this_entity_only(self, connection, episode_id):
        job_id, other = new_job(connection, episode_id), uuid4()
        for variant, size in (("small", (320, 180)), ("primary", (1280, 720)), ("medium", (640, 360))):
            upsert(connection, job_id, episode_id, variant=variant, size=size)
        upsert(connection, new_job(connection, other, "post"), other, variant="original", entity_type="post")
        names = [each.size_variant for each in thumbnails.list_for_entity(connection, "episode", episode_id)]
        assert names == ["primary", "medium", "small"]
        assert len(thumbnails.list_for_entity(connection, "post", other)) == 1
        assert thumbnails.list_for_entity(connection, "post", episode_id) == []

    def test_nothing_is_found_where_nothing_is(self, connection):
        assert thumbnails.find(connection, UUID(int=0)) is None

    def test_thumbnails_go_with_their_episode(self, connection, episode_id):
        upsert(connection, new_job(connection, episode_id), episode_id)
        connection.execute("DELETE FROM episodes WHERE episode_id = %s", [episode_id])
        assert thumbnails.list_for_entity(connection, "episode", episode_id) == []

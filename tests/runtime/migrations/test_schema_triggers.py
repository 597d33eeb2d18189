"""What the database does by itself: triggers, functions, cascades."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from runtime.migrations.runner import head_revision
from tests.conftest import DatabaseAddress
from tests.runtime.migrations import installation, rows
from tests.runtime.migrations.rows import EPISODE, POST, POST_UPLOAD, SCRIPT, SHOW, UPLOAD, USER

Schema = psycopg.Connection[Any]


def one(connection: Schema, query: str, *parameters: Any) -> Any:
    """The row's values, or its only value; None where there is no row."""
    row = connection.execute(query.encode(), parameters).fetchone()
    return row[0] if row is not None and len(row) == 1 else row


def active(connection: Schema) -> list[int]:
    found = connection.execute("SELECT version_number FROM script_versions WHERE is_active ORDER BY 1")
    return [number for (number,) in found]


ASKED_FOR = ["shows", "episodes", "outfits", "ui_elements", "backgrounds", "clips", "components", "guests"]


class TestEveryChange:
    @pytest.mark.requirement("ROAD-85", "NOVA-27")
    @pytest.mark.parametrize("table", [*ASKED_FOR, "posts", "post_images", "post_metadata", "metadata_storage"])
    def test_says_when_whatever_the_writer_says(self, filled: Schema, table: str) -> None:
        updated = f"UPDATE {table} SET updated_at = '2000-01-01' RETURNING updated_at = now()"  # noqa: S608
        assert one(filled, updated) is True

    def test_is_counted_where_rows_have_versions(self, filled: Schema) -> None:
        versioned = filled.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'version'"
        ).fetchall()
        assert len(versioned) >= len(ASKED_FOR)
        for (table,) in versioned:
            assert one(filled, f"UPDATE {table} SET version = 7 RETURNING version") == 2, table  # noqa: S608

    @pytest.mark.requirement("ROAD-84")
    @pytest.mark.parametrize(
        "sql",
        ["UPDATE activity_logs SET user_id = 'x'", "DELETE FROM activity_logs WHERE false", "TRUNCATE activity_logs"],
    )
    def test_of_the_activity_log_is_refused(self, filled: Schema, sql: str) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            filled.execute(sql.encode())

    @pytest.mark.requirement("C-05")
    def test_log_and_its_view_have_the_same_rows(self, filled: Schema) -> None:
        assert filled.execute("TABLE audit_log").fetchall() == filled.execute("TABLE activity_logs").fetchall() != []


@pytest.mark.requirement("ROAD-86")
class TestActiveScriptVersion:
    def test_makes_way_for_a_new_one(self, filled: Schema) -> None:
        insert = (
            "INSERT INTO script_versions (episode_id, version_number, script_text, is_active) VALUES (%s, 2, 'x', %s)"
        )
        filled.execute(insert, [EPISODE, True])
        assert active(filled) == [2]

    def test_makes_way_for_an_older_one(self, filled: Schema) -> None:
        insert = (
            "INSERT INTO script_versions (episode_id, version_number, script_text, is_active) VALUES (%s, 2, 'x', %s)"
        )
        filled.execute(insert, [EPISODE, False])
        assert active(filled) == [1]
        filled.execute("UPDATE script_versions SET is_active = true WHERE version_number = 2")
        assert active(filled) == [2]
        filled.execute("UPDATE script_versions SET is_active = true WHERE script_version_id = %s", [SCRIPT])
        assert active(filled) == [1]

    def test_of_another_episode_stays(self, filled: Schema) -> None:
        filled.execute(
            "WITH other AS (INSERT INTO episodes (show_id, title, episode_number) VALUES (%s, 'x', 2) RETURNING episode_id)"
            " INSERT INTO script_versions (episode_id, version_number, script_text, is_active)"
            " SELECT episode_id, 7, 'x', true FROM other",
            [SHOW],
        )
        assert active(filled) == [1, 7]

    def test_is_one_when_two_become_active_at_once(self, two: tuple[Schema, Schema]) -> None:
        """Neither sees the other's: the trigger cannot help, the index does."""
        first, second = two
        insert = "INSERT INTO script_versions (episode_id, version_number, script_text, is_active) VALUES (%s, %s, 'x', true)"
        first.execute("DELETE FROM script_versions")
        first.commit()
        first.execute(insert, [EPISODE, 1])
        refused: list[psycopg.Error] = []

        def insert_second() -> None:
            try:
                second.execute(insert, [EPISODE, 2])
            except psycopg.errors.UniqueViolation as error:
                refused.append(error)

        waiting = threading.Thread(target=insert_second)
        waiting.start()
        waiting.join(timeout=0.3)
        assert waiting.is_alive()
        first.commit()
        waiting.join(timeout=30)
        assert [error.diag.constraint_name for error in refused] == ["idx_script_versions_active"]
        assert active(first) == [1]


@pytest.fixture
def two(database: DatabaseAddress) -> Iterator[tuple[Schema, Schema]]:
    """Two connections to a filled database whose transactions count."""
    installation.migrations(database).upgrade()
    with psycopg.connect(database.conninfo) as first, psycopg.connect(database.conninfo) as second:
        rows.fill(first, head_revision())
        first.commit()
        yield first, second
        second.rollback()


class TestPost:
    @pytest.mark.requirement("NOVA-26", "NOVA-23")
    def test_has_figures_from_the_beginning(self, filled: Schema) -> None:
        figures = "SELECT like_count, comment_count, view_count FROM post_metadata WHERE post_id = %s"
        assert one(filled, figures, POST) == (0, 0, 0)

    @pytest.mark.requirement("NOVA-28")
    def test_comes_with_its_images_in_one_query(self, filled: Schema) -> None:
        filled.execute(
            "INSERT INTO post_images (post_id, s3_key, size_variant, width) VALUES (%s, 'posts/y', 'medium', 500)",
            [POST],
        )
        post, images, figures = one(filled, "SELECT * FROM get_post_with_images(%s)", POST)
        assert post["caption"] == "Seeds"
        assert [image["size_variant"] for image in images] == ["medium", "thumbnail"]
        assert figures["like_count"] == 0

    @pytest.mark.requirement("NOVA-28")
    def test_without_images_has_an_empty_list(self, filled: Schema) -> None:
        filled.execute("DELETE FROM post_images")
        assert one(filled, "SELECT images FROM get_post_with_images(%s)", POST) == []

    @pytest.mark.requirement("NOVA-28", "C-38")
    def test_is_not_found_when_it_is_deleted(self, filled: Schema) -> None:
        filled.execute("UPDATE posts SET deleted_at = now()")
        assert one(filled, "SELECT soft_delete FROM posts") is True
        assert one(filled, "SELECT * FROM get_post_with_images(%s)", POST) is None
        filled.execute("UPDATE posts SET deleted_at = NULL")
        assert one(filled, "SELECT soft_delete FROM posts") is False
        assert one(filled, "SELECT * FROM get_post_with_images(%s)", POST) is not None

    @pytest.mark.requirement("NOVA-22", "NOVA-23", "NOVA-24")
    def test_takes_with_it_what_belongs_to_it_when_it_is_removed(self, filled: Schema) -> None:
        filled.execute("DELETE FROM posts")
        for table in ("post_images", "post_metadata"):
            assert one(filled, f"SELECT count(*) FROM {table}") == 0  # noqa: S608
        assert one(filled, "SELECT upload_id::text FROM upload_sessions") == UPLOAD


@pytest.mark.requirement("NOVA-29")
class TestExpiredUploads:
    def expire(self, filled: Schema, upload: str, since: str) -> None:
        filled.execute(
            "UPDATE upload_sessions SET expires_at = now() - %s::interval WHERE upload_id = %s", [since, upload]
        )

    def left(self, filled: Schema) -> list[str]:
        return [row[0] for row in filled.execute("SELECT upload_id::text FROM upload_sessions ORDER BY 1")]

    def test_are_forgotten_and_their_posts_fail(self, filled: Schema) -> None:
        self.expire(filled, POST_UPLOAD, "61 minutes")
        assert one(filled, "SELECT cleanup_expired_uploads()") == 1
        assert self.left(filled) == [UPLOAD]
        status, message = one(filled, "SELECT status, error_message FROM posts")
        assert (status, message) == ("failed", "The upload was not completed in time")

    def test_have_an_hour_for_a_completion_that_is_under_way(self, filled: Schema) -> None:
        self.expire(filled, POST_UPLOAD, "59 minutes")
        assert one(filled, "SELECT cleanup_expired_uploads()") == 0
        assert self.left(filled) == [UPLOAD, POST_UPLOAD]
        assert one(filled, "SELECT status FROM posts") == "pending"

    def test_that_were_completed_stay(self, filled: Schema) -> None:
        self.expire(filled, POST_UPLOAD, "1 year")
        filled.execute("UPDATE upload_sessions SET status = 'completed', completed_at = now()")
        assert one(filled, "SELECT cleanup_expired_uploads()") == 0
        assert self.left(filled) == [UPLOAD, POST_UPLOAD]

    def test_of_a_post_that_went_on_leave_it_alone(self, filled: Schema) -> None:
        self.expire(filled, POST_UPLOAD, "2 hours")
        filled.execute("UPDATE posts SET status = 'published', published_at = now()")
        assert one(filled, "SELECT cleanup_expired_uploads()") == 1
        assert one(filled, "SELECT status FROM posts") == "published"

    def test_are_forgotten_the_oldest_first_and_no_more_than_asked(self, filled: Schema) -> None:
        self.expire(filled, POST_UPLOAD, "2 hours")
        self.expire(filled, UPLOAD, "3 hours")
        assert one(filled, "SELECT cleanup_expired_uploads(1)") == 1
        assert self.left(filled) == [POST_UPLOAD]
        assert one(filled, "SELECT cleanup_expired_uploads(1)") == 1
        assert one(filled, "SELECT cleanup_expired_uploads(1)") == 0


class TestEpisode:
    @pytest.mark.requirement("P1-05", "P1-06", "P1-07", "P1-09", "P1-51", "ROAD-78", "ROAD-79", "ROAD-80", "ROAD-81")
    def test_has_what_belongs_to_it_and_takes_it_along_when_it_is_removed(self, filled: Schema) -> None:
        belonging = [
            "metadata_storage", "thumbnails", "processing_queue", "script_versions", "episode_outfits", "episode_ui_elements",
            "episode_backgrounds",
        ]  # fmt: skip
        for table in belonging:
            count = f"SELECT count(*) FROM episodes JOIN {table} USING (episode_id)"  # noqa: S608
            # A job of each type that a worker has or will have.
            assert one(filled, count) == (2 if table == "processing_queue" else 1), table
        filled.execute("DELETE FROM episodes")
        for table in belonging:
            assert one(filled, f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608
        # The library keeps what is not the episode's own, and uploads keep what they say about a file.
        for table in ("outfits", "ui_elements", "backgrounds", "clips", "upload_sessions"):
            assert one(filled, f"SELECT count(*) FROM {table}") > 0, table  # noqa: S608
        assert one(filled, "SELECT episode_id FROM clips") is None

    @pytest.mark.requirement("C-04")
    @pytest.mark.parametrize("table", ["thumbnails", "processing_queue"])
    def test_is_known_where_a_row_is_about_one_and_only_there(self, filled: Schema, table: str) -> None:
        assert one(filled, f"SELECT episode_id::text FROM {table}") == EPISODE  # noqa: S608
        of_a_show = f"UPDATE {table} SET entity_type = 'show', entity_id = %s RETURNING episode_id"  # noqa: S608
        assert one(filled, of_a_show, SHOW) is None
        with pytest.raises(psycopg.errors.GeneratedAlways):
            filled.execute(f"UPDATE {table} SET episode_id = %s".encode(), [EPISODE])  # noqa: S608


def test_user_with_a_post_stays(filled: Schema) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        filled.execute("DELETE FROM users WHERE user_id = %s", [USER])

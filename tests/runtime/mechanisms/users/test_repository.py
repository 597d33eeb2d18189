"""The users table."""

from uuid import UUID, uuid4

import pytest

from runtime.adapters.database import Database
from runtime.mechanisms.users import repository
from tests.runtime.features.api_platform import Api
from tests.runtime.features.user_pool import User


def row_of(database: Database, user_id: UUID) -> dict[str, object] | None:
    with database.transaction() as connection:
        return connection.execute(
            "SELECT email, last_seen_at > created_at AS was_seen_again FROM users WHERE user_id = %s", [user_id]
        ).fetchone()


def age(database: Database, user_id: UUID) -> None:
    with database.transaction() as connection:
        connection.execute(
            "UPDATE users SET created_at = now() - interval '1 hour', last_seen_at = now() - interval '1 hour' "
            "WHERE user_id = %s",
            [user_id],
        )


class TestUpsert:
    @pytest.mark.requirement("G-05")
    def test_makes_a_row_and_then_notes_that_the_user_is_back(self, application_database: Database) -> None:
        user_id = uuid4()
        with application_database.transaction() as connection:
            repository.upsert(connection, user_id, "a@example.test")
            repository.upsert(connection, user_id, None)
        assert row_of(application_database, user_id) == {"email": "a@example.test", "was_seen_again": False}
        age(application_database, user_id)
        with application_database.transaction() as connection:
            repository.upsert(connection, user_id, None)
        assert row_of(application_database, user_id) == {"email": "a@example.test", "was_seen_again": True}

    def test_new_address_is_noted_at_once(self, application_database: Database) -> None:
        user_id = uuid4()
        with application_database.transaction() as connection:
            repository.upsert(connection, user_id, None)
            repository.upsert(connection, user_id, "b@example.test")
        assert (row_of(application_database, user_id) or {})["email"] == "b@example.test"

    def test_requests_of_one_user_do_not_wait_for_each_other(self, application_database: Database) -> None:
        user_id = uuid4()
        with application_database.transaction() as connection:
            repository.upsert(connection, user_id, "a@example.test")
        with application_database.transaction() as one, application_database.transaction() as other:
            other.execute("SET LOCAL lock_timeout = '200ms'")
            for connection in (one, other):
                repository.upsert(connection, user_id, "a@example.test")
                repository.upsert(connection, user_id, None)


class TestFirstSight:
    @pytest.mark.requirement("G-05", "ROAD-103")
    def test_writing_makes_the_row_and_reading_does_not(self, api: Api) -> None:
        writer, reader = User.of("admin", email="w@example.test"), User.of("viewer")
        api.client.post("/api/v1/shows", {"name": "Mine"}, writer)
        api.client.get("/api/v1/shows", reader)
        database = api.client.app.state.resources.database
        assert (row_of(database, writer.user_id) or {})["email"] == "w@example.test"
        assert row_of(database, reader.user_id) is None

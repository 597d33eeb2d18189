"""The shows table."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.errors import ConflictError
from runtime.features.shows.schemas import Show
from runtime.mechanisms.records.table import Table
from runtime.persistence.pages import Order
from runtime.persistence.transactions import Connection

# A name stays taken by a show that is deleted: it could not be restored otherwise.
TABLE = Table(
    name="shows",
    alias="s",
    row_id="show_id",
    model=Show,
    columns=SQL("s.show_id, s.name, s.description, s.status, s.metadata"),
    constraint_errors={
        "shows_name_key": lambda: ConflictError("There is already a show of this name", field="body.name")
    },
    orders={"name": Order(by=SQL("lower(s.name)")), "updated_at": Order(by=SQL("s.updated_at"), type="timestamptz")},
)

_LOCK_BY_NAME = "SELECT show_id FROM shows WHERE name = %(name)s AND deleted_at IS NULL FOR SHARE"


def find_by_name_for_share(connection: Connection, name: str) -> Show | None:
    """The show of exactly this name, if it is there. Until the transaction ends no other can change or delete it."""
    row = connection.execute(_LOCK_BY_NAME, {"name": name}).fetchone()
    return TABLE.find(connection, row["show_id"]) if row else None


_COUNT_EPISODES = "SELECT count(*) AS episodes FROM episodes WHERE show_id = %(show_id)s AND deleted_at IS NULL"


def count_episodes(connection: Connection, show_id: UUID) -> int:
    """How many episodes of the show are not deleted."""
    row = connection.execute(_COUNT_EPISODES, {"show_id": show_id}).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    count: int = row["episodes"]
    return count

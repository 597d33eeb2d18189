"""SQL on shows."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.errors import ConflictError
from runtime.features.shows.schemas import Show
from runtime.mechanisms.records.table import Table
from runtime.persistence.pages import Order
from runtime.persistence.transactions import Connection

# A deleted show keeps its name, so that it can always be restored.
TABLE = Table(
    name="shows",
    alias="s",
    row_id="show_id",
    model=Show,
    columns=SQL("s.show_id, s.name, s.description, s.status, s.metadata"),
    constraint_errors={
        "shows_name_key": lambda: ConflictError(
            "A show with this name already exists; choose another name", field="body.name"
        )
    },
    orders={"name": Order(by=SQL("lower(s.name)")), "updated_at": Order(by=SQL("s.updated_at"), type="timestamptz")},
)

_LOCK_BY_NAME = "SELECT show_id FROM shows WHERE name = %(name)s AND deleted_at IS NULL FOR SHARE"


def find_by_name_for_share(connection: Connection, name: str) -> Show | None:
    """Return the show with exactly this name, protected from changes until the transaction ends, or None."""
    row = connection.execute(_LOCK_BY_NAME, {"name": name}).fetchone()
    return TABLE.find(connection, row["show_id"]) if row else None


_COUNT_EPISODES = "SELECT count(*) AS episodes FROM episodes WHERE show_id = %(show_id)s AND deleted_at IS NULL"


def count_episodes(connection: Connection, show_id: UUID) -> int:
    """Count the show's episodes that are not deleted."""
    row = connection.execute(_COUNT_EPISODES, {"show_id": show_id}).fetchone()
    assert row is not None, "an aggregate always returns one row"  # noqa: S101
    count: int = row["episodes"]
    return count

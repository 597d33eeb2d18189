"""The shows table."""

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
    record=Show,
    columns=SQL("s.show_id, s.name, s.description, s.status, s.metadata"),
    refusals={"shows_name_key": lambda: ConflictError("There is already a show of this name", field="body.name")},
    orders={"name": Order(by=SQL("lower(s.name)")), "updated_at": Order(by=SQL("s.updated_at"), type="timestamptz")},
)

_LOCK_BY_NAME = "SELECT show_id FROM shows WHERE name = %(name)s AND deleted_at IS NULL FOR SHARE"


def find_by_name_and_keep(connection: Connection, name: str) -> Show | None:
    """The show of exactly this name, if it is there. Until the transaction ends no other can change or delete it."""
    row = connection.execute(_LOCK_BY_NAME, {"name": name}).fetchone()
    return TABLE.find(connection, row["show_id"]) if row else None

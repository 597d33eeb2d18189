"""The users table: one row per subject of the user pool, made when that user first writes something or asks who they are."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.mechanisms.users.schemas import User
from runtime.persistence.pages import DESCENDING, JsonPage, ListQuery, Order, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

# A row that says it all already is not touched: an update, even one that changes nothing, would lock it until the end of
# the transaction, and one user's requests would wait for each other.
_UPSERT = """
INSERT INTO users (user_id, email)
SELECT %(user_id)s, %(email)s WHERE NOT EXISTS (
    SELECT FROM users
    WHERE user_id = %(user_id)s AND last_seen_at > now() - interval '1 minute'
      AND (%(email)s::varchar IS NULL OR email = %(email)s)
)
ON CONFLICT (user_id) DO UPDATE SET last_seen_at = now(), email = coalesce(excluded.email, users.email)
"""

_COLUMNS = SQL("""
    user_id, email,
    {created_at} AS created_at,
    {last_seen_at} AS last_seen_at
""").format(created_at=utc("created_at"), last_seen_at=utc("last_seen_at"))
_FIND = SQL("SELECT {} FROM users WHERE user_id = %(user_id)s").format(_COLUMNS)

ORDERS = {
    "created_at": Order(by=SQL("users.created_at"), type="timestamptz"),
    "last_seen_at": Order(by=SQL("users.last_seen_at"), type="timestamptz"),
    "email": Order(by=SQL("lower(coalesce(email, ''))")),
}
NEWEST_FIRST = f"{DESCENDING}created_at"
_LISTING = ListQuery(columns=_COLUMNS, source=SQL("users"), row_id="user_id", orders=ORDERS)


def find(connection: Connection, user_id: UUID) -> User | None:
    """The user, if seen."""
    row = connection.execute(_FIND, {"user_id": user_id}).fetchone()
    return User.model_validate(row) if row else None


def list_page(connection: Connection, page: PageRequest) -> JsonPage:
    """Users in the page's order."""
    return _LISTING.page(connection, page)


def upsert(connection: Connection, user_id: UUID, email: str | None) -> None:
    """Makes the user's row, or notes that the user was seen again, to the minute. A known e-mail address is kept when
    this time none is given."""
    connection.execute(_UPSERT, {"user_id": user_id, "email": email})

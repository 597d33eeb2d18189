"""SQL of the users table: one row per subject of the user pool, inserted at its first write or its first request of `/users/me`."""

from uuid import UUID

from psycopg.sql import SQL

from runtime.mechanisms.users.schemas import User
from runtime.persistence.pages import DESCENDING, JsonPage, ListQuery, Order, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

# A row that is up to date is not updated: even an update without changes would lock it until the end of the transaction, and the
# user's requests would wait for each other.
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
    """Return the user, or None."""
    row = connection.execute(_FIND, {"user_id": user_id}).fetchone()
    return User.model_validate(row) if row else None


def list_page(connection: Connection, page: PageRequest) -> JsonPage:
    """Return a page of users."""
    return _LISTING.page(connection, page)


def upsert(connection: Connection, user_id: UUID, email: str | None) -> None:
    """Insert the user, or update `last_seen_at` (to the minute) and the e-mail address, if one is given."""
    connection.execute(_UPSERT, {"user_id": user_id, "email": email})

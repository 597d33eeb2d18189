"""SQL of the activity_logs table, which is append-only: the database rejects UPDATE and DELETE."""

from typing import Any
from uuid import UUID

from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from runtime.mechanisms.audit.schemas import ActionType, ActivityLog, ResourceType
from runtime.persistence.pages import JsonPage, ListQuery, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

_INSERT = """
INSERT INTO activity_logs (
    user_id, action_type, resource_type, resource_id, old_values, new_values, ip_address, user_agent
) VALUES (
    %(user_id)s, %(action_type)s, %(resource_type)s, %(resource_id)s, %(old_values)s, %(new_values)s, %(ip_address)s,
    %(user_agent)s
)
"""

_FIND = """
SELECT activity_log_id, user_id, action_type, resource_type, resource_id, old_values, new_values, ip_address, user_agent,
       "timestamp"
FROM activity_logs WHERE activity_log_id = %(activity_log_id)s
"""

# Values in the log may have any size, but a page must fit into the response of a Lambda function: 6 MB.
_SHORTENED = SQL("""(
    SELECT jsonb_object_agg(key, CASE WHEN octet_length(value::text) > 500
                                      THEN jsonb_build_object('bytes', octet_length(value::text)) ELSE value END)
    FROM jsonb_each({column})
)""")

_LISTING = ListQuery(
    columns=SQL("""
        activity_log_id, user_id, action_type, resource_type, resource_id,
        {old_values} AS old_values, {new_values} AS new_values, ip_address, user_agent,
        {timestamp} AS "timestamp"
    """).format(
        timestamp=utc('"timestamp"'),
        old_values=_SHORTENED.format(column=SQL("old_values")),
        new_values=_SHORTENED.format(column=SQL("new_values")),
    ),
    source=SQL("activity_logs"),
    row_id="activity_log_id",
)


def insert(
    connection: Connection,
    *,
    user_id: str,
    action_type: ActionType,
    resource_type: ResourceType,
    resource_id: str,
    old_values: dict[str, Any] | None,
    new_values: dict[str, Any] | None,
    ip_address: str | None,
    user_agent: str | None,
) -> None:
    """Append a row."""
    values = {
        "user_id": user_id,
        "action_type": action_type,
        "resource_type": resource_type,
        "resource_id": resource_id,
        "old_values": None if old_values is None else Jsonb(old_values),
        "new_values": None if new_values is None else Jsonb(new_values),
        "ip_address": ip_address,
        "user_agent": user_agent,
    }
    connection.execute(_INSERT, values)


def find(connection: Connection, activity_log_id: UUID) -> ActivityLog | None:
    """Return the row with its full values, or None."""
    row = connection.execute(_FIND, {"activity_log_id": activity_log_id}).fetchone()
    return ActivityLog.model_validate(row) if row else None


def list_page(
    connection: Connection,
    page: PageRequest,
    *,
    user_id: str | None = None,
    resource_type: ResourceType | None = None,
    resource_id: str | None = None,
    action_type: ActionType | None = None,
) -> JsonPage:
    """Return a page of rows, newest first. Values of more than 500 bytes are replaced by their size."""
    return _LISTING.page(
        connection,
        page,
        user_id=user_id,
        resource_type=resource_type,
        resource_id=resource_id,
        action_type=action_type,
    )

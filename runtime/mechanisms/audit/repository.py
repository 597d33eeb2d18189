"""The activity_logs table, to which rows are only ever added: the database refuses everything else."""

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

# A value of any size may be in the log, and a page has to fit into one answer of a function: 6 MB.
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
    """One more row."""
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
    """The row with its whole values, if it is there."""
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
    """Rows, newest first, with values beyond 500 bytes replaced by their size; each filter that is given narrows them."""
    return _LISTING.page(
        connection,
        page,
        user_id=user_id,
        resource_type=resource_type,
        resource_id=resource_id,
        action_type=action_type,
    )

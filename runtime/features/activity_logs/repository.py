"""The activity_logs table, to which rows are only ever added: the database refuses everything else."""

from typing import Any
from uuid import UUID

from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from runtime.features.activity_logs.schemas import ActionType, ActivityLog, ResourceType
from runtime.web.pagination import JsonPage, PageRequest
from runtime.web.transaction import Connection

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

# One row more than asked for tells whether there is a next page.
_LIST_PAGE = SQL("""
WITH found AS (
    SELECT activity_log_id, user_id, action_type, resource_type, resource_id,
           {old_values} AS old_values, {new_values} AS new_values, ip_address, user_agent,
           to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "timestamp"
    FROM activity_logs
    WHERE activity_log_id < coalesce(%(after)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
      AND (%(resource_type)s::text IS NULL OR resource_type = %(resource_type)s)
      AND (%(resource_id)s::text IS NULL OR resource_id = %(resource_id)s)
      AND (%(action_type)s::text IS NULL OR action_type = %(action_type)s)
    ORDER BY activity_log_id DESC LIMIT %(limit)s + 1
), page AS (
    SELECT * FROM found ORDER BY activity_log_id DESC LIMIT %(limit)s
)
SELECT coalesce((SELECT json_agg(row_to_json(page) ORDER BY activity_log_id DESC)::text FROM page), '[]') AS items,
       CASE WHEN (SELECT count(*) FROM found) > %(limit)s
            THEN (SELECT activity_log_id FROM page ORDER BY activity_log_id LIMIT 1) END AS last_id
""").format(
    old_values=_SHORTENED.format(column=SQL("old_values")), new_values=_SHORTENED.format(column=SQL("new_values"))
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
    values = {
        "after": page.after,
        "limit": page.limit,
        "user_id": user_id,
        "resource_type": resource_type,
        "resource_id": resource_id,
        "action_type": action_type,
    }
    row = connection.execute(_LIST_PAGE, values).fetchone()
    assert row is not None, "an aggregate always answers one row"  # noqa: S101
    return JsonPage(items=row["items"], last_id=row["last_id"])

"""SQL on script_versions, the history of each episode's script. Rows are only added.

Callers that write hold the lock on the episode, under which versions are numbered and activated.
"""

from uuid import UUID

from psycopg.sql import SQL

from runtime.features.episodes.script_versions_schemas import ScriptVersion
from runtime.persistence.pages import JsonPage, ListQuery, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

# Columns in the format of the response.
_SUMMARY = SQL("""
    script_version_id, episode_id, version_number, octet_length(script_text) AS script_bytes, script_file_reference,
    change_notes, is_active,
    {activated_at} AS activated_at, activated_by,
    {created_at} AS created_at, created_by
""").format(activated_at=utc("activated_at"), created_at=utc("created_at"))
_ALL_COLUMNS = SQL("{}, script_text").format(_SUMMARY)
_LISTING = ListQuery(columns=_SUMMARY, source=SQL("script_versions"), row_id="script_version_id")

_FIND = SQL("""SELECT {} FROM script_versions
    WHERE episode_id = %(episode_id)s AND script_version_id = %(script_version_id)s""").format(_ALL_COLUMNS)
_FIND_ACTIVE = SQL("SELECT {} FROM script_versions WHERE episode_id = %(episode_id)s AND is_active").format(
    _ALL_COLUMNS
)

# A trigger of the table deactivates the previously active version.
_INSERT = SQL("""
INSERT INTO script_versions (
    episode_id, version_number, script_text, script_file_reference, change_notes, is_active, activated_at, activated_by,
    created_by
)
SELECT %(episode_id)s, coalesce(max(version_number), 0) + 1, %(script_text)s, %(script_file_reference)s, %(change_notes)s,
       %(is_active)s, CASE WHEN %(is_active)s THEN now() END, CASE WHEN %(is_active)s THEN %(user_id)s::uuid END, %(user_id)s
FROM script_versions WHERE episode_id = %(episode_id)s
RETURNING {}
""").format(_ALL_COLUMNS)
_ACTIVATE = SQL("""UPDATE script_versions SET is_active = true, activated_at = now(), activated_by = %(user_id)s
    WHERE script_version_id = %(script_version_id)s RETURNING {}""").format(_ALL_COLUMNS)
_DEACTIVATE = "UPDATE script_versions SET is_active = false WHERE episode_id = %(episode_id)s AND is_active"


def insert(
    connection: Connection,
    *,
    episode_id: UUID,
    script_text: str | None,
    script_file_reference: str | None,
    change_notes: str | None,
    is_active: bool,
    user_id: UUID | None,
) -> ScriptVersion:
    """Insert the next version of the episode's script."""
    values = {
        "episode_id": episode_id,
        "script_text": script_text,
        "script_file_reference": script_file_reference,
        "change_notes": change_notes,
        "is_active": is_active,
        "user_id": user_id,
    }
    row = connection.execute(_INSERT, values).fetchone()
    return ScriptVersion.model_validate(row)


def activate(connection: Connection, script_version_id: UUID, *, user_id: UUID) -> ScriptVersion:
    """Make this version the episode's active one."""
    values = {"script_version_id": script_version_id, "user_id": user_id}
    return ScriptVersion.model_validate(connection.execute(_ACTIVATE, values).fetchone())


def sync_active_version(
    connection: Connection,
    *,
    episode_id: UUID,
    script_text: str | None,
    script_file_reference: str | None,
    user_id: UUID | None,
) -> None:
    """Make the active version match the episode's script.

    Inserts a new version if the script differs from the active one; deactivates the active one if there is no script.
    """
    if script_text is None and script_file_reference is None:
        connection.execute(_DEACTIVATE, {"episode_id": episode_id})
        return
    active = find_active(connection, episode_id)
    if active is None or (active.script_text, active.script_file_reference) != (script_text, script_file_reference):
        insert(
            connection,
            episode_id=episode_id,
            script_text=script_text,
            script_file_reference=script_file_reference,
            change_notes=None,
            is_active=True,
            user_id=user_id,
        )


def find(connection: Connection, episode_id: UUID, script_version_id: UUID) -> ScriptVersion | None:
    """Return the version, or None if it does not exist or is of another episode."""
    values = {"episode_id": episode_id, "script_version_id": script_version_id}
    row = connection.execute(_FIND, values).fetchone()
    return ScriptVersion.model_validate(row) if row else None


def find_active(connection: Connection, episode_id: UUID) -> ScriptVersion | None:
    """Return the active version of the episode's script, or None."""
    row = connection.execute(_FIND_ACTIVE, {"episode_id": episode_id}).fetchone()
    return ScriptVersion.model_validate(row) if row else None


def list_page(connection: Connection, page: PageRequest, episode_id: UUID) -> JsonPage:
    """List the episode's versions without their texts, newest first."""
    return _LISTING.page(connection, page, episode_id=episode_id)

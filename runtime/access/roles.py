"""Who may do what: one table. A role is a group of the user pool, and groups are the only source of roles."""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """The groups of the user pool that the API knows. Membership in any other group permits nothing."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What a route may ask of its caller. A route names exactly one; `…:read_deleted` is what its parameter
    `include_deleted` asks for besides."""

    SHOWS_READ = "shows:read"
    SHOWS_CREATE = "shows:create"
    SHOWS_UPDATE = "shows:update"
    SHOWS_DELETE = "shows:delete"
    SHOWS_RESTORE = "shows:restore"
    SHOWS_READ_DELETED = "shows:read_deleted"
    EPISODES_READ = "episodes:read"
    EPISODES_CREATE = "episodes:create"
    EPISODES_UPDATE = "episodes:update"
    EPISODES_DELETE = "episodes:delete"
    EPISODES_RESTORE = "episodes:restore"
    EPISODES_READ_DELETED = "episodes:read_deleted"
    EPISODES_SEARCH = "episodes:search"
    THUMBNAILS_READ = "thumbnails:read"
    UPLOADS_CREATE = "uploads:create"
    JOBS_READ = "jobs:read"
    ACTIVITY_LOGS_READ = "activity_logs:read"


PermissionTable = Mapping[Role, frozenset[Permission]]

_READER = frozenset(
    {Permission.SHOWS_READ, Permission.EPISODES_READ, Permission.EPISODES_SEARCH, Permission.THUMBNAILS_READ}
)
_EDITOR = _READER | {
    Permission.SHOWS_UPDATE,
    Permission.EPISODES_UPDATE,
    Permission.UPLOADS_CREATE,
    Permission.JOBS_READ,
}

# Two source documents disagree on whether editors create episodes; the stricter rule holds unless a deployment passes a
# table of its own to `create_app`.
ROLE_PERMISSIONS: PermissionTable = {
    Role.VIEWER: _READER,
    Role.EDITOR: _EDITOR,
    Role.ADMIN: frozenset(Permission),
}


def is_permitted(table: PermissionTable, roles: Iterable[Role], permission: Permission) -> bool:
    """Whether any of these roles carries the permission."""
    return any(permission in table.get(role, frozenset()) for role in roles)

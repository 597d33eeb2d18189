"""Permissions and the roles that have them. People's roles are groups of the user pool; the machine client has its own role."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from runtime.roles import Role


class Permission(StrEnum):
    """A permission. Each route requires exactly one.

    The parameter `include_deleted` also requires `…:read_deleted`; `uploads:read_all` shows the files of other users.
    """

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
    EPISODES_APPROVE = "episodes:approve"
    EPISODES_READ_DELETED = "episodes:read_deleted"
    EPISODES_SEARCH = "episodes:search"
    ASSETS_SEARCH = "assets:search"
    SEARCH_INDEX = "search:index"
    THUMBNAILS_READ = "thumbnails:read"
    SCRIPTS_READ = "scripts:read"
    SCRIPTS_CREATE = "scripts:create"
    SCRIPTS_ACTIVATE = "scripts:activate"
    METADATA_READ = "metadata:read"
    METADATA_CREATE = "metadata:create"
    METADATA_UPDATE = "metadata:update"
    OUTFITS_READ = "outfits:read"
    OUTFITS_CREATE = "outfits:create"
    OUTFITS_UPDATE = "outfits:update"
    OUTFITS_DELETE = "outfits:delete"
    OUTFITS_RESTORE = "outfits:restore"
    OUTFITS_READ_DELETED = "outfits:read_deleted"
    UI_ELEMENTS_READ = "ui_elements:read"
    UI_ELEMENTS_CREATE = "ui_elements:create"
    UI_ELEMENTS_UPDATE = "ui_elements:update"
    UI_ELEMENTS_DELETE = "ui_elements:delete"
    UI_ELEMENTS_RESTORE = "ui_elements:restore"
    UI_ELEMENTS_READ_DELETED = "ui_elements:read_deleted"
    BACKGROUNDS_READ = "backgrounds:read"
    BACKGROUNDS_CREATE = "backgrounds:create"
    BACKGROUNDS_UPDATE = "backgrounds:update"
    BACKGROUNDS_DELETE = "backgrounds:delete"
    BACKGROUNDS_RESTORE = "backgrounds:restore"
    BACKGROUNDS_READ_DELETED = "backgrounds:read_deleted"
    CLIPS_READ = "clips:read"
    CLIPS_CREATE = "clips:create"
    CLIPS_UPDATE = "clips:update"
    CLIPS_DELETE = "clips:delete"
    CLIPS_RESTORE = "clips:restore"
    CLIPS_READ_DELETED = "clips:read_deleted"
    COMPONENTS_READ = "components:read"
    COMPONENTS_CREATE = "components:create"
    COMPONENTS_UPDATE = "components:update"
    COMPONENTS_DELETE = "components:delete"
    COMPONENTS_RESTORE = "components:restore"
    COMPONENTS_READ_DELETED = "components:read_deleted"
    GUESTS_READ = "guests:read"
    GUESTS_CREATE = "guests:create"
    GUESTS_UPDATE = "guests:update"
    GUESTS_DELETE = "guests:delete"
    GUESTS_RESTORE = "guests:restore"
    GUESTS_READ_DELETED = "guests:read_deleted"
    THUMBNAILS_DELETE = "thumbnails:delete"
    UPLOADS_CREATE = "uploads:create"
    UPLOADS_READ = "uploads:read"
    UPLOADS_READ_ALL = "uploads:read_all"
    UPLOADS_DELETE = "uploads:delete"
    JOBS_READ = "jobs:read"
    JOBS_CREATE = "jobs:create"
    JOBS_RETRY = "jobs:retry"
    USERS_READ = "users:read"
    USERS_READ_SELF = "users:read_self"
    ACTIVITY_LOGS_READ = "activity_logs:read"


PermissionTable = Mapping[Role, frozenset[Permission]]

_READER = frozenset(
    {
        Permission.SHOWS_READ,
        Permission.EPISODES_READ,
        Permission.EPISODES_SEARCH,
        Permission.ASSETS_SEARCH,
        Permission.SCRIPTS_READ,
        Permission.METADATA_READ,
        Permission.OUTFITS_READ,
        Permission.UI_ELEMENTS_READ,
        Permission.BACKGROUNDS_READ,
        Permission.CLIPS_READ,
        Permission.COMPONENTS_READ,
        Permission.GUESTS_READ,
        Permission.THUMBNAILS_READ,
        Permission.USERS_READ_SELF,
    }
)
_EDITOR = _READER | {
    Permission.SHOWS_UPDATE,
    Permission.EPISODES_UPDATE,
    Permission.SCRIPTS_CREATE,
    Permission.SCRIPTS_ACTIVATE,
    Permission.OUTFITS_CREATE,
    Permission.OUTFITS_UPDATE,
    Permission.UI_ELEMENTS_CREATE,
    Permission.UI_ELEMENTS_UPDATE,
    Permission.BACKGROUNDS_CREATE,
    Permission.BACKGROUNDS_UPDATE,
    Permission.CLIPS_CREATE,
    Permission.CLIPS_UPDATE,
    Permission.COMPONENTS_CREATE,
    Permission.COMPONENTS_UPDATE,
    Permission.GUESTS_CREATE,
    Permission.GUESTS_UPDATE,
    Permission.UPLOADS_CREATE,
    Permission.UPLOADS_READ,
    Permission.UPLOADS_DELETE,
    Permission.JOBS_READ,
    Permission.JOBS_CREATE,
}

ROLE_PERMISSIONS: PermissionTable = {
    Role.VIEWER: _READER,
    Role.EDITOR: _EDITOR,
    # Only the machine creates extracted metadata; people correct it, and the two are distinguished.
    Role.ADMIN: frozenset(Permission) - {Permission.METADATA_CREATE},
    Role.SYSTEM: frozenset({Permission.EPISODES_READ, Permission.METADATA_READ, Permission.METADATA_CREATE}),
}


def permission_table(*, editors_create_episodes: bool) -> PermissionTable:
    """Return the permissions by role. Whether editors create episodes is a setting, because the requirements disagree."""
    if not editors_create_episodes:
        return ROLE_PERMISSIONS
    return {**ROLE_PERMISSIONS, Role.EDITOR: ROLE_PERMISSIONS[Role.EDITOR] | {Permission.EPISODES_CREATE}}


def is_permitted(table: PermissionTable, roles: Iterable[Role], permission: Permission) -> bool:
    """Return whether any of these roles has the permission."""
    return any(permission in table.get(role, frozenset()) for role in roles)

"""The roles of callers. Imports nothing, so that the infrastructure program and the `platform` command can read it too."""

from enum import StrEnum


class Role(StrEnum):
    """A caller's role: three are groups of the user pool, `system` is the machine client's."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"
    SYSTEM = "system"


# The groups of the user pool that the API knows, the most powerful first. Membership in any other group permits nothing, and no
# group makes anybody the system: that is the machine client alone.
GROUP_ROLES = (Role.ADMIN, Role.EDITOR, Role.VIEWER)

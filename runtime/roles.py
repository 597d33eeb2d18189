"""The roles of callers. Imports nothing of the application, so that the infrastructure program and the CLI can import it too."""

from enum import StrEnum


class Role(StrEnum):
    """A caller's role: a group of the user pool, or `system` for the machine client."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"
    SYSTEM = "system"


# The groups of the user pool that are roles, most privileged first. Other groups grant nothing, and no group grants `system`,
# which is the machine client's alone.
GROUP_ROLES = (Role.ADMIN, Role.EDITOR, Role.VIEWER)

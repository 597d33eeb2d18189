"""The activity log, as returned to administrators."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from runtime.contract.schemas import Resource
from runtime.contract.values import Timestamp


class ActionType(StrEnum):
    """An action. The first four are given by the requirements; `edit` is every update of values."""

    VIEW = "view"
    EDIT = "edit"
    DELETE = "delete"
    DOWNLOAD = "download"
    CREATE = "create"
    RESTORE = "restore"
    UPLOAD = "upload"
    LINK = "link"
    UNLINK = "unlink"
    ACTIVATE = "activate"
    PROCESS = "process"


class ResourceType(StrEnum):
    """The type of the resource. The first three are given by the requirements."""

    EPISODE = "episode"
    THUMBNAIL = "thumbnail"
    METADATA = "metadata"
    SHOW = "show"
    UPLOAD = "upload"
    SCRIPT_VERSION = "script_version"
    OUTFIT = "outfit"
    UI_ELEMENT = "ui_element"
    BACKGROUND = "background"
    CLIP = "clip"
    COMPONENT = "component"
    GUEST = "guest"
    JOB = "job"


class ActivityLog(Resource):
    """An action of a user."""

    activity_log_id: UUID
    user_id: str = Field(description="The token's subject: a user of the pool, or the client id of a machine.")
    action_type: ActionType
    resource_type: ResourceType
    resource_id: str
    old_values: dict[str, Any] | None = Field(
        description="The changed fields before the action. In lists, values of more than 500 bytes are replaced by their size."
    )
    new_values: dict[str, Any] | None = Field(
        description="The changed fields after the action, shortened in lists like `old_values`."
    )
    ip_address: str | None = Field(description="The client's address, as API Gateway or the load balancer reports it.")
    user_agent: str | None
    timestamp: Timestamp

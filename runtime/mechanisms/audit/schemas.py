"""The log of what users did, as administrators get it."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from runtime.contract.schemas import Resource
from runtime.contract.values import Timestamp


class ActionType(StrEnum):
    """What was done. The first four are the requirement's; `edit` is every change of values."""

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
    """What it was done to. The first three are the requirement's."""

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
    """One thing that a user did."""

    activity_log_id: UUID
    user_id: str = Field(
        description="Who did it, by the subject of the token: a user of the pool, or a machine's client."
    )
    action_type: ActionType
    resource_type: ResourceType
    resource_id: str
    old_values: dict[str, Any] | None = Field(
        description="What changed, as it was. In lists a value beyond 500 bytes is told by its size alone."
    )
    new_values: dict[str, Any] | None = Field(description="What changed, as it is since. In lists as `old_values`.")
    ip_address: str | None = Field(description="As API Gateway saw it.")
    user_agent: str | None
    timestamp: Timestamp

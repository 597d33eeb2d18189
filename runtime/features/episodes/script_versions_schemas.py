"""Versions of an episode's script as clients send and get them."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from runtime.contract.schemas import RequestBody, Resource
from runtime.contract.values import Timestamp, stripped
from runtime.features.episodes.schemas import Script
from runtime.mechanisms.records.schemas import FileReference

ChangeNotes = Annotated[str, stripped(2_000)]


class ScriptVersionCreate(RequestBody):
    """A new version of an episode's script: its text, the reference of its file, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"script_text": "FADE IN: a meadow, white with dandelions.", "change_notes": "A shorter opening."}
            ]
        }
    )

    script_text: Script | None = None
    script_file_reference: FileReference | None = None
    change_notes: ChangeNotes | None = None
    activate: Annotated[bool, Field(strict=True, description="Whether it becomes the episode's script.")] = True


class ScriptVersionSummary(Resource):
    """A version of a script as lists show it: without its text."""

    script_version_id: UUID
    episode_id: UUID
    version_number: int = Field(description="Counted for each episode, from 1.")
    script_bytes: int | None = Field(description="The length of the text as UTF-8; null without one.")
    script_file_reference: str | None
    change_notes: str | None
    is_active: bool = Field(description="Whether it is the episode's script now. At most one version is.")
    activated_at: Timestamp | None = Field(description="When it last became the episode's script.")
    activated_by: UUID | None
    created_at: Timestamp
    created_by: UUID | None


class ScriptVersion(ScriptVersionSummary):
    """A version of a script. It never changes but for being active or not."""

    script_text: str | None

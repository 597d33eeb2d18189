"""Request and response schemas of script versions."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from runtime.contract.schemas import RequestBody, Resource
from runtime.contract.values import Timestamp, stripped
from runtime.features.episodes.schemas import Script
from runtime.mechanisms.records.schemas import FileReference

ChangeNotes = Annotated[str, stripped(2_000)]


class ScriptVersionCreate(RequestBody):
    """A new version of an episode's script: its text, a reference to its file, or both."""

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
    activate: Annotated[bool, Field(strict=True, description="Make it the active version.")] = True


class ScriptVersionSummary(Resource):
    """A script version in a list, without its text."""

    script_version_id: UUID
    episode_id: UUID
    version_number: int = Field(description="Number of the version within the episode, from 1.")
    script_bytes: int | None = Field(description="Size of the text in bytes as UTF-8; null without a text.")
    script_file_reference: str | None
    change_notes: str | None
    is_active: bool = Field(description="Whether it is the episode's current script. At most one version is active.")
    activated_at: Timestamp | None = Field(description="When it was last activated.")
    activated_by: UUID | None
    created_at: Timestamp
    created_by: UUID | None


class ScriptVersion(ScriptVersionSummary):
    """A script version. Only its activation can change."""

    script_text: str | None

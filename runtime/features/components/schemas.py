"""Request and response schemas of components."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from runtime.contract.schemas import NotNull
from runtime.contract.values import Label
from runtime.mechanisms.records.schemas import FileAsset, FileAssetCreate, FileAssetUpdate

ComponentType = Annotated[
    Label, Field(description="Type of the component; lists can be filtered by it.", examples=["intro"])
]


class ComponentCreate(FileAssetCreate):
    """A new component."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Opening titles",
                    "component_type": "intro",
                    "file_reference": "s3://bucket/components/opening-titles.mp4",
                    "file_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "tags": ["season 1"],
                }
            ]
        }
    )

    component_type: ComponentType


class ComponentUpdate(FileAssetUpdate):
    """Changes to a component. Fields that are left out keep their values; null clears all but the name and the type."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"component_type": "outro"}]})

    component_type: Annotated[ComponentType | None, NotNull] = None


class Component(FileAsset):
    """A component: a reusable part of a show, such as an intro."""

    component_id: UUID
    component_type: str

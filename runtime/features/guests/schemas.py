"""Request and response schemas of guests."""

from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from runtime.contract.schemas import NotNull, Record, RequestBody, UpdateBody
from runtime.contract.values import Description, HttpsUrl, Label, Metadata, PersonName, Tags, limit_json_size

# No surrounding whitespace: names that differ only by it would look alike.
LinkName = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$", max_length=50)]
SocialLinks = Annotated[
    dict[LinkName, HttpsUrl],
    Field(
        max_length=20,
        description="https:// URLs of the guest's profiles, by the name of the site.",
        examples=[{"instagram": "https://www.instagram.com/example"}],
        json_schema_extra={"additionalProperties": False},
    ),
    AfterValidator(limit_json_size),
]
GuestRole = Annotated[Label, Field(description="Role of the guest; lists can be filtered by it.", examples=["stylist"])]


class GuestCreate(RequestBody):
    """A new guest."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Ines Marchetti",
                    "biography": "Makes gowns of paper.",
                    "role": "stylist",
                    "social_links": {"instagram": "https://www.instagram.com/example"},
                    "tags": ["paper"],
                }
            ]
        }
    )

    name: PersonName
    biography: Description | None = None
    role: GuestRole | None = None
    social_links: SocialLinks = Field(default_factory=dict)
    tags: Tags = Field(default_factory=list)
    metadata: Metadata = Field(default_factory=dict)


class GuestUpdate(UpdateBody):
    """Changes to a guest. Fields that are left out keep their values; null clears all but the name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "designer"}]})

    values_when_cleared: ClassVar = MappingProxyType({**UpdateBody.values_when_cleared, "social_links": {}})

    name: Annotated[PersonName | None, NotNull] = None
    biography: Description | None = None
    role: GuestRole | None = None
    social_links: SocialLinks | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None


class Guest(Record):
    """A guest of the shows."""

    guest_id: UUID
    name: str
    biography: str | None
    role: str | None
    social_links: dict[str, str]
    tags: list[str]
    thumbnail_reference: str | None
    metadata: dict[str, Any]

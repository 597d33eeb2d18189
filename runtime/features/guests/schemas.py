"""Guests as clients send and get them."""

from types import MappingProxyType
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from runtime.contract.schemas import NotNull, Record, RequestBody, UpdateBody
from runtime.contract.values import Description, HttpsUrl, Label, Metadata, PersonName, Tags, limit_json_size

# Names that differ by spaces around them would be one to a reader.
LinkName = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$", max_length=50)]
SocialLinks = Annotated[
    dict[LinkName, HttpsUrl],
    Field(
        max_length=20,
        description="Where else to find them: https:// addresses by the names of the places.",
        examples=[{"instagram": "https://www.instagram.com/example"}],
        json_schema_extra={"additionalProperties": False},
    ),
    AfterValidator(limit_json_size),
]
GuestRole = Annotated[Label, Field(description="As what they come; lists can be narrowed to it.", examples=["stylist"])]


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
    """What changes of a guest. What is not sent stays as it is; null clears all but the name."""

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

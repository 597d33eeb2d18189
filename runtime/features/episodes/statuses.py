"""Where an episode stands, and where it can go from there (ROAD-74, ROAD-88)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class EpisodeStatus(StrEnum):
    """Where an episode stands (ROAD-74, ROAD-88)."""

    DRAFT = "draft"
    IN_PRODUCTION = "in_production"
    READY_FOR_PUBLISH = "ready_for_publish"
    PUBLISHED = "published"
    ARCHIVED = "archived"
    ON_HOLD = "on_hold"
    CANCELED = "canceled"


class ApprovalStatus(StrEnum):
    """What administrators think of it."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"


_S = EpisodeStatus
# From each status to those that may follow it.
NEXT: Mapping[EpisodeStatus, tuple[EpisodeStatus, ...]] = MappingProxyType(
    {
        _S.DRAFT: (_S.IN_PRODUCTION, _S.ON_HOLD, _S.CANCELED, _S.ARCHIVED),
        _S.IN_PRODUCTION: (_S.READY_FOR_PUBLISH, _S.DRAFT, _S.ON_HOLD, _S.CANCELED, _S.ARCHIVED),
        _S.READY_FOR_PUBLISH: (_S.PUBLISHED, _S.ON_HOLD, _S.CANCELED, _S.ARCHIVED),
        _S.PUBLISHED: (_S.READY_FOR_PUBLISH, _S.ARCHIVED),
        _S.ON_HOLD: (_S.DRAFT, _S.CANCELED, _S.ARCHIVED),
        _S.CANCELED: (_S.DRAFT, _S.ON_HOLD, _S.ARCHIVED),
        _S.ARCHIVED: (_S.DRAFT, _S.ON_HOLD, _S.CANCELED),
    }
)


def possible_after(status: EpisodeStatus) -> str:
    """The statuses that may follow this one, as text."""
    return ", ".join(NEXT[status])


NEXT_DESCRIPTION = "What may follow what: {}. An episode is published only while it is approved.".format(
    "; ".join(f"{status} → {possible_after(status)}" for status in NEXT)
)

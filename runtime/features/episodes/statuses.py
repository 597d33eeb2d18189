"""Statuses of an episode and their allowed transitions (ROAD-74, ROAD-88)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class EpisodeStatus(StrEnum):
    """Production status of an episode (ROAD-74, ROAD-88)."""

    DRAFT = "draft"
    IN_PRODUCTION = "in_production"
    READY_FOR_PUBLISH = "ready_for_publish"
    PUBLISHED = "published"
    ARCHIVED = "archived"
    ON_HOLD = "on_hold"
    CANCELED = "canceled"


class ApprovalStatus(StrEnum):
    """Approval of an episode by administrators."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"


_S = EpisodeStatus
# The allowed next statuses by current status.
TRANSITIONS: Mapping[EpisodeStatus, tuple[EpisodeStatus, ...]] = MappingProxyType(
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


def allowed_next(status: EpisodeStatus) -> str:
    """Return the allowed next statuses as text."""
    return ", ".join(TRANSITIONS[status])


TRANSITIONS_DESCRIPTION = "Allowed transitions: {}. Publishing requires the approval status `approved`.".format(
    "; ".join(f"{status} → {allowed_next(status)}" for status in TRANSITIONS)
)

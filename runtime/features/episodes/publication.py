"""Rules of an episode's status: allowed transitions, and the conditions and effects of publishing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.errors import ConflictError
from runtime.features.episodes.schemas import Episode
from runtime.features.episodes.statuses import TRANSITIONS, ApprovalStatus, EpisodeStatus, allowed_next


def apply_status_transition(columns: Mapping[str, Any], before: Episode | None, *, field: str) -> dict[str, Any]:
    """Return the columns of a new episode, or the changed columns of an existing one, with the effects of their status.

    Publishing sets publish_date (today in UTC unless given) and, the first time, released_at.

    Raises:
        ConflictError: The transition is not allowed, or the episode to publish is not approved; names `field`.
    """
    status = columns.get("status")
    if status is None or (before is not None and status == before.status):
        return dict(columns)
    if before is not None and status not in TRANSITIONS[before.status]:
        message = f"The status cannot change from {before.status} to {status}; allowed: {allowed_next(before.status)}"
        raise ConflictError(message, field=field)
    if status != EpisodeStatus.PUBLISHED:
        return dict(columns)
    if before is not None and before.approval_status != ApprovalStatus.APPROVED:
        raise ConflictError(
            f"The episode is not approved; its approval_status is {before.approval_status}", field=field
        )
    now = datetime.now(UTC)
    stored = {"publish_date": before.publish_date, "released_at": before.released_at} if before else {}
    merged = stored | dict(columns)
    return {
        **columns,
        "publish_date": merged.get("publish_date") or now.date(),
        "released_at": merged.get("released_at") or now,
    }

"""The rules of an episode's status: which may follow which, and what being published asks for and brings with it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.errors import ConflictError
from runtime.features.episodes.schemas import Episode
from runtime.features.episodes.statuses import NEXT, ApprovalStatus, EpisodeStatus, possible_after


def apply_status_transition(columns: Mapping[str, Any], before: Episode | None, *, field: str) -> dict[str, Any]:
    """The columns of a new episode, or those that change of the one that there is, with what follows from their status.

    A published episode has a day of publication, today (UTC) unless it is said, and the moment at which it was first released.
    ConflictError for a status that cannot follow the present one, and for publishing what is not approved; it names `field`.
    """
    status = columns.get("status")
    if status is None or (before is not None and status == before.status):
        return dict(columns)
    if before is not None and status not in NEXT[before.status]:
        possible = possible_after(before.status)
        raise ConflictError(f"The episode is {before.status}: after that it can be {possible}", field=field)
    if status != EpisodeStatus.PUBLISHED:
        return dict(columns)
    if before is not None and before.approval_status != ApprovalStatus.APPROVED:
        raise ConflictError(
            f"The episode is not approved: its approval_status is {before.approval_status}", field=field
        )
    now = datetime.now(UTC)
    stored = {"publish_date": before.publish_date, "released_at": before.released_at} if before else {}
    merged = stored | dict(columns)
    return {
        **columns,
        "publish_date": merged.get("publish_date") or now.date(),
        "released_at": merged.get("released_at") or now,
    }

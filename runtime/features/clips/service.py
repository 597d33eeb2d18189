"""Rules of clips: unintended duplicates, guests, status transitions, assignment to episodes.

Locks are taken in a fixed order, so that requests cannot deadlock: clips by id, then the episode or guest, then the file's hash.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.contract.preconditions import IfMatch
from runtime.contract.values import MAX_TAGS
from runtime.errors import ConflictError, FieldProblem, InvalidInputError, NotFoundError, PlatformError
from runtime.features.clips.repository import TABLE, TRANSACTION_TIME, find_by_hash_with_lock
from runtime.features.clips.schemas import Clip, ClipCreate, ClipStatus, ClipTags, ClipUpdate, TalentSource
from runtime.features.episodes.service import EPISODES
from runtime.features.guests.service import GUESTS
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.records.import_export import ImportExport
from runtime.mechanisms.records.service import RecordService, record_last_seen
from runtime.persistence.pages import JsonPage, PageRequest
from runtime.persistence.transactions import Connection, Transaction

CLIPS = RecordService(table=TABLE, resource_type=ResourceType.CLIP, display_name="clip")

# Status changes by a review. `used` is not among them: assigning the clip sets and clears it.
_REVIEW_TRANSITIONS: Mapping[ClipStatus, frozenset[ClipStatus]] = {
    ClipStatus.PENDING_REVIEW: frozenset({ClipStatus.APPROVED, ClipStatus.REJECTED}),
    ClipStatus.APPROVED: frozenset({ClipStatus.REJECTED}),
    ClipStatus.REJECTED: frozenset({ClipStatus.APPROVED}),
    ClipStatus.USED: frozenset(),
}
_REJECTED = "The clip is rejected; approve it first"


def create(transaction: Transaction, caller: Caller, body: ClipCreate, *, allow_duplicate: bool) -> Clip:
    """Create a clip.

    Raises:
        InvalidInputError: A guest is named, but the talent source is not Guest.
        NotFoundError: The guest does not exist.
        ConflictError: The status is no initial status, or another clip has the file and duplicates are not allowed.
    """
    _check_guest(body.talent_source, body.guest_id)
    _check_status(ClipStatus.PENDING_REVIEW, body.status)
    record_last_seen(transaction, caller)
    if body.guest_id:
        GUESTS.get_for_share(transaction.connection, body.guest_id, field="body.guest_id")
    if body.file_hash and not allow_duplicate:
        _require_unique_file(transaction.connection, body.file_hash)
    return CLIPS.create(transaction, caller, body.model_dump())


def update(
    transaction: Transaction,
    caller: Caller,
    clip_id: UUID,
    body: ClipUpdate,
    if_match: IfMatch,
    *,
    allow_duplicate: bool,
) -> Clip:
    """Update a clip.

    Raises:
        NotFoundError: The clip or its new guest does not exist.
        PreconditionFailedError: The clip has another version than `if_match` requires.
        InvalidInputError: As in `create`.
        ConflictError: The status transition is invalid, or as in `create`.
    """
    before = CLIPS.get_for_update(transaction, caller, clip_id, if_match)
    columns = body.columns()
    guest_id = columns.get("guest_id", before.guest_id)
    file_hash = columns.get("file_hash", before.file_hash)
    _check_guest(columns.get("talent_source", before.talent_source), guest_id)
    _check_status(before.status, columns.get("status", before.status))
    if guest_id and guest_id != before.guest_id:
        GUESTS.get_for_share(transaction.connection, guest_id, field="body.guest_id")
    if file_hash and file_hash != before.file_hash and not allow_duplicate:
        _require_unique_file(transaction.connection, file_hash)
    return CLIPS.update_locked(transaction, caller, before, columns)


CLIP_FILES = ImportExport(
    records=CLIPS,
    create_model=ClipCreate,
    update_model=ClipUpdate,
    columns=(
        "title", "description", "talent_source", "guest_id", "quality", "status", "file_name", "file_hash", "byte_count",
        "duration_seconds", "recorded_on", "notes", "tags", "metadata",
    ),
    # Duplicates have to be allowed clip by clip, not for a whole file.
    create=partial(create, allow_duplicate=False),
    update=partial(update, allow_duplicate=False),
)  # fmt: skip


def assign(transaction: Transaction, caller: Caller, clip_id: UUID, episode_id: UUID, if_match: IfMatch) -> Clip:
    """Assign the clip to the episode, instead of its previous one.

    Raises:
        NotFoundError: The clip or the episode does not exist.
        PreconditionFailedError: The clip has another version than `if_match` requires.
        ConflictError: The clip is rejected.
    """
    before = CLIPS.get_for_update(transaction, caller, clip_id, if_match)
    EPISODES.get_for_share(transaction.connection, episode_id, field="body.episode_id")
    if before.status is ClipStatus.REJECTED:
        raise ConflictError(_REJECTED, field="path.clip_id")
    return _assign(transaction, caller, before, episode_id)


def unassign(transaction: Transaction, caller: Caller, clip_id: UUID, if_match: IfMatch) -> Clip:
    """Remove the clip from its episode and set its status to approved; no change if it is not assigned.

    Raises:
        NotFoundError: The clip does not exist.
        PreconditionFailedError: The clip has another version than `if_match` requires.
    """
    before = CLIPS.get_for_update(transaction, caller, clip_id, if_match)
    if before.episode_id is None:
        return before
    columns = {"episode_id": None, "status": ClipStatus.APPROVED, "assigned_at": None, "assigned_by": None}
    return CLIPS.update_locked(transaction, caller, before, columns, action=ActionType.UNLINK)


def assign_many(transaction: Transaction, caller: Caller, episode_id: UUID, clip_ids: Sequence[UUID]) -> list[Clip]:
    """Assign the clips to the episode, all or none; return them in the order requested.

    Raises:
        NotFoundError: The episode or some clips do not exist, with one problem per clip.
        ConflictError: Some clips are rejected, with one problem per clip.
    """
    locked = _lock_many(transaction, caller, clip_ids)
    EPISODES.get_for_share(transaction.connection, episode_id, field="body.episode_id")
    _require_all(ConflictError, _REJECTED, clip_ids, lambda clip_id: locked[clip_id].status is not ClipStatus.REJECTED)
    changed = {clip_id: _assign(transaction, caller, clip, episode_id) for clip_id, clip in locked.items()}
    return [changed[clip_id] for clip_id in clip_ids]


def tag(transaction: Transaction, caller: Caller, body: ClipTags) -> list[Clip]:
    """Add and remove tags of the clips, all or none; return them in the order requested.

    Raises:
        InvalidInputError: No tags are given, or one is to be both added and removed.
        NotFoundError: Some clips do not exist, with one problem per clip.
        ConflictError: Some clips would have too many tags, with one problem per clip.
    """
    if not body.add and not body.remove:
        raise InvalidInputError("Send at least one tag in `add` or `remove`", field="body.add")
    if set(body.add) & set(body.remove):
        raise InvalidInputError("A tag must not be in both `add` and `remove`", field="body.remove")
    locked = _lock_many(transaction, caller, body.clip_ids)
    tags = {clip_id: body.apply_to(clip.tags) for clip_id, clip in locked.items()}
    too_many = f"The clip would have more than {MAX_TAGS} tags"
    _require_all(ConflictError, too_many, body.clip_ids, lambda clip_id: len(tags[clip_id]) <= MAX_TAGS)
    changed = {
        clip_id: CLIPS.update_locked(transaction, caller, clip, {"tags": tags[clip_id]})
        for clip_id, clip in locked.items()
    }
    return [changed[clip_id] for clip_id in body.clip_ids]


def list_of_episode(connection: Connection, page: PageRequest, episode_id: UUID) -> JsonPage:
    """List the clips that are assigned to the episode; NotFoundError if the episode does not exist."""
    EPISODES.ensure_exists(connection, episode_id)
    return CLIPS.table.list_page(connection, page, episode_id=episode_id)


def list_duplicates_of(connection: Connection, page: PageRequest, clip_id: UUID) -> JsonPage:
    """List the other clips with the clip's file, none if its hash is unknown; NotFoundError if the clip does not exist."""
    CLIPS.get(connection, clip_id)
    return CLIPS.table.list_page(connection, page, duplicate_of=clip_id)


def _check_guest(talent_source: TalentSource, guest_id: UUID | None) -> None:
    if guest_id and talent_source != TalentSource.GUEST:
        raise InvalidInputError("Only allowed if talent_source is Guest", field="body.guest_id")


def _check_status(before: ClipStatus, after: ClipStatus) -> None:
    if after == before or after in _REVIEW_TRANSITIONS[before]:
        return
    if ClipStatus.USED in (before, after):
        message = "The status used is set by assigning the clip to an episode, and cleared by unassigning it"
    else:
        message = f"The status cannot change from {before} to {after}"
    raise ConflictError(message, field="body.status")


def _require_unique_file(connection: Connection, file_hash: str) -> None:
    if other := find_by_hash_with_lock(connection, file_hash):
        message = f"The clip {other} has the same file; send allow_duplicate=true to allow both"
        raise ConflictError(message, field="body.file_hash")


def _assign(transaction: Transaction, caller: Caller, before: Clip, episode_id: UUID) -> Clip:
    if before.episode_id == episode_id:
        return before
    columns: dict[str, Any] = {
        "episode_id": episode_id,
        "status": ClipStatus.USED,
        "assigned_at": TRANSACTION_TIME,
        "assigned_by": caller.user_id,
    }
    return CLIPS.update_locked(transaction, caller, before, columns, action=ActionType.LINK)


def _lock_many(transaction: Transaction, caller: Caller, clip_ids: Sequence[UUID]) -> dict[UUID, Clip]:
    """Return the clips by id, locked until the transaction ends; NotFoundError with one problem per missing clip."""
    record_last_seen(transaction, caller)
    rows = ((clip_id, TABLE.find_for_update(transaction.connection, clip_id)) for clip_id in sorted(set(clip_ids)))
    locked = {clip_id: clip for clip_id, clip in rows if clip}
    _require_all(NotFoundError, "Clip not found", clip_ids, locked.__contains__)
    return locked


def _require_all(
    error: type[PlatformError], message: str, clip_ids: Sequence[UUID], is_valid: Callable[[UUID], bool]
) -> None:
    """Raise the error with one problem, at its index in the request, for each clip that is not valid."""
    problems = [
        FieldProblem(message, f"body.clip_ids.{index}")
        for index, clip_id in enumerate(clip_ids)
        if not is_valid(clip_id)
    ]
    if problems:
        raise error(message, problems=problems)

"""The rules of a clip: that no file is kept twice unawares, who may be its guest, how its status moves, and which episode
uses it.

A change locks the clip first, several by their ids, then its episode or guest, and its file's hash last: always in this order,
two requests never wait for each other.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.contract.preconditions import IfMatch
from runtime.contract.values import MAX_TAGS
from runtime.errors import ConflictError, FieldProblem, InvalidInputError, NotFoundError, PlatformError
from runtime.features.clips.repository import TABLE, TRANSACTION_TIME, find_by_hash_and_lock
from runtime.features.clips.schemas import Clip, ClipCreate, ClipStatus, ClipTags, ClipUpdate, TalentSource
from runtime.features.episodes.service import EPISODES
from runtime.features.guests.service import GUESTS
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.records.import_export import ImportExport
from runtime.mechanisms.records.service import RecordService, record_last_seen
from runtime.persistence.pages import JsonPage, PageRequest
from runtime.persistence.transactions import Connection, Transaction

CLIPS = RecordService(table=TABLE, resource_type=ResourceType.CLIP, display_name="clip")

# What a review may make of a clip. `used` is not among it: that comes and goes with an episode.
_REVIEWED: Mapping[ClipStatus, frozenset[ClipStatus]] = {
    ClipStatus.PENDING_REVIEW: frozenset({ClipStatus.APPROVED, ClipStatus.REJECTED}),
    ClipStatus.APPROVED: frozenset({ClipStatus.REJECTED}),
    ClipStatus.REJECTED: frozenset({ClipStatus.APPROVED}),
    ClipStatus.USED: frozenset(),
}
_REJECTED = "The clip is rejected; approve it first"


def create(transaction: Transaction, caller: Caller, body: ClipCreate, *, allow_duplicate: bool) -> Clip:
    """The new clip. InvalidInputError for a guest whom its talent source does not have, NotFoundError for an unknown guest,
    ConflictError for a status that it cannot begin with, and for a file that another clip has unless that is allowed."""
    _check_source(body.talent_source, body.guest_id)
    _check_status(ClipStatus.PENDING_REVIEW, body.status)
    record_last_seen(transaction, caller)
    if body.guest_id:
        GUESTS.get_for_share(transaction.connection, body.guest_id, field="body.guest_id")
    if body.file_hash and not allow_duplicate:
        _refuse_duplicate(transaction.connection, body.file_hash)
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
    """The clip with what was sent. NotFoundError for it or its new guest, PreconditionFailedError when it is another version
    than the caller's; InvalidInputError and ConflictError as for a new one."""
    before = CLIPS.get_for_update(transaction, caller, clip_id, if_match)
    columns = body.columns()
    guest_id = columns.get("guest_id", before.guest_id)
    file_hash = columns.get("file_hash", before.file_hash)
    _check_source(columns.get("talent_source", before.talent_source), guest_id)
    _check_status(before.status, columns.get("status", before.status))
    if guest_id and guest_id != before.guest_id:
        GUESTS.get_for_share(transaction.connection, guest_id, field="body.guest_id")
    if file_hash and file_hash != before.file_hash and not allow_duplicate:
        _refuse_duplicate(transaction.connection, file_hash)
    return CLIPS.update_locked(transaction, caller, before, columns)


CLIP_FILES = ImportExport(
    records=CLIPS,
    create_model=ClipCreate,
    update_model=ClipUpdate,
    columns=(
        "title", "description", "talent_source", "guest_id", "quality", "status", "file_name", "file_hash", "byte_count",
        "duration_seconds", "recorded_on", "notes", "tags", "metadata",
    ),
    # Whoever wants a file twice says so clip by clip.
    create=partial(create, allow_duplicate=False),
    update=partial(update, allow_duplicate=False),
)  # fmt: skip


def assign(transaction: Transaction, caller: Caller, clip_id: UUID, episode_id: UUID, if_match: IfMatch) -> Clip:
    """The clip, used by the episode and no longer by another. NotFoundError for either, PreconditionFailedError when the clip
    is another version than the caller's, ConflictError when it is rejected."""
    before = CLIPS.get_for_update(transaction, caller, clip_id, if_match)
    EPISODES.get_for_share(transaction.connection, episode_id, field="body.episode_id")
    if before.status is ClipStatus.REJECTED:
        raise ConflictError(_REJECTED, field="path.clip_id")
    return _assigned(transaction, caller, before, episode_id)


def unassign(transaction: Transaction, caller: Caller, clip_id: UUID, if_match: IfMatch) -> Clip:
    """The clip, approved and used by no episode; as it was when none uses it. NotFoundError, PreconditionFailedError."""
    before = CLIPS.get_for_update(transaction, caller, clip_id, if_match)
    if before.episode_id is None:
        return before
    columns = {"episode_id": None, "status": ClipStatus.APPROVED, "assigned_at": None, "assigned_by": None}
    return CLIPS.update_locked(transaction, caller, before, columns, action=ActionType.UNLINK)


def assign_many(transaction: Transaction, caller: Caller, episode_id: UUID, clip_ids: Sequence[UUID]) -> list[Clip]:
    """The clips in the order in which they are named, all used by the episode. All or none: NotFoundError for the episode, or
    with an entry for each clip that is not there; else ConflictError with one for each that is rejected."""
    found = _lock_many(transaction, caller, clip_ids)
    EPISODES.get_for_share(transaction.connection, episode_id, field="body.episode_id")
    _refuse(ConflictError, _REJECTED, clip_ids, lambda clip_id: found[clip_id].status is ClipStatus.REJECTED)
    changed = {clip_id: _assigned(transaction, caller, clip, episode_id) for clip_id, clip in found.items()}
    return [changed[clip_id] for clip_id in clip_ids]


def tag(transaction: Transaction, caller: Caller, body: ClipTags) -> list[Clip]:
    """The clips in the order in which they are named, with their new tags. All or none: NotFoundError with an entry for each
    clip that is not there, else ConflictError with one for each that would have too many tags. InvalidInputError for nothing
    to do, and for a tag that is to be added and removed."""
    if not body.add and not body.remove:
        raise InvalidInputError("Name tags to add here, or others to remove", field="body.add")
    if set(body.add) & set(body.remove):
        raise InvalidInputError("A tag cannot be added and removed at once", field="body.remove")
    found = _lock_many(transaction, caller, body.clip_ids)
    tags = {clip_id: body.applied_to(clip.tags) for clip_id, clip in found.items()}
    too_many = f"The clip would have more than {MAX_TAGS} tags"
    _refuse(ConflictError, too_many, body.clip_ids, lambda clip_id: len(tags[clip_id]) > MAX_TAGS)
    changed = {
        clip_id: CLIPS.update_locked(transaction, caller, clip, {"tags": tags[clip_id]})
        for clip_id, clip in found.items()
    }
    return [changed[clip_id] for clip_id in body.clip_ids]


def list_of_episode(connection: Connection, page: PageRequest, episode_id: UUID) -> JsonPage:
    """The clips that the episode uses. NotFoundError for the episode."""
    EPISODES.ensure_exists(connection, episode_id)
    return CLIPS.table.list_page(connection, page, episode_id=episode_id)


def list_duplicates_of(connection: Connection, page: PageRequest, clip_id: UUID) -> JsonPage:
    """The other clips that have the clip's file; none for a clip whose file nobody knows. NotFoundError."""
    CLIPS.get(connection, clip_id)
    return CLIPS.table.list_page(connection, page, duplicate_of=clip_id)


def _check_source(talent_source: TalentSource, guest_id: UUID | None) -> None:
    if guest_id and talent_source != TalentSource.GUEST:
        raise InvalidInputError("Only a clip whose talent source is Guest has a guest", field="body.guest_id")


def _check_status(before: ClipStatus, after: ClipStatus) -> None:
    if after == before or after in _REVIEWED[before]:
        return
    if ClipStatus.USED in (before, after):
        message = "A clip becomes used when it is assigned to an episode, and approved when it is unassigned"
    else:
        message = f"A clip that is {before} does not become {after}"
    raise ConflictError(message, field="body.status")


def _refuse_duplicate(connection: Connection, file_hash: str) -> None:
    if other := find_by_hash_and_lock(connection, file_hash):
        message = f"The clip {other} has the same file; send allow_duplicate=true to have both"
        raise ConflictError(message, field="body.file_hash")


def _assigned(transaction: Transaction, caller: Caller, before: Clip, episode_id: UUID) -> Clip:
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
    """The clips by id, which nobody else changes until the transaction ends. NotFoundError with an entry for each that is not
    there."""
    record_last_seen(transaction, caller)
    locked = ((clip_id, TABLE.find_for_update(transaction.connection, clip_id)) for clip_id in sorted(set(clip_ids)))
    found = {clip_id: clip for clip_id, clip in locked if clip}
    _refuse(NotFoundError, "There is no such clip", clip_ids, lambda clip_id: clip_id not in found)
    return found


def _refuse(
    error: type[PlatformError], message: str, clip_ids: Sequence[UUID], is_refused: Callable[[UUID], bool]
) -> None:
    """The error with an entry for each clip that is refused, at its place in the request."""
    problems = [
        FieldProblem(message, f"body.clip_ids.{place}") for place, clip_id in enumerate(clip_ids) if is_refused(clip_id)
    ]
    if problems:
        raise error(message, problems=problems)

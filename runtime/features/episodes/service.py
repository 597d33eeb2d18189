"""Rules of episodes: aliases agree, the show exists, script versions and the search index follow every change.

Locks are taken in a fixed order, so that requests cannot deadlock: the episode first, its show last.
"""

from collections.abc import Callable
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.contract.preconditions import IfMatch
from runtime.errors import ConflictError, FieldProblem, InvalidInputError, NotFoundError
from runtime.features.episodes import publication
from runtime.features.episodes import script_versions_repository as script_versions
from runtime.features.episodes.repository import TABLE
from runtime.features.episodes.schemas import SECONDS_PER_MINUTE, Episode, EpisodeCreate, EpisodeUpdate
from runtime.features.episodes.statuses import ApprovalStatus, EpisodeStatus
from runtime.features.shows import repository as shows
from runtime.features.shows.service import SHOWS
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.import_export import ImportExport
from runtime.mechanisms.records.service import RecordService, record_last_seen
from runtime.mechanisms.search_index import changes as search_index
from runtime.persistence.transactions import Connection, Transaction

_STATUS, _EPISODE = "body.status", "path.episode_id"


def _require_live_show(transaction: Transaction, episode: Episode) -> None:
    if shows.TABLE.find_for_share(transaction.connection, episode.show_id) is None:
        raise ConflictError("The episode's show is deleted; restore that first", field="path.episode_id")


def _sync_derived_data(transaction: Transaction, before: Episode | None, after: Episode) -> None:
    script = (after.script_text, after.script_file_reference)
    if script != ((before.script_text, before.script_file_reference) if before else (None, None)):
        script_versions.sync_active_version(
            transaction.connection,
            episode_id=after.episode_id,
            script_text=after.script_text,
            script_file_reference=after.script_file_reference,
            user_id=after.updated_by,
        )
    search_index.index_episode(transaction, after.episode_id)


EPISODES = RecordService(
    table=TABLE,
    resource_type=ResourceType.EPISODE,
    display_name="episode",
    before_restore=_require_live_show,
    after_change=_sync_derived_data,
)


def create(transaction: Transaction, caller: Caller, body: EpisodeCreate) -> Episode:
    """Create an episode.

    Raises:
        InvalidInputError: The title or the show is missing, or a field disagrees with its alias.
        NotFoundError: The show does not exist.
        ConflictError: The number is taken, possibly by a deleted episode.
    """
    problems = _alias_conflicts(body, lambda name: getattr(body, name) is not None)
    if body.title is None and body.episode_title is None:
        problems.insert(0, FieldProblem("Required unless episode_title is sent", "body.title"))
    if body.show_id is None and body.show_name is None:
        problems.insert(0, FieldProblem("Required unless show_name is sent", "body.show_id"))
    _raise_problems(problems)
    record_last_seen(transaction, caller)
    show_id = _resolve_show(transaction.connection, body)
    columns = publication.apply_status_transition({**body.columns(), "show_id": show_id}, None, field=_STATUS)
    return EPISODES.create(transaction, caller, columns)


def update(
    transaction: Transaction, caller: Caller, episode_id: UUID, body: EpisodeUpdate, if_match: IfMatch
) -> Episode:
    """Update an episode.

    Raises:
        InvalidInputError: A field disagrees with its alias.
        NotFoundError: The episode or its new show does not exist.
        PreconditionFailedError: The episode has another version than `if_match` requires.
        ConflictError: The number is taken, or the status transition is not allowed.
    """
    _raise_problems(_alias_conflicts(body, body.model_fields_set.__contains__))
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    columns = publication.apply_status_transition(body.changed_columns(before.duration_seconds), before, field=_STATUS)
    if body.show_id is not None or body.show_name is not None:
        columns["show_id"] = _resolve_show(transaction.connection, body)
    return EPISODES.update_locked(transaction, caller, before, columns)


EPISODE_FILES = ImportExport(
    records=EPISODES,
    create_model=EpisodeCreate,
    update_model=EpisodeUpdate,
    columns=(
        "show_name", "season_number", "episode_number", "title", "status", "description", "duration_seconds",
        "filming_date", "edit_deadline", "publish_date", "air_date", "tags", "category", "genre", "director", "writer",
        "rating", "language", "copyright", "metadata",
    ),
    create=create,
    update=update,
)  # fmt: skip


def publish(transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch) -> Episode:
    """Publish the episode.

    Raises:
        NotFoundError: The episode does not exist.
        PreconditionFailedError: The episode has another version than `if_match` requires.
        ConflictError: The episode is not ready, not approved, or published already.
    """
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    if before.status == EpisodeStatus.PUBLISHED:
        raise ConflictError("The episode is already published", field=_EPISODE)
    columns = publication.apply_status_transition({"status": EpisodeStatus.PUBLISHED}, before, field=_EPISODE)
    return EPISODES.update_locked(transaction, caller, before, columns)


def unpublish(transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch) -> Episode:
    """Set the published episode back to ready_for_publish.

    Raises:
        NotFoundError: The episode does not exist.
        PreconditionFailedError: The episode has another version than `if_match` requires.
        ConflictError: The episode is not published.
    """
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    if before.status != EpisodeStatus.PUBLISHED:
        raise ConflictError("The episode is not published", field=_EPISODE)
    return EPISODES.update_locked(transaction, caller, before, {"status": EpisodeStatus.READY_FOR_PUBLISH})


def approve(transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch) -> Episode:
    """Approve the episode; no change if it is approved already. The first approver is kept as original_approver.

    Raises:
        NotFoundError: The episode does not exist.
        PreconditionFailedError: The episode has another version than `if_match` requires.
    """
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    approver = before.original_approver or caller.user_id
    columns = {"approval_status": ApprovalStatus.APPROVED, "original_approver": approver}
    return EPISODES.update_locked(transaction, caller, before, columns)


def reject(transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch) -> Episode:
    """Reject the episode; no change if it is rejected already.

    Raises:
        NotFoundError: The episode does not exist.
        PreconditionFailedError: The episode has another version than `if_match` requires.
        ConflictError: The episode is published.
    """
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    if before.status == EpisodeStatus.PUBLISHED:
        raise ConflictError("The episode is published; unpublish it first", field=_EPISODE)
    return EPISODES.update_locked(transaction, caller, before, {"approval_status": ApprovalStatus.REJECTED})


def _alias_conflicts(body: EpisodeCreate | EpisodeUpdate, is_sent: Callable[[str], bool]) -> list[FieldProblem]:
    seconds = body.duration_seconds
    pairs = [
        ("title", body.title, "episode_title", body.episode_title),
        ("description", body.description, "plot_summary", body.plot_summary),
        (
            "duration_seconds",
            None if seconds is None else seconds // SECONDS_PER_MINUTE,
            "duration_minutes",
            body.duration_minutes,
        ),
    ]
    return [
        FieldProblem(f"Must agree with {name}", f"body.{alias}")
        for name, value, alias, alias_value in pairs
        if is_sent(name) and is_sent(alias) and value != alias_value
    ]


def _raise_problems(problems: list[FieldProblem]) -> None:
    if problems:
        raise InvalidInputError("Fields are missing or disagree with their aliases", problems=problems)


def _resolve_show(connection: Connection, body: EpisodeCreate | EpisodeUpdate) -> UUID:
    """Return the id of the show that the body names, protected from deletion until the transaction ends."""
    by_id = SHOWS.get_for_share(connection, body.show_id, field="body.show_id") if body.show_id else None
    by_name = shows.find_by_name_for_share(connection, body.show_name) if body.show_name else None
    if body.show_name and by_name is None:
        raise NotFoundError("Show not found", field="body.show_name")
    if by_id and by_name and by_id.show_id != by_name.show_id:
        raise InvalidInputError("Must agree with show_id", field="body.show_name")
    show = by_id or by_name
    assert show is not None, "the body names a show"  # noqa: S101
    return show.show_id
